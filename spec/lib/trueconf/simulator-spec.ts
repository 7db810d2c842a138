import { once } from 'node:events';
import { expect } from 'chai';
import { trueconfSimulator, type TrueconfSimulator, type TrueconfSimulatorConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { WebSocket } from 'ws';
import { fixtures } from '../../support/fixtures.js';

type Payload = Readonly<Record<string, unknown>>;
interface Frame {
  readonly type: number;
  readonly id: number;
  readonly method?: string;
  readonly payload?: Payload;
}

/** A bare socket that keeps what it heard. */
class Socket {
  readonly frames: Frame[] = [];
  pings = 0;
  pongs = 0;
  #id = 0;

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as Frame));
    ws.on('ping', () => this.pings++);
    ws.on('pong', () => this.pongs++);
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

  async call(method: string, payload: Payload = {}): Promise<Payload> {
    const id = ++this.#id;
    this.send({ type: 1, id, method, payload });
    const answer = await this.frame((frame) => frame.type === 2 && frame.id === id);
    return answer.payload ?? {};
  }

  async event(method: string): Promise<Frame> {
    return this.frame((frame) => frame.type === 1 && frame.method === method);
  }

  async closed(): Promise<number> {
    const [code] = (await once(this.ws, 'close')) as [number];
    return code;
  }
}

describe('trueconfSimulator', () => {
  let simulator: TrueconfSimulator;
  const sockets: Socket[] = [];

  const restart = async (config: TrueconfSimulatorConfig): Promise<void> => {
    await simulator.close();
    simulator = await trueconfSimulator(config);
  };
  beforeEach(async () => {
    simulator = await trueconfSimulator();
  });
  afterEach(async () => {
    for (const { ws } of sockets.splice(0)) ws.terminate();
    await simulator.close();
  });

  const open = async (url = simulator.socketUrl, protocols: readonly string[] = []): Promise<Socket> => {
    const socket = new Socket(new WebSocket(url, [...protocols], { autoPong: true }));
    sockets.push(socket);
    await once(socket.ws, 'open');
    return socket;
  };
  const token = async (): Promise<Response> =>
    fetch(`${simulator.url}/bridge/api/client/v1/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fixtures('trueconf/http').get('token-request')),
    });
  const authorized = async (more: Payload = {}): Promise<Socket> => {
    const { access_token } = (await (await token()).json()) as Record<string, string>;
    const socket = await open();
    await socket.call('auth', { token: access_token, tokenType: 'JWT', ...more });
    return socket;
  };
  const upload = async (task: unknown, form: FormData): Promise<Response> =>
    fetch(`${simulator.url}/bridge/api/client/v1/files`, {
      method: 'POST',
      headers: { 'upload-task-id': String(task) },
      body: form,
    });
  const form = (name = 'план.png', preview?: string): FormData => {
    const parts = new FormData();
    parts.append('file', new Blob(['bytes'], { type: 'image/png' }), name);
    if (preview !== undefined) parts.append('preview', new Blob([preview], { type: 'image/webp' }), 'preview.webp');
    return parts;
  };
  const task = async (socket: Socket): Promise<unknown> =>
    (await socket.call('uploadFile', { fileSize: 5, fileName: 'план.png' }))['uploadTaskId'];
  /** The error of a fetch: what Node says that broke. */
  const broken = async (answer: Promise<Response>): Promise<unknown> =>
    answer.then(async (response) => response.text()).catch((error: unknown) => (error as Error).name);
  /** Resolves when the server has written something of this kind. */
  const written = async (kind: string): Promise<void> => {
    while (!simulator.journal.some((entry) => entry.kind === kind))
      await new Promise((resolve) => setImmediate(resolve));
  };

  it('talks to a bot from the token to the read message', async () => {
    const answer = await token();
    expect(answer.status).to.equal(201);
    const { access_token, token_type } = (await answer.json()) as Record<string, string>;
    expect(token_type).to.equal('JWT');
    const socket = await open();
    expect(await socket.call('getChats', { count: 1, page: 1 })).to.include({ errorCode: 200 });
    expect(await socket.call('auth', { token: access_token, tokenType: 'JWT' })).to.include({
      userId: 'opsbot@tc.example.org/4c9d20aa',
    });
    const mira = simulator.user('mira');
    const messageId = mira.say('ping');
    const { id, payload } = await socket.event('sendMessage');
    expect(payload).to.include({ messageId, chatId: mira.open(), type: 200 });
    socket.send({ type: 2, id });
    await socket.call('sendMessage', { chatId: mira.open(), content: { text: 'pong', parseMode: 'text' } });
    expect(simulator.core.unread()).to.deep.equal([]);
    expect(mira.sees()).to.deep.equal(['pong']);
  });

  for (const [what, path, protocols, selected] of [
    ['json.v1', '/websocket/chat_bot/', ['json.v1'], 'json.v1'],
    ['no protocol', '/websocket/chat_bot', [], ''],
  ] as const) {
    it(`accepts ${what} at ${path}`, async () => {
      const { ws } = await open(simulator.url.replace('http', 'ws') + path, protocols);
      expect(ws.protocol).to.equal(selected);
    });
  }

  it('takes files with a preview, and gives them back', async () => {
    const socket = await authorized();
    const chatId = simulator.user('mira').open();
    const answer = await upload(await task(socket), form(undefined, 'small'));
    const { temporalFileId } = (await answer.json()) as Payload;
    const { fileId } = await socket.call('sendFile', { chatId, content: { temporalFileId } });
    expect(simulator.user('mira').sees()).to.deep.equal(['план.png']);
    const { downloadUrl, previews } = await socket.call('getFileInfo', { fileId });
    const [preview] = previews as readonly { readonly downloadUrl: string }[];
    expect(String(downloadUrl).startsWith(`${simulator.url}/dl/`)).to.equal(true);
    const file = await fetch(String(downloadUrl));
    expect([file.headers.get('content-type'), await file.text()]).to.deep.equal(['image/png', 'bytes']);
    expect(await (await fetch(preview?.downloadUrl ?? '')).text()).to.equal('small');
    const [entry] = simulator.journal.filter(({ kind }) => kind === 'requested').slice(1);
    expect(entry)
      .to.have.nested.property('parts[1]')
      .deep.equal({ name: 'preview', fileName: 'preview.webp', type: 'image/webp', bytes: 5 });
    expect(entry).to.have.nested.property('headers.upload-task-id');
  });

  it('pings, and cuts a client that answers none', async () => {
    const clock = virtualClock();
    await restart({ scheduler: clock, pingMs: 5_000, pongWithinMs: 20_000 });
    const [alive, dead] = [await open(), await open()];
    (dead.ws as unknown as { pong: () => void }).pong = () => undefined;
    const gone = dead.closed();
    for (let n = 1; n <= 4; n++) {
      const pinged = [alive, dead].map(async ({ ws }) => once(ws, 'ping'));
      clock.advance(n < 4 ? 5_000 : 4_999);
      if (n < 4) await Promise.all(pinged);
      // The pong is on its way before the request, on the same connection.
      await alive.call('getChats');
    }
    clock.advance(1);
    expect(await gone).to.equal(1006);
    await alive.call('getChats');
    expect(alive.ws.readyState).to.equal(WebSocket.OPEN);
  });

  it('answers pings, unless it is told not to', async () => {
    const socket = await open();
    for (const noPong of [false, true]) {
      simulator.faults.connection.noPong = noPong;
      socket.ws.ping();
      await socket.call('getChats');
      expect(socket.pongs).to.equal(1);
    }
  });

  it('is half-open when it is told: nothing answered, not even a close', async () => {
    const socket = await authorized();
    simulator.core.freeze();
    socket.ws.ping();
    socket.send({ type: 1, id: 9, method: 'getChats', payload: { count: 1, page: 1 } });
    socket.ws.close(1000);
    simulator.user('mira').say('unheard');
    const later = await authorized();
    await later.call('getFileUploadLimits');
    expect([socket.frames.length, socket.pongs, socket.ws.readyState]).to.deep.equal([1, 0, WebSocket.CLOSING]);
    expect(simulator.journal.filter(({ kind }) => kind === 'disconnected')).to.deep.equal([]);
    simulator.faults.connection.freeze = 1;
    const dead = await open();
    dead.ws.ping();
    await later.call('getFileUploadLimits');
    expect(dead.pongs).to.equal(0);
  });

  it('closes sockets with a code, or cuts them, and keeps what it knows over a restart', async () => {
    const [first, mira] = [await authorized(), simulator.user('mira')];
    const closed = first.closed();
    simulator.core.drop(1012);
    expect(await closed).to.equal(1012);
    const second = await authorized();
    const cut = second.closed();
    simulator.core.restart();
    expect(await cut).to.equal(1006);
    mira.say('meanwhile');
    const third = await authorized({ receiveUnread: true });
    expect((await third.event('sendMessage')).payload).to.deep.include({
      content: { text: 'meanwhile', parseMode: 'text' },
    });
    third.ws.close(1000);
    await third.closed();
    while (simulator.journal.filter(({ kind }) => kind === 'disconnected').length < 3)
      await new Promise((resolve) => setImmediate(resolve));
    expect(simulator.journal.at(-1)).to.deep.include({ kind: 'disconnected', side: 'client', code: 1000 });
  });

  it('refuses sockets with a status', async () => {
    simulator.faults.connection.refuse = 1;
    for (const [url, status] of [
      [simulator.socketUrl, 503],
      [`${simulator.url.replace('http', 'ws')}/elsewhere`, 404],
    ] as const) {
      const ws = new WebSocket(url);
      const [, response] = (await once(ws, 'unexpected-response')) as [unknown, { readonly statusCode: number }];
      expect(response.statusCode).to.equal(status);
      ws.on('error', () => undefined).terminate();
    }
  });

  it('cuts the connection before, or after a request has its effect, and sends what is no JSON', async () => {
    const mira = simulator.user('mira');
    const chatId = mira.open();
    for (const [fault, seen] of [
      ['cutBefore', 0],
      ['cutAfter', 1],
    ] as const) {
      const socket = await authorized();
      const gone = socket.closed();
      simulator.faults.request[fault] = 1;
      socket.send({
        type: 1,
        id: 50,
        method: 'sendMessage',
        payload: { chatId, content: { text: 'x', parseMode: 'text' } },
      });
      expect(await gone).to.equal(1006);
      expect(mira.sees()).to.have.length(seen);
    }
    const socket = await open();
    socket.ws.removeAllListeners('message');
    const heard = once(socket.ws, 'message') as Promise<[Buffer]>;
    simulator.core.raw('{');
    expect(String((await heard)[0])).to.equal('{');
  });

  it('answers over HTTP late, in halves, half, with a status, a page, or not at all', async () => {
    const clock = virtualClock();
    await restart({ scheduler: clock });
    const { upload: faults } = simulator.faults;
    const socket = await authorized();
    faults.statuses = [503];
    expect((await upload('none', form())).status).to.equal(503);
    faults.slow = 1;
    const slow = await upload(await task(socket), form());
    expect(slow.status).to.equal(200);
    clock.advance(1_000);
    expect(await slow.json()).to.have.property('temporalFileId');
    faults.cut = 1;
    expect(await broken(upload(await task(socket), form()))).to.equal('TypeError');
    faults.resetBefore = 1;
    expect(await broken(upload(await task(socket), form()))).to.equal('TypeError');
    faults.page = 1;
    expect(await broken(upload(await task(socket), form()))).to.equal('<html>proxy</html>');
    faults.silent = 1;
    const abort = new AbortController();
    const silent = fetch(`${simulator.url}/bridge/api/client/v1/files`, { method: 'POST', signal: abort.signal });
    await written('fault');
    abort.abort();
    expect(await broken(silent)).to.equal('AbortError');
  });

  it('lets a shell be a person, and gives its journal to programs in any language', async () => {
    const socket = await authorized();
    const answer = fetch(`${simulator.url}/say/mira`, { method: 'POST', body: 'ping' });
    const { payload } = await socket.event('sendMessage');
    await socket.call('sendMessage', { chatId: payload?.['chatId'], content: { text: 'pong', parseMode: 'text' } });
    expect(await (await answer).text()).to.equal('pong\n');
    const journal = (await (await fetch(`${simulator.url}/journal`)).json()) as readonly { readonly kind: string }[];
    expect(journal.map(({ kind }) => kind)).to.include.members(['posted', 'called', 'told', 'answered']);
  });

  it('does not start where somebody else listens', async () => {
    const error = await trueconfSimulator({ port: simulator.port }).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'EADDRINUSE');
  });
});
