import { once } from 'node:events';
import { createServer, request as httpRequest, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { fetch as crossFetch } from 'cross-fetch';
import { lastValueFrom, of, toArray, type Observable } from 'rxjs';
import { openAccounts, react, text, type InboundEvent, type OutboundAction, type Receipt } from 'tidewire';
import {
  download,
  fromUserlike,
  toUserlike,
  userlikeClient,
  userlikeWebhook,
  type UserlikeClientConfig,
} from 'tidewire/userlike';
import { http, type HttpRequest } from '../../lib/transport/http.js';
import { shownOf } from '../support/shown.js';
import { request } from '../support/webhook-desk.js';

const TOKEN = 'tok-5e2c8d41';
const IN_URL = 'url-9ab37f60';
const HOOK = 'hook-c41d7e93';
const SECRETS = [TOKEN, IN_URL, HOOK];

const keepsSecrets = (what: string, thing: unknown): void => {
  const shown = shownOf(thing);
  for (const secret of SECRETS) expect(shown.includes(secret), `${what} shows ${secret}`).to.equal(false);
};

const endOf = async (result: Observable<unknown>): Promise<unknown> =>
  lastValueFrom(result.pipe(toArray())).catch((thrown: unknown) => thrown);

const thrown = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
};

const wire = [{ info: { cid: 'c' }, packet: { name: 'message', payload: { body: 'x' } } }];
const action: OutboundAction = {
  kind: 'text',
  id: 'a',
  conversation: { platform: 'userlike', id: 'c', channel: 'web' },
  text: 'x',
};

/** Servers that say back whatever they were told. */
const ECHO = JSON.stringify({ error: `${TOKEN} ${IN_URL}` });
const echo =
  (status: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, `Seen ${TOKEN}`, { 'x-seen': TOKEN, ...headers }).end(ECHO);
  };
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'a redirect': echo(302, { location: `https://example.org/${IN_URL}?token=${TOKEN}` }),
  'a refusal': echo(400),
  'a refused token': echo(401),
  'a ban': echo(403),
  'a wrong address': echo(404),
  'a request that took too long': echo(408),
  'a conflict': echo(409),
  'a request to slow down': echo(429, { 'retry-after': TOKEN }),
  'an error': echo(500),
  'a pause': echo(503),
  'a strange status': echo(999),
  'more than fits': (response) => response.writeHead(200).end(TOKEN.repeat(200_000)),
  'less than announced': (response) => {
    response.writeHead(200, { 'content-length': '1000' }).write(TOKEN);
    setImmediate(() => response.destroy());
  },
  'a closed connection': (response) => response.destroy(),
  'no HTTP': (response) => response.socket?.end(`${TOKEN} is no status line\r\n\r\n`),
  nothing: () => undefined,
};

/** What a `fetch` of one's own may throw. */
const throwers: Readonly<Record<string, () => unknown>> = {
  'an error with everything in it': () =>
    Object.assign(new Error(`fetch ${IN_URL} with ${TOKEN}`, { cause: new Error(TOKEN) }), {
      code: TOKEN,
      url: IN_URL,
      headers: { token: TOKEN },
    }),
  'an error with a code of its own': () => Object.assign(new TypeError('failed'), { cause: { code: `E_${TOKEN}` } }),
  'a text': () => TOKEN,
  'an object': () => ({ url: IN_URL, token: TOKEN }),
  'a list of errors': () => new AggregateError([new Error(TOKEN)], IN_URL),
  nothing: () => undefined,
};

describe('secrets', () => {
  const printed: unknown[] = [];
  const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const;
  const originals = { ...console };
  const onWarning = (warning: Error): number => printed.push(warning);
  let server: Server;
  let origin = '';
  let answer: (response: ServerResponse) => void = () => undefined;

  before(async () => {
    server = createServer((incoming, response) => {
      incoming.on('error', () => undefined).resume();
      answer(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  beforeEach(() => {
    for (const method of METHODS) console[method] = (...told: unknown[]) => void printed.push(told);
    process.on('warning', onWarning);
  });
  afterEach(() => {
    Object.assign(console, originals);
    process.off('warning', onWarning);
    expect(printed.splice(0), 'printed').to.deep.equal([]);
  });

  const configs = (): readonly (readonly [string, UserlikeClientConfig])[] => {
    const url = `${origin}/${IN_URL}?token=${IN_URL}`;
    return [
      ['cross-fetch', { url, token: TOKEN, timeoutMs: 60, fetch: crossFetch }],
      ['the native fetch', { url, token: () => TOKEN, timeoutMs: 60, fetch: globalThis.fetch }],
    ];
  };

  /** A call of the client, and the same through the sink, with everything that can be seen of them. */
  const probe = async (what: string, config: UserlikeClientConfig): Promise<void> => {
    const accounts = openAccounts();
    const account = accounts.of('desk');
    const told: unknown[] = [];
    accounts.reports$.subscribe((report) => told.push(report));
    accounts.hops$.subscribe((hop) => told.push(hop));
    const client = userlikeClient(config);
    client.status$.subscribe((status) => told.push(status));
    const traced = { ...action };
    const trace = account.open(traced);
    const sink = toUserlike({ client, attempts: 1 });
    const results = [
      await endOf(client.send(wire)),
      await endOf(client.send(wire)),
      await endOf(of(traced).pipe(sink)),
    ];
    trace.release(account);
    for (const result of results) keepsSecrets(what, result);
    const [receipt] = Array.isArray(results[2]) ? (results[2] as Receipt[]) : [];
    expect(receipt?.status, what).to.be.oneOf(['failed', 'unknown']);
    if (receipt !== undefined && 'error' in receipt) keepsSecrets(what, receipt.error);
    for (const [part, thing] of Object.entries({ receipt, client, sink, told, traced, trace })) {
      keepsSecrets(`${what}: ${part}`, thing);
    }
    keepsSecrets(`${what}: explanation`, accounts.explain('a'));
  };

  it('are seen wherever they hide', () => {
    const deep = { a: [{ b: new Map([[{ c: 1 }, new Set([`x${TOKEN}`])]]) }] };
    const caused = new Error('no', { cause: new Error('why', { cause: new Error(TOKEN) }) });
    const hidden = Object.defineProperty(new Error('no'), 'request', { value: { url: IN_URL }, enumerable: false });
    for (const leak of [
      TOKEN,
      deep,
      caused,
      hidden,
      new AggregateError([new Error(HOOK)]),
      { error: new Error(TOKEN) },
    ]) {
      expect(() => {
        keepsSecrets('it', leak);
      }).to.throw('it shows');
    }
  });

  for (const [what, reply] of Object.entries(answers)) {
    it(`of a client stay inside when the answer is ${what}`, async () => {
      answer = reply;
      for (const [name, config] of configs()) {
        if (what === 'more than fits') keepsSecrets(what, await endOf(http(bare({ maxBytes: 1_000 }))));
        else await probe(`${what}, ${name}`, config);
      }
    });
  }

  it('of a client stay inside when there is no connection', async () => {
    for (const [name, config] of configs()) {
      await probe(name, { ...config, url: `http://127.0.0.1:1/${IN_URL}`, timeoutMs: 2_000 });
    }
  });

  for (const [what, throws] of Object.entries(throwers)) {
    it(`of a client stay inside when its fetch throws ${what}`, async () => {
      const [[, config] = []] = configs();
      if (config === undefined) throw new Error('there are two');
      await probe(`rejected ${what}`, {
        ...config,
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is what is tried
        fetch: async () => Promise.reject(throws()),
      });
      await probe(`thrown ${what}`, {
        ...config,
        fetch: () => {
          throw throws();
        },
      });
    });
  }

  it('of a client stay inside when the token cannot be sent, or is none', async () => {
    const [[, config] = []] = configs();
    if (config === undefined) throw new Error('there are two');
    for (const token of [`${TOKEN}\r\nx: y`, `${TOKEN}👋`, `\0${TOKEN}`]) {
      await probe(JSON.stringify(token), { ...config, token: () => token });
      keepsSecrets(
        JSON.stringify(token),
        thrown(() => userlikeClient({ ...config, token })),
      );
    }
  });

  it('of a client that is refused its config stay inside', () => {
    for (const url of [IN_URL, `ftp://${IN_URL}`, `http://`, `//${IN_URL}`]) {
      keepsSecrets(
        url,
        thrown(() => userlikeClient({ url, token: TOKEN })),
      );
    }
    const client = userlikeClient({ url: `${origin}/${IN_URL}`, token: TOKEN });
    for (const wrong of [{ limit: 0 }, { attempts: 0 }, { coalesce: 0 }, { perMs: 0 }]) {
      keepsSecrets(
        JSON.stringify(wrong),
        thrown(() => toUserlike({ client, ...wrong })),
      );
    }
  });

  it('of a call that is on its way stay inside, and its config is not written into', async () => {
    answer = () => undefined;
    const config = Object.freeze({ url: `${origin}/${IN_URL}`, token: TOKEN });
    const client = userlikeClient(config);
    const call = client.send(wire);
    const subscription = call.subscribe({ error: () => undefined });
    await new Promise((resolve) => setImmediate(resolve));
    for (const [part, thing] of Object.entries({ client, call, subscription })) keepsSecrets(part, thing);
    subscription.unsubscribe();
    keepsSecrets('after it', subscription);
    expect(config).to.deep.equal({ url: `${origin}/${IN_URL}`, token: TOKEN });
  });

  const bare = (more: Partial<HttpRequest>): HttpRequest => ({
    platform: 'desk',
    call: 'send',
    method: 'POST',
    url: `${origin}/${IN_URL}?key=${IN_URL}#${IN_URL}`,
    headers: { authorization: `Bearer ${TOKEN}`, 'x-key': TOKEN },
    body: TOKEN,
    timeoutMs: 60,
    ...more,
  });

  it('of an HTTP call stay inside, in header, address, fragment and body', async () => {
    for (const fetch of [crossFetch, globalThis.fetch]) {
      for (const what of [
        'a redirect',
        'more than fits',
        'less than announced',
        'a closed connection',
        'no HTTP',
        'nothing',
      ]) {
        answer = answers[what] ?? answer;
        const error = await endOf(http(bare({ fetch, maxBytes: 1_000 })));
        expect(error, what).to.be.instanceOf(Error);
        keepsSecrets(what, error);
      }
    }
    const refused: readonly Partial<HttpRequest>[] = [
      { url: `http://${TOKEN}:${IN_URL}@127.0.0.1/` },
      { url: `http://[${IN_URL}]/` },
      { url: IN_URL },
      { headers: { [`${TOKEN} x`]: 'y' } },
      { headers: { authorization: `${TOKEN}\n` } },
      { timeoutMs: -1 },
      { maxBytes: NaN },
    ];
    for (const wrong of refused) {
      const error = thrown(() => http(bare(wrong)));
      expect(error).to.be.instanceOf(Error);
      keepsSecrets(inspect(Object.keys(wrong)), error);
    }
  });

  it('of a download stay inside, in address and credentials', async () => {
    const { host } = new URL(origin);
    for (const [what, reply] of Object.entries(answers)) {
      answer = reply;
      const config = {
        platform: 'desk',
        url: `${origin}/${IN_URL}`,
        credentials: { hosts: [host], headers: { authorization: TOKEN } },
        allowHttpLoopback: true,
        lookup: (hostname: string) => of([hostname === '127.0.0.1' ? hostname : '10.0.0.7']),
        timeoutMs: 60,
        maxBytes: 1_000,
      };
      const error = await endOf(download(config));
      expect(error, what).to.be.instanceOf(Error);
      keepsSecrets(what, error);
    }
    for (const url of [`https://${TOKEN}@example.org/`, `ftp://${IN_URL}`, IN_URL, `http://127.0.0.1/${IN_URL}`]) {
      keepsSecrets(url, await endOf(download({ platform: 'desk', url })));
    }
  });

  it('of a webhook stay inside, whatever is asked of it', async () => {
    const accounts = openAccounts({ unattendedMs: 60 });
    const told: unknown[] = [];
    accounts.reports$.subscribe((report) => told.push(report));
    accounts.hops$.subscribe((hop) => told.push(hop));
    const webhook = userlikeWebhook({
      headers: { 'API-SECURITY-TOKEN': HOOK, 'x-second': HOOK },
      accounts,
      directAnswerMs: 60,
      bodyTimeoutMs: 40,
      maxBytes: 10_000,
    });
    const right = { 'api-security-token': HOOK, 'x-second': HOOK, 'content-type': 'application/json' };
    const good = JSON.stringify(request('message', { body: 'x' }));
    const calls: readonly (readonly [number, string, Record<string, string>, string | undefined])[] = [
      [401, 'POST', {}, good],
      [401, 'POST', { 'api-security-token': HOOK }, good],
      [401, 'POST', { ...right, 'x-second': `${HOOK}x` }, good],
      [401, 'POST', { ...right, 'api-security-token': HOOK.slice(1) }, good],
      [405, 'GET', right, undefined],
      [415, 'POST', { ...right, 'content-type': 'text/xml' }, good],
      [413, 'POST', right, 'x'.repeat(20_000)],
      [400, 'POST', right, '{'],
      [400, 'POST', right, '{"info":7}'],
      [503, 'POST', right, JSON.stringify(request('message', { body: 'fail' }))],
      [200, 'POST', right, good],
    ];
    const lonely = await webhook.fetch(
      new Request('http://localhost/', { method: 'POST', headers: right, body: good }),
    );
    expect(lonely.status).to.equal(503);

    const events: InboundEvent[] = [];
    const client = userlikeClient({ url: `${origin}/${IN_URL}`, token: TOKEN });
    const receipts: Receipt[] = [];
    const stream = fromUserlike({ webhook }).pipe(
      react((event) => {
        events.push(event);
        if (event.kind === 'message' && event.text === 'fail') throw new Error('no');
        return text('x');
      }),
      toUserlike({ client, webhook }),
    );
    const subscription = stream.subscribe((receipt) => receipts.push(receipt));
    const hook = createServer(webhook.node);
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    const { port } = hook.address() as AddressInfo;
    for (const [status, method, headers, body] of calls) {
      const init = { method, headers, ...(body !== undefined && { body }) };
      const address = `http://127.0.0.1:${port}/`;
      for (const response of [await fetch(address, init), await webhook.fetch(new Request(address, init))]) {
        expect(response.status, `${method} ${String(body).slice(0, 20)}`).to.equal(status);
        keepsSecrets('an answer', [response.statusText, [...response.headers], await response.text()]);
      }
    }
    const slow = httpRequest({ port, method: 'POST', headers: { ...right, 'content-length': 50 } });
    slow.on('error', () => undefined).write('{');
    const [response] = (await once(slow, 'response')) as [
      { statusCode?: number; headers: object; statusMessage?: string },
    ];
    expect(response.statusCode).to.equal(408);
    keepsSecrets('a late answer', [response.headers, response.statusMessage]);
    slow.destroy();

    for (const [part, thing] of Object.entries({ told, events, receipts, webhook, stream, subscription, accounts })) {
      keepsSecrets(part, thing);
    }
    for (const { id } of events) keepsSecrets('an explanation', accounts.explain(id));
    keepsSecrets('a second subscriber', await endOf(fromUserlike({ webhook })));
    subscription.unsubscribe();
    hook.closeAllConnections();
    hook.close();
    await once(hook, 'close');
  });

  it('of a webhook that is refused its config stay inside', () => {
    const headers = { 'API-SECURITY-TOKEN': HOOK };
    for (const wrong of [{ maxBytes: 0 }, { directAnswerMs: -1 }, { bodyTimeoutMs: NaN }, { maxInFlight: -1 }]) {
      keepsSecrets(
        inspect(wrong),
        thrown(() => userlikeWebhook({ headers, ...wrong })),
      );
    }
    const client = userlikeClient({ url: `${origin}/${IN_URL}`, token: TOKEN });
    const copy = { ...userlikeWebhook({ headers }) };
    keepsSecrets(
      'a copy',
      thrown(() => toUserlike({ client, webhook: copy })),
    );
  });
});
