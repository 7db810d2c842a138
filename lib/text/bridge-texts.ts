import type { Conversation, InboundEvent } from '../model/index.js';
import { plainText } from './plain.js';

/** Who waits for the operators, as the first message about a conversation says it. */
export interface BridgeHeading {
  readonly name: string;
  readonly conversation: Conversation;
  /** What the handoff says. */
  readonly comment?: string;
}

/** The words that operators and customers read where a `bridge` speaks for somebody. Override any of them, in any language. */
export interface BridgeTexts {
  /** A customer whose name is not known. */
  readonly customer: string;
  /** The bot, in what was said before. */
  readonly bot: string;
  /** The first message about a conversation. */
  readonly heading: (heading: BridgeHeading) => string;
  /** What somebody said; a file may come without words. */
  readonly says: (name: string, words: string) => string;
  /** In place of an edit where messages cannot be changed. Customers read it too. */
  readonly corrected: (words: string) => string;
  /** A place. Customers read it too. */
  readonly location: (place: BridgePlace) => string;
  /** A file that cannot be shown on the other side. */
  readonly file: (name: string | undefined) => string;
  /** A customer has removed a message that is still to be seen in the operators' chat. */
  readonly removed: (name: string) => string;
  /** A customer has ended the conversation. */
  readonly ended: (name: string) => string;
  /** The operators gave the conversation back. */
  readonly returned: string;
  /** The operators ended the conversation. */
  readonly over: string;
  /** It is not clear whom an operator means. */
  readonly which: string;
  /** What an operator says is for nobody: the conversation is over, with the bot, or was never with these operators. */
  readonly notOpen: string;
  /** An operator's answer did not arrive, or nobody knows. */
  readonly notSent: string;
  /** A message that an operator has removed is still to be seen by the customer. */
  readonly notRemoved: string;
}

/** A place that somebody is at, or means. */
export interface BridgePlace {
  /** Degrees, north and east positive. */
  readonly latitude: number;
  readonly longitude: number;
  readonly name?: string;
  readonly address?: string;
  readonly url?: string;
}

/** The words in English. */
export const englishBridgeTexts: BridgeTexts = {
  customer: 'Customer',
  bot: 'Bot',
  heading: ({ name, conversation: { platform, channel }, comment }) =>
    `${name} (${channel === platform ? platform : `${platform}, ${channel}`}) waits for an answer. Reply to this message.` +
    (comment === undefined ? '' : `\n${comment}`),
  says: (name, words) => (words === '' ? name : `${name}: ${words}`),
  corrected: (words) => `Correction: ${words}`,
  location: ({ latitude, longitude, name, address, url }) =>
    [name, address, `${latitude}, ${longitude}`, url].filter(Boolean).join('\n'),
  file: (name) => `a file that cannot be shown here${name === undefined ? '' : ` (${name})`}`,
  removed: (name) => `${name} has removed this message.`,
  ended: (name) => `${name} has ended the conversation.`,
  returned: 'The bot has this conversation again.',
  over: 'This conversation is over.',
  which: 'Several conversations are open: please reply to a message of the customer you mean.',
  notOpen: 'This reached nobody: it answers no conversation that is open here.',
  notSent: 'This may not have reached the customer.',
  notRemoved: 'The customer can still see that message.',
};

/** @internal What somebody said, without markup; nothing where there is nothing to read. */
export const saidIn = (event: InboundEvent, texts: BridgeTexts): string | undefined => {
  switch (event.kind) {
    case 'message':
      return event.text === '' ? undefined : plainText(event.text, event.format);
    case 'choice':
      return event.choice.label ?? event.choice.id;
    case 'command':
      return event.text === undefined ? `/${event.name}` : `/${event.name} ${event.text}`;
    case 'location':
      return texts.location(event);
    default:
      return undefined;
  }
};
