import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { mergeMap, Subject } from 'rxjs';
import { openAccounts, react, text, type Accounts, type InboundEvent, type Replies } from 'tidewire';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook, type UserlikeWebhook } from 'tidewire/userlike';
import { random } from '../../support/mutations.js';
import { HOOK_SECRET, request } from '../../support/webhook-desk.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const SECRET = `api-security-token: ${HOOK_SECRET}`;
const head = (...headers: readonly string[]): string =>
  ['POST / HTTP/1.1', 'Host: desk', SECRET, ...headers, '', ''].join('\r\n');
const said = (words: string, cid?: string): string => JSON.stringify(request('message', { body: words }, cid));
const post = (words: string, ...headers: readonly string[]): string => {
  const body = said(words, `chatbot::1:${words}`);
  return head(`Content-Length: ${Buffer.byteLength(body)}`, ...headers) + body;
};
const chunked = (...chunks: readonly string[]): string => head('Transfer-Encoding: chunked') + chunks.join('\r\n');
const hex = (words: string): string => Buffer.byteLength(words).toString(16);

/** How a client goes on behind its bytes. Who drips sends one more each time that the server can look. */
type Ending = 'hangs up' | 'resets' | 'waits' | 'drips';
interface Fault {
  readonly bytes: string;
  readonly ending: Ending;
  /** Statuses of what is answered, in order. */
  readonly statuses: readonly number[];
}

const body = said('x');
const length = Buffer.byteLength(body);
/** How long a body may take: where that is what is looked at, and where it is not. */
const [SHORT, LONG] = [10, 60_000];
const faults: Readonly<Record<string, Fault>> = {
  'nothing at all': { bytes: '', ending: 'hangs up', statuses: [] },
  'half a request line': { bytes: 'POST / HT', ending: 'hangs up', statuses: [400] },
  'half a request line and a reset': { bytes: 'POST / HT', ending: 'resets', statuses: [] },
  'half its headers': { bytes: head().slice(0, -10), ending: 'hangs up', statuses: [400] },
  'half its headers and a reset': { bytes: head().slice(0, -10), ending: 'resets', statuses: [] },
  'half its body': { bytes: post('x').slice(0, -20), ending: 'hangs up', statuses: [400] },
  'half its body and a reset': { bytes: post('x').slice(0, -20), ending: 'resets', statuses: [] },
  'a reset behind its body': { bytes: post('x'), ending: 'resets', statuses: [] },
  'half its body and then nothing': { bytes: post('x').slice(0, -20), ending: 'waits', statuses: [408] },
  'a body that drips': { bytes: head('Content-Length: 9000'), ending: 'drips', statuses: [408] },
  'a content-length that is too small': {
    bytes: head(`Content-Length: ${length - 5}`) + body,
    ending: 'waits',
    statuses: [400],
  },
  'a content-length that is too large': {
    bytes: head(`Content-Length: ${length + 5}`) + body,
    ending: 'waits',
    statuses: [408],
  },
  'a content-length beyond the limit': {
    bytes: head('Content-Length: 99999999') + body,
    ending: 'waits',
    statuses: [413],
  },
  'a content-length below 0': { bytes: head('Content-Length: -5') + body, ending: 'waits', statuses: [400] },
  'a content-length that is no number': {
    bytes: head('Content-Length: many') + body,
    ending: 'waits',
    statuses: [400],
  },
  'a content-length without a number': { bytes: head('Content-Length:') + body, ending: 'waits', statuses: [400] },
  'two equal content-lengths': {
    bytes: head(`Content-Length: ${length}`, `Content-Length: ${length}`) + body,
    ending: 'waits',
    statuses: [400],
  },
  'two content-lengths': {
    bytes: head(`Content-Length: ${length}`, 'Content-Length: 5') + body,
    ending: 'waits',
    statuses: [400],
  },
  'a content-length beside chunks': {
    bytes: head(`Content-Length: ${length}`, 'Transfer-Encoding: chunked') + body,
    ending: 'waits',
    statuses: [400],
  },
  'chunks of a size that is no number': { bytes: chunked('zz', body, '0', '', ''), ending: 'waits', statuses: [400] },
  'chunks of a size that is too small': { bytes: chunked('5', body, '0', '', ''), ending: 'waits', statuses: [400] },
  'chunks of a size that is too large': {
    bytes: chunked('fff', body, '0', '', ''),
    ending: 'waits',
    statuses: [408],
  },
  'chunks of a size beyond all numbers': {
    bytes: chunked('fffffffffffffffff', body, '0', '', ''),
    ending: 'waits',
    statuses: [400],
  },
  'chunks that do not end': { bytes: chunked(hex(body), body, ''), ending: 'waits', statuses: [408] },
  'chunks that are cut': { bytes: chunked(hex(body), body, ''), ending: 'hangs up', statuses: [400] },
  'more chunks than fit': {
    bytes: chunked(...Array.from({ length: 9 }, () => ['7ff', 'x'.repeat(0x7ff)]).flat(), '0', '', ''),
    ending: 'waits',
    statuses: [413],
  },
  'a body that is no JSON': { bytes: `${head('Content-Length: 3')}{{{`, ending: 'hangs up', statuses: [400] },
  'no body': { bytes: head(), ending: 'hangs up', statuses: [400] },
  'a broken request behind a good one': { bytes: `${post('a')}GARBAGE\r\n\r\n`, ending: 'waits', statuses: [400] },
  'three good ones at once': {
    bytes: post('a') + post('b') + post('c'),
    ending: 'hangs up',
    statuses: [200, 200, 200],
  },
  'a refused one between two': {
    bytes: `${post('a')}${head('Content-Length: 2')}{}${post('c')}`,
    ending: 'hangs up',
    statuses: [200, 400, 200],
  },
  'an expectation that nobody has': { bytes: post('x', 'Expect: wonders'), ending: 'hangs up', statuses: [417] },
  'a continue that it waits for': {
    bytes: post('x', 'Expect: 100-continue'),
    ending: 'hangs up',
    statuses: [100, 200],
  },
  'a continue, and then nothing': {
    bytes: head(`Content-Length: ${length}`, 'Expect: 100-continue'),
    ending: 'waits',
    statuses: [100, 408],
  },
  'a wrong token, and a continue': {
    bytes: post('x', 'Expect: 100-continue').replace(HOOK_SECRET, 'wrong'),
    ending: 'hangs up',
    statuses: [100, 401],
  },
  'HEAD in place of POST': { bytes: head().replace('POST', 'HEAD'), ending: 'hangs up', statuses: [405] },
  'OPTIONS in place of POST': { bytes: head().replace('POST', 'OPTIONS'), ending: 'hangs up', statuses: [405] },
  'HEAD without a token': { bytes: 'HEAD / HTTP/1.1\r\nHost: desk\r\n\r\n', ending: 'hangs up', statuses: [401] },
  'OPTIONS of a browser': {
    bytes: 'OPTIONS / HTTP/1.1\r\nHost: desk\r\nOrigin: http://x\r\nAccess-Control-Request-Method: POST\r\n\r\n',
    ending: 'hangs up',
    statuses: [401],
  },
  'a protocol of its own': { bytes: `\x16\x03\x01${'\0'.repeat(40)}`, ending: 'waits', statuses: [400] },
};

describe('a webhook under broken HTTP', () => {
  let accounts: Accounts;
  let webhook: UserlikeWebhook;
  let server: Server;
  let port = 0;
  const open = new Set<Socket>();
  let handler: (event: InboundEvent) => Replies = () => undefined;
  const echo = (event: InboundEvent): Replies =>
    event.kind === 'message' ? text(`you said ${event.text}`) : undefined;

  const start = async (bodyTimeoutMs: number): Promise<void> => {
    handler = echo;
    accounts = openAccounts({ history: 10 });
    webhook = userlikeWebhook({
      headers: { 'API-SECURITY-TOKEN': HOOK_SECRET },
      accounts,
      maxBytes: 10_000,
      bodyTimeoutMs,
    });
    const client = userlikeClient({
      url: 'http://desk.example/v1/bot',
      token: 'x',
      fetch: () => Promise.resolve(new Response()),
    });
    fromUserlike({ webhook })
      .pipe(
        react((event) => handler(event)),
        toUserlike({ client, webhook }),
      )
      .subscribe();
    server = createServer(webhook.node).listen(0, '127.0.0.1');
    server.on('connection', (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  afterEach(async () => {
    await webhook.drain(0);
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  /** Writes bytes as they are, and gives what is answered until the connection is closed. */
  const answerTo = async ({ bytes, ending }: Pick<Fault, 'bytes' | 'ending'>): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1' });
    // Whether the other side resets the connection is not what is looked at.
    socket.on('error', () => undefined);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    socket.write(bytes, 'latin1');
    if (ending === 'resets') {
      await until(() => open.size > 0);
      socket.resetAndDestroy();
    } else if (ending === 'hangs up') socket.end();
    else if (ending === 'drips') await until(() => answer !== '' || !socket.write(' '));
    await closed;
    return answer;
  };
  /** The same, and gives the statuses alone. */
  const exchange = async (fault: Pick<Fault, 'bytes' | 'ending'>): Promise<readonly number[]> =>
    [...(await answerTo(fault)).matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  const isWell = async (): Promise<void> => {
    const answer = await answerTo({ bytes: post('still there?'), ending: 'hangs up' });
    expect(answer).to.match(/^HTTP\/1\.1 200 /);
    expect(answer).to.include('you said still there?');
  };
  /** Nothing is left: no delivery, no connection, and the books are balanced. */
  const isIdle = async (): Promise<void> => {
    await until(() => open.size === 0 && accounts.counts().inFlight === 0);
    const { received: all, inFlight, outcomes, late } = accounts.counts();
    expect({ inFlight, late, open: open.size }).to.deep.equal({ inFlight: 0, late: 0, open: 0 });
    expect(Object.values(outcomes).reduce((sum, n) => sum + n, 0)).to.equal(all);
  };

  for (const [name, fault] of Object.entries(faults)) {
    it(`survives ${name}`, async () => {
      await start(fault.statuses.includes(408) ? SHORT : LONG);
      const statuses = await exchange(fault);
      await isIdle();
      await isWell();
      await isIdle();
      expect(statuses).to.deep.equal(fault.statuses);
    });
  }

  it('keeps nothing of requests whose answers wait behind another when their connection is lost', async () => {
    await start(LONG);
    const asked: string[] = [];
    const first = new Subject<void>();
    handler = (event) => {
      if (event.kind !== 'message') return undefined;
      asked.push(event.text);
      return event.text === 'a' ? first.pipe(mergeMap(() => [text('too late')])) : text('at once');
    };
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.write(post('a') + post('b') + post('c'));
    await until(() => asked.length === 3);
    socket.resetAndDestroy();
    await until(() => open.size === 0);
    first.next();
    first.complete();
    await isIdle();
    handler = echo;
    await isWell();
  });

  it('is in doubt about an answer when its connection was destroyed just before, and nobody was told yet', async () => {
    await start(LONG);
    handler = (event) => {
      for (const socket of open) socket.destroy();
      return echo(event);
    };
    expect(await exchange({ bytes: post('x'), ending: 'waits' })).to.deep.equal([]);
    await isIdle();
    expect(accounts.counts().outcomes).to.include({ inDoubt: 1, handled: 0 });
    handler = echo;
    await isWell();
  });

  it('answers 503 to bodies that are still on their way when it drains', async () => {
    await start(LONG);
    const halves = ['a', 'b'].map(async (words) => exchange({ bytes: post(words).slice(0, -20), ending: 'waits' }));
    const whole = exchange({ bytes: post('c'), ending: 'hangs up' });
    expect(await whole).to.deep.equal([200]);
    await until(() => open.size === 2);
    const { inFlight } = await webhook.drain(0);
    expect(inFlight).to.equal(0);
    expect(await Promise.all(halves)).to.deep.equal([[503], [503]]);
    await isIdle();
    expect(accounts.counts().refused).to.equal(2);
  });

  it('takes a request that is cut anywhere for what it is, or for a bad one', async () => {
    await start(LONG);
    const whole = post('x');
    const statuses = new Set<number | undefined>();
    for (let from = 0; from < whole.length; from += 40) {
      const cuts = Array.from({ length: Math.min(40, whole.length - from) }, (_, n) => whole.slice(0, from + n));
      for (const answers of await Promise.all(cuts.map(async (bytes) => exchange({ bytes, ending: 'hangs up' })))) {
        expect(answers.length).to.be.at.most(1);
        statuses.add(answers[0]);
      }
    }
    expect([...statuses]).to.have.members([undefined, 400]);
    await isIdle();
    expect(accounts.counts().received).to.equal(0);
    await isWell();
  });

  it('survives 2 000 requests with a broken byte', async () => {
    await start(LONG);
    const next = random(5);
    const statuses = new Set<number>();
    for (let n = 0; n < 2_000; n += 50) {
      const broken = Array.from({ length: 50 }, () => {
        const whole = post('x');
        const at = Math.floor(next() * whole.length);
        return whole.slice(0, at) + String.fromCharCode(Math.floor(next() * 256)) + whole.slice(at + 1);
      });
      const answers = await Promise.all(broken.map(async (bytes) => exchange({ bytes, ending: 'hangs up' })));
      for (const status of answers.flat()) statuses.add(status);
    }
    expect([...statuses]).to.include.members([200, 400, 401]);
    expect([...statuses].filter((status) => status >= 500)).to.deep.equal([]);
    await isIdle();
    await isWell();
  });

  it('keeps nothing of broken requests in memory', async () => {
    await start(SHORT);
    const rounds = async (n: number): Promise<number> => {
      for (let round = 0; round < n; round++) await Promise.all(Object.values(faults).map(exchange));
      await isIdle();
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await rounds(10);
    const before = await rounds(10);
    expect((await rounds(20)) - before).to.be.lessThan(500_000);
    await isWell();
  });
});

/** Lets the event loop turn until a condition holds, for half a minute at most. */
const until = async (condition: () => boolean): Promise<void> => {
  const end = performance.now() + 30_000;
  while (!condition() && performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
};
