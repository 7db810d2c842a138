import type { Card, Choice, HandoffTarget, Json, Link, Media, Reply } from './model/index.js';

type Of<K extends Reply['kind']> = Extract<Reply, { readonly kind: K }>;
type Options<K extends Reply['kind'], Named extends string> = Omit<Of<K>, 'kind' | Named>;

/** Says something. */
export const text = (said: string, options: Options<'text', 'text'> = {}): Of<'text'> => ({
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
  more: Options<'choices', 'text' | 'choices'> = {},
): Of<'choices'> => ({
  kind: 'choices',
  text: question,
  choices: options.map((option) => (typeof option === 'string' ? { id: option, label: option } : option)),
  ...more,
});

/** Shows cards with pictures. */
export const cards = (list: readonly Card[], more: Options<'cards', 'cards'> = {}): Of<'cards'> => ({
  kind: 'cards',
  cards: list,
  ...more,
});

/** Offers addresses to open: `links('More on our site', { Prices: 'https://…' })`. */
export const links = (said: string, list: Readonly<Record<string, string>> | readonly Link[]): Of<'links'> => ({
  kind: 'links',
  text: said,
  links: Array.isArray(list)
    ? (list as readonly Link[])
    : Object.entries(list as Readonly<Record<string, string>>).map(([label, url]) => ({ label, url })),
});

/** Sends a file by its address. */
export const media = (file: string | Media, caption?: string): Of<'media'> => ({
  kind: 'media',
  media: typeof file === 'string' ? { url: file } : file,
  ...(caption !== undefined && { caption }),
});

/** Gives the conversation to a human: to anybody, unless told whom. */
export const handoff = (
  to: HandoffTarget = { kind: 'any' },
  options: Options<'handoff', 'to'> = {},
): Of<'handoff'> => ({
  kind: 'handoff',
  to,
  ...options,
});

/** Closes the conversation. */
export const end = (comment?: string): Of<'end'> => ({ kind: 'end', ...(comment !== undefined && { comment }) });

/** Pauses before what follows, with a typing indicator. */
export const typing = (forMs?: number): Of<'typing'> => ({ kind: 'typing', ...(forMs !== undefined && { forMs }) });

/** Writes a note that only the human side sees. */
export const note = (written: string): Of<'note'> => ({ kind: 'note', text: written });

/** Sends what only one platform has: its own name and payload. */
export const platformAction = (name: string, payload: Json = {}): Of<'platform'> => ({
  kind: 'platform',
  name,
  payload,
});
