import { once } from 'node:events';
import { connect, createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { filter, firstValueFrom, lastValueFrom, take, toArray, type Observable, type Subscription } from 'rxjs';
import type { ChatError } from 'tidewire';
import { trueconfSimulator, type TrueconfSimulator, type TrueconfSimulatorConfig } from 'tidewire/simulators';
import {
  trueconfClient,
  type TrueconfClient,
  type TrueconfClientOptions,
  type TrueconfCredentials,
  type TrueconfDelivery,
  type TrueconfStatus,
} from 'tidewire/trueconf';
import { WebSocketServer } from 'ws';

const PASSWORD = 's3cret-42';
const FAST = {
  secure: false,
  lingerMs: 0,
  reconnectMs: 1,
  maxReconnectMs: 5,
  jitterMs: 0,
  requestTimeoutMs: 2_000,
  pollMs: 2,
} as const;
const LOGIN = { username: 'opsbot', password: PASSWORD } as const;
const TEXT = 'text-7be1f0';
const webp = { bytes: Uint8Array.of(82, 73, 70, 70), name: 'hi.webp', mimeType: 'image/webp' };
const png = { bytes: Uint8Array.of(137, 80, 78, 71), name: 'чай.png', mimeType: 'image/png' };

const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );

/** A certificate that nobody trusts, for 127.0.0.1, and its key, which protects nothing. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUNcX8ez2x2axEGjtvD5eZzGS4cKEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTExMjg1MFoYDzIxMjYxMDI4
MTEyODUwWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQX8v2ON7BLCZ+ptRG0ivaK6HkX+nrgDy8Caz7wandhh64xYbqp6WVB
4jomyEGAdTq+kJSx5i24MsWD56pkvHeHo2QwYjAdBgNVHQ4EFgQUMNeCjCCl7q14
B3KwDRtfUsizunAwHwYDVR0jBBgwFoAUMNeCjCCl7q14B3KwDRtfUsizunAwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQCkuwRd+n8lPs9V1up6pS2SGbrYGEHeV13MkJwf/yCsDQIgHEZTCwnxgqmQSiEy
yuqMiGRZVopBEa1PcQEz7suTInQ=
-----END CERTIFICATE-----`;
const CERTIFICATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEO+3VSeUY20UeSLx
kjATEeREFf7Z6kL6gTsvhlT/Ea2hRANCAAQX8v2ON7BLCZ+ptRG0ivaK6HkX+nrg
Dy8Caz7wandhh64xYbqp6WVB4jomyEGAdTq+kJSx5i24MsWD56pkvHeH
-----END PRIVATE KEY-----`;

describe('trueconfClient', () => {
  let simulator: TrueconfSimulator;
  let client: TrueconfClient;
  let statuses: TrueconfStatus[] = [];
  let deliveries: TrueconfDelivery[] = [];
  const clients: TrueconfClient[] = [];
  const servers: Server[] = [];

  const make = (more: TrueconfClientOptions = {}, by: TrueconfCredentials = LOGIN): TrueconfClient => {
    const made = trueconfClient({ server: '127.0.0.1', port: simulator.port, ...FAST, ...more, ...by });
    clients.push(made);
    statuses = [];
    made.status$.subscribe((status) => statuses.push(status));
    client = made;
    return made;
  };
  const restart = async (config: TrueconfSimulatorConfig): Promise<void> => {
    await simulator.close();
    simulator = await trueconfSimulator(config);
    make();
  };
  const listen = (): Subscription => {
    deliveries = [];
    return client.deliveries$.subscribe({ next: (it) => deliveries.push(it), error: () => undefined });
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const authorized = async (): Promise<void> => until(() => statuses.at(-1)?.kind === 'authorized');
  const texts = (): readonly string[] =>
    deliveries.flatMap(({ event }) => (event.kind === 'message' ? [event.text] : []));
  const count = (kind: string): number => simulator.journal.filter((entry) => entry.kind === kind).length;
  const called = (method: string): number =>
    simulator.journal.filter((entry) => entry.kind === 'called' && entry.method === method).length;

  beforeEach(async () => {
    simulator = await trueconfSimulator();
    make();
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.close();
    await simulator.close();
    for (const server of servers.splice(0)) server.close();
  });

  describe('calls', () => {
    it('sends, answers, edits, forwards, removes and reads messages', async () => {
      const subscription = listen();
      const mira = simulator.user('mira', { displayName: 'Mira Sample' });
      const { chatId } = await value(client.createPersonalChat('mira'));
      const sent = await value(client.sendText(chatId, '<b>hi</b>', { format: 'html' }));
      expect(sent.chatId).to.equal(chatId);
      const asked = mira.say('ping');
      const answer = await value(client.reply(chatId, asked, 'pong'));
      expect(await value(client.message(answer.messageId))).to.deep.include({
        replyTo: asked,
        content: { kind: 'text', text: 'pong', format: 'plain' },
      });
      expect((await value(client.editText(sent.messageId, 'bye'))).messageId).to.equal(sent.messageId);
      expect((await value(client.forward(chatId, asked))).messageId).to.not.equal(asked);
      const history = await value(client.history(chatId, { count: 4 }));
      expect(history.map(({ content }) => content.kind)).to.deep.equal(['text', 'text', 'text', 'forwarded']);
      expect(await value(client.history(chatId, { count: 1, from: asked }))).to.have.length(1);
      expect(await value(client.removeMessage(answer.messageId, { forAll: true }).pipe(toArray()))).to.deep.equal([
        undefined,
      ]);
      expect(mira.shows(chatId)).to.include('bye').and.not.to.include('pong');
      expect(await value(client.displayName('mira'))).to.equal('Mira Sample');
      subscription.unsubscribe();
    });

    it('makes, lists, changes and deletes chats, and who is in them', async () => {
      const subscription = listen();
      simulator.user('mira');
      const { chatId } = await value(client.createGroup('Night shift'));
      await value(client.createChannel('News'));
      await value(client.favorites());
      expect(await value(client.addParticipant(chatId, 'mira').pipe(toArray()))).to.deep.equal([undefined]);
      expect(await value(client.hasParticipant(chatId, 'mira'))).to.equal(true);
      expect(await value(client.participant(chatId, 'mira@tc.example.org'))).to.deep.include({ role: 'user' });
      expect(await value(client.participants(chatId))).to.have.length(2);
      expect(await value(client.setRole(chatId, 'mira', 'admin').pipe(toArray()))).to.deep.equal([undefined]);
      await value(client.setTitle(chatId, 'Day shift'));
      await value(client.setAvatar(chatId, png));
      expect(await value(client.chat(chatId))).to.deep.include({ kind: 'group', title: 'Day shift' });
      expect(await value(client.chats({ count: 2 }))).to.have.length(2);
      await value(client.clearHistory(chatId, { forAll: true }));
      await value(client.removeParticipant(chatId, 'mira'));
      expect(await value(client.hasParticipant(chatId, 'mira'))).to.equal(false);
      expect(await failure(client.participant(chatId, 'mira'))).to.include({ reason: '305' });
      await value(client.deleteChat(chatId));
      expect(await failure(client.chat(chatId))).to.include({ kind: 'refused', reason: '304', inDoubt: false });
      expect(await value(client.serverName$)).to.equal('tc.example.org');
      expect(
        simulator.journal.filter((entry) => entry.kind === 'requested' && entry.route === 'server'),
      ).to.have.length(1);
      subscription.unsubscribe();
    });

    it('sends files, photos, stickers and surveys, and fetches files', async () => {
      const subscription = listen();
      const mira = simulator.user('mira');
      const { chatId } = await value(client.createPersonalChat('mira'));
      const told: [number, number][] = [];
      const big = { bytes: new Uint8Array(200_000).fill(7), name: 'big.bin' };
      const onProgress = (sent: number, total: number): number => told.push([sent, total]);
      const document = await value(client.sendDocument(chatId, big, { caption: 'Look', onProgress }));
      expect(told.length).to.be.greaterThan(3);
      expect(told.at(-1)?.[0]).to.equal(told.at(-1)?.[1]);
      await value(client.sendPhoto(chatId, png, webp, { replyTo: document.messageId }));
      await value(client.sendSticker(chatId, webp));
      const uploads = simulator.journal.flatMap((entry) =>
        entry.kind === 'requested' && entry.route === 'upload' ? [entry.parts] : [],
      );
      expect(uploads.map((parts) => parts.map(({ name, type }) => `${name} ${type}`))).to.deep.equal([
        ['file application/octet-stream'],
        ['file image/png', 'preview image/webp'],
        ['file sticker/webp', 'preview image/webp'],
      ]);
      expect(uploads[1]?.[0]?.fileName).to.equal('чай.png');
      expect(() => client.sendSticker(chatId, png)).to.throw(TypeError);
      const { bytes, name } = await value(client.download(document.fileId));
      expect({ length: bytes.length, name }).to.deep.equal({ length: 200_000, name: 'big.bin' });
      expect(await value(client.fileInfo(document.fileId))).to.include({ state: 'ready' });
      expect(await value(client.subscribeFileProgress(document.fileId))).to.equal(true);
      expect(await value(client.unsubscribeFileProgress(document.fileId))).to.equal(true);
      expect(await value(client.uploadLimits())).to.deep.equal({});
      const survey = await value(client.sendSurvey(chatId, { title: 'Lunch', survey: 'lunch' }));
      await value(client.editSurvey(survey.messageId, { title: 'Dinner', survey: 'lunch', anonymous: true }));
      expect(mira.sees(chatId).join('\n')).to.include('Dinner');
      subscription.unsubscribe();
    });

    it('waits for a file that is still on its way, even if the address it gets is another host', async () => {
      await restart({ downloadOrigin: 'http://192.0.2.1:99', readyLagMs: 10 });
      listen();
      const bytes = new Uint8Array(1_000);
      const { fileId } = simulator.user('mira').upload({ name: '../../plan.png', bytes }, { transferMs: 'manual' });
      const downloading = value(client.download(fileId));
      await until(() => called('subscribeFileProgress') === 1);
      simulator.core.progress(fileId, 500);
      simulator.core.progress(fileId, 1_000);
      expect(await downloading).to.deep.include({ name: 'plan.png' });
      await until(() => called('unsubscribeFileProgress') === 1);
      simulator.core.loseFile(fileId);
      expect(await failure(client.download(fileId))).to.include({ kind: 'refused', reason: 'notAvailable' });
    });

    it('knows what newer servers have', async () => {
      await restart({ version: '5.5.6.1' });
      const { chatId } = await value(client.createPersonalChat('opsbot'));
      expect(await value(client.typing(chatId))).to.deep.equal({ repeatAfterMs: 5_000 });
      expect(await value(client.request({ method: 'getChats', payload: { count: 1, page: 1 } }))).to.be.an('array');
      expect(await failure(client.request({ method: 'dance', payload: {} }))).to.include({ kind: 'unsupported' });
    });

    it('refuses before the wire what cannot be', async () => {
      const long = 'x'.repeat(4_097);
      for (const call of [
        client.sendText('c', long),
        client.editText('m', long),
        client.createGroup('x'.repeat(257)),
        client.sendDocument('c', png, { caption: long }),
        make({ maxUploadBytes: 3 }).sendDocument('c', png),
      ])
        expect((await failure(call)).kind).to.equal('overflow');
      expect(() => client.chats({ page: 0 })).to.throw(RangeError);
      expect(() => client.history('c', { count: 0 })).to.throw(RangeError);
      expect(count('connected')).to.equal(0);
    });

    for (const code of [
      2, 100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 300, 301, 302, 303, 304, 305, 306, 307, 308, 309, 310, 311,
      312, 999,
    ])
      it(`tells error ${code}`, async () => {
        listen();
        await authorized();
        const { request } = simulator.faults;
        request.only = ({ method }) => method === 'sendMessage';
        request.errorCodes = [code, code];
        const error = await failure(client.sendText('c', TEXT));
        expect(error).to.include({ platform: 'trueconf', reason: String(code) });
        // A number that was used, and a token that is no good, are worth another attempt.
        expect(called('sendMessage')).to.equal([2, 200, 201, 203].includes(code) ? 2 : 1);
        expect(JSON.stringify(error)).not.to.include(TEXT);
      });
  });

  describe('the connection', () => {
    it('is made when it is needed, shared, and closed after the last', async () => {
      expect(count('connected')).to.equal(0);
      const first = listen();
      const second = client.deliveries$.subscribe({ error: () => undefined });
      await Promise.all([value(client.chats()), value(client.chats()), value(client.uploadLimits())]);
      expect(count('connected')).to.equal(1);
      first.unsubscribe();
      await value(client.chats());
      second.unsubscribe();
      await until(() => count('disconnected') === 1);
      expect(statuses.map(({ kind }) => kind)).to.deep.equal(['closed', 'connecting', 'authorized', 'closed']);
      await value(client.chats());
      expect(count('connected')).to.equal(2);
      expect(simulator.journal.filter((entry) => entry.kind === 'requested' && entry.route === 'token')).to.have.length(
        1,
      );
    });

    it('delivers what the server tells, and acknowledges messages when it is told to', async () => {
      listen();
      await authorized();
      const mira = simulator.user('mira');
      mira.say('one');
      await until(() => texts().length === 1);
      expect(simulator.core.unread()).to.have.length(1);
      await until(() => count('acknowledged') === deliveries.length - 1);
      const delivery = deliveries.find(({ event }) => event.kind === 'message')!;
      expect(delivery.acknowledge()).to.equal(true);
      expect(delivery.acknowledge()).to.equal(false);
      await until(() => simulator.core.unread().length === 0);
      simulator.core.raw('no JSON');
      simulator.core.raw('[]');
      simulator.core.emit('dance', { x: 1 });
      await until(() => deliveries.at(-1)?.event.kind === 'other');
      expect(deliveries.at(-2)?.event.kind).to.equal('undecodable');
      expect(new Set(deliveries.map(({ event }) => event.id)).size).to.equal(deliveries.length);
    });

    it('acknowledges on the socket that brought the message, never on another', async () => {
      make({ receiveUnread: true });
      listen();
      await authorized();
      simulator.user('mira').say('one');
      await until(() => texts().length === 1);
      const delivery = deliveries.find(({ event }) => event.kind === 'message')!;
      simulator.core.drop();
      await until(() => texts().length === 2);
      expect(delivery.acknowledge()).to.equal(false);
      expect(simulator.core.unread()).to.have.length(1);
      expect(deliveries.at(-1)?.acknowledge()).to.equal(true);
      await until(() => simulator.core.unread().length === 0);
      expect(simulator.journal.filter(({ kind }) => kind === 'problem')).to.deep.equal([]);
    });

    for (const code of [undefined, 1000, 1001, 1011])
      it(`is made again after ${code ?? 'a cut'}, and calls wait for it`, async () => {
        listen();
        await authorized();
        simulator.core.drop(code);
        await until(() => statuses.some(({ kind }) => kind === 'reconnecting'));
        expect(await value(client.chats())).to.deep.equal([]);
        const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
        expect(reconnecting?.error).to.include({ kind: 'unreachable', reason: String(code ?? 1006) });
        expect(reconnecting?.delayMs).to.equal(1);
      });

    it('is tried with growing, capped, jittered pauses', async () => {
      simulator.faults.connection.refuse = 4;
      make({ reconnectMs: 1, maxReconnectMs: 4, jitterMs: 10, random: () => 0.2 });
      await value(client.chats());
      const pauses = statuses.flatMap((status) => (status.kind === 'reconnecting' ? [status.delayMs] : []));
      expect(pauses).to.deep.equal([3, 4, 6, 6]);
      const refused = statuses.find((status) => status.kind === 'reconnecting');
      expect(refused?.error).to.include({ kind: 'unreachable', status: 503 });
    });

    it('leaves a call in doubt that was lost with it, and repeats one that changes nothing', async () => {
      listen();
      await authorized();
      const { request } = simulator.faults;
      request.only = ({ method }) => method !== 'auth';
      request.cutAfter = 1;
      expect(await failure(client.createGroup('x'))).to.include({ kind: 'unreachable', inDoubt: true });
      expect(called('createGroupChat')).to.equal(1);
      await authorized();
      request.cutBefore = 1;
      expect(await value(client.chats())).to.have.length(1);
      expect(called('getChats')).to.equal(2);
    });

    it('tells an answer that does not come, or is late', async () => {
      make({ requestTimeoutMs: 100 });
      listen();
      await authorized();
      const { request } = simulator.faults;
      request.only = ({ method }) => method !== 'auth';
      request.silent = 2;
      expect(await failure(client.createGroup('x'))).to.include({ kind: 'timeout', inDoubt: true });
      expect(await failure(client.chats())).to.include({ kind: 'timeout', inDoubt: false });
      request.reorder = 1;
      const both = await Promise.all([value(client.chats({ count: 1 })), value(client.uploadLimits())]);
      expect(both[0]).to.have.length(1);
      expect(both[1]).to.deep.equal({});
    });

    it('lets calls wait only so long, and only so many', async () => {
      simulator.faults.connection.mute = 99;
      make({ waitMs: 20, maxWaiting: 1 });
      const waiting = failure(client.createGroup('x'));
      expect(await failure(client.createGroup('y'))).to.include({ kind: 'overflow', inDoubt: false });
      expect(await waiting).to.include({ kind: 'timeout', inDoubt: false, reason: 'noConnection' });
    });

    for (const fault of ['mute', 'freeze'] as const)
      it(`is given up when the server is ${fault === 'mute' ? 'silent' : 'half-open'} after the upgrade`, async () => {
        simulator.faults.connection[fault] = 1;
        make({ requestTimeoutMs: 50 });
        expect(await value(client.chats())).to.deep.equal([]);
        expect(count('connected')).to.be.at.least(2);
      });

    it('is given up when it is half-open, or no pong comes', async () => {
      make({ pingMs: 5, pongWithinMs: 20 });
      listen();
      await authorized();
      simulator.core.freeze();
      await until(() => count('authorized') >= 2);
      const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
      expect(reconnecting?.error.reason).to.equal('noPong');
    });

    it('asks the server where sockets cannot ping', async () => {
      const { WebSocket: Ws } = await import('ws');
      class Plain {
        readonly #ws: InstanceType<typeof Ws>;
        constructor(url: string, protocols: string[]) {
          this.#ws = new Ws(url, protocols);
        }
        get readyState(): number {
          return this.#ws.readyState;
        }
        send(text: string): void {
          this.#ws.send(text);
        }
        close(code?: number): void {
          this.#ws.close(code);
        }
        addEventListener(type: 'open', listener: (event: { readonly type: string }) => void): void {
          this.#ws.addEventListener(type, listener);
        }
      }
      make({ WebSocket: Plain, pingMs: 3, requestTimeoutMs: 50 });
      listen();
      await until(() => called('getChats') >= 2);
      simulator.core.freeze();
      await until(() => count('authorized') >= 2);
    });

    it('takes frames in fragments, and ends with one that is too large', async () => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await once(server, 'listening');
      server.on('connection', (ws) => {
        ws.on('message', (data: Buffer) => {
          const { type, id, method } = JSON.parse(data.toString()) as { type: number; id: number; method?: string };
          if (type !== 1) return;
          const payload = method === 'auth' ? { userId: 'opsbot@tc.example.org' } : { displayName: 'é'.repeat(90) };
          const answer = Buffer.from(JSON.stringify({ type: 2, id, payload }));
          for (let at = 0; at < answer.length; at += 7)
            ws.send(answer.subarray(at, at + 7), { fin: at + 7 >= answer.length, binary: false });
        });
      });
      const { port } = server.address() as AddressInfo;
      const token = simulator.core.issueToken();
      make({ port }, { token });
      expect(await value(client.displayName('a@b'))).to.equal('é'.repeat(90));
      make({ port, maxFrameBytes: 150 }, { token });
      const subscription = client.displayName('a@b').subscribe({ error: () => undefined });
      await until(() => statuses.some((status) => status.kind === 'reconnecting' && status.error.kind === 'overflow'));
      subscription.unsubscribe();
      for (const one of server.clients) one.terminate();
      server.close();
    });

    it('does not wait for ever for a socket to open', async () => {
      const open: Socket[] = [];
      const server = createTcp((tcp) => open.push(tcp.on('error', () => undefined)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      const token = simulator.core.issueToken();
      make({ port: (server.address() as AddressInfo).port, openWithinMs: 20 }, { token });
      listen();
      await until(() => statuses.some(({ kind }) => kind === 'reconnecting'));
      const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
      expect(reconnecting?.error.kind).to.equal('timeout');
      client.close();
      for (const tcp of open) tcp.destroy();
    });

    it('forgets a call that nobody waits for, and closes for good', async () => {
      listen();
      await authorized();
      simulator.faults.request.only = ({ method }) => method !== 'auth';
      simulator.faults.request.silent = 1;
      let isOver = false;
      client.deliveries$.subscribe({ complete: () => (isOver = true), error: () => undefined });
      client
        .chats()
        .subscribe({ error: () => undefined })
        .unsubscribe();
      const open = failure(client.createGroup('x'));
      client.close();
      client.close();
      expect(await open).to.include({ kind: 'unreachable', inDoubt: true });
      expect(isOver).to.equal(true);
      expect(await failure(client.chats())).to.include({ kind: 'unreachable', retryable: false });
      expect(statuses.at(-1)).to.deep.equal({ kind: 'closed' });
    });
  });

  describe('tokens', () => {
    it('are renewed when they expire, and the call is repeated once', async () => {
      listen();
      await authorized();
      const { token } = client;
      simulator.core.expireTokens();
      simulator.faults.request.only = ({ method }) => method === 'createGroupChat';
      simulator.faults.request.errorCodes = [203];
      await value(client.createGroup('x'));
      expect(called('createGroupChat')).to.equal(2);
      expect(count('authorized')).to.equal(2);
      expect(client.token).to.be.a('string').and.not.to.equal(token);
    });

    it('are renewed when a new connection finds them expired', async () => {
      listen();
      await authorized();
      simulator.core.expireTokens();
      simulator.core.drop();
      await until(() => count('authorized') >= 2);
    });

    for (const tokenExpiry of ['in', 'none'] as const)
      it(`are good without an instant: ${tokenExpiry}`, async () => {
        await restart({ tokenExpiry });
        expect(await value(client.chats())).to.deep.equal([]);
      });

    it('that somebody else asked for are good as long as they are', async () => {
      let given = simulator.core.issueToken();
      make({}, { token: given });
      expect(await value(client.chats())).to.deep.equal([]);
      expect(client.token).to.equal(given);
      simulator.core.expireTokens();
      expect(await failure(client.chats())).to.include({ kind: 'unauthorized', reason: '203' });
      expect(await failure(client.chats())).to.include({ kind: 'unauthorized' });
      expect(statuses.at(-1)).to.deep.include({ kind: 'closed' });
      make({}, { token: () => given });
      expect((await failure(client.chats())).kind).to.equal('unauthorized');
      const before = count('connected');
      expect((await failure(client.chats())).kind).to.equal('unauthorized');
      expect(count('connected')).to.equal(before);
      given = simulator.core.issueToken();
      expect(await value(client.chats())).to.deep.equal([]);
    });

    it('are not asked for again and again with a login that is refused', async () => {
      let password = 'wrong';
      make({}, { username: 'opsbot', password: () => password });
      expect(await failure(client.chats())).to.include({ kind: 'unauthorized', status: 401 });
      expect(simulator.journal.filter(({ kind }) => kind === 'requested')).to.have.length(3);
      expect((await failure(client.chats())).kind).to.equal('unauthorized');
      expect(simulator.journal.filter(({ kind }) => kind === 'requested')).to.have.length(3);
      password = PASSWORD;
      expect(await value(client.chats())).to.deep.equal([]);
    });

    it('are asked for again after what passes', async () => {
      simulator.faults.token.statuses = [503, 500];
      simulator.faults.token.page = 1;
      simulator.faults.token.empty = 1;
      expect(await value(client.chats())).to.deep.equal([]);
      const kinds = statuses.flatMap((status) => (status.kind === 'reconnecting' ? [status.error.kind] : []));
      expect(kinds).to.deep.equal(['unreachable', 'unreachable', 'undecodable', 'undecodable']);
    });

    it('are not asked for for ever where the server has no address', async () => {
      let asked = 0;
      const fetch: typeof globalThis.fetch = async () => {
        asked++;
        return Promise.reject(Object.assign(new Error(PASSWORD), { code: 'ENOTFOUND' }));
      };
      make({ fetch });
      expect(await failure(client.chats())).to.include({ kind: 'unreachable', reason: 'ENOTFOUND', inDoubt: false });
      expect(asked).to.equal(5);
      expect(statuses.at(-1)?.kind).to.equal('closed');
      await failure(client.chats());
      expect(asked).to.equal(10);
    });

    it('end it for a user who is disabled', async () => {
      simulator.core.disable('opsbot');
      const error = await failure(client.chats());
      expect(error.kind).to.equal('unauthorized');
      expect(statuses.at(-1)?.kind).to.equal('closed');
    });

    it('and passwords are nowhere to be seen', async () => {
      listen();
      await authorized();
      const { token = '' } = client;
      const pending = client.sendText('c', TEXT);
      const shown = [
        client,
        pending,
        client.status$,
        client.deliveries$,
        statuses,
        pending.subscribe({ error: () => undefined }),
      ]
        .map((thing) => inspect(thing, { depth: 8, showHidden: true, getters: true }))
        .join('\n');
      const errors = [await failure(pending), await failure(client.message('none'))];
      const all = `${shown}${JSON.stringify([client, errors])}${errors.map((error) => inspect(error, { depth: Infinity })).join('')}`;
      for (const secret of [token, PASSWORD, TEXT]) expect(all.includes(secret)).to.equal(false);
    });
  });

  describe('with TLS', () => {
    let port = 0;
    /** Passes everything on to the simulator. */
    beforeEach(async () => {
      const server = createTls({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (tls) => {
        const tcp = connect(simulator.port, '127.0.0.1');
        tls.on('error', () => tcp.destroy());
        tcp.on('error', () => tls.destroy());
        tls.pipe(tcp).pipe(tls);
      });
      server.on('tlsClientError', () => undefined);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
      ({ port } = server.address() as AddressInfo);
    });

    const everything = async (): Promise<void> => {
      listen();
      const { chatId } = await value(client.createPersonalChat('opsbot'));
      const { fileId } = await value(client.sendDocument(chatId, png));
      expect((await value(client.download(fileId))).bytes).to.have.length(4);
    };

    it('trusts nobody that the system does not', async () => {
      make({ secure: true, port });
      listen();
      await until(() => statuses.some(({ kind }) => kind === 'reconnecting'));
      const reconnecting = statuses.find((status) => status.kind === 'reconnecting');
      expect(reconnecting?.error).to.include({ kind: 'unreachable', reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      make({ secure: true, port }, { token: simulator.core.issueToken() });
      listen();
      await until(() => statuses.some(({ kind }) => kind === 'reconnecting'));
      expect(count('connected')).to.equal(0);
    });

    it('trusts an authority of its own, everywhere', async () => {
      make({ secure: true, port, tls: { ca: CERTIFICATE } });
      await everything();
    });

    it('checks nothing when it is told so, everywhere', async () => {
      make({ secure: true, port, tls: { verify: false } });
      await everything();
    });
  });

  it('reports the status there is, then its changes', async () => {
    listen();
    const [first] = await firstValueFrom(client.status$.pipe(take(1), toArray()));
    expect(first?.kind).to.equal('connecting');
    const status = await firstValueFrom(client.status$.pipe(filter(({ kind }) => kind === 'authorized')));
    expect(status).to.deep.include({ userId: 'opsbot@tc.example.org/4c9d20aa' });
  });

  it('takes hosts as people write them', async () => {
    for (const [server, host] of [
      ['тест.рф', 'xn--e1aybc.xn--p1ai'],
      ['münchen.example', 'xn--mnchen-3ya.example'],
      ['TC.example.org', 'tc.example.org'],
      ['127.0.0.1', '127.0.0.1'],
      ['[::1]', '[::1]'],
    ] as const) {
      const asked: string[] = [];
      const fetch: typeof globalThis.fetch = async (url) => {
        asked.push(url instanceof Request ? url.url : url.toString());
        return Promise.resolve(Response.json({ product: { display_name: 'x' } }));
      };
      const one = trueconfClient({ server, fetch, ...LOGIN });
      expect(one.server).to.equal(server);
      await value(one.serverName$);
      expect(asked).to.deep.equal([`https://${host}/api/v4/server`]);
    }
  });

  it('refuses wrong arguments at the call', () => {
    const base = { server: 'tc.example.org', ...LOGIN };
    for (const wrong of [
      'https://tc.example.org',
      '',
      'a b',
      'a/b',
      'a:443',
      'a@b',
      'a?b',
      'a..b',
      'a%2fb',
      '[x]',
      '[::1]:443',
      'я:443',
      5,
    ])
      expect(() => trueconfClient({ ...base, server: wrong as string }), String(wrong)).to.throw(TypeError);
    expect(() => trueconfClient({ server: 's', username: '', password: '' })).to.throw(TypeError);
    for (const token of ['', 'a b', 'a.b', 'a.b.c', 'e30.e30.x'])
      expect(() => trueconfClient({ server: 's', token })).to.throw(TypeError);
    expect(() => trueconfClient({ ...base, port: 0 })).to.throw(RangeError);
    expect(() => trueconfClient({ ...base, waitMs: 0 })).to.throw(RangeError);
    expect(() => trueconfClient({ ...base, pingMs: 2 ** 31 })).to.throw(RangeError);
    expect(() => trueconfClient({ ...base, jitterMs: NaN })).to.throw(RangeError);
  });
});
