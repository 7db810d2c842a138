import { fork } from 'node:child_process';
import { once } from 'node:events';
import { filter, firstValueFrom } from 'rxjs';
import { openAccounts, traceOf } from 'tidewire';
import { fromRocketChat, rocketchatClient } from 'tidewire/rocketchat';
import { WebSocket, type RawData } from 'ws';
import type { Telling } from './rocketchat-server.js';

/** The server of `rocketchat-server.ts`. */
export interface Teller {
  readonly port: number;
  readonly prepare: (telling: Telling) => Promise<void>;
  readonly tell: () => void;
  /** How many pings were answered. */
  readonly pongs: () => Promise<number>;
  readonly stop: () => void;
}

export const startTeller = async (): Promise<Teller> => {
  const child = fork(new URL('./rocketchat-server.js', import.meta.url));
  const [port] = (await once(child, 'message')) as [number];
  return {
    port,
    prepare: async (telling) => {
      child.send(telling);
      await once(child, 'message');
    },
    tell: () => {
      child.send('tell');
    },
    pongs: async () => {
      child.send('pongs');
      const [pongs] = (await once(child, 'message')) as [number];
      return pongs;
    },
    stop: () => child.kill(),
  };
};

/** Somebody who hears messages. */
export interface Listener {
  readonly user: string;
  /** Is called with each. */
  onMessage: () => void;
  readonly close: () => void;
}

export const oursListening = async (port: number): Promise<Listener> => {
  const user = 'helperBotHelperBot';
  const client = rocketchatClient({ url: `http://127.0.0.1:${port}`, authToken: user, userId: user });
  // As many as may come within the time that they wait for each other.
  const source = fromRocketChat({ client, realtime: true, accounts: openAccounts(), maxInFlight: 100_000 });
  const listener = { user, onMessage: (): void => undefined };
  const failed = (error: unknown): void => {
    throw error;
  };
  const subscription = source.subscribe({
    next: (event) => {
      traceOf(event)?.conclude('handled');
      listener.onMessage();
    },
    error: failed,
  });
  subscription.add(source.troubles$.subscribe({ next: failed, error: failed }));
  await firstValueFrom(client.status$.pipe(filter(({ kind }) => kind === 'authorized')));
  return Object.assign(listener, {
    close: () => {
      subscription.unsubscribe();
      client.disconnect();
    },
  });
};

export const bareListening = async (port: number): Promise<Listener> => {
  const user = 'nobodyNobodyNobody';
  const socket = new WebSocket(`ws://127.0.0.1:${port}/websocket`, { perMessageDeflate: false });
  await once(socket, 'open');
  const listener = { user, onMessage: (): void => undefined };
  const params = ['__my_messages__', { useCollection: false, args: [] }];
  const ready = new Promise<void>((resolve) => {
    socket.on('message', (data: RawData) => {
      const frame = JSON.parse((data as Buffer).toString()) as {
        readonly msg: string;
        readonly fields?: { readonly args: readonly { readonly msg?: string }[] };
      };
      if (frame.msg === 'changed' && frame.fields?.args[0]?.msg !== undefined) listener.onMessage();
      else if (frame.msg === 'ping') socket.send('{"msg":"pong"}');
      else if (frame.msg === 'ready') resolve();
    });
  });
  for (const frame of [
    { msg: 'connect', version: '1', support: ['1'] },
    { msg: 'method', method: 'login', id: '1', params: [{ resume: user }] },
    { msg: 'sub', id: '2', name: 'stream-room-messages', params },
  ])
    socket.send(JSON.stringify(frame));
  await ready;
  return Object.assign(listener, {
    close: () => {
      socket.close();
    },
  });
};

/** Has so many messages told; how many came in a second. */
export const hearing = async (teller: Teller, listener: Listener, count: number, rooms: number): Promise<number> => {
  const before = await teller.pongs();
  await teller.prepare({ to: listener.user, count, rooms });
  const began = process.hrtime.bigint();
  await new Promise<void>((resolve) => {
    let seen = 0;
    listener.onMessage = () => {
      if (++seen === count) resolve();
    };
    teller.tell();
  });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  if ((await teller.pongs()) === before) throw new Error('no ping was answered');
  return count / seconds;
};
