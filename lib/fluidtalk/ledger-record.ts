import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { Json } from '../model/index.js';
import type { ReplyPart } from './result.js';

const Part = t.union([
  t.type({ kind: t.literal('bubble'), index: t.number, text: t.string }),
  t.type({ kind: t.literal('photo'), index: t.number, url: t.string }),
]);

/** A call that must not happen twice. */
const Entry = t.type({
  shape: t.literal(1),
  /** Counts the claims, so that who claimed earlier changes nothing any more. */
  claim: t.number,
  state: t.keyof({ released: null, called: null, inDoubt: null, replied: null }),
  /** When it was claimed, in milliseconds. */
  at: t.number,
  /** What was replied and is not delivered. */
  pending: t.array(Part),
});
const Target = t.type({
  shape: t.literal(1),
  /** Whether there is, or may be, a conversation. */
  known: t.boolean,
  sealedAt: t.union([t.number, t.null]),
  opener: t.union([Entry, t.null]),
  followUp: t.union([Entry, t.null]),
});

/** @internal */
export type Entry = t.TypeOf<typeof Entry>;
/** @internal */
export type Target = t.TypeOf<typeof Target>;

/** @internal */
export const entryOf = (
  claim: number,
  state: Entry['state'],
  at: number,
  pending: readonly ReplyPart[] = [],
): Entry => ({ shape: 1, claim, state, at, pending: [...pending] });

/** What is not understood must not pass for nothing: that would let a call happen twice. */
const understood = <A>(codec: t.Type<A>, value: Json | undefined): A | undefined => {
  if (value === undefined || codec.is(value)) return value;
  throw new ChatError(
    'undecodable',
    'fluidtalk',
    'the ledger holds an entry of a shape that this version does not know',
  );
};

/** @internal */
export const entryIn = (value: Json | undefined): Entry | undefined => understood(Entry, value);

const UNKNOWN: Target = { shape: 1, known: false, sealedAt: null, opener: null, followUp: null };

/** @internal */
export const targetIn = (value: Json | undefined): Target => understood(Target, value) ?? UNKNOWN;

/** @internal Where an entry stands: in a record of its own, or in that of its target. */
export interface Slot {
  readonly key: string;
  readonly read: (value: Json | undefined) => Entry | undefined;
  readonly write: (value: Json | undefined, entry: Entry) => Json;
}

/** @internal */
export const slotOf = (key: string, place: 'opener' | 'followUp' | undefined): Slot => {
  if (place === undefined) return { key, read: entryIn, write: (_, entry) => entry };
  return {
    key,
    read: (value) => targetIn(value)[place] ?? undefined,
    write: (value, entry) => {
      const target = targetIn(value);
      // Whoever was reminded of a conversation has one.
      const known = target.known || (place === 'followUp' && entry.state === 'replied');
      return { ...target, known, [place]: entry };
    },
  };
};
