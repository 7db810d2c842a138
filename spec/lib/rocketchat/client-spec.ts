import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { lastValueFrom, toArray, type Observable } from 'rxjs';
import type { ChatError } from 'tidewire';
import {
  rocketchatClient,
  type RocketchatClient,
  type RocketchatClientConfig,
  type RocketchatCredentials,
  type RocketchatVisitorClient,
} from 'tidewire/rocketchat';
import { virtualClock } from 'tidewire/testing';
import { fixtures } from '../../support/fixtures.js';
import { hexOf, sha256 } from '../../../lib/rocketchat/sha256.js';
import { ScriptedServer, type Answer, type Asked, type Script } from './scripted-server.js';

interface Exchange {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: object;
  };
  readonly response: Answer;
}
const http = fixtures('rocketchat/http') as ReadonlyMap<string, Exchange>;
const fixture = (name: string): Exchange => http.get(name) ?? expect.fail(`no fixture ${name}`);
const answerOf = (name: string): Answer => fixture(name).response;

const BOT = 'aGt9SwEdR4fVb6HyN';
const AUTH = 'tok_test_helper_bot_00000000000000000000000';
const PASSWORD = 'corr3ct-horse';
const TOKEN = 'vis-test-dana-00000000000000000000000001';
const ROOM = 'hT7mQpWz4KcYb2NdR';
const INQUIRY = '6740aa12f3c2b91d5e7a0c33';
const SALES = '66fa01c7d2a9b3e4f5061728';
const TEXT = 'text-7be1f0';
const NOT_LOGGED_IN: Answer = {
  status: 401,
  body: { success: false, status: 'error', error: 'You must be logged in to do this.' },
};
const png = { bytes: Uint8Array.of(137, 80, 78, 71), name: 'label.png', mimeType: 'image/png' };

const names = (length: number): readonly string[] => Array.from({ length }, (_, n) => `t${n}`);
const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );

describe('rocketchatClient', () => {
  let server: ScriptedServer;
  let client: RocketchatClient;
  let visitor: RocketchatVisitorClient;
  const clients: RocketchatClient[] = [];

  const make = (
    more: Partial<RocketchatClientConfig> = {},
    by: RocketchatCredentials = { authToken: AUTH, userId: BOT },
  ): RocketchatClient => {
    client = rocketchatClient({ url: server.url, version: '8.0', ...more, ...by } as RocketchatClientConfig);
    clients.push(client);
    visitor = client.asVisitor(TOKEN);
    return client;
  };
  const say = (...answers: readonly Answer[]): void => {
    const left = [...answers];
    server.script = () => (left.length > 1 ? left.shift() : left[0]) ?? { body: { success: true } };
  };
  const last = (): Asked => server.asked.at(-1) ?? expect.fail('nothing was asked');

  beforeEach(async () => {
    server = await ScriptedServer.start();
    make();
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.disconnect();
    await server.close();
  });

  describe('on the wire', () => {
    const thirteen: readonly (readonly [name: string, as: 'visitor' | 'user', call: () => Observable<unknown>])[] = [
      [
        'visitor',
        'visitor',
        () =>
          client.registerVisitor({
            token: TOKEN,
            name: 'Dana Okoro',
            email: 'Dana@Mail.Example',
            phone: '+4930555010',
            department: 'Sales',
            customFields: { orderNo: 'A-1042' },
          }),
      ],
      ['room', 'visitor', () => visitor.room()],
      ['rooms', 'user', () => client.rooms({ open: true, agents: [BOT], createdAfter: '2026-11-20T00:00:00.000Z' })],
      ['message', 'visitor', () => visitor.send(ROOM, 'Where is my parcel?', { id: 'mB5xKqJ8wYt3RzLcF' })],
      ['history', 'visitor', () => visitor.history(ROOM)],
      ['inquiries', 'user', () => client.inquiries()],
      ['take', 'user', () => make({ version: '7.12' }).take(INQUIRY)],
      ['inquiry', 'user', () => client.inquiry(ROOM)],
      ['agents', 'user', () => client.staff('agent')],
      ['agent-create', 'user', () => client.addStaff('agent', 'helper.bot')],
      ['agent', 'user', () => client.staffMember('agent', BOT)],
      ['agent-delete', 'user', () => client.removeStaff('agent', BOT)],
      ['send', 'user', () => client.send(ROOM, 'It left the depot today.', { id: 'pQ2dVn6XsTg8HjKwM' })],
      [
        'forward',
        'user',
        () => client.forward(ROOM, { department: '66fa01c7d2a9b3e4f5061999', comment: 'needs a human' }),
      ],
      ['close', 'user', () => client.close(ROOM, { comment: 'solved', tags: ['parcel'] })],
    ];
    for (const [name, as, call] of thirteen) {
      it(`makes ${name} as it is written`, async () => {
        const { request, response } = fixture(name);
        say(response);
        await value(call());
        const { method, path, headers, body } = last();
        expect({ method, path }).to.deep.equal({ method: request.method, path: request.path });
        expect(body === '' ? undefined : JSON.parse(body)).to.deep.equal(request.body);
        expect(headers['content-type']).to.equal(request.body === undefined ? undefined : 'application/json');
        const isUser = as === 'user';
        expect(headers['x-auth-token']).to.equal(isUser ? AUTH : undefined);
        expect(headers['x-user-id']).to.equal(isUser ? BOT : undefined);
        expect(server.asked).to.have.length(1);
      });
    }

    it('makes the thirteenth: a visitor by token, encoded', async () => {
      say(answerOf('visitor'));
      expect((await value(client.asVisitor('a/b?c#d').get())).token).to.equal(TOKEN);
      expect(last()).to.include({ method: 'GET', path: '/api/v1/livechat/visitor/a%2Fb%3Fc%23d', body: '' });
    });

    const V = '/api/v1/livechat';
    const others: readonly (readonly [string, () => Observable<unknown>, Answer, string, object?])[] = [
      ['delete', () => visitor.delete(), {}, `DELETE ${V}/visitor/${TOKEN}`],
      [
        'room of an agent',
        () => visitor.room({ rid: ROOM, agent: BOT }),
        answerOf('room'),
        `GET ${V}/room?token=${TOKEN}&rid=${ROOM}&agentId=${BOT}`,
      ],
      [
        'message',
        () => visitor.message(ROOM, 'm1'),
        answerOf('message'),
        `GET ${V}/message/m1?token=${TOKEN}&rid=${ROOM}`,
      ],
      [
        'edit',
        () => visitor.edit(ROOM, 'm1', 'x'),
        answerOf('message'),
        `PUT ${V}/message/m1`,
        { token: TOKEN, rid: ROOM, msg: 'x' },
      ],
      ['remove', () => visitor.remove(ROOM, 'm1'), {}, `DELETE ${V}/message/m1`, { token: TOKEN, rid: ROOM }],
      [
        'history',
        () => visitor.history(ROOM, { limit: 5, before: '2026-11-20T10:00:00.000Z', offset: 2 }),
        answerOf('history'),
        `GET ${V}/messages.history/${ROOM}?token=${TOKEN}&limit=5&end=2026-11-20T10%3A00%3A00.000Z&offset=2`,
      ],
      ['close of a visitor', () => visitor.close(ROOM), {}, `POST ${V}/room.close`, { rid: ROOM, token: TOKEN }],
      [
        'transfer',
        () => visitor.transfer(ROOM, SALES),
        {},
        `POST ${V}/visitor/department.transfer`,
        { token: TOKEN, rid: ROOM, department: SALES },
      ],
      [
        'transfer before 8',
        () => {
          make({ version: '7.13' });
          return visitor.transfer(ROOM, SALES);
        },
        {},
        `POST ${V}/room.transfer`,
        { token: TOKEN, rid: ROOM, department: SALES },
      ],
      [
        'agent',
        () => visitor.agent(ROOM),
        { body: { agent: { _id: BOT }, success: true } },
        `GET ${V}/agent.info/${ROOM}/${TOKEN}`,
      ],
      ['nextAgent', () => visitor.nextAgent(SALES), {}, `GET ${V}/agent.next/${TOKEN}?department=${SALES}`],
      [
        'config',
        () => client.config(SALES),
        { body: { config: { enabled: true } } },
        `GET ${V}/config?department=${SALES}`,
      ],
      [
        'config of a visitor',
        () => visitor.config(),
        { body: { config: { enabled: true } } },
        `GET ${V}/config?token=${TOKEN}`,
      ],
      [
        'setCustomFields',
        () => visitor.setCustomFields({ a: '1' }),
        {},
        `POST ${V}/custom.field`,
        { token: TOKEN, key: 'a', value: '1', overwrite: true },
      ],
      [
        'setCustomFields of two',
        () => visitor.setCustomFields({ a: '1', b: '2' }, { overwrite: false }),
        {},
        `POST ${V}/custom.fields`,
        {
          token: TOKEN,
          customFields: [
            { key: 'a', value: '1', overwrite: false },
            { key: 'b', value: '2', overwrite: false },
          ],
        },
      ],
      [
        'setStatus of a visitor',
        () => visitor.setStatus('away'),
        {},
        `POST ${V}/visitor.status`,
        { token: TOKEN, status: 'away' },
      ],
      [
        'visitPage',
        () => visitor.visitPage({ title: 't', url: 'https://shop.example/' }, ROOM),
        {},
        `POST ${V}/page.visited`,
        {
          token: TOKEN,
          rid: ROOM,
          pageInfo: { title: 't', change: 'url', location: { href: 'https://shop.example/' } },
        },
      ],
      [
        'requestTranscript',
        () => visitor.requestTranscript(ROOM, 'd@mail.example'),
        {},
        `POST ${V}/transcript`,
        { token: TOKEN, rid: ROOM, email: 'd@mail.example' },
      ],
      [
        'leaveMessage',
        () => client.leaveMessage({ name: 'D', email: 'd@mail.example', message: 'x', department: SALES }),
        {},
        `POST ${V}/offline.message`,
        { name: 'D', email: 'd@mail.example', message: 'x', department: SALES },
      ],
      [
        'take from 7.13',
        () => client.take(INQUIRY, { agent: BOT }),
        {},
        `POST ${V}/inquiries.take`,
        { inquiryId: INQUIRY, userId: BOT, options: { clientAction: true } },
      ],
      [
        'queue',
        () => client.queue({ department: SALES, count: 9, offset: 3, sort: { ts: 1 } }),
        answerOf('inquiries'),
        `GET ${V}/inquiries.queuedForUser?department=${SALES}&count=9&offset=3&sort=%7B%22ts%22%3A1%7D`,
      ],
      [
        'staff',
        () => client.staff('manager', { text: 'a&b' }),
        answerOf('agents'),
        `GET ${V}/users/manager?text=a%26b&count=50&offset=0`,
      ],
      [
        'rooms',
        () =>
          client.rooms({
            departments: ['a', 'b'],
            tags: ['x'],
            onHold: false,
            queued: true,
            name: 'n',
            customFields: { a: 'b' },
            closedBefore: '2026-11-20T00:00:00.000Z',
          }),
        answerOf('rooms'),
        `GET ${V}/rooms?departmentId[]=a&departmentId[]=b&closedAt=%7B%22end%22%3A%222026-11-20T00%3A00%3A00.000Z%22%7D&tags[]=x&customFields=%7B%22a%22%3A%22b%22%7D&roomName=n&onhold=false&queued=true&count=50&offset=0`,
      ],
      ['room of ours', () => client.room(ROOM), answerOf('room'), `GET /api/v1/rooms.info?roomId=${ROOM}`],
      [
        'edit of ours',
        () => client.edit(ROOM, 'm1', 'x'),
        answerOf('send'),
        'POST /api/v1/chat.update',
        { roomId: ROOM, msgId: 'm1', text: 'x' },
      ],
      [
        'remove of ours',
        () => client.remove(ROOM, 'm1'),
        {},
        'POST /api/v1/chat.delete',
        { roomId: ROOM, msgId: 'm1' },
      ],
      ['message of ours', () => client.message('m1'), answerOf('send'), 'GET /api/v1/chat.getMessage?msgId=m1'],
      [
        'react',
        () => client.react('m1', ':ok:'),
        {},
        'POST /api/v1/chat.react',
        { messageId: 'm1', emoji: ':ok:', shouldReact: true },
      ],
      ['join', () => client.join(ROOM), {}, `GET ${V}/room.join?roomId=${ROOM}`],
      [
        'close with everything',
        () =>
          client.close(ROOM, {
            transcript: { email: 'd@mail.example', subject: 'Your chat' },
            makePdf: true,
            force: true,
          }),
        {},
        `POST ${V}/room.closeByUser`,
        {
          rid: ROOM,
          transcriptEmail: { sendToVisitor: true, requestData: { email: 'd@mail.example', subject: 'Your chat' } },
          generateTranscriptPdf: true,
          forceClose: true,
        },
      ],
      [
        'forward to an agent',
        () => client.forward(ROOM, { agent: BOT }),
        {},
        `POST ${V}/room.forward`,
        { roomId: ROOM, userId: BOT },
      ],
      [
        'returnToQueue',
        () => client.returnToQueue(ROOM, SALES),
        { body: { result: true, success: true } },
        `POST ${V}/inquiries.returnAsInquiry`,
        { roomId: ROOM, departmentId: SALES },
      ],
      [
        'transfers',
        () => client.transfers(ROOM),
        { body: { history: [], success: true } },
        `GET ${V}/transfer.history/${ROOM}?count=50&offset=0`,
      ],
      [
        'saveInfo',
        () =>
          client.saveInfo({
            visitorId: 'v',
            roomId: ROOM,
            name: 'D',
            visitorFields: { a: 'b' },
            topic: 't',
            tags: ['x'],
          }),
        {},
        `POST ${V}/room.saveInfo`,
        {
          guestData: { _id: 'v', name: 'D', livechatData: { a: 'b' } },
          roomData: { _id: ROOM, topic: 't', tags: ['x'] },
        },
      ],
      [
        'departments',
        () => client.departments({ text: 'x', enabled: true }),
        { body: { departments: [] } },
        `GET ${V}/department?text=x&enabled=true&count=50&offset=0`,
      ],
      [
        'department',
        () => client.department(SALES),
        { body: { department: { _id: SALES } } },
        `GET ${V}/department/${SALES}`,
      ],
      ['routing', () => client.routing(), { body: { config: {} } }, `GET ${V}/config/routing`],
      [
        'setAvailable',
        () => client.setAvailable(false, BOT),
        {},
        `POST ${V}/agent.status`,
        { status: 'not-available', agentId: BOT },
      ],
      [
        'setStatus',
        () => client.setStatus('busy', 'lunch'),
        {},
        'POST /api/v1/users.setStatus',
        { status: 'busy', message: 'lunch' },
      ],
      [
        'sync',
        () => client.sync(ROOM, '2026-11-20T10:00:00.000Z'),
        { body: { result: { updated: [], deleted: [] } } },
        `GET /api/v1/chat.syncMessages?roomId=${ROOM}&lastUpdate=2026-11-20T10%3A00%3A00.000Z`,
      ],
      ['subscriptions', () => client.subscriptions(), { body: { update: [] } }, 'GET /api/v1/subscriptions.get'],
      ['markRead', () => client.markRead(ROOM), {}, 'POST /api/v1/subscriptions.read', { rid: ROOM }],
      [
        'receipts',
        () => client.receipts('m1'),
        { body: { receipts: [] } },
        'GET /api/v1/chat.getMessageReadReceipts?messageId=m1',
      ],
      [
        'send with options',
        () => client.send(ROOM, '', { id: 'm1', thread: 'm0', alias: 'A', attachments: [{ text: 'x' }] }),
        answerOf('send'),
        'POST /api/v1/chat.sendMessage',
        { message: { _id: 'm1', rid: ROOM, msg: '', tmid: 'm0', alias: 'A', attachments: [{ text: 'x' }] } },
      ],
      [
        'any other',
        () =>
          client.request({ call: 'x', method: 'POST', route: 'chat.pinMessage', body: { messageId: 'm' }, as: 'user' }),
        {},
        'POST /api/v1/chat.pinMessage',
        { messageId: 'm' },
      ],
    ];
    for (const [name, call, answer, line, body] of others) {
      it(`makes ${name} as it is written`, async () => {
        say({ status: 200, body: { success: true }, ...answer });
        expect(await value(call().pipe(toArray()))).to.have.length(1);
        const asked = last();
        expect(`${asked.method} ${asked.path}`).to.equal(line);
        expect(asked.body === '' ? undefined : JSON.parse(asked.body)).to.deep.equal(body);
      });
    }

    it('makes uploads as forms', async () => {
      say(answerOf('upload'));
      const sent = await value(visitor.upload(ROOM, png, { description: 'parcel label' }));
      expect(sent.media[0]).to.include({ name: 'label.png', sizeBytes: 2048 });
      const { method, path, headers, body } = last();
      expect({ method, path }).to.deep.equal({ method: 'POST', path: `/api/v1/livechat/upload/${ROOM}` });
      expect(headers).to.include({ 'x-visitor-token': TOKEN });
      const boundary = /boundary=(\S+)$/.exec(headers['content-type'] ?? '')?.[1] ?? '';
      expect(body).to.equal(
        `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="label.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n` +
          `--${boundary}\r\nContent-Disposition: form-data; name="description"\r\n\r\nparcel label\r\n--${boundary}--\r\n`,
      );

      say({ body: { file: { _id: 'f1', url: '/file-upload/f1/label.png' }, success: true } }, answerOf('send'));
      await value(client.upload(ROOM, png, { text: 'look' }));
      const [media, confirm] = server.asked.slice(-2);
      expect(media?.path).to.equal(`/api/v1/rooms.media/${ROOM}`);
      expect(media?.headers).to.include({ 'x-auth-token': AUTH }).and.not.to.have.property('x-visitor-token');
      expect(`${confirm?.method ?? ''} ${confirm?.path ?? ''} ${confirm?.body ?? ''}`).to.equal(
        `POST /api/v1/rooms.mediaConfirm/${ROOM}/f1 {"msg":"look"}`,
      );
      make({ version: '6.13' });
      say(answerOf('send'));
      await value(client.upload(ROOM, png, { text: 'look' }));
      expect(last().path).to.equal(`/api/v1/rooms.upload/${ROOM}`);
      expect((await failure(make({ maxUploadBytes: 3 }).upload(ROOM, png))).kind).to.equal('overflow');
    });

    it('fetches files with the rights of whoever asks, and nothing else', async () => {
      server.script = () => ({
        body: 'PNG',
        headers: { 'content-type': 'image/png', 'content-disposition': 'inline; filename="a.png"' },
      });
      const file = await value(client.download('/file-upload/f1/a.png'));
      expect({ text: Buffer.from(file.bytes).toString(), name: file.name, type: file.mimeType }).to.deep.equal({
        text: 'PNG',
        name: 'a.png',
        type: 'image/png',
      });
      expect(last().headers).to.include({ 'x-auth-token': AUTH, 'x-user-id': BOT });
      await value(visitor.download(ROOM, `${server.url}/file-upload/f1/a.png`));
      expect(last().path).to.equal(`/file-upload/f1/a.png?rc_room_type=l&rc_rid=${ROOM}&rc_token=${TOKEN}`);
      expect(last().headers).not.to.have.property('x-auth-token');
      await value(client.download('/file-upload/f1/a%2Fb...png'));
      const asked = server.asked.length;
      for (const url of [
        `${server.url}/api/v1/livechat/room.join?roomId=x`,
        '/file-upload/../api/v1/logout',
        '/file-upload/%2e%2e/api/v1/logout',
        '/file-upload/..%2Fapi%2Fv1%2Flogout',
        '/file-upload/..%5capi',
        '/',
        '//evil.example/x',
        'javascript:x',
      ])
        expect((await failure(client.download(url))).kind, url).to.equal('unsupported');
      expect((await failure(client.download('http://127.0.0.1:1/file-upload/x'))).kind).to.equal('unsupported');
      expect(server.asked).to.have.length(asked);
      server.script = () => ({ status: 302, headers: { location: 'http://10.0.0.1/secret' } });
      expect((await failure(client.download('/file-upload/f1/a.png'))).kind).to.equal('unsupported');
    });

    it('keeps a path of the installation, and slashes apart', async () => {
      make({ url: `${server.url}/rc/` });
      say(answerOf('room'));
      await value(visitor.room());
      expect(last().path).to.equal(`/rc/api/v1/livechat/room?token=${TOKEN}`);
    });
  });

  describe('its login', () => {
    const LOGIN = { user: 'helper.bot', password: PASSWORD } as const;
    const loggingIn = (after: Script = () => ({ body: { success: true } })): void => {
      server.script = (asked) => (asked.path === '/api/v1/login' ? answerOf('login') : after(asked));
    };
    const logins = (): readonly unknown[] =>
      server.asked.filter(({ path }) => path === '/api/v1/login').map(({ body }) => JSON.parse(body) as unknown);

    it('is made when it is needed, once for all who wait', async () => {
      loggingIn();
      make({}, LOGIN);
      await Promise.all([value(client.join(ROOM)), value(client.markRead(ROOM)), value(client.setStatus('online'))]);
      expect(logins()).to.deep.equal([fixture('login').request.body]);
      expect(server.asked.slice(1).every(({ headers }) => headers['x-auth-token'] === AUTH)).to.equal(true);
      expect(await value(client.login())).to.deep.equal({ userId: BOT, username: 'helper.bot' });
    });

    it('is made with a hashed password, a second factor, or an earlier token', async () => {
      loggingIn();
      let codes = 0;
      await value(make({}, { ...LOGIN, hashed: true, code: () => `00000${++codes}` }).login());
      await value(make({}, { resume: 'earlier-token' }).login());
      const digest = createHash('sha256').update(PASSWORD).digest('hex');
      expect(logins()).to.deep.equal([
        { user: 'helper.bot', password: { digest, algorithm: 'sha-256' }, code: '000001' },
        { resume: 'earlier-token' },
      ]);
    });

    it('is renewed when it has expired, once for all calls that meet that, and they are repeated', async () => {
      let token = 0;
      server.script = ({ path, headers }) => {
        if (path === '/api/v1/login')
          return { body: { status: 'success', data: { userId: BOT, authToken: `t${++token}` } } };
        return headers['x-auth-token'] === 't1' ? NOT_LOGGED_IN : { body: { success: true } };
      };
      make({}, LOGIN);
      await Promise.all([value(client.join(ROOM)), value(client.markRead(ROOM)), value(client.setStatus('online'))]);
      expect(logins()).to.have.length(2);
      expect(server.asked.filter(({ headers }) => headers['x-auth-token'] === 't2')).to.have.length(3);
    });

    it('is renewed once only for a call', async () => {
      loggingIn(() => NOT_LOGGED_IN);
      make({}, LOGIN);
      expect(await failure(client.join(ROOM))).to.include({ kind: 'unauthorized', reason: 'not-logged-in' });
      expect(logins()).to.have.length(2);
    });

    it('is not tried again as long as the password is the one that was refused', async () => {
      let password = 'wrong';
      server.script = ({ path, body }) => {
        if (path !== '/api/v1/login') return { body: { success: true } };
        return body.includes('wrong') ? answerOf('login-refused') : answerOf('login');
      };
      make({}, { user: 'helper.bot', password: () => password });
      for (let n = 0; n < 3; n++)
        expect(await failure(client.join(ROOM))).to.include({ kind: 'unauthorized', reason: 'Unauthorized' });
      expect(logins()).to.have.length(1);
      password = PASSWORD;
      await value(client.join(ROOM));
      expect(logins()).to.have.length(2);
    });

    it('asks for another code after one that was refused, or was missing', async () => {
      const totp = { status: 'error', error: 'totp-required', message: 'x', details: { method: 'totp' } };
      server.script = ({ path, body }) => {
        if (path !== '/api/v1/login') return { body: { success: true } };
        return body.includes('"2"') ? answerOf('login') : { status: 401, body: totp };
      };
      let code = 0;
      make({}, { ...LOGIN, code: () => String(++code) });
      const error = await failure(client.join(ROOM));
      expect(error).to.include({ kind: 'unauthorized', reason: 'totp-required' });
      expect(error.problems).to.deep.equal(['a second factor is asked for: totp']);
      await value(client.join(ROOM));
    });

    it('is not tried again while a second factor is missing, or is the one that was refused', async () => {
      const totp = { status: 'error', error: 'totp-invalid', message: 'x' };
      server.script = ({ path, body }) => {
        if (path !== '/api/v1/login') return { body: { success: true } };
        return body.includes('"good"') ? answerOf('login') : { status: 401, body: totp };
      };
      make({}, LOGIN);
      for (let n = 0; n < 3; n++)
        expect(await failure(client.join(ROOM))).to.include({ kind: 'unauthorized', reason: 'totp-invalid' });
      expect(logins()).to.have.length(1);
      let code = 'bad';
      make({}, { ...LOGIN, code: () => code });
      for (let n = 0; n < 3; n++) expect((await failure(client.join(ROOM))).reason).to.equal('totp-invalid');
      expect(logins()).to.have.length(2);
      code = 'good';
      await value(client.join(ROOM));
    });

    it('with a token that is refused ends calls at once, until there is another', async () => {
      server.script = ({ headers }) =>
        headers['x-auth-token'] === 'good' ? { body: { success: true } } : NOT_LOGGED_IN;
      expect(await failure(client.join(ROOM))).to.include({ kind: 'unauthorized', reason: 'not-logged-in' });
      expect(await failure(client.join(ROOM))).to.include({ kind: 'unauthorized', reason: 'refusedBefore' });
      expect(server.asked).to.have.length(1);
      let token = 'bad';
      make({}, { authToken: () => token, userId: BOT });
      expect((await failure(client.join(ROOM))).kind).to.equal('unauthorized');
      expect((await failure(client.join(ROOM))).kind).to.equal('unauthorized');
      expect(server.asked).to.have.length(2);
      token = 'good';
      await value(client.join(ROOM));
    });

    it('is not needed by visitors, and goes with their calls only when it is asked to', async () => {
      say(answerOf('room'));
      make({}, {});
      await value(visitor.room());
      expect(last().headers).not.to.have.property('x-auth-token');
      expect(await failure(client.join(ROOM))).to.include({ kind: 'unauthorized', reason: 'noLogin' });
      make({ identifyVisitorCalls: true });
      await value(visitor.room());
      expect(last().headers).to.include({ 'x-auth-token': AUTH });
    });

    it('tells a page of a proxy from an answer', async () => {
      make({}, LOGIN);
      say({ body: '<html>maintenance</html>' });
      expect(await failure(client.login())).to.include({ kind: 'undecodable' });
      say({ status: 502, body: '<html>bad gateway</html>' });
      expect(await failure(client.login())).to.include({ kind: 'unreachable', inDoubt: false });
    });
  });

  describe('its answers', () => {
    it('are errors when they say so, whatever their status', async () => {
      say({ body: { success: false, error: 'room-closed' } });
      expect(await failure(visitor.edit(ROOM, 'm', TEXT))).to.include({
        kind: 'refused',
        reason: 'room-closed',
        status: 200,
      });
      say(answerOf('take-twice'));
      expect(await failure(client.take(INQUIRY))).to.include({ kind: 'conflict' });
      say({ body: '<html>login</html>' });
      expect(await failure(client.forward(ROOM, { agent: BOT }))).to.include({ kind: 'undecodable', inDoubt: true });
      expect(await failure(client.rooms())).to.include({ kind: 'undecodable', inDoubt: false });
      say({ status: 502, body: '<html>bad gateway</html>' });
      expect(await failure(client.forward(ROOM, { agent: BOT }))).to.include({
        kind: 'unreachable',
        inDoubt: true,
        reason: 'notRocketChat',
      });
      say({ status: 302, headers: { location: 'https://elsewhere.example/' } });
      expect(await failure(client.rooms())).to.include({ kind: 'undecodable' });
      server.script = () => 'hang up';
      expect(await failure(client.forward(ROOM, { agent: BOT }))).to.include({ kind: 'unreachable', inDoubt: true });
      expect(await failure(client.edit(ROOM, 'm', 'x'))).to.include({ kind: 'unreachable', inDoubt: false });
      server.script = () => 'silence';
      expect(await failure(make({ timeoutMs: 30 }).forward(ROOM, { agent: BOT }))).to.include({
        kind: 'timeout',
        inDoubt: true,
      });
    });

    it('to a close of what is closed are none', async () => {
      say(answerOf('close-twice'));
      expect(await value(client.close(ROOM).pipe(toArray()))).to.deep.equal([undefined]);
      say({ status: 400, body: { success: false, error: 'room-closed' } });
      expect(await value(visitor.close(ROOM).pipe(toArray()))).to.deep.equal([undefined]);
      say(answerOf('close-no-comment'));
      expect(await failure(client.close(ROOM))).to.include({ reason: 'error-comment-is-required' });
    });

    for (const name of ['message-again-legacy', 'message-again-current', 'message-prevented'] as const)
      it(`to a message that was sent before are that message: ${name}`, async () => {
        server.script = ({ method }) => (method === 'POST' ? answerOf(name) : answerOf('message'));
        const sent = await value(visitor.send(ROOM, 'Where is my parcel?', { id: 'mB5xKqJ8wYt3RzLcF' }));
        expect(sent).to.include({ id: 'mB5xKqJ8wYt3RzLcF', roomId: ROOM });
      });

    it('to a message that nobody says is not there leave it in doubt', async () => {
      const bare = { status: 400, body: { success: false } };
      server.script = () => bare;
      expect(await failure(visitor.send(ROOM, TEXT))).to.include({ kind: 'refused', inDoubt: true });
      // What an agent asks for in vain is answered so.
      server.script = ({ path }) => (path.includes('login') ? answerOf('login') : bare);
      expect(await failure(client.send(ROOM, TEXT))).to.include({ kind: 'refused', inDoubt: false });
    });

    it('to a message that was not sent are the error, or tell whose id it is', async () => {
      server.script = ({ method }) =>
        method === 'POST'
          ? answerOf('message-prevented')
          : { status: 400, body: { success: false, error: 'invalid-message' } };
      expect(await failure(visitor.send(ROOM, TEXT))).to.include({ kind: 'refused', status: 400, inDoubt: false });
      say(answerOf('message'));
      expect(await failure(visitor.send('elsewhere', TEXT, { id: 'mB5xKqJ8wYt3RzLcF' }))).to.include({
        kind: 'conflict',
        reason: 'idInUse',
      });
      say(answerOf('message-closed'));
      const before = server.asked.length;
      expect(await failure(visitor.send(ROOM, TEXT))).to.include({ reason: 'room-closed' });
      expect(server.asked).to.have.length(before + 1);
      server.script = ({ path }) => (path.includes('sendMessage') ? { body: { success: true } } : answerOf('send'));
      expect(await value(client.send(ROOM, 'x', { id: 'pQ2dVn6XsTg8HjKwM' }))).to.include({ id: 'pQ2dVn6XsTg8HjKwM' });
    });

    it('to a message that may have been sent before, and cannot be looked at, leave it in doubt', async () => {
      for (const look of ['hang up', NOT_LOGGED_IN, { status: 502, body: '<html>' }] as const) {
        server.script = ({ method }) => (method === 'POST' ? answerOf('message-again-legacy') : look);
        expect(await failure(visitor.send(ROOM, TEXT))).to.include({ kind: 'refused', inDoubt: true, status: 400 });
      }
    });

    it('to a department that does not exist leave out what others wait for', async () => {
      say(answerOf('inquiries'));
      expect((await value(client.inquiries({ department: SALES }))).items).to.have.length(1);
      expect((await value(client.inquiries({ department: 'nowhere' }))).items).to.deep.equal([]);
    });

    it('tell the version once, unless it is known', async () => {
      server.script = ({ path }) =>
        path === '/api/info' ? { body: { version: '7.13', success: true } } : { body: { success: true } };
      client = rocketchatClient({ url: server.url, authToken: AUTH, userId: BOT });
      clients.push(client);
      await Promise.all([
        value(client.take(INQUIRY)),
        value(client.take(INQUIRY)),
        value(client.asVisitor(TOKEN).transfer(ROOM, SALES)),
      ]);
      expect(server.asked.filter(({ path }) => path === '/api/info')).to.have.length(1);
      expect(server.asked.map(({ path }) => path)).to.include('/api/v1/livechat/room.transfer');
      expect(await value(client.version$)).to.equal('7.13');
      expect(await failure(make({ version: '7.11' }).returnToQueue(ROOM))).to.include({ kind: 'unsupported' });
    });
  });

  describe('the limits of the server', () => {
    let refusals = 0;
    const limited = (limit: number, clockIsOffBy = 0): void => {
      const used = new Map<string, number>();
      refusals = 0;
      server.script = ({ path }) => {
        const count = (used.get(path) ?? 0) + 1;
        used.set(path, count);
        const headers = {
          'x-ratelimit-limit': String(limit),
          'x-ratelimit-remaining': String(Math.max(0, limit - count)),
          'x-ratelimit-reset': String(Date.now() + clockIsOffBy + 60_000),
          date: new Date(Date.now() + clockIsOffBy).toUTCString(),
        };
        if (count <= limit) return { body: { success: true }, headers };
        refusals++;
        return { ...answerOf('rate-limited'), headers };
      };
    };

    it('are kept before there is anything to refuse', async () => {
      limited(4);
      make({ maxWaitMs: 1_000 });
      const calls = Array.from({ length: 8 }, async () =>
        value(client.join(ROOM)).then(
          () => 'done',
          (error: unknown) => (error as ChatError).kind,
        ),
      );
      const results = await Promise.all(calls);
      expect(results).to.deep.equal([...Array<string>(4).fill('done'), ...Array<string>(4).fill('throttled')]);
      expect(refusals).to.equal(0);
    });

    it('are kept where its clock is not ours, too', async () => {
      for (const offBy of [-3_600_000, -30_000, 3_600_000]) {
        limited(4, offBy);
        make({ maxWaitMs: 1_000 });
        const results = await Promise.allSettled(Array.from({ length: 8 }, async () => value(client.join(ROOM))));
        expect(results.filter(({ status }) => status === 'rejected')).to.have.length(4);
        expect(refusals).to.equal(0);
        expect((await failure(client.join(ROOM))).retryAfterMs).to.be.within(50_000, 62_000);
      }
    });

    it('are told to whoever would wait too long, without a call', async () => {
      limited(1);
      make({ maxWaitMs: 1_000 });
      await value(client.join(ROOM));
      const error = await failure(client.join(ROOM));
      expect(error).to.include({ kind: 'throttled', reason: 'ownLimit' });
      expect(error.retryAfterMs).to.be.within(50_000, 60_000);
      expect(server.asked).to.have.length(1);
      await value(client.setStatus('online'));
    });

    /** A client whose calls are counted when they are made. */
    const counting = () => {
      const clock = virtualClock();
      const made: string[] = [];
      const fetch: typeof globalThis.fetch = async (url, init) => {
        made.push(`${init?.method ?? ''} ${new URL(url as string).pathname}`);
        return globalThis.fetch(url, init);
      };
      make({ scheduler: clock, fetch });
      return { clock, made };
    };

    it('are not lifted by an answer that was given before anything was counted', async () => {
      server.script = () => (server.asked.length === 1 ? answerOf('no-permission') : 'silence');
      const { clock, made } = counting();
      expect(await failure(client.markRead(ROOM))).to.include({ kind: 'refused', status: 403 });
      const calls = Array.from({ length: 20 }, () => client.markRead(ROOM).subscribe({ error: () => undefined }));
      expect(made).to.have.length(2);
      clock.advance(2_000);
      expect(made).to.have.length(10);
      for (const call of calls) call.unsubscribe();
    });

    it('are stricter for visitors and rooms, as long as no answer has told', () => {
      server.script = () => 'silence';
      const { clock, made } = counting();
      const calls = names(20).flatMap((token): readonly Observable<unknown>[] => [
        client.registerVisitor({ token }),
        client.asVisitor(token).room(),
        client.markRead(ROOM),
      ]);
      const subscriptions = calls.map((call) => call.subscribe({ error: () => undefined }));
      clock.advance(2_000);
      const count = (line: string): number => made.filter((one) => one === line).length;
      expect(count('POST /api/v1/livechat/visitor')).to.equal(5);
      expect(count('GET /api/v1/livechat/room')).to.equal(5);
      expect(count('POST /api/v1/subscriptions.read')).to.equal(10);
      for (const subscription of subscriptions) subscription.unsubscribe();
    });
  });

  describe('a visitor', () => {
    it('opens one room at a time', async () => {
      let open = 0;
      let most = 0;
      server.script = async () => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setImmediate(resolve));
        open--;
        return answerOf('room');
      };
      await Promise.all([value(visitor.room()), value(visitor.room()), value(client.asVisitor(TOKEN).room())]);
      expect(most).to.equal(1);
    });

    it('is not let near the room of another', async () => {
      say(answerOf('room'));
      await value(visitor.room());
      const other = client.asVisitor('another-token');
      for (const call of [other.send(ROOM, TEXT), other.history(ROOM), other.close(ROOM), other.room({ rid: ROOM })])
        expect(await failure(call)).to.include({ kind: 'refused', reason: 'foreignToken' });
      expect(server.asked).to.have.length(1);
    });

    it('is remembered with so many rooms, the latest', async () => {
      make({ maxRooms: 1 });
      const room = answerOf('room').body as { readonly room: object };
      say(answerOf('room'), { body: { ...room, room: { ...room.room, _id: 'another' } } }, { body: { success: true } });
      await value(visitor.room());
      await value(visitor.room());
      const other = client.asVisitor('another-token');
      expect(await failure(other.close('another'))).to.include({ reason: 'foreignToken' });
      await value(other.close(ROOM));
    });

    it('keeps the rooms when the token changes hands', async () => {
      say(answerOf('room'));
      await value(client.asVisitor('old-token').room());
      const { body } = answerOf('visitor') as { body: { visitor: object } };
      say({ body: { ...body, visitor: { ...body.visitor, token: 'new-token' } } });
      expect((await value(client.registerVisitor({ token: 'old-token' }))).token).to.equal('new-token');
      say({ body: { success: true } });
      await value(client.asVisitor('new-token').close(ROOM));
      expect(await failure(client.asVisitor('old-token').close(ROOM))).to.include({ reason: 'foreignToken' });
    });

    /** A server with so many messages, some in the same millisecond. */
    const withHistory = (times: readonly number[]): void => {
      const all = times.map((ms, n) => ({
        _id: `m${String(n).padStart(4, '0')}`,
        rid: ROOM,
        msg: String(n),
        ts: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
        u: { _id: BOT },
      }));
      server.script = ({ path }) => {
        const { searchParams } = new URL(path, server.url);
        const end = searchParams.get('end');
        const before = all.filter(({ ts }) => end === null || ts < end);
        const limit = Number(searchParams.get('limit') ?? 20);
        const offset = Number(searchParams.get('offset') ?? 0);
        return { body: { messages: before.reverse().slice(offset, offset + limit), success: true } };
      };
    };
    const idsOf = async (isKnown: (id: string) => boolean): Promise<readonly string[]> =>
      (await value(visitor.historySince(ROOM, ({ id }) => isKnown(id)))).map(({ id }) => id);

    it('reads all history back, each message once, in order', async () => {
      withHistory(Array.from({ length: 173 }, (_, n) => Math.floor(n / 7)));
      expect(await idsOf(() => false)).to.deep.equal(
        Array.from({ length: 173 }, (_, n) => `m${String(n).padStart(4, '0')}`),
      );
    });

    it('reads history back to what is known', async () => {
      withHistory(Array.from({ length: 400 }, (_, n) => n));
      const found = await idsOf((id) => id <= 'm0330');
      expect(found).to.have.length(69);
      expect(found[0]).to.equal('m0331');
      expect(server.asked).to.have.length(2);
      expect(await failure(visitor.historySince(ROOM, () => false, { maxMessages: 60 }))).to.include({
        kind: 'overflow',
      });
    });

    it('reads more messages of one millisecond than a page has', async () => {
      withHistory([...Array.from({ length: 5 }, () => 1), ...Array.from({ length: 170 }, () => 2), 3]);
      expect(await idsOf(() => false)).to.have.length(176);
    });
  });

  it('refuses before the wire what cannot be', async () => {
    const reasons: readonly (readonly [Observable<unknown>, object])[] = [
      [client.send(ROOM, ' '), { kind: 'unsupported', reason: 'emptyMessage' }],
      [visitor.send(ROOM, ''), { kind: 'unsupported', reason: 'emptyMessage' }],
      [client.leaveMessage({ name: 'x', email: 'y', message: '' }), { reason: 'emptyMessage' }],
      [client.edit(ROOM, 'm', '\n'), { reason: 'emptyMessage' }],
      [client.send(ROOM, 'x'.repeat(5_001)), { kind: 'overflow' }],
      [client.send('', 'x'), { kind: 'unsupported', reason: 'invalidId' }],
      [client.inquiry('..'), { reason: 'invalidId' }],
      [client.staffMember('agent', 'a/b'), { reason: 'invalidId' }],
      [client.forward(ROOM, { department: 'no such department' }), { reason: 'invalidId' }],
      [client.forward(ROOM, {}), { reason: 'noTarget' }],
      [client.setAvailable(true, 'a b'), { reason: 'invalidId' }],
      [client.addStaff('agent', ' '), { kind: 'unsupported', reason: 'noName' }],
      [client.react('m1', ''), { kind: 'unsupported', reason: 'noEmoji' }],
      [visitor.message(ROOM, 'a?b'), { reason: 'invalidId' }],
      [client.registerVisitor({ token: ' ' }), { kind: 'unsupported', reason: 'invalidToken' }],
      [client.registerVisitor({ token: '..' }), { reason: 'invalidToken' }],
    ];
    for (const [call, wanted] of reasons) expect(await failure(call)).to.include(wanted);
    expect(() => client.asVisitor('')).to.throw(TypeError);
    expect(() => visitor.history(ROOM, { limit: 101 })).to.throw(RangeError);
    expect(() => visitor.history(ROOM, { before: 'yesterday' })).to.throw(RangeError);
    expect(() => client.subscriptions('1 May 2026')).to.throw(RangeError, 'since must be an ISO 8601 instant');
    for (const name of ['createdAfter', 'createdBefore', 'closedAfter', 'closedBefore'])
      expect(() => client.rooms({ [name]: 'yesterday' })).to.throw(RangeError, name);
    expect(() => visitor.history(ROOM, { offset: -1 })).to.throw(RangeError);
    expect(() => visitor.historySince(ROOM, () => true, { maxMessages: 0 })).to.throw(RangeError);
    expect(() => client.rooms({ count: 0 })).to.throw(RangeError);
    expect(() => client.inquiries({ offset: -1 })).to.throw(RangeError);
    expect(() => client.sync(ROOM, 'x')).to.throw(RangeError);
    expect(server.asked).to.deep.equal([]);
  });

  it('refuses a wrong config at the call', () => {
    const url = 'https://chat.shop.example';
    for (const wrong of ['', 'ftp://x', 'https://a:b@x', 'https://x/?a', 'https://x/#a', 'x y'])
      expect(() => rocketchatClient({ url: wrong })).to.throw(TypeError);
    for (const by of [
      { authToken: '', userId: 'x' },
      { authToken: 'a b', userId: 'x' },
      { authToken: 'a', userId: '' },
      { user: '', password: 'x' },
      { user: 'x', password: '' },
      { resume: '' },
    ])
      expect(() => rocketchatClient({ url, ...by })).to.throw(TypeError);
    expect(() => rocketchatClient({ url, user: 'x' } as unknown as RocketchatClientConfig)).to.throw(TypeError);
    expect(() => rocketchatClient({ url, version: 'new' })).to.throw(TypeError);
    for (const wrong of [
      { timeoutMs: 0 },
      { maxWaitMs: -1 },
      { pingMs: 2 ** 31 },
      { silenceMs: 1, pingMs: 2 },
      { jitterMs: NaN },
    ])
      expect(() => rocketchatClient({ url, ...wrong })).to.throw(RangeError);
  });

  it('takes what it said itself for no code, whoever repeats it', async () => {
    const code = '481516';
    const login = () => make({}, { user: 'helper.bot', password: PASSWORD, code: () => code }).login();
    const cases: readonly (readonly [secret: string, call: () => Observable<unknown>])[] = [
      [PASSWORD, login],
      [code, login],
      [AUTH, () => client.send(ROOM, 'Hello')],
      ['Hello', () => client.send(ROOM, 'Hello')],
      [TOKEN, () => visitor.get()],
      [TOKEN, () => visitor.send(ROOM, 'Hello')],
      [TOKEN, () => visitor.upload(ROOM, png)],
      ['Hello', () => visitor.send(ROOM, 'Hello')],
    ];
    for (const [secret, call] of cases)
      for (const echo of [
        { error: secret },
        { error: `text [${secret}]` },
        { errorType: secret },
        { error: `must be ${secret}` },
        { reason: secret.length > 6 ? `x-${secret}` : secret },
      ])
        for (const status of [400, 401]) {
          // As many as this would be more than the server allows.
          make();
          say({ status, body: { success: false, ...echo } });
          const error = await failure(call());
          expect(inspect(error) + JSON.stringify(error)).not.to.include(secret);
        }
  });

  it('shows no token, password or text, whatever is looked at', async () => {
    const told: unknown[] = [];
    server.script = ({ path }) =>
      path === '/api/v1/login'
        ? answerOf('login')
        : { status: 400, body: { success: false, error: `${TOKEN} ${AUTH} ${TEXT}` } };
    make({}, { user: 'helper.bot', password: PASSWORD });
    const errors = [
      await failure(visitor.send(ROOM, TEXT)),
      await failure(visitor.get()),
      await failure(client.send(ROOM, TEXT)),
      await failure(visitor.upload(ROOM, { ...png, name: TEXT })),
      await failure(client.asVisitor('another').agent(ROOM)),
    ];
    const pending = visitor.send(ROOM, TEXT);
    told.push(
      client,
      visitor,
      pending,
      pending.subscribe({ error: () => undefined }),
      client.status$,
      client.rooms(),
      visitor.stream('room-messages', ROOM),
    );
    const shown = told.map((thing) => inspect(thing, { depth: 8, showHidden: true, getters: true })).join('\n');
    const all = `${shown}${JSON.stringify([client, visitor, errors])}${errors.map((error) => inspect(error, { depth: Infinity })).join('')}`;
    for (const secret of [TOKEN, AUTH, PASSWORD, TEXT])
      expect(all.includes(secret), secret.slice(0, 4)).to.equal(false);
  });
});

describe('sha256', () => {
  it('is that of Node, for every length around a block', () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, n) => (n * 31 + length) % 256);
      expect(hexOf(sha256(bytes))).to.equal(createHash('sha256').update(bytes).digest('hex'));
    }
  });
});
