import { expect } from 'chai';
import { fluidtalkSimulator, type FluidtalkFaults, type FluidtalkSimulator } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { fixtures } from '../../support/fixtures.js';

type Fields = Readonly<
  Record<string, string | { readonly name: string; readonly type: string; readonly base64: string }>
>;

const multipart = (fields: Fields): FormData => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields))
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, new Blob([Buffer.from(value.base64, 'base64')], { type: value.type }), value.name);
  return form;
};

/** Fields as the official client sends them: url-encoded, or multipart when there is a file. */
const encoded = (fields: Fields): URLSearchParams | FormData =>
  Object.values(fields).some((value) => typeof value === 'object')
    ? multipart(fields)
    : new URLSearchParams(fields as Record<string, string>);

const png = { name: 'cup.png', type: 'image/png', base64: 'iVBORw0KGgo=' };
const hello = { target: '@mira', message: 'hello' };

describe('fluidtalkSimulator', () => {
  let simulator: FluidtalkSimulator;

  beforeEach(async () => {
    simulator = await fluidtalkSimulator();
  });
  afterEach(async () => simulator.close());

  const post = async (route: string, body: RequestInit['body'], init: RequestInit = {}): Promise<Response> =>
    fetch(`${simulator.url}/api/v1/bot/${route}`, {
      method: 'POST',
      headers: { 'x-api-key': simulator.key },
      ...(body !== undefined && { body }),
      ...init,
    });
  const chat = async (fields: Fields = hello, init: RequestInit = {}): Promise<Response> =>
    post('chat', encoded(fields), init);
  const statusOf = async (answer: Promise<Response>): Promise<number> =>
    answer.then(async (response) => response.text().then(() => response.status)).catch(() => 0);
  const kinds = (): readonly string[] => simulator.journal.map(({ kind }) => kind);
  /** Resolves when the journal has an entry of this kind. */
  const written = async (kind: string): Promise<void> => {
    while (!kinds().includes(kind)) await new Promise((resolve) => setImmediate(resolve));
  };

  it('answers the examples as they are written', async () => {
    await simulator.close();
    simulator = await fluidtalkSimulator({
      key: 'ft_sk_test_0001',
      tokens: 2,
      hostPicture: () => 'https://cdn.test/u/abc.jpg',
    });
    const { core, faults } = simulator;
    core.script('@mira', { bubbles: ['hey!', 'what brings you here?'] });
    core.script('@mira', { bubbles: ['here you go'], photo: 'https://cdn.test/p/77.jpg' }, { bubbles: ['nice cup'] });
    core.script('@noor', { bubbles: ['hi noor, loved your tea shelf'] });
    core.script('@noor', { bubbles: ['still thinking about the sencha?'] });
    core.script('@noor', { bubbles: ['hey again', 'did the tea arrive?'] });
    const examples = fixtures('fluidtalk/exchanges') as ReadonlyMap<
      string,
      {
        readonly request: { readonly path: string; readonly form: Fields };
        readonly response: { readonly status: number; readonly contentType: string; readonly body: unknown };
      }
    >;
    for (const [name, { request, response }] of examples) {
      if (name === 'sealed') core.seal('@mira');
      if (name === 'proxy-error-page') faults.badGateway = 1;
      const answer = await post(request.path.replace('/api/v1/bot/', ''), encoded(request.form));
      const text = await answer.text();
      expect(
        {
          status: answer.status,
          contentType: answer.headers.get('content-type'),
          body: typeof response.body === 'string' ? text : (JSON.parse(text) as unknown),
        },
        name,
      ).to.deep.equal(response);
      if (typeof response.body !== 'string') expect(text).to.equal(JSON.stringify(response.body));
    }
    expect(examples.size).to.equal(13);
    expect(kinds().filter((kind) => kind === 'opened')).to.have.length(2);
    expect(kinds()).not.to.include('problem');
  });

  it('takes both forms of body for the same', async () => {
    const fields = { target: '@mïra 🍵', message: 'one\ntwo & three' };
    expect(await statusOf(post('chat', new URLSearchParams(fields)))).to.equal(200);
    expect(await statusOf(post('chat', multipart(fields)))).to.equal(200);
    expect(simulator.core.saidBy(fields.target)).to.deep.equal([fields.message, fields.message]);
    expect(simulator.core.tokensLeft()).to.equal(99);
  });

  it('takes a file part without a type, with any name', async () => {
    const body = '--B\r\nContent-Disposition: form-data; name="file"; filename="чай.png"\r\n\r\nbytes\r\n--B--\r\n';
    const headers = { 'x-api-key': simulator.key, 'content-type': 'multipart/form-data; boundary=B' };
    const response = await post('upload', body, { headers });
    expect(await response.json()).to.deep.equal({ url: 'https://cdn.test/u/1.jpg' });
    expect(simulator.journal.find(({ kind }) => kind === 'uploaded')).to.deep.include({ name: 'чай.png', bytes: 5 });
  });

  const form = 'application/x-www-form-urlencoded';
  const wrong: readonly (readonly [what: string, status: number, route: string, init: (key: string) => RequestInit])[] =
    [
      ['no key', 401, 'chat', () => ({ headers: { 'content-type': form } })],
      ['another key', 401, 'chat', () => ({ headers: { 'content-type': form, 'x-api-key': 'another' } })],
      ['another route', 404, 'dance', (key) => ({ headers: { 'content-type': form, 'x-api-key': key } })],
      ['another verb', 405, 'chat', (key) => ({ method: 'PUT', headers: { 'x-api-key': key } })],
      [
        'JSON',
        415,
        'chat',
        (key) => ({ body: '{}', headers: { 'content-type': 'application/json', 'x-api-key': key } }),
      ],
      [
        'broken multipart',
        400,
        'chat',
        (key) => ({ body: '--B', headers: { 'content-type': 'multipart/form-data; boundary=B', 'x-api-key': key } }),
      ],
      ['no fields', 422, 'action', (key) => ({ headers: { 'content-type': form, 'x-api-key': key } })],
    ];
  for (const [what, status, route, init] of wrong) {
    it(`answers ${status} to ${what}`, async () => {
      const response = await post(route, '', init(simulator.key));
      expect(response.status).to.equal(status);
      expect(await response.json()).to.have.property('detail');
      expect(simulator.core.tokensLeft()).to.equal(100);
    });
  }

  it('answers 413 to a file that is too large, also one that is much too large', async () => {
    await simulator.close();
    simulator = await fluidtalkSimulator({ maxFileBytes: 10 });
    for (const bytes of [11, 2_000_000]) {
      const file = { ...png, base64: Buffer.alloc(bytes).toString('base64') };
      expect(await statusOf(post('upload', multipart({ file })))).to.equal(413);
    }
    expect(await statusOf(post('upload', multipart({ file: { ...png, type: 'text/html' } })))).to.equal(415);
  });

  const faulty: readonly (readonly [fault: keyof FluidtalkFaults, status: number, said: number, body?: unknown])[] = [
    ['resetBefore', 0, 0],
    ['resetAfter', 0, 1],
    ['cut', 0, 1],
    ['throttle', 429, 0, { detail: 'Too Many Requests' }],
    ['unavailable', 503, 0, { detail: 'Service Unavailable' }],
    ['fail', 500, 0, { detail: 'Internal Server Error' }],
    ['failAfter', 500, 1, { detail: 'Internal Server Error' }],
    ['outOfTokens', 402, 0, { detail: { error: 'insufficient_tokens' } }],
    ['sealed', 400, 0, { detail: 'This session is DONE' }],
    ['badGateway', 502, 1, '<html>bad gateway</html>'],
    ['page', 200, 1, '<html>welcome</html>'],
    ['missing', 200, 1, {}],
  ];
  for (const [fault, status, said, body] of faulty) {
    it(`misbehaves as it is told, once: ${fault}`, async () => {
      simulator.faults[fault as 'fail'] = 1;
      const answer = await chat()
        .then(async (response) => [response.status, await response.text()] as const)
        .catch(() => [0, ''] as const);
      expect(answer[0]).to.equal(status);
      if (body !== undefined) expect(answer[1]).to.equal(typeof body === 'string' ? body : JSON.stringify(body));
      expect(simulator.core.saidBy('@mira')).to.have.length(said);
      expect(simulator.core.tokensLeft()).to.equal(100 - said);
      expect(await statusOf(chat())).to.equal(200);
    });
  }

  it('answers nulls, lists and ignored leads', async () => {
    simulator.faults.nulls = 1;
    expect(await (await chat()).json()).to.deep.include({ reply: null, replies: null, ignored: null });
    simulator.faults.list = 1;
    expect(await (await chat()).json()).to.be.an('array');
    simulator.faults.ignored = 1;
    expect(await (await chat()).json()).to.deep.include({ ignored: true, replies: [], session_id: null });
    simulator.faults.ignored = 1;
    expect(
      await (await post('action', new URLSearchParams({ target: '@a', action: 'OUTREACH' }))).json(),
    ).to.deep.equal({ session_id: null, message: '', ignored: true, ignore_reason: 'owned by another account' });
  });

  for (const fault of ['drop', 'silent'] as const) {
    it(`never answers: ${fault}`, async () => {
      simulator.faults[fault] = 1;
      const abort = new AbortController();
      const pending = chat(hello, { signal: abort.signal }).catch((error: unknown) => (error as Error).name);
      await written('fault');
      expect(simulator.core.saidBy('@mira')).to.have.length(fault === 'drop' ? 0 : 1);
      abort.abort();
      expect(await pending).to.equal('AbortError');
      expect(kinds()).not.to.include('answered');
    });
  }

  it('answers any status of the table without effect, and `detail` in any shape', async () => {
    const statuses = [400, 401, 402, 403, 404, 413, 415, 422, 500, 502, 503, 504];
    simulator.faults.statuses = statuses;
    const given: number[] = [];
    while (given.length < statuses.length) given.push(await statusOf(chat()));
    expect(given).to.deep.equal(statuses);
    expect(simulator.core.tokensLeft()).to.equal(100);
    for (const [detail, shape] of [
      ['text', 'insufficient_tokens'],
      ['object', { error: 'insufficient_tokens' }],
      ['list', [{ loc: ['body'], msg: 'insufficient_tokens', type: 'error' }]],
    ] as const) {
      Object.assign(simulator.faults, { detail, outOfTokens: 1 });
      expect(await (await chat()).json()).to.deep.equal({ detail: shape });
    }
  });

  it('says when to come again, in seconds, as a date, or not at all', async () => {
    for (const retryAfter of [0, 'Wed, 21 Oct 2026 07:28:00 GMT', null]) {
      for (const fault of ['throttle', 'unavailable'] as const) {
        Object.assign(simulator.faults, { [fault]: 1, retryAfter });
        const { headers } = await chat();
        expect(headers.get('retry-after')).to.equal(retryAfter === null ? null : String(retryAfter));
      }
    }
    Object.assign(simulator.faults, { throttle: 1, retryAfter: 60 });
    expect([await statusOf(chat()), await statusOf(chat())]).to.deep.equal([429, 429]);
  });

  it('redirects to a server that writes down what came along', async () => {
    simulator.faults.redirect = 1;
    const { status, headers } = await chat(hello, { redirect: 'manual' });
    expect([status, new URL(headers.get('location') ?? '').pathname]).to.deep.equal([307, '/elsewhere']);
    expect(simulator.strayed).to.deep.equal([]);
    simulator.faults.redirect = 1;
    await (await chat()).text();
    expect(simulator.strayed.map(({ url, headers: sent }) => [url, sent['x-api-key']])).to.deep.equal([
      ['/elsewhere', simulator.key],
    ]);
    expect(simulator.core.tokensLeft()).to.equal(100);
  });

  it('comes late, in two halves, or twice', async () => {
    Object.assign(simulator.faults, {
      delay: 1,
      delayMs: 1,
      slow: 1,
      slowMs: 1,
      duplicate: 1,
    } satisfies FluidtalkFaults);
    expect(await (await chat()).json()).to.deep.include({ reply: 'You said: hello' });
    expect(simulator.core.saidBy('@mira')).to.deep.equal(['hello', 'hello']);
  });

  it('goes on with a call that was aborted, and knows that nobody heard the reply', async () => {
    await simulator.close();
    const clock = virtualClock();
    simulator = await fluidtalkSimulator({ thinkMs: 50, scheduler: clock });
    const abort = new AbortController();
    const pending = chat(hello, { signal: abort.signal }).catch((error: unknown) => (error as Error).name);
    await written('said');
    abort.abort();
    expect(await pending).to.equal('AbortError');
    await written('left');
    clock.advance(50);
    expect(kinds().slice(-2)).to.deep.equal(['replied', 'lost']);
    expect(simulator.core.seenBy('@mira')).to.deep.equal([]);
  });

  it('does not start where somebody else listens', async () => {
    const error = await fluidtalkSimulator({ port: Number(new URL(simulator.url).port) }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('code', 'EADDRINUSE');
  });

  it('gives its journal to programs in any language, and refuses connections when it is closed', async () => {
    await statusOf(chat());
    const journal = (await (await fetch(`${simulator.url}/journal`)).json()) as readonly { readonly kind: string }[];
    expect(journal.map(({ kind }) => kind)).to.deep.equal(['called', 'token', 'opened', 'said', 'replied', 'answered']);
    const closed = await fluidtalkSimulator();
    await closed.close();
    const error: unknown = await fetch(closed.url).catch((thrown: unknown) => (thrown as Error).cause);
    expect(error).to.have.property('code', 'ECONNREFUSED');
  });
});
