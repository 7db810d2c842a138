import { strikes } from '../trueconf/simulator-faults.js';
import { Connection, type Hall, type RocketchatConnection, type RocketchatPeer } from './simulator-connection.js';
import type { Account } from './simulator-model.js';

/** @internal All sockets: who comes in, and how they end. */
export class Switchboard {
  readonly #hall: Omit<Hall, 'gone'>;
  readonly #connections = new Set<Connection>();
  #count = 0;

  constructor(hall: Omit<Hall, 'gone'>) {
    this.#hall = hall;
  }

  connect(peer: RocketchatPeer, url: string, isDown: boolean): RocketchatConnection | number {
    const { faults, world } = this.#hall;
    const isHere = /^\/websocket\/?(\?|$)/.test(url);
    const status = !isHere ? 404 : isDown || strikes(faults.connection, 'refuse') ? 503 : undefined;
    if (status !== undefined) {
      world.desk.write({ kind: 'turnedAway', status });
      return status;
    }
    const connection = new Connection(++this.#count, peer, {
      ...this.#hall,
      gone: (one) => {
        this.#connections.delete(one);
      },
    });
    this.#connections.add(connection);
    world.desk.write({ kind: 'connected', connection: connection.number });
    connection.isMute = strikes(faults.connection, 'mute');
    if (strikes(faults.connection, 'freeze')) connection.freeze();
    return connection;
  }

  /** The client can hear from now on. */
  opened(connection: RocketchatConnection): void {
    if (connection instanceof Connection) connection.opened();
  }

  /** Logins of one user, or of all, end; the sockets stay. */
  expire(account: Account | undefined, isTold: boolean): void {
    for (const connection of this.#connections) {
      const { account: own } = connection;
      if (own === undefined || (account !== undefined && own !== account)) continue;
      if (isTold) this.#hall.world.streams.user(own, 'force_logout');
      connection.loggedOut();
    }
  }

  raw(text: string): void {
    for (const connection of this.#connections) connection.raw(text);
  }

  end(code?: number): void {
    for (const connection of [...this.#connections]) connection.end(code);
  }

  freeze(): void {
    for (const connection of this.#connections) connection.freeze();
  }
}
