import * as t from 'io-ts';
import type { InboundEvent } from '../model/index.js';
import { Instant, maybe, msOf } from './codec-wire.js';

/**
 * @internal How something became known. A `message` is known by its id, whichever way it came; a `post` of a webhook by what is in
 * it; a `state` says how things are, and comes whenever it is asked for.
 */
export type Witness = 'message' | 'post' | 'state';

/** @internal What one delivery, or one item of a list that was read, tells. */
export interface Told {
  readonly witness: Witness;
  readonly rid: string;
  readonly events: readonly InboundEvent[];
  /** Of a `message`, in the room's history. */
  readonly messageId?: string | undefined;
  /** Of a `post`: since when the room is served by who serves it, by the server's clock. Of all else it does not say when it was. */
  readonly servedAt?: string | undefined;
  /** Whether it was asked for: then what is known of it counts as nothing. */
  readonly isRead?: boolean;
}

/** @internal What of a room's life may happen again: then its id tells what, and nothing tells which time. */
export const recurs = ({ id, conversation }: InboundEvent): boolean =>
  id.startsWith(conversation.id) && /^~(?:taken|forwarded|queued)(?:~|$)/.test(id.slice(conversation.id.length));

const Changed = t.partial({ _id: t.string, _updatedAt: maybe(Instant), ts: maybe(Instant) });

/** @internal Of a message: its id, and when it was changed last, in milliseconds since 1970. */
export const messageIn = (raw: unknown): { readonly id?: string | undefined; readonly changedAt?: number } => {
  if (!Changed.is(raw)) return {};
  const changed = raw._updatedAt ?? raw.ts;
  return changed == null ? { id: raw._id } : { id: raw._id, changedAt: msOf(changed) };
};

/** @internal Two equal texts have equal ones; two different ones hardly ever (cyrb53, 53 bits). */
export const digestOf = (text: string): string => {
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    one = Math.imul(one ^ unit, 2_654_435_761);
    other = Math.imul(other ^ unit, 1_597_334_677);
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909);
  other = Math.imul(other ^ (other >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909);
  return (4_294_967_296 * (2_097_151 & other) + (one >>> 0)).toString(36);
};
