import { expect } from 'chai';
import { lastValueFrom, toArray, type Observable } from 'rxjs';
import type { ChatError } from 'tidewire';
import {
  decodeStreamEvent,
  rocketchatClient,
  type RocketchatClient,
  type RocketchatClientConfig,
  type RocketchatCredentials,
  type RocketchatStatus,
  type RocketchatStreamNews,
} from 'tidewire/rocketchat';
import { rocketchatSimulator, type RocketchatSimulator, type RocketchatSimulatorConfig } from 'tidewire/simulators';
import { until } from './scripted-server.js';

const LOGIN = { user: 'helper.bot', password: 'corr3ct-horse' } as const;
const FAST = { lingerMs: 0, reconnectMs: 1, maxReconnectMs: 5, jitterMs: 0, requestTimeoutMs: 2_000 } as const;
const DANA = 'vis-test-dana-00000000000000000000000001';
const SALES = '66fa01c7d2a9b3e4f5061728';
const SECOND = '66fa01c7d2a9b3e4f5061999';
const png = { bytes: Uint8Array.of(137, 80, 78, 71), name: 'label.png', mimeType: 'image/png' };
const DEPARTMENTS = [
  { id: SALES, name: 'Sales', agents: ['helper.bot'] },
  { id: SECOND, name: 'Second line', agents: ['mira'] },
];

const HELPER = {
  username: 'helper.bot',
  password: 'corr3ct-horse',
  name: 'Helper Bot',
  roles: ['user', 'bot', 'livechat-agent'],
  permissions: ['transfer-livechat-guest', 'view-livechat-rooms'],
  status: 'online',
} as const;
const MIRA = { username: 'mira', name: 'Mira', status: 'online' } as const;
const ACCOUNTS = [HELPER, MIRA];

const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );

for (const version of ['8.8.0', '7.10.0', '6.13.0'])
  describe(`rocketchatClient on a server of version ${version}`, () => {
    let simulator: RocketchatSimulator;
    let client: RocketchatClient;
    let statuses: RocketchatStatus[] = [];
    const clients: RocketchatClient[] = [];
    const isNew = version === '8.8.0';

    const make = (more: Partial<RocketchatClientConfig> = {}, by: RocketchatCredentials = LOGIN): RocketchatClient => {
      client = rocketchatClient({ url: simulator.url, ...FAST, ...more, ...by } as RocketchatClientConfig);
      clients.push(client);
      statuses = [];
      client.status$.subscribe((status) => statuses.push(status));
      return client;
    };
    const restart = async (config: RocketchatSimulatorConfig): Promise<void> => {
      await simulator.close();
      simulator = await rocketchatSimulator({ version, accounts: ACCOUNTS, departments: DEPARTMENTS, ...config });
      make();
    };
    const listen = (stream: Observable<RocketchatStreamNews>) => {
      const news: RocketchatStreamNews[] = [];
      const ends: unknown[] = [];
      stream.subscribe({ next: (it) => news.push(it), error: (error: unknown) => ends.push(error) });
      const events = (): readonly unknown[] =>
        news.flatMap((it) => {
          if (it.kind !== 'event') return [];
          const decoded = decodeStreamEvent(it.event, { id: 'made', at: '2026-01-01T00:00:00.000Z' });
          return decoded._tag === 'Right' ? decoded.right : expect.fail(decoded.left.message);
        });
      return { news, ends, events, readies: () => news.filter(({ kind }) => kind === 'ready') };
    };
    const seen = (event: unknown): string => {
      const { kind, text, name, change } = event as { kind: string; text?: string; name?: string; change?: string };
      return [kind, text ?? name ?? change].filter((part) => part !== undefined).join(' ');
    };
    const opened = async (token = DANA) => {
      await value(client.registerVisitor({ token, name: 'Dana Okoro', department: SALES }));
      const visitor = client.asVisitor(token);
      const { room } = await value(visitor.room());
      return { visitor, rid: room.id };
    };
    const taken = async (rid: string): Promise<void> => {
      const inquiry = await value(client.inquiry(rid));
      await value(client.take(inquiry!.id));
    };

    beforeEach(async () => {
      simulator = await rocketchatSimulator({ version, accounts: ACCOUNTS, departments: DEPARTMENTS });
      make();
    });
    afterEach(async () => {
      for (const one of clients.splice(0)) one.disconnect();
      await simulator.close();
    });

    it('takes a visitor from the first word to the end', async () => {
      const visitor = await value(
        client.registerVisitor({
          token: DANA,
          name: 'Dana',
          email: 'Dana@Mail.Example',
          phone: '+4930555010',
          department: 'Sales',
        }),
      );
      expect(visitor).to.deep.include({ name: 'Dana', email: 'dana@mail.example', department: SALES });
      const guest = client.asVisitor(visitor.token);
      expect((await value(guest.get())).id).to.equal(visitor.id);
      const { room, isNew: made } = await value(guest.room());
      expect([made, room.isOpen, room.departmentId]).to.deep.equal([true, true, SALES]);
      expect((await value(guest.room())).isNew).to.equal(false);
      expect((await value(guest.config())).room).to.deep.include({ id: room.id, isOpen: true, departmentId: SALES });
      const asked = await value(guest.send(room.id, 'Where is my parcel?', { id: 'mB5xKqJ8wYt3RzLcF' }));
      expect(asked).to.include({ id: 'mB5xKqJ8wYt3RzLcF', text: 'Where is my parcel?' });
      expect((await value(guest.send(room.id, 'Where is my parcel?', { id: asked.id }))).id).to.equal(asked.id);
      expect(simulator.visitor('Dana', { token: DANA }).shows(room.id)).to.deep.equal(['Where is my parcel?']);
      expect((await value(guest.edit(room.id, asked.id, 'Where?'))).editedAt).to.be.a('string');
      expect((await value(guest.message(room.id, asked.id))).text).to.equal('Where?');
      const file = await value(guest.upload(room.id, png, { description: 'label' }));
      expect(file.media[0]).to.include({ name: 'label.png', mimeType: 'image/png' });
      const { bytes } = await value(guest.download(room.id, file.media[0]!.url!));
      expect([...bytes]).to.deep.equal([...png.bytes]);

      await taken(room.id);
      const [served] = (await value(client.rooms({ open: true }).pipe())).items;
      expect(served?.servedBy?.username).to.equal('helper.bot');
      const sent = await value(client.send(room.id, 'It left today.', { id: 'pQ2dVn6XsTg8HjKwM' }));
      expect((await value(client.send(room.id, 'It left today.', { id: sent.id }))).id).to.equal(sent.id);
      await value(client.edit(room.id, sent.id, 'It left at noon.'));
      expect((await value(client.message(sent.id))).text).to.equal('It left at noon.');
      const upload = await value(client.upload(room.id, png, { text: 'see' }));
      expect([...(await value(client.download(upload.media[0]!.url!))).bytes]).to.deep.equal([...png.bytes]);
      const gone = await value(client.send(room.id, 'oops'));
      await value(client.remove(room.id, gone.id));
      await value(client.markRead(room.id));
      const history = await value(guest.historySince(room.id, () => false));
      expect(history.flatMap(({ type, text }) => (type === undefined ? [text] : []))).to.deep.equal([
        'Where?',
        '',
        'It left at noon.',
        upload.text,
      ]);
      expect((await value(client.sync(room.id, '2020-01-01T00:00:00.000Z'))).deleted.map(({ id }) => id)).to.include(
        gone.id,
      );
      expect((await value(client.subscriptions())).updated).to.deep.equal([room.id]);
      expect((await value(guest.agent(room.id)))?.username).to.equal('helper.bot');

      expect(await failure(client.close(room.id))).to.include({ reason: 'error-comment-is-required' });
      await value(client.close(room.id, { comment: 'solved', tags: ['parcel'] }));
      await value(client.close(room.id, { comment: 'again' }));
      expect(await value(client.inquiry(room.id))).to.equal(undefined);
      expect(await failure(guest.send(room.id, 'hello?'))).to.include({ kind: 'refused', reason: 'room-closed' });
      expect(await failure(guest.room({ rid: room.id }))).to.include({ kind: 'refused', reason: 'invalid-room' });
      const after = await value(guest.history(room.id));
      expect(after.at(-1)?.type).to.equal('livechat-close');
    });

    it('manages agents, departments and the queue', async () => {
      await restart({
        accounts: [
          { ...HELPER, roles: [...HELPER.roles, 'livechat-manager'] },
          MIRA,
          { username: 'ann', roles: ['user'] },
        ],
      });
      const ann = await value(client.addStaff('agent', 'ann'));
      expect((await value(client.staffMember('agent', ann.id)))?.username).to.equal('ann');
      expect((await value(client.staff('agent'))).items.map(({ username }) => username)).to.include('ann');
      await value(client.removeStaff('agent', ann.id));
      expect(await value(client.staffMember('agent', ann.id))).to.equal(undefined);
      expect((await value(client.departments())).items.map(({ name }) => name)).to.deep.equal(['Sales', 'Second line']);
      expect((await value(client.department(SALES))).agents.map(({ username }) => username)).to.deep.equal([
        'helper.bot',
      ]);
      expect((await value(client.config())).isOnline).to.equal(true);
      const { rid } = await opened();
      expect((await value(client.inquiries({ department: SALES }))).items.map(({ roomId }) => roomId)).to.deep.equal([
        rid,
      ]);
      expect((await value(client.inquiries({ department: 'nowhere' }))).items).to.deep.equal([]);
      expect((await value(client.queue())).items.map(({ roomId }) => roomId)).to.deep.equal([rid]);
      await value(client.setAvailable(false));
      expect(await failure(client.take((await value(client.inquiry(rid)))!.id))).to.include({
        reason: 'error-agent-status-service-offline',
      });
      await value(client.setAvailable(true));
      await value(client.setStatus('online'));
      await taken(rid);
      expect((await value(client.inquiry(rid)))?.status).to.equal('taken');
      await value(client.routing());
    });

    it('gives rooms away', async () => {
      const mira = simulator.agent('mira');
      const { rid, visitor } = await opened();
      await taken(rid);
      await value(client.forward(rid, { agent: mira.id, comment: 'needs a human' }));
      expect(mira.serves).to.deep.equal([rid]);
      expect(await failure(client.forward(rid, { department: 'nowhere' }))).to.include({
        reason: 'error-invalid-department',
      });
      const other = await opened('another-token-of-a-visitor-000000000001');
      await value(other.visitor.transfer(other.rid, SECOND));
      expect((await value(client.inquiry(other.rid)))?.department).to.equal(SECOND);
      if (isNew) {
        await taken(other.rid);
        expect(await value(client.returnToQueue(other.rid))).to.equal(true);
      } else expect(await failure(client.returnToQueue(other.rid))).to.include({ kind: 'unsupported' });
      await value(visitor.close(rid));
      await value(visitor.close(rid));
    });

    it('is faster than somebody else, or not', async () => {
      const { rid } = await opened();
      const { id } = (await value(client.inquiry(rid)))!;
      simulator.faults.race.take = 1;
      expect(await failure(client.take(id))).to.include({ kind: 'conflict', reason: 'error-inquiry-taken' });
    });

    it('reads all of a long history', async () => {
      const { rid, visitor } = await opened();
      const dana = simulator.core.visitorOf(DANA);
      for (let n = 0; n < 173; n++) dana.say(`m${n}`);
      const history = await value(visitor.historySince(rid, () => false));
      const texts = history.flatMap(({ type, text }) => (type === undefined ? [text] : []));
      expect(texts).to.have.length(173);
      expect(new Set(texts).size).to.equal(173);
    });

    describe('in trouble', () => {
      it('renews a login that expired, once for all calls', async () => {
        const { rid } = await opened();
        await taken(rid);
        simulator.core.expireTokens();
        await Promise.all([value(client.send(rid, 'a')), value(client.markRead(rid)), value(client.inquiry(rid))]);
        const logins = simulator.journal.filter(
          (entry) => entry.kind === 'requested' && 'route' in entry && entry.route === 'login',
        );
        expect(logins).to.have.length(2);
      });

      it('keeps within the limits of every route, so that nothing is refused', async () => {
        await restart({ callLimit: 3, windowMs: 60_000 });
        make({ maxWaitMs: 100, rateWindowMs: 60_000 }, {});
        const { rid, visitor } = await opened();
        const results = await Promise.all(
          Array.from({ length: 9 }, async (_, n) =>
            value(visitor.send(rid, `m${n}`)).then(
              () => 'done',
              (error: unknown) => (error as ChatError).reason,
            ),
          ),
        );
        expect(results).to.deep.equal([...Array<string>(3).fill('done'), ...Array<string>(6).fill('ownLimit')]);
        expect(simulator.journal.filter((entry) => 'status' in entry && entry.status === 429)).to.deep.equal([]);
        expect(simulator.core.visitorOf(DANA).shows(rid)).to.deep.equal(['m0', 'm1', 'm2']);
      });

      it('tells every kind of trouble apart', async () => {
        const { rid, visitor } = await opened();
        const { rest } = simulator.faults;
        rest.only = ({ route }) => route === 'livechat/message';
        const trouble: readonly (readonly [() => void, object])[] = [
          [() => (rest.resetBefore = 1), { kind: 'unreachable', inDoubt: true }],
          [() => (rest.resetAfter = 1), { kind: 'unreachable', inDoubt: true }],
          [() => (rest.statuses = [500]), { kind: 'unreachable', inDoubt: true }],
          [() => (rest.page = 1), { kind: 'unreachable', inDoubt: true, reason: 'notRocketChat' }],
          [() => (rest.pageAfter = 1), { kind: 'unreachable', inDoubt: true }],
          [
            () => {
              rest.refuse = 1;
              rest.refuseWith = 'error-not-allowed';
            },
            { kind: 'refused', reason: 'error-not-allowed' },
          ],
        ];
        for (const [arm, wanted] of trouble) {
          arm();
          expect(await failure(visitor.send(rid, 'x')), JSON.stringify(wanted)).to.include(wanted);
        }
        rest.empty = 1;
        expect((await value(visitor.send(rid, 'read back'))).text).to.equal('read back');
      });

      it('finds out what became of a message in doubt', async () => {
        const { rid, visitor } = await opened();
        const { rest } = simulator.faults;
        rest.only = ({ route }) => route === 'livechat/message';
        rest.resetAfter = 1;
        expect(await failure(visitor.send(rid, 'one', { id: 'idOne' }))).to.include({ inDoubt: true });
        expect((await value(visitor.message(rid, 'idOne'))).text).to.equal('one');
        rest.resetBefore = 1;
        expect(await failure(visitor.send(rid, 'two', { id: 'idTwo' }))).to.include({ inDoubt: true });
        expect(await failure(visitor.message(rid, 'idTwo'))).to.include({ kind: 'refused', reason: 'invalid-message' });
        await value(visitor.send(rid, 'one', { id: 'idOne' }));
        expect(simulator.core.visitorOf(DANA).shows(rid)).to.deep.equal(['one']);
      });

      it('waits and comes again when it is throttled all the same', async () => {
        await restart({ windowMs: 40 });
        const { rid, visitor } = await opened();
        const { rest } = simulator.faults;
        rest.throttle = 1;
        rest.only = ({ route }) => route === 'livechat/message';
        expect((await value(visitor.send(rid, 'x'))).text).to.equal('x');
      });

      it('is refused with the wrong password, token, second factor, or visitor', async () => {
        make({}, { ...LOGIN, password: 'wrong' });
        expect(await failure(client.login())).to.include({ kind: 'unauthorized', reason: 'Unauthorized' });
        make({}, { authToken: 'no-such-token', userId: 'aGt9SwEdR4fVb6HyN' });
        expect(await failure(client.rooms())).to.include({ kind: 'unauthorized' });
        await restart({ accounts: [{ ...HELPER, permissions: [], totp: '123456' }, MIRA] });
        expect(await failure(client.login())).to.include({ kind: 'unauthorized', reason: 'totp-required' });
        await value(make({}, { ...LOGIN, code: () => '123456' }).login());
        await value(make({}, { ...LOGIN, hashed: true, code: () => '123456' }).login());
        const { authToken, userId } = simulator.core.issueToken('helper.bot');
        expect((await value(make({}, { resume: authToken }).login())).userId).to.equal(userId);
        const personal = simulator.core.issueToken('helper.bot', { isPersonal: true });
        expect((await value(make({}, personal).subscriptions())).updated).to.deep.equal([]);
        expect(await failure(client.rooms())).to.include({ kind: 'refused', status: 403 });
        expect(await failure(client.asVisitor('nobody').get())).to.include({
          kind: 'refused',
          reason: 'invalid-token',
        });
      });
    });

    describe('in realtime', () => {
      it('hears messages, edits, deletions, typing and the queue', async () => {
        const { rid } = await opened();
        await taken(rid);
        const mine = listen(client.stream('room-messages', '__my_messages__'));
        const activity = listen(client.stream('notify-room', `${rid}/user-activity`));
        const deletions = listen(client.stream('notify-room', `${rid}/deleteMessage`));
        const queue = listen(client.stream('livechat-inquiry-queue-observer', `department/${SALES}`));
        await until(() => [mine, activity, deletions, queue].every(({ readies }) => readies().length === 1));
        const dana = simulator.core.visitorOf(DANA);
        const id = dana.say('one');
        dana.edit(id, 'two');
        dana.type();
        dana.remove(id);
        await until(
          () => mine.events().length >= 3 && activity.events().length === 1 && deletions.events().length === 1,
        );
        expect(mine.events().map(seen)).to.deep.equal(['message one', 'message two', 'edited two']);
        expect(activity.events()[0]).to.deep.include({ kind: 'progress', what: 'typing', active: true });
        expect(deletions.events()[0]).to.deep.include({ kind: 'removed', messageId: id });
        simulator.visitor('Lev', { department: 'Sales' }).say('hi');
        await until(() => queue.events().length > 0);
        expect(queue.events()[0]).to.deep.include({ kind: 'other', name: 'queued' });
        await value(client.typing(rid));
        await until(() =>
          simulator.journal.some((entry) => entry.kind === 'typing' || JSON.stringify(entry).includes('user-typing')),
        );
      });

      it('is a visitor', async () => {
        make({}, {});
        const { visitor, rid } = await opened();
        const messages = listen(visitor.stream('room-messages', rid));
        const notices = listen(visitor.stream('livechat-room', rid));
        const activity = listen(visitor.stream('notify-room', rid, 'user-activity'));
        await until(() => [messages, notices, activity].every(({ readies }) => readies().length === 1));
        const mira = simulator.agent('mira');
        mira.join(rid);
        mira.say(rid, 'Hello');
        mira.type(rid);
        await until(() => activity.events().length > 0);
        expect(messages.events().map(seen)).to.include('message Hello');
        await value(visitor.typing(rid, 'Dana'));
        expect(await failure(client.asVisitor('nobody-at-all').stream('livechat-room', rid))).to.include({
          kind: 'refused',
        });
        await value(visitor.close(rid));
        await until(() => messages.events().map(seen).includes('ended'));
        if (!isNew) return;
        expect(await failure(make({}, {}).asVisitor(DANA).stream('room-messages', rid))).to.include({
          kind: 'refused',
          reason: 'not-allowed',
        });
      });

      it('comes back after a cut, and tells the gap', async () => {
        const { rid } = await opened();
        await taken(rid);
        const mine = listen(client.stream('room-messages', '__my_messages__'));
        await until(() => mine.readies().length === 1);
        simulator.core.drop();
        await until(() => mine.readies().length === 2);
        expect(mine.readies()[1]).to.have.property('gapSince');
        simulator.core.visitorOf(DANA).say('after');
        await until(() => mine.events().length > 0);
      });

      it('logs in again when the server takes the login away', async () => {
        const { rid } = await opened();
        await taken(rid);
        const mine = listen(client.stream('room-messages', '__my_messages__'));
        await until(
          () =>
            mine.readies().length === 1 &&
            simulator.journal.some((entry) => JSON.stringify(entry).includes('force_logout')),
        );
        simulator.core.expireTokens();
        await until(() => mine.readies().length === 2);
        simulator.core.visitorOf(DANA).say('after');
        await until(() => mine.events().length > 0);
      });

      for (const fault of ['refuse', 'mute', 'freeze'] as const)
        it(`gets over a connection that goes wrong: ${fault}`, async () => {
          make({ requestTimeoutMs: 60, openWithinMs: 60 });
          await value(client.login());
          simulator.faults.connection[fault] = 1;
          const mine = listen(client.stream('room-messages', '__my_messages__'));
          await until(() => mine.readies().length === 1);
          expect(statuses.some(({ kind }) => kind === 'reconnecting')).to.equal(true);
        });

      it('tells what a call over the socket came to', async () => {
        const { method } = simulator.faults;
        const mine = listen(client.stream('room-messages', '__my_messages__'));
        await until(() => mine.readies().length === 1);
        method.only = ({ method: name }) => name !== 'login';
        method.cutAfter = 1;
        expect(await failure(client.call('stream-notify-room', ['x/user-activity', 'helper.bot', [], {}]))).to.include({
          inDoubt: true,
        });
        method.updatedFirst = 1;
        expect(
          await value(client.call('UserPresence:away', [], { repeatable: true }).pipe(toArray())).catch(
            (error: unknown) => (error as ChatError).kind,
          ),
        ).to.not.equal('undecodable');
      });
    });
  });
