import { expect } from 'chai';
import type { RocketchatCoreConfig } from 'tidewire/simulators';
import { BOT, Client, rest, stage, type Payload } from './simulated-desk.js';

const ALL = '__my_messages__';
const QUEUE = 'stream-livechat-inquiry-queue-observer';
const words = (client: Client, event: string): readonly unknown[] =>
  client.events(event).map(([message]) => (message as Payload)['msg']);

describe('rocketchatCore on a socket', () => {
  describe('greets', () => {
    it('whoever offers a version that it speaks', () => {
      for (const [frame, answer] of [
        [{ version: '1', support: ['1'] }, 'connected'],
        [{ version: '1', support: ['1', 'pre2', 'pre1'] }, 'connected'],
        [{ version: 'pre1', support: [] }, 'connected'],
        [{ version: '2', support: ['2'] }, 'failed'],
      ] as const) {
        const client = new Client(stage().core);
        client.send({ msg: 'connect', ...frame });
        expect(client.frames.at(-1)?.msg).to.equal(answer);
        expect(client.ends).to.deep.equal(answer === 'failed' ? [1000] : []);
      }
    });

    it('nobody who does not say hello', () => {
      const client = new Client(stage().core);
      client.send({ msg: 'method', id: '1', method: 'login', params: [] });
      expect(client.frames.at(-1)).to.include({ msg: 'error', reason: 'Must connect first' });
    });

    it('and goes on after frames that are none', () => {
      const { core } = stage();
      const client = Client.in(core);
      for (const text of ['{', '[]', '7', '{"msg":"dance"}']) client.send(text);
      expect(core.journal.filter(({ kind }) => kind === 'problem')).to.have.length(4);
      expect(client.call('dance')?.['error']).to.include({ error: 404 });
      expect(client.sub('stream-nothing', 'x')).to.deep.nested.include({ msg: 'nosub', 'error.error': 404 });
      expect(client.call('logout')).to.include({ msg: 'result' });
    });

    it('at its own address alone', () => {
      const { core } = stage();
      expect(() => new Client(core, '/elsewhere')).to.throw('404');
      expect(new Client(core, '/websocket/').ends).to.deep.equal([]);
    });
  });

  describe('keeps alive', () => {
    it('by pings after silence, and cuts who stays silent', () => {
      const { core, clock } = stage();
      const client = Client.in(core);
      clock.advance(14_000);
      client.send({ msg: 'ping', id: 'p' });
      expect(client.frames.at(-1)).to.deep.equal({ msg: 'pong', id: 'p' });
      clock.advance(14_999);
      expect(client.last('ping')).to.equal(undefined);
      clock.advance(1);
      expect(client.last('ping')).to.deep.equal({ msg: 'ping' });
      client.send({ msg: 'pong' });
      clock.advance(29_999);
      expect(client.ends).to.deep.equal([]);
      clock.advance(1);
      expect(client.ends).to.deep.equal([undefined]);
    });

    it('or not, as it is told', () => {
      const { core, clock } = stage();
      const client = Client.in(core);
      Object.assign(core.faults.connection, { noPing: true, noPong: true });
      client.send({ msg: 'ping' });
      clock.advance(15_000);
      expect(client.last('pong')).to.equal(undefined);
      expect(client.last('ping')).to.equal(undefined);
    });
  });

  describe('logs in', () => {
    const digest = '5c62e091b8c0565f1bafad0dad5934276143ae2ccef7a5381e8ada5b1a8d26d2';
    const hashed = { digest, algorithm: 'sha-256' };

    it('with a token or a hashed password', () => {
      const { core, mira } = stage();
      const client = Client.in(core);
      const result = client.call('login', { user: { username: 'mira' }, password: hashed })?.['result'] as Payload;
      expect(result).to.include({ id: mira.id, type: 'password' }).and.to.have.property('tokenExpires');
      const again = Client.in(core).call('login', { resume: result['token'] })?.['result'] as Payload;
      expect(again).to.include({ id: mira.id, type: 'resume' });
      const { authToken } = core.issueToken('mira', { isPersonal: true });
      expect(Client.in(core).call('login', { resume: authToken })?.['result']).not.to.have.property('tokenExpires');
      expect(client.call('login', { resume: 'none' })?.['error']).to.include({ error: 403 });
    });

    it('with a second factor', () => {
      const { core } = stage({ accounts: [{ ...BOT, username: 'mira', password: 'P', totp: '1' }], departments: [] });
      const client = Client.in(core);
      const login = { user: { username: 'mira' }, password: hashed };
      expect(client.call('login', login)?.['error']).to.deep.include({ error: 'totp-required' });
      expect(client.call('login', { totp: { login, code: '2' } })?.['error']).to.include({ error: 'totp-invalid' });
      expect(client.call('login', { totp: { login, code: '1' } })?.['result']).to.have.property('token');
    });

    it('which makes an agent online, as long as the socket lives', () => {
      const { core } = stage({ accounts: [{ username: 'ada' }], departments: [] });
      const status = () => rest(core, 'GET', 'me', { as: 'ada' }).body['status'];
      expect(status()).to.equal('offline');
      const client = Client.in(core, 'ada');
      expect(status()).to.equal('online');
      client.connection.closed(1000);
      expect(status()).to.equal('offline');
    });

    it('until the login expires: the socket stays, and is silent', () => {
      for (const isTold of [true, false]) {
        const { core, bot } = stage();
        const client = Client.in(core, 'helper.bot');
        client.sub('stream-room-messages', ALL);
        client.sub('stream-notify-user', `${bot.id}/force_logout`);
        core.expireTokens('helper.bot', { isTold });
        expect(client.events(`${bot.id}/force_logout`)).to.have.length(isTold ? 1 : 0);
        core.visitor('Kim').say('x');
        expect(client.heard()).to.deep.equal([]);
        expect(client.ends).to.deep.equal([]);
        expect(client.call('sendMessage', { rid: 'x', msg: 'y' })?.['error']).to.include({
          error: 'error-invalid-user',
        });
      }
    });
  });

  describe('lets listen', () => {
    it('to all of one’s messages: anybody, but without a login in silence', () => {
      const { core } = stage();
      const [stranger, lev, bot, boss] = [undefined, 'lev', 'helper.bot', 'boss'].map((name) => {
        const client = Client.in(core, name);
        expect(client.sub('stream-room-messages', ALL)).to.include({ msg: 'ready' });
        return client;
      });
      const kim = core.visitor('Kim', { department: 'Second line' });
      kim.say('x');
      core.agent('mira').take(kim.rid);
      kim.say('y');
      // An agent sees what could be taken, a manager everything.
      expect(
        [stranger, lev, bot, boss].map((client) => client?.heard().filter((word) => word.length === 1)),
      ).to.deep.equal([[], [], [], ['x', 'y']]);
      const other = core.visitor('Lee');
      other.say('z');
      expect(bot?.events(ALL).map(([, about]) => about)).to.deep.include({ roomParticipant: false, roomType: 'l' });
    });

    it('to a room: who has access, and its visitor while it is open', () => {
      for (const [version, msg] of [
        ['7.10.0', 'ready'],
        ['8.8.0', 'nosub'],
      ] as const) {
        const { core } = stage({ version });
        const kim = core.visitor('Kim');
        const rid = kim.open();
        const visitor = Client.in(core);
        const sub = (client: Client, ...args: readonly unknown[]) =>
          client.sub('stream-room-messages', rid, ...args)?.msg;
        expect(sub(visitor)).to.equal('nosub');
        expect(sub(visitor, { token: kim.token })).to.equal('nosub');
        expect(sub(visitor, { visitorToken: kim.token })).to.equal('ready');
        expect(sub(Client.in(core, 'lev'))).to.equal('nosub');
        expect(sub(Client.in(core, 'boss'))).to.equal('ready');
        kim.close();
        expect(visitor.heard(rid)).to.deep.equal(['livechat-close']);
        expect(sub(visitor, { visitorToken: kim.token })).to.equal(msg);
      }
    });

    it('to typing with `token`, to the agent with `visitorToken`', () => {
      const { core } = stage();
      const kim = core.visitor('Kim');
      const rid = kim.open();
      const visitor = Client.in(core);
      for (const [stream, event, key, msg] of [
        ['stream-notify-room', `${rid}/user-activity`, 'token', 'ready'],
        ['stream-notify-room', `${rid}/user-activity`, 'visitorToken', 'nosub'],
        ['stream-livechat-room', rid, 'visitorToken', 'ready'],
        ['stream-livechat-room', rid, 'token', 'nosub'],
        ['stream-room-data', rid, 'visitorToken', 'nosub'],
        [QUEUE, 'public', 'token', 'nosub'],
      ] as const)
        expect(visitor.sub(stream, event, { [key]: kim.token })?.msg, `${stream} ${key}`).to.equal(msg);
    });

    it('to what is one’s own', () => {
      const { core, mira, bot } = stage();
      const client = Client.in(core, 'mira');
      expect(client.sub('stream-notify-user', `${mira.id}/message`)?.msg).to.equal('ready');
      expect(client.sub('stream-notify-user', `${bot.id}/message`)?.msg).to.equal('nosub');
    });

    it('until the subscription or the socket ends', () => {
      const { core } = stage();
      const client = Client.in(core, 'boss');
      client.sub('stream-room-messages', ALL);
      const kim = core.visitor('Kim');
      kim.say('a');
      client.send({ msg: 'unsub', id: '2' });
      kim.say('b');
      expect(client.heard()).to.deep.equal(['livechat-started', 'a']);
      client.sub('stream-room-messages', ALL);
      core.drop();
      kim.say('c');
      expect(client.heard()).to.have.length(2);
      expect(client.ends).to.deep.equal([undefined]);
    });
  });

  describe('tells', () => {
    it('of an assignment, and of its end; then nothing more of the room', () => {
      const { core, bot } = stage();
      const client = Client.in(core, 'helper.bot');
      client.sub('stream-notify-user', `${bot.id}/subscriptions-changed`);
      const kim = core.visitor('Kim');
      const rid = kim.open();
      bot.take(rid);
      client.sub('stream-room-messages', rid);
      kim.say('a');
      bot.forward(rid, { agent: 'mira' });
      kim.say('b');
      const changes = client.events(`${bot.id}/subscriptions-changed`);
      expect(changes.map(([action]) => action)).to.deep.equal(['inserted', 'updated', 'removed']);
      expect(changes.at(-1)?.[1]).to.have.keys('_id', 'u', 'rid', 't');
      expect(words(client, rid).filter((word) => word === 'a' || word === 'b')).to.deep.equal(['a']);
      expect(client.frames.filter(({ msg }) => msg === 'nosub')).to.deep.equal([]);
    });

    it('of a message again when it was edited', () => {
      const { core } = stage();
      const client = Client.in(core, 'boss');
      client.sub('stream-room-messages', ALL);
      const kim = core.visitor('Kim');
      kim.edit(kim.say('a'), 'b');
      const [first, second] = client
        .events(ALL)
        .slice(-2)
        .map(([message]) => message as Payload);
      expect(second).to.include({ _id: first?.['_id'], msg: 'b' }).and.to.have.property('editedAt');
      expect(second?.['editedAt']).to.have.property('$date');
    });

    it('of inquiries where they belong; older servers also everybody', () => {
      const events = (config: RocketchatCoreConfig): readonly string[] => {
        const { core } = stage(config);
        const client = Client.in(core, 'mira');
        for (const event of ['public', 'department/sales']) client.sub(QUEUE, event);
        core.visitor('Kim').open();
        const rid = core.visitor('Lee', { department: 'Sales' }).open();
        core.agent('mira').take(rid);
        core.agent('mira').close(rid);
        return ['public', 'department/sales'].map((event) =>
          client
            .events(event)
            .map(([inquiry]) => `${String((inquiry as Payload)['type'])} ${String((inquiry as Payload)['name'])}`)
            .join(', '),
        );
      };
      const lee = 'added Lee, changed Lee, removed Lee';
      expect(events({})).to.deep.equal(['added Kim', lee]);
      expect(events({ version: '7.10.0' })).to.deep.equal([`added Kim, ${lee}`, lee]);
    });

    it('of one inquiry by its id, in other words', () => {
      const { core, mira } = stage();
      const rid = core.visitor('Kim').open();
      const { inquiryId } = core.journal.find((entry) => entry.kind === 'queued') ?? { inquiryId: '' };
      const client = Client.in(core, 'mira');
      client.sub(QUEUE, inquiryId);
      mira.take(rid);
      mira.close(rid);
      const [taken, gone] = client.events(inquiryId).map(([inquiry]) => inquiry as Payload);
      expect(taken).to.include({ clientAction: 'updated', status: 'taken', _id: inquiryId });
      expect(gone).to.deep.equal({ _id: inquiryId, clientAction: 'removed' });
    });

    it('of rooms, reading, and the status of the agent', () => {
      const { core, mira } = stage();
      const kim = core.visitor('Kim');
      const rid = kim.open();
      mira.take(rid);
      const client = Client.in(core, 'mira');
      client.sub('stream-room-data', rid);
      client.sub('stream-notify-user', `${mira.id}/rooms-changed`);
      client.sub('stream-notify-room', `${rid}/messagesRead`);
      const visitor = Client.in(core);
      visitor.sub('stream-livechat-room', rid, { visitorToken: kim.token });
      kim.say('x');
      rest(core, 'POST', 'subscriptions.read', { as: 'mira', body: { rid } });
      mira.setStatus('away');
      expect(client.events(rid, 'stream-room-data')).to.have.length(1);
      expect(client.events(`${mira.id}/rooms-changed`)).to.have.nested.property('[0][0]', 'updated');
      expect(client.events(`${rid}/messagesRead`)).to.deep.equal([[{ until: { $date: 0 } }]]);
      expect(visitor.events(rid).at(-1)).to.deep.equal([{ type: 'agentStatus', status: 'away' }]);
    });
  });

  describe('hears of typing', () => {
    const typing = (config: RocketchatCoreConfig = {}) => {
      const { core, bot } = stage(config);
      const kim = core.visitor('Kim');
      const rid = kim.open();
      bot.take(rid);
      const [agent, boss, visitor] = [Client.in(core, 'helper.bot'), Client.in(core, 'boss'), Client.in(core)];
      for (const client of [agent, boss]) client.sub('stream-notify-room', `${rid}/user-activity`);
      boss.sub('stream-notify-room', `${rid}/typing`);
      const type = (client: Client, ...params: readonly unknown[]) => client.call('stream-notify-room', ...params);
      return { agent, boss, visitor, kim, rid, type };
    };

    it('in both forms, and tells everybody but who types', () => {
      const { agent, boss, rid, type } = typing();
      type(agent, `${rid}/user-activity`, 'helper.bot', ['user-typing'], {});
      type(agent, `${rid}/typing`, 'helper.bot', false);
      expect(boss.events(`${rid}/user-activity`)).to.deep.equal([
        ['helper.bot', ['user-typing']],
        ['helper.bot', []],
      ]);
      expect(boss.events(`${rid}/typing`)).to.deep.equal([
        ['helper.bot', true],
        ['helper.bot', false],
      ]);
      expect(agent.events(`${rid}/user-activity`)).to.deep.equal([]);
    });

    it('under one’s own name alone, and is silent about the rest', () => {
      const { agent, boss, visitor, kim, rid, type } = typing();
      for (const answer of [
        type(agent, `${rid}/user-activity`, 'Helper Bot', ['user-typing'], {}),
        type(visitor, `${rid}/user-activity`, 'guest', ['user-typing'], { token: 'none' }),
        type(visitor, `${rid}/user-activity`, 'guest', ['user-typing']),
      ])
        expect(answer).to.include({ msg: 'result' }).and.not.to.have.property('error');
      expect(boss.events(`${rid}/user-activity`)).to.deep.equal([]);
      type(visitor, `${rid}/user-activity`, 'guest', ['user-typing'], { token: kim.token });
      expect(boss.events(`${rid}/user-activity`)).to.have.length(1);
      const real = typing({ realNames: true });
      real.type(real.agent, `${real.rid}/user-activity`, 'Helper Bot', ['user-typing'], {});
      expect(real.boss.events(`${real.rid}/user-activity`)).to.have.length(1);
    });
  });

  describe('sends', () => {
    it('and swallows why it did not, but for one error', () => {
      const { core, bot } = stage({ maxMessage: 3 });
      const rid = core.visitor('Kim').open();
      bot.take(rid);
      const client = Client.in(core, 'helper.bot');
      client.sub('stream-notify-user', `${bot.id}/message`);
      const send = (message: object) => client.call('sendMessage', message);
      expect(send({ _id: 'mine', rid, msg: 'abc' })?.['result']).to.deep.include({ _id: 'mine', ts: { $date: 0 } });
      const failed = send({ rid, msg: 'abcd' });
      expect(failed).not.to.have.any.keys('result', 'error');
      expect(client.events(`${bot.id}/message`)).to.have.length(1);
      expect(send({ rid: 'none', msg: 'x' })?.['error']).to.include({ error: 'error-not-allowed' });
      expect(send({ rid, msg: 'x', unknown: 1 })).to.have.property('error');
      expect(core.seenIn(rid)).to.deep.equal(['abc']);
    });
  });

  it('limits calls of people, and leaves bots alone, where messages are many', () => {
    const { core, mira, clock } = stage({ rateLimits: true });
    const rid = core.visitor('Kim').open();
    mira.take(rid);
    const client = Client.in(core, 'mira');
    const send = () => client.call('sendMessage', { rid, msg: 'x' })?.['error'] as Payload | undefined;
    for (let n = 0; n < 5; n++) expect(send()).to.equal(undefined);
    expect(send()).to.deep.include({ error: 'too-many-requests', details: { timeToReset: 1_000 } });
    clock.advance(1_000);
    expect(send()).to.equal(undefined);
    const logins = Array.from({ length: 6 }, () => client.call('login', { resume: 'none' })?.['error'] as Payload);
    expect(logins.at(-1)).to.include({ error: 'too-many-requests' });
  });
});
