import type { SchedulerLike } from 'rxjs';
import type { ChatError } from '../errors.js';
import type { RocketchatClient } from './client.js';
import type { RocketchatRooms } from './listing.js';
import type { Hook } from './webhook.js';

/** What `fromRocketChat` needs of a client. */
export type RocketchatInbound = Pick<
  RocketchatClient,
  'account' | 'login' | 'stream' | 'status$' | 'strays$' | 'sync' | 'rooms' | 'queue'
>;

/** What there is to hear of a room besides its messages. */
export type RocketchatNotice = 'user-activity' | 'deleteMessage' | 'messagesRead';

/** The socket as an input. */
export interface RocketchatRealtime {
  /** Departments, by id, whose queue is listened to, besides what waits for everybody or for us. Default: none. */
  readonly departments?: readonly string[];
  /** What else is subscribed to, for each room that we take part in: typing, removals, receipts. Default: none. */
  readonly notices?: readonly RocketchatNotice[];
}
/** Asking as an input. */
export interface RocketchatPoll {
  /** The pause between two rounds, in milliseconds. Default: 10 000. */
  readonly everyMs?: number;
}

/** Something that the source goes on without. */
export type RocketchatTrouble =
  /** A room could not be read: what was told of it since then (ISO 8601) may be missing. */
  | { readonly kind: 'gap'; readonly rid: string; readonly since: string; readonly error: ChatError }
  /** The rooms could not be listed, or nobody could log in yet. It is tried again, unless it was refused. */
  | { readonly kind: 'look' | 'login'; readonly error: ChatError }
  /** A subscription was refused, and tells nothing. */
  | { readonly kind: 'stream'; readonly stream: string; readonly eventName: string; readonly error: ChatError };

/** @internal */
export interface SourceRules {
  readonly client: RocketchatInbound | undefined;
  readonly hook: Hook | undefined;
  readonly realtime: RocketchatRealtime | undefined;
  readonly poll: RocketchatPoll | undefined;
  readonly rooms: RocketchatRooms;
  readonly self: string | undefined;
  readonly account: string | undefined;
  /** In milliseconds since 1970, by the server's clock. */
  readonly since: number | undefined;
  readonly overlapMs: number;
  readonly callsPerMinute: number;
  readonly scheduler: SchedulerLike;
}
