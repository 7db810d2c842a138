import { isRecord } from '../trueconf/simulator-fields.js';
import { MethodError } from './simulator-methods.js';
import type { RocketchatContent } from './simulator-model.js';
import type { World } from './simulator-routes.js';
import type { Listener, Subscription } from './simulator-streams.js';

/** @internal What one socket listens to. */
export class Subscriptions {
  readonly #listener: Listener;
  readonly #world: World;
  readonly #send: (frame: RocketchatContent) => void;
  readonly #all = new Map<string, Subscription>();

  constructor(listener: Listener, world: World, send: (frame: RocketchatContent) => void) {
    this.#listener = listener;
    this.#world = world;
    this.#send = send;
  }

  open(id: string, stream: string, [event = '', more]: readonly unknown[]): void {
    const { streams, desk } = this.#world;
    const args: unknown = isRecord(more) ? more['args'] : undefined;
    const given: unknown = Array.isArray(args) ? args[0] : undefined;
    const name = String(event);
    const about = { connection: this.#listener.number, id, stream, event: name };
    const isKnown = streams.has(stream);
    if (!isKnown || !streams.mayHear(stream, name, this.#listener.account, isRecord(given) ? given : {})) {
      const error = isKnown
        ? new MethodError('not-allowed')
        : new MethodError(404, `Subscription '${stream}' not found`);
      desk.write({ kind: 'denied', ...about });
      this.#send({ msg: 'nosub', id, error: error.body });
      return;
    }
    this.#remove(id);
    const subscription = { listener: this.#listener, stream, event: name };
    this.#all.set(id, subscription);
    streams.add(subscription);
    desk.write({ kind: 'subscribed', ...about });
    this.#send({ msg: 'ready', subs: [id] });
  }

  /** Ended by the client, which is told by a frame without an error. */
  close(id: string): void {
    this.#remove(id);
    this.#world.desk.write({ kind: 'unsubscribed', connection: this.#listener.number, id });
    this.#send({ msg: 'nosub', id });
  }

  /** The socket is gone. */
  end(): void {
    for (const id of [...this.#all.keys()]) this.#remove(id);
  }

  #remove(id: string): void {
    const subscription = this.#all.get(id);
    if (subscription !== undefined) this.#world.streams.remove(subscription);
    this.#all.delete(id);
  }
}
