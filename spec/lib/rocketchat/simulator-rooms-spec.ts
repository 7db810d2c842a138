import { expect } from 'chai';
import type { RocketchatCoreConfig } from 'tidewire/simulators';
import { Client, rest, stage, type Payload } from './simulated-desk.js';

/** The kinds of all effects in rooms, oldest first. */
const kinds = ({ core }: ReturnType<typeof stage>): readonly string[] =>
  core.journal.flatMap((entry) => ('rid' in entry && entry.kind !== 'hooked' ? [entry.kind] : []));
const roomOf = ({ core }: ReturnType<typeof stage>, rid: string): Payload => {
  const { rooms } = rest(core, 'GET', 'livechat/rooms', { as: 'boss' }).body as { rooms: Payload[] };
  return rooms.find(({ _id }) => _id === rid) ?? {};
};
const inquiryOf = ({ core }: ReturnType<typeof stage>, rid: string): Payload | null =>
  rest(core, 'GET', `livechat/inquiries.getOne?roomId=${rid}`, { as: 'mira' }).body['inquiry'] as Payload | null;

describe('rocketchatCore keeps rooms', () => {
  it('one open for a visitor, and another one when it is closed', () => {
    const { core } = stage();
    const kim = core.visitor('Kim');
    const get = (more = '') => rest(core, 'GET', `livechat/room?token=${kim.token}${more}`).body;
    const first = get();
    const rid = String((first['room'] as Payload)['_id']);
    expect(first).to.include({ newRoom: true });
    expect(get()).to.deep.include({ newRoom: false });
    expect(get(`&rid=${rid}`)).to.deep.include({ newRoom: false });
    kim.close();
    expect(get(`&rid=${rid}`)).to.deep.equal({ success: false, error: 'invalid-room' });
    expect((get()['room'] as Payload)['_id']).not.to.equal(rid);
  });

  it('from the queue to their end: what is open is absent then, and the inquiry is gone', () => {
    const desk = stage();
    const { core, mira } = desk;
    const kim = core.visitor('Kim', { department: 'Sales' });
    const rid = kim.open();
    expect(roomOf(desk, rid)).to.include({ open: true, waitingResponse: true }).and.not.to.have.property('servedBy');
    expect(inquiryOf(desk, rid)).to.include({ status: 'queued', department: 'sales' });
    mira.take();
    expect(inquiryOf(desk, rid)).to.include({ status: 'taken' });
    mira.say(rid, 'Hello');
    expect(roomOf(desk, rid)).to.nested.include({ 'servedBy.username': 'mira', msgs: 4 });
    mira.close(rid, 'solved', ['parcel']);
    expect(inquiryOf(desk, rid)).to.equal(null);
    const closed = roomOf(desk, rid);
    expect(closed).not.to.have.property('open');
    expect(closed).to.deep.include({ closer: 'user', closedBy: { _id: mira.id, username: 'mira' }, tags: ['parcel'] });
    expect(kinds(desk)).to.deep.equal([
      'opened',
      'posted',
      'queued',
      'taken',
      'joined',
      'posted',
      'posted',
      'posted',
      'closed',
      'posted',
    ]);
    expect(kim.sees()).to.deep.equal(['Hello']);
    expect(mira.serves).to.deep.equal([]);
  });

  it('with the two messages of an agent who joins, by turns', () => {
    const { core, mira } = stage();
    const joins = ['Kim', 'Lee'].map((name) => {
      const rid = mira.take(core.visitor(name).open());
      return core.journal.flatMap((entry) => (entry.kind === 'posted' && entry.rid === rid ? [entry.t] : [])).slice(-2);
    });
    expect(joins).to.deep.equal([
      ['command', 'uj'],
      ['uj', 'command'],
    ]);
  });

  it('for nobody, while no agent is there', () => {
    const { core, mira, bot } = stage();
    const kim = core.visitor('Kim');
    mira.setStatus('offline');
    expect(kim.open()).to.be.a('string');
    kim.close();
    bot.setAvailable(false);
    expect(() => kim.open()).to.throw('no-agent-online');
    const config = () => rest(core, 'GET', 'livechat/config').body['config'] as Payload;
    expect(config()).to.include({ online: false });
    bot.setAvailable(true);
    expect(config()).to.include({ online: true });
    expect(stage({ acceptsWithoutAgents: true, accounts: [], departments: [] }).core.visitor('Kim').open()).to.be.a(
      'string',
    );
  });

  it('for the agent who is asked for', () => {
    const { core, mira } = stage();
    core.visitor('Kim');
    const get = (id: string) => rest(core, 'GET', `livechat/room?token=visitor-Kim&agentId=${id}`);
    expect(get('none').body).to.include({ errorType: 'no-agent-online' });
    expect(get(mira.id).body['room']).to.nested.include({ 'servedBy.username': 'mira' });
  });

  describe('given to agents', () => {
    const auto = (config: RocketchatCoreConfig = {}) =>
      stage({
        routing: 'auto',
        departments: [],
        accounts: [
          { username: 'ada', status: 'online' },
          { username: 'ben', status: 'online', maxChats: 1 },
        ],
        ...config,
      });

    it('by load, and then by who waits longest', () => {
      const { core, clock } = auto();
      const served = ['a', 'b', 'c'].map((name) => {
        clock.advance(1);
        const rid = core.visitor(name).open();
        return ['ada', 'ben', 'mira'].find((agent) => core.agent(agent).serves.includes(rid));
      });
      expect(served).to.have.members(['ada', 'ben', 'mira']);
    });

    it('up to their limit; then a room stays ready, and is not listed', () => {
      const { core } = auto({ accounts: [{ username: 'ada', status: 'online', maxChats: 1 }] });
      for (const name of ['mira', 'helper.bot']) core.agent(name).setAvailable(false);
      const [one, two] = ['a', 'b'].map((name) => core.visitor(name).open());
      expect(core.agent('ada').serves).to.deep.equal([one]);
      core.agent('boss', { roles: ['livechat-manager', 'livechat-agent'] }).setAvailable(false);
      const one_ = rest(core, 'GET', `livechat/inquiries.getOne?roomId=${two ?? ''}`, { as: 'boss' }).body['inquiry'];
      expect(one_).to.include({ status: 'ready' });
      expect(rest(core, 'GET', 'livechat/inquiries.list', { as: 'boss' }).body).to.include({ total: 0 });
    });

    it('to a bot first, where it is so', () => {
      const { core, bot } = stage({ botsFirst: true });
      const rid = core.visitor('Kim').open();
      expect(bot.serves).to.deep.equal([rid]);
    });

    it('or passed over without a word, when the agent is full', () => {
      const desk = stage({ accounts: [{ username: 'ada', status: 'online', maxChats: 0 }], departments: [] });
      const { core } = desk;
      core.visitor('Kim').open();
      const inquiryId = (core.journal.find(({ kind }) => kind === 'queued') as { inquiryId: string }).inquiryId;
      const take = (options = {}) =>
        rest(core, 'POST', 'livechat/inquiries.take', { as: 'ada', body: { inquiryId, ...options } });
      expect(take()).to.deep.include({ status: 200, body: { success: true } });
      expect(core.agent('ada').serves).to.deep.equal([]);
      expect(take({ options: { clientAction: true } }).status).to.equal(400);
    });

    it('with options from 7.13 on', () => {
      for (const [version, status] of [
        ['7.0.0', 400],
        ['7.13.0', 200],
      ] as const) {
        const { core } = stage({ version });
        core.visitor('Kim').open();
        const inquiryId = (core.journal.find(({ kind }) => kind === 'queued') as { inquiryId: string }).inquiryId;
        const body = { inquiryId, options: { clientAction: true } };
        expect(rest(core, 'POST', 'livechat/inquiries.take', { as: 'mira', body }).status).to.equal(status);
      }
    });
  });

  describe('that are transferred', () => {
    const served = (config: RocketchatCoreConfig = {}) => {
      const desk = stage(config);
      const kim = desk.core.visitor('Kim', { department: 'Sales' });
      const rid = kim.open();
      desk.bot.take(rid);
      const forward = (body: object, as = 'helper.bot') =>
        rest(desk.core, 'POST', 'livechat/room.forward', { as, body: { roomId: rid, ...body } });
      return { ...desk, kim, rid, forward };
    };

    it('to an agent', () => {
      const { forward, mira, bot, rid, core } = served();
      expect(forward({ userId: mira.id, comment: 'yours' }).body).to.deep.equal({ success: true });
      expect([mira.serves, bot.serves]).to.deep.equal([[rid], []]);
      const entry = core.journal.find(({ kind }) => kind === 'forwarded');
      expect(entry).to.include({ scope: 'agent', userId: mira.id, comment: 'yours' });
      const types = core.journal.flatMap((one) => (one.kind === 'posted' && one.t !== undefined ? [one.t] : []));
      expect(types.slice(3, 5)).to.deep.equal(['livechat_transfer_history', 'ul']);
      expect(types.slice(5)).to.have.members(['uj', 'command']);
    });

    it('to a department: into its queue, or to one of its agents', () => {
      const manual = served();
      expect(manual.forward({ departmentId: 'second' }).status).to.equal(200);
      expect(manual.bot.serves).to.deep.equal([]);
      expect(inquiryOf(manual, manual.rid)).to.include({ status: 'queued', department: 'second' });
      expect(roomOf(manual, manual.rid)).not.to.have.property('servedBy');
      const auto = stage({ routing: 'auto' });
      const rid = auto.core.visitor('Kim', { department: 'Sales' }).open();
      auto.core
        .agent([...auto.mira.serves].includes(rid) ? 'mira' : 'helper.bot')
        .forward(rid, { department: 'second' });
      expect(auto.mira.serves).to.deep.equal([rid]);
      const both = served();
      expect(both.forward({ departmentId: 'second', userId: both.mira.id }).status).to.equal(200);
      expect(both.mira.serves).to.deep.equal([both.rid]);
      expect(roomOf(both, both.rid)).to.include({ departmentId: 'second' });
    });

    it('or not, for a reason', () => {
      const { forward, mira, bot, core, rid } = served();
      const reason = (body: object): unknown => forward(body).body['error'];
      expect(forward({ userId: mira.id }, 'mira').status).to.equal(403);
      expect(reason({})).to.equal('error-forwarding-chat');
      expect(reason({ departmentId: 'none' })).to.equal('error-invalid-department');
      expect(reason({ departmentId: 'sales' })).to.equal('error-forwarding-chat-same-department');
      expect(reason({ userId: bot.id })).to.equal('error-selected-agent-room-agent-are-same');
      expect(reason({ userId: 'none' })).to.equal('error-user-is-offline');
      expect(reason({ departmentId: 'second', userId: bot.id })).to.equal('error-user-not-belong-to-department');
      mira.setStatus('offline');
      expect(reason({ departmentId: 'second' })).to.equal('error-no-agents-available-for-service-on-department');
      expect(reason({ userId: mira.id })).to.equal('error-user-is-offline');
      bot.close(rid);
      expect(reason({ userId: mira.id })).to.equal('This_conversation_is_already_closed');
      expect(reason({ roomId: 'none', userId: mira.id })).to.equal('error-invalid-room');
      expect(core.journal.filter(({ kind }) => kind === 'forwarded')).to.deep.equal([]);
    });

    it('by visitors, with the call of their version', () => {
      for (const [version, path] of [
        ['7.10.0', 'livechat/room.transfer'],
        ['8.8.0', 'livechat/visitor/department.transfer'],
      ] as const) {
        const desk = served({ version });
        const { core, kim, rid } = desk;
        const call = (department: string) => rest(core, 'POST', path, { body: { token: kim.token, rid, department } });
        expect(call('none').status).to.equal(400);
        expect(call('second').status).to.equal(200);
        expect(inquiryOf(desk, rid)).to.include({ status: 'queued', department: 'second' });
      }
    });

    it('back to the queue', () => {
      const desk = served();
      const call = () =>
        rest(desk.core, 'POST', 'livechat/inquiries.returnAsInquiry', { as: 'helper.bot', body: { roomId: desk.rid } });
      expect(call().body).to.deep.equal({ result: true, success: true });
      expect(inquiryOf(desk, desk.rid)).to.include({ status: 'queued' });
      expect(desk.bot.serves).to.deep.equal([]);
      expect(call().status).to.equal(400);
      const history = rest(desk.core, 'GET', `livechat/transfer.history/${desk.rid}`, { as: 'boss' }).body;
      expect(history['history']).to.have.length(1).and.have.nested.property('[0].scope', 'queue');
    });
  });

  describe('that are closed', () => {
    it('by agents who take part, with a comment', () => {
      const { core, mira, bot } = stage({ wantsTags: true });
      const rid = core.visitor('Kim').open();
      bot.take(rid);
      const close = (body: object, as: string) =>
        rest(core, 'POST', 'livechat/room.closeByUser', { as, body: { rid, ...body } }).body['error'];
      expect(close({ comment: 'x' }, 'mira')).to.equal('error-not-authorized');
      expect(close({ comment: ' ' }, 'helper.bot')).to.equal('error-comment-is-required');
      expect(close({ comment: 'x' }, 'helper.bot')).to.equal('error-tags-must-be-assigned-before-closing-chat');
      rest(core, 'GET', `livechat/room.join?roomId=${rid}`, { as: 'boss' });
      expect(close({ comment: 'x', tags: ['t'] }, 'boss')).to.equal(undefined);
      expect(mira.serves).to.deep.equal([]);
      expect(close({ comment: 'x', tags: ['t'] }, 'boss')).to.equal('error-room-already-closed');
    });

    it('with a transcript, for whom it is known where to', () => {
      const { core, bot } = stage();
      const rid = core.visitor('Kim').open();
      bot.take(rid);
      const close = (transcriptEmail: object) =>
        rest(core, 'POST', 'livechat/room.closeByUser', {
          as: 'helper.bot',
          body: { rid, comment: 'x', transcriptEmail },
        }).body['error'];
      const sendToVisitor = true;
      expect(close({ sendToVisitor })).to.equal("Cannot read properties of undefined (reading 'email')");
      expect(close({ requestData: {} })).to.match(/^must have required property 'sendToVisitor'/);
      expect(close({ sendToVisitor, requestData: { email: 'k@mail.example' } })).to.match(/'subject'/);
      expect(close({ sendToVisitor, requestData: { email: 'k@mail.example', subject: 'Chat' } })).to.equal(undefined);
      expect(core.journal.find(({ kind }) => kind === 'transcript')).to.include({ email: 'k@mail.example' });
    });

    it('by force, on servers from 7.0', () => {
      for (const [version, status] of [
        ['6.13.0', 400],
        ['7.10.0', 200],
        ['8.8.0', 200],
      ] as const) {
        const { core, bot } = stage({ version });
        const rid = core.visitor('Kim').open();
        bot.take(rid);
        const body = { rid, comment: 'x', forceClose: true };
        expect(rest(core, 'POST', 'livechat/room.closeByUser', { as: 'helper.bot', body }).status, version).to.equal(
          status,
        );
      }
    });

    it('by visitors, where they may', () => {
      const close = (config: RocketchatCoreConfig) => {
        const { core } = stage(config);
        const kim = core.visitor('Kim');
        const body = { token: kim.token, rid: kim.open() };
        return [1, 2].map(() => rest(core, 'POST', 'livechat/room.close', { body }).body);
      };
      const [first, second] = close({});
      expect(first).to.include({ comment: 'Closed by visitor', success: true });
      expect(second).to.deep.equal({ success: false, error: 'room-closed' });
      expect(close({ visitorsMayClose: false })[0]).to.include({
        errorType: 'error-not-allowed-to-close-conversation',
      });
    });

    it('while they wait, and then cannot be taken', () => {
      const { core } = stage();
      const kim = core.visitor('Kim');
      kim.open();
      const { inquiryId } = core.journal.find((entry) => entry.kind === 'queued') ?? { inquiryId: '' };
      kim.close();
      expect(rest(core, 'GET', 'livechat/inquiries.list', { as: 'boss' }).body).to.include({ total: 0 });
      expect(rest(core, 'POST', 'livechat/inquiries.take', { as: 'mira', body: { inquiryId } }).body).to.include({
        errorType: 'error-not-found',
      });
    });

    it('with a message that agents see who are not members any more, or still are', () => {
      for (const closeMessage of ['after', 'before'] as const) {
        const { core, bot } = stage({ closeMessage });
        const rid = core.visitor('Kim').open();
        bot.take(rid);
        const client = Client.in(core, 'helper.bot');
        client.sub('stream-room-messages', '__my_messages__');
        bot.close(rid, 'bye');
        expect(client.heard()).to.deep.equal(['livechat-close']);
        expect(client.events('__my_messages__')[0]?.[1]).to.include({ roomParticipant: closeMessage === 'before' });
      }
    });
  });

  describe('of visitors', () => {
    const register = (core: ReturnType<typeof stage>['core'], visitor: object) =>
      rest(core, 'POST', 'livechat/visitor', { body: { visitor } }).body['visitor'] as Payload;
    const knows = (core: ReturnType<typeof stage>['core'], token: string): boolean =>
      rest(core, 'GET', `livechat/visitor/${token}`).status === 200;

    it('who are the same by token, then by phone with the old token, then by e-mail with the new one', () => {
      const { core } = stage();
      const { _id } = register(core, { token: 'one', name: 'Kim', phone: '+49', email: 'Kim@Mail.Example' });
      expect(register(core, { token: 'one', name: 'Kimberly' })).to.include({ _id, name: 'Kimberly' });
      expect(register(core, { token: 'two', phone: '+49' })).to.include({ _id, token: 'one', name: 'Kimberly' });
      expect(knows(core, 'two')).to.equal(false);
      expect(register(core, { token: 'three', email: 'kim@mail.example' })).to.include({ _id, token: 'three' });
      expect([knows(core, 'one'), knows(core, 'three')]).to.deep.equal([false, true]);
      expect(register(core, { token: 'four' })['_id']).not.to.equal(_id);
    });

    it('whose rooms are renamed with them', () => {
      const desk = stage();
      register(desk.core, { token: 'one', name: 'Kim' });
      const rid = desk.core.visitorOf('one').open();
      register(desk.core, { token: 'one', name: 'Kimberly' });
      expect(roomOf(desk, rid)).to.include({ fname: 'Kimberly' });
    });

    it('with custom fields: unknown ones are skipped, known ones kept unless they are to be overwritten', () => {
      const { core } = stage();
      const field = (value: string, overwrite: boolean, key = 'orderNo') => ({ key, value, overwrite });
      const all = (...customFields: object[]) => register(core, { token: 'one', customFields })['livechatData'];
      expect(all(field('A', true), field('x', true, 'none'))).to.deep.equal({ orderNo: 'A' });
      expect(all(field('B', false))).to.deep.equal({ orderNo: 'A' });
      const one = { token: 'one', ...field('C', true) };
      expect(rest(core, 'POST', 'livechat/custom.field', { body: one }).body).to.deep.equal({
        field: field('C', true),
        success: true,
      });
      expect(rest(core, 'POST', 'livechat/custom.field', { body: { ...one, key: 'none' } }).status).to.equal(400);
      const many = { token: 'one', customFields: [field('D', true)] };
      expect(rest(core, 'POST', 'livechat/custom.fields', { body: many }).body['fields']).to.deep.equal([
        { Key: 'orderNo', value: 'D', overwrite: true },
      ]);
    });

    it('who can be forgotten, when no room is open', () => {
      const { core } = stage();
      const kim = core.visitor('Kim');
      const remove = () => rest(core, 'DELETE', `livechat/visitor/${kim.token}`);
      kim.say('x');
      expect(remove().body).to.include({ errorType: 'visitor-has-open-rooms' });
      kim.close();
      expect(remove().status).to.equal(200);
      expect(knows(core, kim.token)).to.equal(false);
      expect(rest(core, 'GET', 'livechat/rooms', { as: 'boss' }).body).to.include({ total: 0 });
    });

    it('who are told who serves them, and who could', () => {
      const { core, bot } = stage();
      const kim = core.visitor('Kim');
      const next = () => rest(core, 'GET', `livechat/agent.next/${kim.token}`).body;
      expect(next()['agent']).to.have.property('username');
      const rid = kim.open();
      expect(next()).to.deep.equal({ success: true });
      const info = () => rest(core, 'GET', `livechat/agent.info/${rid}/${kim.token}`).body;
      expect(info()).to.deep.equal({ success: false, error: 'invalid-agent' });
      bot.take(rid);
      expect(info()['agent']).to.include({ username: 'helper.bot' });
      const hidden = stage({ showsAgent: false });
      const lee = hidden.core.visitor('Lee');
      hidden.bot.take(lee.open());
      expect(rest(hidden.core, 'GET', `livechat/config?token=${lee.token}`).body).to.nested.include({
        'config.agent.hiddenInfo': true,
      });
    });
  });

  it('and saves what is known of them', () => {
    const { core, mira } = stage();
    const kim = core.visitor('Kim');
    const rid = kim.open();
    mira.take(rid);
    const body = {
      guestData: { _id: kim.id, name: 'Kimberly', livechatData: { orderNo: 'A' } },
      roomData: { _id: rid, topic: 'parcel', tags: ['t'], livechatData: { priority: 'high' } },
    };
    expect(rest(core, 'POST', 'livechat/room.saveInfo', { as: 'mira', body }).status).to.equal(200);
    const { rooms } = rest(core, 'GET', 'livechat/rooms?tags[]=t', { as: 'boss' }).body as { rooms: Payload[] };
    expect(rooms[0]).to.deep.include({ topic: 'parcel', fname: 'Kimberly', livechatData: { priority: 'high' } });
    const kept = { ...body, roomData: { _id: rid, topic: 'again' } };
    rest(core, 'POST', 'livechat/room.saveInfo', { as: 'mira', body: kept });
    const seen = rest(core, 'GET', `rooms.info?roomId=${rid}`, { as: 'mira' }).body['room'] as Payload;
    expect(seen).to.include({ _id: rid, topic: 'again' });
    expect(seen['tags'] ?? [], 'those that were not named').to.deep.equal([]);
    const others = rest(core, 'POST', 'livechat/room.saveInfo', { as: 'helper.bot', body });
    expect(others).to.deep.include({ status: 403, body: { success: false, error: 'unauthorized' } });
    expect(rest(core, 'GET', 'rooms.info?roomId=none', { as: 'mira' }).body['errorType']).to.equal(
      'error-room-not-found',
    );
    const search = `livechat/rooms?customFields=${encodeURIComponent('{"priority":"low"}')}`;
    expect(rest(core, 'GET', search, { as: 'boss' }).body).to.include({ total: 0 });
  });

  it('lists the queue of an agent, and passes over a department that nobody knows', () => {
    const { core } = stage();
    core.visitor('Kim', { department: 'Second line' }).open();
    core.visitor('Lee', { department: 'Sales' }).open();
    const total = (path: string, as: string): unknown => rest(core, 'GET', path, { as }).body['total'];
    expect(total('livechat/inquiries.list?department=Second%20line', 'boss')).to.equal(1);
    expect(total('livechat/inquiries.list?department=nothing', 'boss')).to.equal(2);
    expect(total('livechat/inquiries.queuedForUser', 'mira')).to.equal(2);
    expect(total('livechat/inquiries.queuedForUser', 'helper.bot')).to.equal(1);
  });

  it('knows departments and how chats are routed', () => {
    const { core } = stage();
    const get = (path: string) => rest(core, 'GET', path, { as: 'mira' }).body;
    expect(get('livechat/department?text=SEC')['departments']).to.have.length(1);
    expect(get('livechat/department/second')).to.deep.nested.include({
      'department.name': 'Second line',
      'agents[0].username': 'mira',
    });
    expect(get('livechat/config/routing')).to.nested.include({ 'config.autoAssignAgent': false });
  });

  it('toggles the status of an agent who names none', () => {
    const { core } = stage();
    const toggle = (body: object) => rest(core, 'POST', 'livechat/agent.status', { as: 'mira', body }).body['status'];
    expect([toggle({}), toggle({}), toggle({ status: 'available' })]).to.deep.equal([
      'not-available',
      'available',
      'available',
    ]);
    expect(rest(core, 'POST', 'users.setStatus', { as: 'lev', body: { status: 'busy' } }).status).to.equal(200);
    expect(rest(core, 'GET', 'me', { as: 'lev' }).body).to.include({ status: 'busy' });
  });
});
