import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { rocketchatSimulator, type RocketchatSimulator, type RocketchatSimulatorConfig } from 'tidewire/simulators';
import { WebSocket } from 'ws';

type Payload = Readonly<Record<string, unknown>>;
interface Frame {
  readonly msg?: string;
  readonly id?: string;
  readonly [key: string]: unknown;
}

/** A bare socket that keeps what it heard. */
class Socket {
  readonly frames: Frame[] = [];
  #id = 0;

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as Frame));
    ws.on('error', () => undefined);
  }

  /** The next frame that is like this, or one that came already. */
  async frame(isMeant: (frame: Frame) => boolean): Promise<Frame> {
    let found: Frame | undefined;
    while ((found = this.frames.find(isMeant)) === undefined) await once(this.ws, 'message');
    return found;
  }

  send(frame: unknown): void {
    this.ws.send(JSON.stringify(frame));
  }

  async call(method: string, ...params: readonly unknown[]): Promise<Frame> {
    const id = String(++this.#id);
    this.send({ msg: 'method', method, id, params });
    return this.frame((frame) => frame.msg === 'result' && frame.id === id);
  }

  async sub(name: string, event: string): Promise<Frame> {
    const id = String(++this.#id);
    this.send({ msg: 'sub', id, name, params: [event, { useCollection: false, args: [] }] });
    return this.frame(({ msg, subs }) => msg === 'ready' && Array.isArray(subs) && subs.includes(id));
  }
}

describe('rocketchatSimulator', () => {
  let simulator: RocketchatSimulator;
  const sockets: Socket[] = [];
  const servers: Server[] = [];

  const restart = async (config: RocketchatSimulatorConfig): Promise<void> => {
    await simulator.close();
    simulator = await rocketchatSimulator(config);
  };
  beforeEach(async () => {
    simulator = await rocketchatSimulator();
  });
  afterEach(async () => {
    for (const { ws } of sockets.splice(0)) ws.terminate();
    await simulator.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  const open = async (): Promise<Socket> => {
    const socket = new Socket(new WebSocket(simulator.socketUrl));
    sockets.push(socket);
    await once(socket.ws, 'open');
    socket.send({ msg: 'connect', version: '1', support: ['1'] });
    await socket.frame(({ msg }) => msg === 'connected');
    return socket;
  };
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${simulator.url}/api/v1/${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const json = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    (await (await call(method, path, body, headers)).json()) as Payload;
  const login = async (): Promise<{ headers: Record<string, string>; token: string; id: string }> => {
    const { data } = await json('POST', 'login', { user: 'helper.bot', password: 'corr3ct-horse' });
    const { authToken: token, userId: id } = data as Record<string, string>;
    return { token: token ?? '', id: id ?? '', headers: { 'x-auth-token': token ?? '', 'x-user-id': id ?? '' } };
  };
  /** The error of a fetch: what Node says that broke. */
  const broken = async (answer: Promise<Response>): Promise<unknown> =>
    answer.then(async (response) => response.text()).catch((error: unknown) => (error as Error).name);

  /** A receiver of webhooks, and what came. */
  const receive = async (): Promise<{ url: string; bodies: Payload[]; requests: IncomingMessage[] }> => {
    const bodies: Payload[] = [];
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        requests.push(request);
        bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as Payload);
        response.writeHead(200).end('ok');
        server.emit('webhook');
      });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, bodies, requests };
  };
  const webhooks = async (bodies: readonly Payload[], count: number): Promise<void> => {
    const [server] = servers;
    while (server !== undefined && bodies.length < count) await once(server, 'webhook');
  };

  it('brings a visitor and a bot together, over REST, a socket and webhooks', async () => {
    const { url, bodies, requests } = await receive();
    await restart({ webhook: { url, secret: 'S' } });
    const { headers, token, id } = await login();
    const socket = await open();
    expect((await socket.call('login', { resume: token }))['result']).to.include({ id });
    await socket.sub('stream-room-messages', '__my_messages__');

    await json('POST', 'livechat/visitor', { visitor: { token: 'dana', name: 'Dana' } });
    const { room } = await json('GET', 'livechat/room?token=dana');
    const rid = String((room as Payload)['_id']);
    const { inquiry } = await json('GET', `livechat/inquiries.getOne?roomId=${rid}`, undefined, headers);
    await json('POST', 'livechat/inquiries.take', { inquiryId: (inquiry as Payload)['_id'] }, headers);
    await json('POST', 'livechat/message', { token: 'dana', rid, msg: 'Hello?' });
    const event = await socket.frame(({ fields }) => JSON.stringify(fields ?? {}).includes('Hello?'));
    expect(event).to.include({ collection: 'stream-room-messages', id: 'id' });
    await json('POST', 'chat.sendMessage', { message: { rid, msg: 'Hello!' } }, headers);
    expect(simulator.core.visitorOf('dana').sees()).to.deep.equal(['Hello!']);
    await webhooks(bodies, 5);
    expect(bodies.map(({ type }) => type)).to.have.members([
      'LivechatSessionStart',
      'LivechatSessionQueued',
      'LivechatSessionTaken',
      'Message',
      'Message',
    ]);
    expect(requests.map((request) => request.headers['x-rocketchat-livechat-token'])).to.include.members(['S']);
  });

  it('counts calls by address, and says so in headers', async () => {
    const answers = [];
    for (let n = 0; n < 6; n++) answers.push(await call('POST', 'livechat/visitor', { visitor: { token: 't' } }));
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('X-RateLimit-Remaining'))).to.deep.equal([
      '4',
      '3',
      '2',
      '1',
      '0',
      '0',
    ]);
    expect(Number(answers[0]?.headers.get('X-RateLimit-Reset'))).to.be.greaterThan(Date.now());
  });

  it('takes a file as fetch sends it, and gives it back', async () => {
    simulator.visitor('Kim', { token: 'kim' });
    const { room } = await json('GET', 'livechat/room?token=kim');
    const rid = String((room as Payload)['_id']);
    const form = new FormData();
    form.append('file', new Blob(['bytes'], { type: 'image/png' }), 'план.png');
    const response = await fetch(`${simulator.url}/api/v1/livechat/upload/${rid}`, {
      method: 'POST',
      headers: { 'x-visitor-token': 'kim' },
      body: form,
    });
    const { attachments } = (await response.json()) as { attachments: { title: string; image_url: string }[] };
    expect(attachments[0]).to.include({ title: 'план.png' });
    const query = `?rc_room_type=l&rc_rid=${rid}&rc_token=kim`;
    const file = await fetch(simulator.url + (attachments[0]?.image_url ?? '') + query);
    expect([file.headers.get('content-type'), await file.text()]).to.deep.equal(['image/png', 'bytes']);
  });

  it('answers browsers that ask first', async () => {
    const preflight = await fetch(`${simulator.url}/api/v1/livechat/message`, {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).to.equal(200);
    expect(preflight.headers.get('access-control-allow-origin')).to.equal('*');
    expect((await call('GET', 'livechat/config')).headers.get('access-control-allow-origin')).to.equal('*');
  });

  it('breaks connections over HTTP, before and after the effect', async () => {
    const kim = simulator.visitor('Kim');
    const rid = kim.open();
    const say = async (msg: string) => broken(call('POST', 'livechat/message', { token: kim.token, rid, msg }));
    Object.assign(simulator.faults.rest, { resetBefore: 1, resetAfter: 1, cut: 1 });
    expect([await say('a'), await say('b'), await say('c')]).to.deep.equal(['TypeError', 'TypeError', 'TypeError']);
    simulator.faults.rest.page = 1;
    expect(await say('d')).to.match(/^<html>/);
    expect(simulator.core.seenIn(rid)).to.deep.equal(['b', 'c']);
  });

  it('ends sockets with a code, cuts them, and refuses new ones', async () => {
    const first = await open();
    const closed = once(first.ws, 'close');
    simulator.core.drop(4000);
    expect(((await closed) as [number])[0]).to.equal(4000);
    const second = await open();
    const cut = once(second.ws, 'close');
    simulator.core.drop();
    expect(((await cut) as [number])[0]).to.equal(1006);
    simulator.faults.connection.refuse = 1;
    const refused = new WebSocket(simulator.socketUrl);
    refused.on('error', () => undefined);
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).to.equal(503);
    refused.terminate();
    const kinds = simulator.journal.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'disconnected')).to.have.length(2);
    expect(kinds).to.include('turnedAway');
  });

  it('leaves a frozen socket open and dead', async () => {
    const socket = await open();
    simulator.core.freeze();
    const before = socket.frames.length;
    socket.send({ msg: 'ping' });
    socket.ws.ping();
    const other = await open();
    await other.call('logout');
    expect([socket.frames.length, socket.ws.readyState]).to.deep.equal([before, WebSocket.OPEN]);
  });

  it('notices that a client has gone', async () => {
    const socket = await open();
    socket.ws.close(1000);
    await once(socket.ws, 'close');
    while (!simulator.journal.some(({ kind }) => kind === 'disconnected'))
      await new Promise((resolve) => setImmediate(resolve));
    expect(simulator.journal.at(-1)).to.include({ kind: 'disconnected', side: 'client', code: 1000 });
  });

  it('cannot reach a receiver that is not there, and tries again', async () => {
    await restart({ webhook: { url: 'http://127.0.0.1:1/', events: ['start'], timeoutMs: 5 }, hookTries: 2 });
    simulator.visitor('Kim').open();
    while (!simulator.journal.some(({ kind }) => kind === 'gaveUp'))
      await new Promise((resolve) => setImmediate(resolve));
    const attempts = simulator.journal.flatMap((entry) =>
      entry.kind === 'hooked' ? [[entry.attempt, entry.status]] : [],
    );
    expect(attempts).to.deep.equal([
      [1, 0],
      [2, 0],
    ]);
  });

  it('lets somebody be the customer from a shell, and shows its journal', async () => {
    const { headers, token } = await login();
    const socket = await open();
    await socket.call('login', { resume: token });
    await socket.sub('stream-room-messages', '__my_messages__');
    const said = fetch(`${simulator.url}/say/Kim`, { method: 'POST', body: 'Hello?' });
    const { fields } = await socket.frame(({ fields: some }) => JSON.stringify(some ?? {}).includes('Hello?'));
    const [message] = (fields as { args: Payload[] }).args;
    await json('POST', 'chat.sendMessage', { message: { rid: message?.['rid'], msg: 'Hello!' } }, headers);
    expect(await (await said).text()).to.equal('Hello!\n');
    const journal = (await (await fetch(`${simulator.url}/journal`)).json()) as Payload[];
    expect(journal.map(({ kind }) => kind)).to.include('opened');
    const foreign = await fetch(`${simulator.url}/nothing`);
    expect(foreign.status).to.equal(404);
  });

  it('refuses a port that is taken, and rules that are none', async () => {
    const { port } = simulator;
    expect(await rocketchatSimulator({ port }).catch((error: unknown) => (error as { code: string }).code)).to.equal(
      'EADDRINUSE',
    );
    expect(await rocketchatSimulator({ version: 'new' }).catch((error: unknown) => error)).to.be.instanceOf(TypeError);
  });
});
