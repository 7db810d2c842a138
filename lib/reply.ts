import type { Card, Choice, HandoffTarget, Json, Link, Media, Reply } from './model/index.js';

/** Replies of one kind. */
export type ReplyOf<K extends Reply['kind']> = Extract<Reply, { readonly kind: K }>;
/** What a reply of a kind may have beside what is named. */
export type ReplyOptions<K extends Reply['kind'], Named extends string> = Omit<ReplyOf<K>, 'kind' | Named>;

/** Says something. */
export const text = (said: string, options: ReplyOptions<'text', 'text'> = {}): ReplyOf<'text'> => ({
  kind: 'text',
  text: said,
  ...options,
});

/**
 * Asks something with options to pick from: `choices('Coffee?', ['Yes', 'No'])`. A plain label is its own id.
 */
export const choices = (
  question: string,
  options: readonly (string | Choice)[],
  more: ReplyOptions<'choices', 'text' | 'choices'> = {},
): ReplyOf<'choices'> => ({
  kind: 'choices',
  text: question,
  choices: options.map((option) => (typeof option === 'string' ? { id: option, label: option } : option)),
  ...more,
});

/** Shows cards with pictures. */
export const cards = (list: readonly Card[], more: ReplyOptions<'cards', 'cards'> = {}): ReplyOf<'cards'> => ({
  kind: 'cards',
  cards: list,
  ...more,
});

/** Offers addresses to open: `links('More on our site', { Prices: 'https://…' })`. */
export const links = (said: string, list: Readonly<Record<string, string>> | readonly Link[]): ReplyOf<'links'> => ({
  kind: 'links',
  text: said,
  links: Array.isArray(list)
    ? (list as readonly Link[])
    : Object.entries(list as Readonly<Record<string, string>>).map(([label, url]) => ({ label, url })),
});

/** Sends a file by its address. */
export const media = (file: string | Media, caption?: string): ReplyOf<'media'> => ({
  kind: 'media',
  media: typeof file === 'string' ? { url: file } : file,
  ...(caption !== undefined && { caption }),
});

/** Gives the conversation to a human: to anybody, unless told whom. */
export const handoff = (
  to: HandoffTarget = { kind: 'any' },
  options: ReplyOptions<'handoff', 'to'> = {},
): ReplyOf<'handoff'> => ({
  kind: 'handoff',
  to,
  ...options,
});

/** Closes the conversation. */
export const end = (comment?: string): ReplyOf<'end'> => ({ kind: 'end', ...(comment !== undefined && { comment }) });

/** Pauses before what follows, with a typing indicator. */
export const typing = (forMs?: number): ReplyOf<'typing'> => ({
  kind: 'typing',
  ...(forMs !== undefined && { forMs }),
});

/** Writes a note that only the human side sees. */
export const note = (written: string): ReplyOf<'note'> => ({ kind: 'note', text: written });

/** Sends what only one platform has: its own name and payload. */
export const platformAction = (name: string, payload: Json = {}): ReplyOf<'platform'> => ({
  kind: 'platform',
  name,
  payload,
});
