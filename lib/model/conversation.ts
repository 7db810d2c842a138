/**
 * What the customer sits at. An open union: platforms add channels of their own, and `unknown` is what a platform did
 * not say.
 */
export type Channel =
  | 'web'
  | 'whatsapp'
  | 'facebook'
  | 'instagram'
  | 'telegram'
  | 'threema'
  | 'sms'
  | 'slack'
  | 'trueconf'
  | 'livechat'
  | 'custom'
  | 'unknown'
  // In place of `string`, which would swallow the literals that editors show.
  | (string & {});

/** One customer talking on one platform. Messages are kept in order within a conversation and independent between them. */
export interface Conversation {
  /** `userlike`, `trueconf`, `rocketchat`, `chatfirst`, `fluidtalk`, or a platform of your own. */
  readonly platform: string;
  /** Which bot, server or workspace, when a program serves several. */
  readonly account?: string;
  /** The platform's id of the conversation or bot session. Empty only for an undecodable event that names none. */
  readonly id: string;
  readonly channel: Channel;
}

const escape = (part: string): string =>
  part.includes(':') || part.includes('%') ? part.replaceAll('%', '%25').replaceAll(':', '%3A') : part;

/**
 * The identity of a conversation as one string: platform, account and id, unambiguous whatever they contain. The channel
 * is left out, because a platform may omit it from one event and name it in the next.
 */
export const conversationKey = ({ platform, account, id }: Conversation): string =>
  account === undefined ? `${escape(platform)}::${id}` : `${escape(platform)}:${escape(account)}:${id}`;
