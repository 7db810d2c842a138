import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import autocannon from 'autocannon';

/** Starts one of `servers.ts` in a process of its own. */
export const startServer = async (
  name: string,
  ...args: readonly string[]
): Promise<{ readonly url: string; readonly stop: () => void }> => {
  const child = fork(new URL('./servers.js', import.meta.url), [name, ...args]);
  const [port] = (await once(child, 'message')) as [number];
  return { url: `http://127.0.0.1:${port}/`, stop: () => child.kill() };
};

let sessions = 0;

/** Adapter calls a second, over 32 connections without pipelining, each of a user of its own. */
export const callsOf = async (url: string, seconds = 3): Promise<number> => {
  const result = await autocannon({
    url,
    connections: 32,
    duration: seconds,
    requests: [
      { setupRequest: (request) => ({ ...request, path: `/tea/brew?kind=green&id=u-${++sessions}&msg=Green%20tea` }) },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} errors`);
  return result.requests.average;
};

/** Webhook requests a second, over 32 connections without pipelining, each of a session of its own. */
export const loadOf = async (url: string, seconds = 3): Promise<number> => {
  const body = (): string =>
    JSON.stringify({
      info: {
        approach_mode: 'normal',
        cid: `chatbot::731:${(++sessions).toString(16).padStart(32, '0')}`,
        contact: { id: 5120077, name: null, email: null, locale: 'de_DE' },
        context: {},
        conversation: { contact_channel: { state: 'valid', type: 'web' } },
        widget: {},
      },
      packet: { name: 'message', payload: { body: 'Is my bicycle repaired?' } },
    });
  const result = await autocannon({
    url,
    connections: 32,
    duration: seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'api-security-token': 'secret' },
    requests: [{ setupRequest: (request) => ({ ...request, body: body() }) }],
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} errors`);
  return result.requests.average;
};

let posts = 0;

const post = (): string => {
  const n = ++posts;
  const room = `room${String(n % 1_000).padStart(13, '0')}`;
  const at = new Date().toISOString();
  const visitor = { _id: '6740aa10f3c2b91d5e7a0c31', username: 'guest-88', name: 'Dana Okoro' };
  const agent = { _id: 'aGt9SwEdR4fVb6HyN', username: 'helper.bot', name: 'Helper Bot' };
  const message = { u: visitor, _id: `post${String(n).padStart(13, '0')}`, username: 'guest-88' };
  return JSON.stringify({
    _id: room,
    label: 'Dana Okoro',
    createdAt: at,
    lastMessageAt: at,
    visitor: { ...visitor, token: `visitor-${room}`, email: [{ address: 'dana@mail.example' }], phone: null },
    agent: { ...agent, email: 'bot@shop.example' },
    type: 'Message',
    messages: [{ ...message, msg: 'Where is my parcel?', ts: at, rid: room, _updatedAt: at }],
  });
};

/**
 * Posts of an omnichannel webhook a second, each of another message, over 32 connections without pipelining. Written to
 * the sockets as they are, since an HTTP client of its own costs more than a bare server, and would be what is measured.
 */
export const postsOf = async (url: string, count = 30_000): Promise<number> => {
  const { hostname, port } = new URL(url);
  const head = `POST / HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\nx-rocketchat-livechat-token: secret\r\n`;
  const requests = Array.from({ length: count }, () => {
    const body = post();
    return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
  const sockets = await Promise.all(
    Array.from({ length: 32 }, async () => {
      const socket = connect(Number(port), hostname).setNoDelay();
      await once(socket, 'connect');
      return socket;
    }),
  );
  const began = process.hrtime.bigint();
  let done = 0;
  await new Promise<void>((resolve, reject) => {
    for (const socket of sockets) {
      const next = (): void => {
        const request = requests.pop();
        if (request !== undefined) socket.write(request);
      };
      socket.on('error', reject);
      // An answer is small, and comes in one piece.
      socket.on('data', (answer: Buffer) => {
        if (answer.toString('latin1', 9, 12) !== '200') reject(new Error(answer.toString('latin1')));
        else if (++done === count) resolve();
        else next();
      });
      next();
    }
  });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  for (const socket of sockets) socket.destroy();
  return count / seconds;
};
