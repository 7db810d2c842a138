import type { Call } from './simulator-calls.js';
import { Connection, type TrueconfConnection, type TrueconfPeer } from './simulator-connection.js';
import type { Desk } from './simulator-desk.js';
import { strikes, type TrueconfFaults } from './simulator-faults.js';
import type { Fields } from './simulator-fields.js';
import type { Files } from './simulator-files.js';
import type { Messages } from './simulator-messages.js';
import { TYPE, type Notice, type StoredFile, type TrueconfContent } from './simulator-model.js';
import type { Tokens } from './simulator-tokens.js';
import type { Views } from './simulator-views.js';

/** @internal What is behind the sockets. */
export interface Behind {
  readonly desk: Desk;
  readonly faults: TrueconfFaults;
  readonly tokens: Tokens;
  readonly messages: Messages;
  readonly views: Views;
  readonly files: Files;
  readonly calls: ReadonlyMap<string, Call>;
}

/** @internal All sockets: who comes in, and who hears of what. */
export class Switchboard {
  readonly #connections = new Set<Connection>();
  #count = 0;

  connect(peer: TrueconfPeer, url: string, isDown: boolean, behind: Behind): TrueconfConnection | number {
    const { desk, faults, calls, messages } = behind;
    const isHere = /^\/websocket\/chat_bot\/?(\?|$)/.test(url);
    const isFull = this.#connections.size >= desk.rules.maxConnections;
    const status = !isHere ? 404 : isDown || isFull || strikes(faults.connection, 'refuse') ? 503 : undefined;
    if (status !== undefined) {
      desk.write({ kind: 'turnedAway', status });
      return status;
    }
    const connection = new Connection(++this.#count, peer, {
      desk,
      faults,
      calls,
      authorize: (one, payload) => this.#authorize(one, payload, behind),
      read: (message, account) => {
        messages.read(message, account);
      },
      gone: (one) => {
        this.#connections.delete(one);
      },
    });
    this.#connections.add(connection);
    desk.write({ kind: 'connected', connection: connection.number });
    connection.isMute = strikes(faults.connection, 'mute');
    if (strikes(faults.connection, 'freeze')) connection.freeze();
    return connection;
  }

  /** Tells those whom it concerns, but not the socket that asked for it. */
  publish({ to, by, method, payload, message }: Notice, echo: boolean): void {
    const accounts = new Set(to);
    const isSystem = message !== undefined && message.type < TYPE.text;
    for (const connection of this.#connections) {
      const { account, number, wantsSystem } = connection;
      if (account === undefined || !accounts.has(account)) continue;
      if ((isSystem && !wantsSystem) || (number === by.connection && !echo)) continue;
      connection.tell(method, payload(account), message);
    }
  }

  tellProgress({ fileId, progress }: StoredFile): void {
    for (const connection of this.#connections)
      if (connection.subscriptions.has(fileId)) connection.tell('uploadFileProgress', { fileId, progress });
  }

  tellAll(method: string, payload: TrueconfContent): void {
    for (const connection of this.#connections) if (connection.account !== undefined) connection.tell(method, payload);
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

  #authorize(connection: Connection, payload: Fields, { desk, tokens, messages, views, files }: Behind) {
    const account = tokens.check(payload);
    const receivesUnread = payload.flag('receiveUnread', false);
    connection.wantsSystem = payload.flag('receiveSystemMessageEnvelopes', false);
    connection.account = account;
    desk.write({ kind: 'authorized', connection: connection.number, by: account.id });
    const unread = receivesUnread ? messages.unread(account) : [];
    for (const message of unread) connection.tell('sendMessage', views.envelope(message), message);
    const { pushLimits, instance } = desk.rules;
    if (pushLimits) connection.tell('getFileUploadLimits', { ...files.limits });
    return { userId: instance === '' ? account.id : `${account.id}/${instance}`, connectionId: desk.uuid() };
  }
}
