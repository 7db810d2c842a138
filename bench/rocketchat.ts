import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fetch } from 'cross-fetch';
import { Subject } from 'rxjs';
import { accounted, openAccounts, type OutboundAction } from 'tidewire';
import { rocketchatClient, toRocketChat } from 'tidewire/rocketchat';
import { drive } from './drive.js';
import { compare, type Bench } from './harness.js';
import { postsOf, startServer } from './load.js';
import { bareListening, hearing, oursListening, startTeller } from './rocketchat-listening.js';

const MESSAGES = 100_000;
const CALLS = 6_000;
const AT_ONCE = 16;
const ROOMS = 1_000;

const sends = async (url: string): Promise<number> => {
  const client = rocketchatClient({ url });
  const source = new Subject<OutboundAction>();
  let done = (): void => undefined;
  const subscription = source
    .pipe(
      accounted('bench', { accounts: openAccounts() }),
      toRocketChat({ client, as: 'visitor', tokenOf: ({ id }) => `visitor-${id}` }),
    )
    .subscribe({
      next: ({ status }) => {
        if (status !== 'delivered') throw new Error(status);
        done();
      },
      error: (error: unknown) => {
        throw error;
      },
    });
  const rate = await drive(
    CALLS,
    AT_ONCE,
    (n) => {
      const conversation = { platform: 'rocketchat', id: `room-${n % ROOMS}`, channel: 'livechat' } as const;
      source.next({ kind: 'text', id: `message-${n}`, conversation, text: 'Where is my parcel?' });
    },
    (listener) => (done = listener),
  );
  subscription.unsubscribe();
  return rate;
};

/** The same requests with the same HTTP client over the same agent, and nothing around. */
const bareSends = async (url: string): Promise<number> => {
  let done = (): void => undefined;
  const headers = { 'content-type': 'application/json' };
  const call = async (n: number): Promise<void> => {
    const rid = `room-${n % ROOMS}`;
    const _id = `m${n.toString(36).padStart(16, '0')}`;
    const body = JSON.stringify({ token: `visitor-${rid}`, rid, _id, msg: 'Where is my parcel?' });
    const init = { method: 'POST', headers, body, agent: http.globalAgent };
    const response = await fetch(`${url}/api/v1/livechat/message`, init);
    const answer = (await response.json()) as { readonly success: boolean; readonly message: { readonly _id: string } };
    if (response.status !== 200 || !answer.success || answer.message._id !== _id) throw new Error('it was not sent');
    done();
  };
  return drive(
    CALLS,
    AT_ONCE,
    (n) => void call(n),
    (listener) => (done = listener),
  );
};

const bytesOfRoom = async (): Promise<number> => {
  const child = fork(new URL('./rocketchat-rooms.js', import.meta.url), { execArgv: ['--expose-gc'] });
  const [bytes] = (await once(child, 'message')) as [number];
  child.disconnect();
  return bytes;
};

export const run: Bench['run'] = async (report) => {
  const teller = await startTeller();
  const url = `http://127.0.0.1:${teller.port}`;
  const [us, them] = [await oursListening(teller.port), await bareListening(teller.port)];
  await compare(
    'rocketchat/realtime',
    'event/s',
    'bare realtime',
    async () => hearing(teller, us, MESSAGES, ROOMS),
    async () => hearing(teller, them, MESSAGES, ROOMS),
    report,
  );
  us.close();
  them.close();
  const [ours, bare] = [await startServer('ours-rocketchat'), await startServer('bare-rocketchat')];
  await compare(
    'rocketchat/webhook',
    'req/s',
    'bare webhook',
    async () => postsOf(ours.url),
    async () => postsOf(bare.url),
    report,
  );
  ours.stop();
  bare.stop();
  await compare(
    'rocketchat/send',
    'call/s',
    'bare send',
    async () => sends(url),
    async () => bareSends(url),
    report,
  );
  teller.stop();
  report({ name: 'rocketchat/room', value: await bytesOfRoom(), unit: 'byte' });
};
