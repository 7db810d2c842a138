import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import type { ChatError } from '../errors.js';
import { isoClock } from '../iso-clock.js';
import type { InboundEvent } from '../model/index.js';
import type { OpenSocket } from '../transport/socket.js';
import type { Writable } from '../writable.js';
import { undecodableEvent, type TrueconfArrival } from './codec-draft.js';
import { decodeEvent } from './codec-event.js';
import { encodeFrame, type TrueconfRequestFrame } from './codec-frame.js';
import { undecodable } from './codec-wire.js';
import type { Settings } from './settings.js';

/** An event, to be acknowledged by whoever has it safe. */
export interface TrueconfDelivery {
  readonly event: InboundEvent;
  /**
   * Tells the server that the event has arrived, which shows a message as read: on the socket that brought it, once. Whether
   * it could be told; if not, a message comes again where `receiveUnread` is set. What is no message is acknowledged already.
   */
  readonly acknowledge: () => boolean;
  /** Whether the server waits for that: then it is a message, which comes again where it does not get it. */
  readonly isAwaited: boolean;
}

/** @internal Whom the server tells. */
export interface IncomingHost {
  readonly settings: Settings;
  readonly deliver: (delivery: TrueconfDelivery) => void;
  readonly progress: (fileId: string, bytes: number) => void;
  /** What may be uploaded has changed. */
  readonly limits: (payload: unknown) => void;
}

const NOTHING = (): boolean => false;

/** What waits for an acknowledgement, whatever else is wrong with it. */
const Numbered = t.type({ type: t.literal(1), id: t.number });
const numberIn = (text: string): number | undefined => {
  try {
    const frame: unknown = JSON.parse(text);
    return Numbered.is(frame) && frame.id >>> 0 === frame.id ? frame.id : undefined;
  } catch {
    return undefined;
  }
};

/** @internal Hands a text to a socket; whether it took it. */
export const handed = (socket: OpenSocket, text: string): boolean => {
  try {
    return socket.send(text);
  } catch {
    // One of somebody else's.
    return false;
  }
};

/** @internal What the server tells on one socket: an event for each request of it, and what acknowledges them. */
export class Incoming {
  readonly #host: IncomingHost;
  readonly #session: string;
  readonly #now: () => string;
  #strays = 0;
  #self: string | undefined;

  constructor(host: IncomingHost, session: string) {
    this.#host = host;
    this.#session = session;
    this.#now = isoClock(host.settings.scheduler);
  }

  /** Who we are, to know our own messages by. */
  set self(userId: string) {
    this.#self = userId;
  }

  told(frame: TrueconfRequestFrame, socket: OpenSocket): void {
    const { id, method } = frame;
    const arrival = this.#arrival(String(id));
    const decoded = decodeEvent(frame, arrival);
    const event = E.isRight(decoded) ? decoded.right : undecodableEvent(frame, decoded.left, arrival);
    let isOpen = true;
    const acknowledge = (): boolean => {
      if (!isOpen) return false;
      isOpen = false;
      return handed(socket, encodeFrame({ type: 2, id }));
    };
    const isAwaited = method === 'sendMessage';
    if (!isAwaited) {
      acknowledge();
      if (event.kind === 'progress') {
        const { fileId, progress } = frame.payload as { readonly fileId: string; readonly progress: number };
        this.#host.progress(fileId, progress);
      } else if (method === 'getFileUploadLimits') this.#host.limits(frame.payload);
    }
    this.#host.deliver({ event, acknowledge, isAwaited });
  }

  /** A frame that is neither a request nor an answer: acknowledged nevertheless, if it has a number. */
  stray(text: string, error: ChatError, socket: OpenSocket): void {
    const id = numberIn(text);
    if (id !== undefined) handed(socket, encodeFrame({ type: 2, id }));
    const event = undecodableEvent(text, error, this.#arrival(`stray${++this.#strays}`));
    this.#host.deliver({ event, acknowledge: NOTHING, isAwaited: false });
  }

  /** Frames are texts. */
  binary(bytes: Uint8Array, socket: OpenSocket): void {
    this.stray(new TextDecoder().decode(bytes), undecodable('a frame', ['the frame is not text']), socket);
  }

  #arrival(event: string): TrueconfArrival {
    const { account } = this.#host.settings;
    const arrival: Writable<TrueconfArrival> = {
      id: `${this.#session}.${event}`,
      at: this.#now(),
    };
    if (this.#self !== undefined) arrival.self = this.#self;
    if (account !== undefined) arrival.account = account;
    return arrival;
  }
}
