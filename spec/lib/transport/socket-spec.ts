import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import type { Subscription } from 'rxjs';
import type { ChatError } from 'tidewire';
import { WebSocket, WebSocketServer } from 'ws';
import { virtualClock } from 'tidewire/testing';
import { socket, type OpenSocket, type SocketConfig, type SocketEventLike } from '../../../lib/transport/socket.js';

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

describe('socket', () => {
  let server: WebSocketServer;
  let url = '';
  let open: OpenSocket | undefined;
  let texts: string[] = [];
  let error: ChatError | undefined;
  let isComplete = false;
  let subscription: Subscription;
  const peers: WebSocket[] = [];

  const connect = (more: Partial<SocketConfig> = {}): Subscription => {
    open = error = undefined;
    texts = [];
    isComplete = false;
    subscription = socket({ platform: 'spec', url, ...more }).subscribe({
      next: (news) => {
        if (news.kind === 'open') open = news.socket;
        else texts.push(news.text);
      },
      error: (thrown: unknown) => (error = thrown as ChatError),
      complete: () => (isComplete = true),
    });
    return subscription;
  };
  const opened = async (): Promise<OpenSocket> => {
    await until(() => open !== undefined && peers.length > 0);
    return open as OpenSocket;
  };
  const peer = (): WebSocket => peers.at(-1) as WebSocket;

  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (ws) => peers.push(ws));
    await once(server, 'listening');
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    subscription.unsubscribe();
    for (const ws of peers.splice(0)) ws.terminate();
    server.close();
    await once(server, 'close');
  });

  it('opens, passes texts both ways, and completes when the server closes', async () => {
    connect();
    const it = await opened();
    expect(it.isPinged).to.equal(true);
    const heard = once(peer(), 'message');
    expect(it.send('hello')).to.equal(true);
    expect(String((await heard)[0])).to.equal('hello');
    peer().send('one');
    peer().send(Buffer.from([1, 2]));
    peer().send('two');
    await until(() => texts.length === 2);
    expect(texts).to.deep.equal(['one', 'two']);
    peer().close(1000);
    await until(() => isComplete);
    expect(it.send('late')).to.equal(false);
    expect(it.pause()).to.equal(false);
  });

  for (const code of [1001, 1011, undefined])
    it(`errors when the server ${code === undefined ? 'is gone' : `closes with ${code}`}`, async () => {
      connect();
      await opened();
      if (code === undefined) peer().terminate();
      else peer().close(code);
      await until(() => error !== undefined);
      expect(error).to.include({ kind: 'unreachable', reason: String(code ?? 1006) });
    });

  it('emits nothing while it is paused, then everything in order', async () => {
    connect();
    const it = await opened();
    // In one chunk: the second has been read when the first pauses.
    const first = new Promise<void>((resolve) => {
      subscription.unsubscribe();
      subscription = socket({ platform: 'spec', url }).subscribe({
        next: (news) => {
          if (news.kind === 'open') open = news.socket;
          else if (texts.push(news.text) === 1) {
            expect(news.socket.pause()).to.equal(true);
            expect(news.socket.pause()).to.equal(true);
            resolve();
          }
        },
        error: () => undefined,
      });
    });
    it.resume();
    await until(() => peers.length === 2 && open !== it);
    for (let n = 0; n < 50; n++) peer().send(`${n}`);
    await first;
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
    expect(texts).to.deep.equal(['0']);
    open?.resume();
    await until(() => texts.length === 50);
    expect(texts).to.deep.equal(Array.from({ length: 50 }, (_, n) => `${n}`));
  });

  it('can be paused again by each text that it emits', async () => {
    let others = 0;
    subscription = socket({ platform: 'spec', url }).subscribe({
      next: (news) => {
        if (news.kind === 'open') open = news.socket;
        else {
          texts.push(news.text);
          news.socket.pause();
          setImmediate(() => {
            others++;
            news.socket.resume();
          });
        }
      },
      error: () => undefined,
    });
    texts = [];
    await opened();
    for (let n = 0; n < 9; n++) peer().send(`${n}`);
    await until(() => texts.length === 9);
    expect(texts.join('')).to.equal('012345678');
    expect(others).to.be.at.least(8);
  });

  it('tells what was read before it tells the end', async () => {
    connect();
    const it = await opened();
    const news: string[] = [];
    subscription.unsubscribe();
    /** A socket that is moved by hand. */
    class Hand {
      readyState = 1;
      readonly listeners = new Map<string, (event: SocketEventLike) => void>();
      constructor() {
        hands.push(this);
      }
      send(): void {}
      close(): void {
        this.readyState = 3;
      }
      pause(): void {}
      resume(): void {}
      addEventListener(type: string, listener: (event: SocketEventLike) => void): void {
        this.listeners.set(type, listener);
      }
      emit(type: string, more: object = {}): void {
        this.listeners.get(type)?.({ type, ...more });
      }
    }
    const hands: Hand[] = [];
    subscription = socket({ platform: 'spec', url, WebSocket: Hand }).subscribe({
      next: (it) => {
        if (it.kind === 'open') it.socket.pause();
        else news.push(it.text);
      },
      complete: () => news.push('end'),
      error: () => undefined,
    });
    const [hand] = hands;
    hand?.emit('open');
    hand?.emit('message', { data: 'a' });
    hand?.emit('message', { data: 'b' });
    expect(news).to.deep.equal([]);
    if (hand !== undefined) hand.readyState = 3;
    hand?.emit('close', { code: 1000 });
    expect(news).to.deep.equal(['a', 'b', 'end']);
    expect(it.pause()).to.equal(false);
  });

  it('tells of binary frames whoever asks for them, between the texts, held back and limited like those', async () => {
    const bytes: unknown[] = [];
    connect({
      maxFrameBytes: 4,
      onBinary: (data, on) => {
        expect(on).to.equal(open);
        bytes.push([...data]);
        texts.push('binary');
      },
    });
    const it = await opened();
    peer().send('one');
    peer().send(Buffer.from([1, 2]));
    peer().send('two');
    await until(() => texts.length === 3);
    expect(texts).to.deep.equal(['one', 'binary', 'two']);
    expect(bytes).to.deep.equal([[1, 2]]);
    it.pause();
    peer().send(Buffer.from([3]));
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
    expect(bytes).to.have.length(1);
    it.resume();
    await until(() => bytes.length === 2);
    peer().send(Buffer.alloc(5));
    await until(() => error !== undefined);
    expect(error?.kind).to.equal('overflow');
    expect(bytes).to.deep.equal([[1, 2], [3]]);
  });

  it('cannot be paused where the socket cannot', () => {
    let emit: (type: string) => void = () => undefined;
    class Plain {
      readyState = 1;
      readonly #listeners = new Map<string, (event: SocketEventLike) => void>();
      constructor() {
        emit = (type) => this.#listeners.get(type)?.({ type });
      }
      send(): void {}
      close(): void {}
      addEventListener(type: string, listener: (event: SocketEventLike) => void): void {
        this.#listeners.set(type, listener);
      }
    }
    connect({ WebSocket: Plain });
    emit('open');
    expect(open?.pause()).to.equal(false);
    expect(open?.isPinged).to.equal(false);
    open?.resume();
  });

  it('waits for no pong while it is paused, and for one from then on', async () => {
    const clock = virtualClock();
    server.options.autoPong = false;
    connect({ scheduler: clock, pingMs: 100, pongWithinMs: 10 });
    const it = await opened();
    const pinged = once(peer(), 'ping');
    clock.advance(100);
    await pinged;
    it.pause();
    clock.advance(1_000);
    expect(error).to.equal(undefined);
    it.resume();
    clock.advance(9);
    expect(error).to.equal(undefined);
    clock.advance(1);
    expect(error).to.include({ kind: 'unreachable', reason: 'noPong' });
  });

  it('ends an attempt that takes too long, and one that is refused', async () => {
    const open: Socket[] = [];
    const silent: Server = createServer((tcp) => open.push(tcp.on('error', () => undefined)));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const clock = virtualClock();
    connect({ url: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`, scheduler: clock });
    clock.advance(20_000);
    expect(error).to.include({ kind: 'timeout' });
    for (const tcp of open) tcp.destroy();
    silent.close();
    await once(silent, 'close');
    connect({ url: `ws://127.0.0.1:${(silent.address() as AddressInfo | null)?.port ?? 1}` });
    await until(() => error !== undefined);
    expect(error).to.include({ kind: 'unreachable' });
    expect(JSON.stringify(error)).not.to.include('127.0.0.1');
  });

  it('ends with a frame that is too large', async () => {
    connect({ maxFrameBytes: 8 });
    await opened();
    peer().send('x'.repeat(9));
    await until(() => error !== undefined);
    expect(error?.kind).to.equal('overflow');
  });

  it('ends with a text that is too large where the socket itself has no limit', async () => {
    connect({ maxFrameBytes: 8, WebSocket });
    await opened();
    peer().send('x'.repeat(8));
    await until(() => texts.length === 1);
    peer().send('x'.repeat(9));
    await until(() => error !== undefined);
    expect(error).to.include({ kind: 'overflow', platform: 'spec' });
    expect(texts).to.deep.equal(['x'.repeat(8)]);
  });

  it('closes when nobody listens any more, paused or not', async () => {
    for (const isPaused of [false, true]) {
      connect();
      const it = await opened();
      if (isPaused) it.pause();
      const closed = once(peer(), 'close');
      subscription.unsubscribe();
      expect((await closed)[0]).to.equal(1000);
      peers.length = 0;
    }
  });

  it('refuses wrong arguments at the call', () => {
    for (const wrong of ['http://a', 'ws://u:p@a', 'ws:/a'])
      expect(() => socket({ platform: 'spec', url: wrong })).to.throw(TypeError);
    expect(() => socket({ platform: 'spec', url, pingMs: 0 })).to.throw(RangeError);
    expect(() => socket({ platform: 'spec', url, maxFrameBytes: NaN })).to.throw(RangeError);
    // Timers that are longer fire at once.
    for (const limit of ['openWithinMs', 'pingMs', 'pongWithinMs'])
      for (const ms of [Infinity, 2 ** 31, NaN])
        expect(() => socket({ platform: 'spec', url, [limit]: ms })).to.throw(RangeError, `socket: ${limit}`);
    expect(() => socket({ platform: 'spec', url, pingMs: 2 ** 31 - 1, maxFrameBytes: Infinity })).not.to.throw();
  });
});
