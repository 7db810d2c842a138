import { expect } from 'chai';
import type { RocketchatCoreConfig } from 'tidewire/simulators';
import { Client, HOOK, lacks, multipart, rest, sample, samples, stage, TOKEN, type Payload } from './simulated-desk.js';

const register = sample('visitor', 'request', 'body');

/** A desk with Dana, her room and two messages, in the queue of a department. */
const withDana = (config: RocketchatCoreConfig = {}) => {
  const desk = stage(config);
  const { core } = desk;
  rest(core, 'POST', 'livechat/visitor', { body: register });
  const { room } = rest(core, 'GET', `livechat/room?token=${TOKEN}`).body as { room: Payload };
  const rid = String(room['_id']);
  const say = (id: string, msg: string) =>
    rest(core, 'POST', 'livechat/message', { body: { token: TOKEN, rid, _id: id, msg } });
  const inquiryId = (): string => {
    const { inquiry } = rest(core, 'GET', `livechat/inquiries.getOne?roomId=${rid}`, { as: 'mira' }).body;
    return String((inquiry as Payload)['_id']);
  };
  return { ...desk, rid, say, inquiryId };
};
const take = ({ core, inquiryId }: ReturnType<typeof withDana>, as = 'helper.bot') =>
  rest(core, 'POST', 'livechat/inquiries.take', { as, body: { inquiryId: inquiryId() } });

describe('rocketchatCore on the wire', () => {
  it('logs in, and refuses, in the words of the samples', () => {
    const { core } = stage();
    const { status, body } = rest(core, 'POST', 'login', { body: sample('login', 'request', 'body') });
    expect(status).to.equal(200);
    expect(lacks(sample('login', 'response', 'body'), body)).to.deep.equal([]);
    const wrong = rest(core, 'POST', 'login', { body: { user: 'helper.bot', password: 'no' } });
    expect(wrong).to.deep.include(sample('refusals', 'loginRefused'));
    expect(rest(core, 'GET', 'me')).to.deep.include(sample('refusals', 'noHeaders'));
    expect(rest(core, 'GET', 'livechat/inquiries.list', { as: 'lev' })).to.deep.include(
      sample('refusals', 'noPermission'),
    );
  });

  it('registers a visitor and opens a room', () => {
    const { core, mira, bot } = stage({ rateLimits: true });
    const visitor = rest(core, 'POST', 'livechat/visitor', { body: register });
    expect(lacks(sample('visitor', 'response', 'body'), visitor.body)).to.deep.equal([]);
    expect(visitor.body['visitor']).to.deep.include({
      visitorEmails: [{ address: 'dana@mail.example' }],
      department: 'sales',
      livechatData: { orderNo: 'A-1042' },
    });
    expect(visitor.headers).to.include({
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '60000',
    });
    const opened = rest(core, 'GET', `livechat/room?token=${TOKEN}`);
    expect(lacks(sample('room', 'response', 'body'), opened.body)).to.deep.equal([]);
    expect(opened.body).to.include({ newRoom: true, success: true });
    for (const agent of [mira, bot]) agent.setAvailable(false);
    core.visitor('Kim');
    expect(rest(core, 'GET', 'livechat/room?token=visitor-Kim')).to.deep.include(sample('room', 'nobody'));
  });

  it('stores a message once, and answers its id again as servers of its version do', () => {
    for (const [version, again] of [
      ['7.10.0', 'sameIdAgainLegacy'],
      ['8.8.0', 'sameIdAgainCurrent'],
    ] as const) {
      const { core, rid, say } = withDana({ version });
      const first = say('mB5xKqJ8wYt3RzLcF', 'Where is my parcel?');
      expect(lacks(sample('message', 'response', 'body'), first.body)).to.deep.equal([]);
      const second = say('mB5xKqJ8wYt3RzLcF', 'Where is my parcel?');
      const wanted = sample('message', again) as Payload;
      expect(second.status).to.equal(wanted['status']);
      if (again === 'sameIdAgainLegacy') expect(second.body).to.deep.equal(wanted['body']);
      else expect(second.body).to.deep.equal(first.body);
      expect(core.seenIn(rid)).to.deep.equal(['Where is my parcel?']);
    }
    const { core, rid, say } = withDana();
    core.visitorOf(TOKEN).close();
    expect(say('other', 'x')).to.deep.include(sample('message', 'closed'));
    expect(core.seenIn(rid)).to.deep.equal([]);
  });

  it('throttles in the words of the sample', () => {
    const { core, clock } = stage({ rateLimits: true });
    const ask = () => rest(core, 'GET', 'livechat/visitor/none');
    for (let n = 0; n < 10; n++) expect(ask().status).to.equal(400);
    clock.advance(37_000);
    const { status, body, headers } = ask();
    expect({ status, body }).to.deep.equal({
      status: 429,
      body: sample('rate-limit', 'response', 'body'),
    });
    expect(headers).to.include({
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '60000',
    });
    clock.advance(23_000);
    expect(ask().status).to.equal(400);
  });

  it('gives the history newest first, with the system in it', () => {
    const desk = withDana();
    desk.clock.advance(10);
    desk.say('one', 'Where is my parcel?');
    take(desk);
    desk.bot.say(desk.rid, 'It left the depot today.');
    const { body } = rest(desk.core, 'GET', `livechat/messages.history/${desk.rid}?token=${TOKEN}&limit=50`);
    const wanted = sample('history', 'response', 'body', 'messages') as Payload[];
    const given = body['messages'] as Payload[];
    const typeOf = ({ t, msg }: Payload): unknown => t ?? msg;
    expect(given.map(typeOf)).to.have.members(wanted.map(typeOf));
    expect([given.at(0), given.at(-1)].map((message) => typeOf(message ?? {}))).to.deep.equal([
      'It left the depot today.',
      'livechat-started',
    ]);
    for (const sampled of wanted)
      expect(
        lacks(
          sampled,
          given.find((message) => typeOf(message) === typeOf(sampled)),
        ),
      ).to.deep.equal([]);
  });

  it('lists the queue, and gives a room to whoever takes it', () => {
    const desk = withDana();
    const { core, rid } = desk;
    const list = rest(core, 'GET', 'livechat/inquiries.list?count=50&offset=0', { as: 'boss' });
    expect(lacks(sample('inquiries', 'list', 'response', 'body'), list.body)).to.deep.equal([]);
    const [row] = list.body['inquiries'] as Payload[];
    expect(Object.keys(row ?? {})).to.have.members(['_id', 'rid', 'name', 'ts', 'status', 'department']);
    const body = { inquiryId: desk.inquiryId() };
    desk.mira.setAvailable(false);
    const asMira = { as: 'mira', body };
    expect(rest(core, 'POST', 'livechat/inquiries.take', asMira)).to.deep.include(sample('inquiries', 'takeOffline'));
    expect(take(desk)).to.deep.include(sample('inquiries', 'take', 'response'));
    expect(rest(core, 'POST', 'livechat/inquiries.take', asMira)).to.deep.include(sample('inquiries', 'takeTwice'));
    expect(rest(core, 'POST', 'livechat/inquiries.take', { as: 'mira', body: { inquiryId: 'none' } })).to.deep.include(
      sample('inquiries', 'takeUnknown'),
    );
    const one = (): Payload => rest(core, 'GET', `livechat/inquiries.getOne?roomId=${rid}`, { as: 'mira' }).body;
    expect(lacks(sample('inquiry', 'response', 'body'), one())).to.deep.equal([]);
    expect(one()['inquiry']).to.include({ status: 'taken' });
    desk.bot.close(rid);
    expect(one()).to.deep.equal(sample('inquiry', 'closedOrUnknown', 'body'));
  });

  it('lists agents with their departments, makes and unmakes them', () => {
    const { core, bot } = stage();
    const list = rest(core, 'GET', 'livechat/users/agent?count=50&offset=0', { as: 'boss' });
    const [sampled] = sample('agents', 'list', 'response', 'body', 'users') as Payload[];
    const row = (list.body['users'] as Payload[]).find(({ username }) => username === 'helper.bot');
    expect(lacks({ ...sampled, livechat: null }, row)).to.deep.equal([]);
    const extra = { as: 'boss', body: { username: 'lev', email: 'x@y.example' } };
    expect(rest(core, 'POST', 'livechat/users/agent', extra)).to.deep.include(sample('agents', 'createExtraField'));
    const path = (id: string): string => `livechat/users/agent/${id}`;
    const read = rest(core, 'GET', path(bot.id), { as: 'boss' });
    expect(lacks(sample('agents', 'get', 'response', 'body'), read.body)).to.deep.equal([]);
    const username = { as: 'boss', body: { username: 'lev' } };
    const { body } = rest(core, 'POST', 'livechat/users/agent', username);
    expect(lacks(sample('agents', 'create', 'response', 'body'), body)).to.deep.equal([]);
    const { _id } = body['user'] as { _id: string };
    expect(rest(core, 'DELETE', path(_id), { as: 'boss' })).to.deep.include(sample('agents', 'delete', 'response'));
    expect(rest(core, 'GET', path(_id), { as: 'boss' })).to.deep.include(sample('agents', 'getWithoutRole'));
  });

  it('lists rooms, for agents their own', () => {
    const desk = withDana();
    take(desk);
    desk.say('one', 'Where is my parcel?');
    desk.bot.say(desk.rid, 'It left the depot today.');
    const { core, bot } = desk;
    const created = encodeURIComponent('{"start":"1970-01-01T00:00:00.000Z"}');
    const path = `livechat/rooms?open=true&agents[]=${bot.id}&createdAt=${created}&count=50&offset=0`;
    const list = rest(core, 'GET', path, { as: 'helper.bot' });
    const [sampled] = sample('rooms', 'response', 'body', 'rooms') as Payload[];
    const { tags, ...rows } = sampled ?? {};
    expect(tags).to.deep.equal(['parcel']);
    expect(lacks(rows, (list.body['rooms'] as Payload[])[0])).to.deep.equal([]);
    expect(list.body).to.include({ count: 1, offset: 0, total: 1 });
    expect(rest(core, 'GET', 'livechat/rooms', { as: 'helper.bot' }).body).to.deep.equal({
      success: false,
      error: 'unauthorized',
    });
  });

  it('lets agents send, forward and close', () => {
    const desk = withDana();
    const { core, rid, mira } = desk;
    take(desk);
    const post = (path: string, body: unknown) => rest(core, 'POST', path, { as: 'helper.bot', body });
    const sent = post('chat.sendMessage', {
      message: { _id: 'pQ2dVn6XsTg8HjKwM', rid, msg: 'It left the depot today.' },
    });
    expect(lacks(sample('agent-calls', 'send', 'response', 'body'), sent.body)).to.deep.equal([]);
    mira.setStatus('offline');
    expect(post('livechat/room.forward', { roomId: rid, userId: mira.id })).to.deep.include(
      sample('agent-calls', 'forwardOffline'),
    );
    expect(post('livechat/room.closeByUser', { rid })).to.deep.include(sample('agent-calls', 'closeNoComment'));
    mira.setStatus('online');
    const close = { rid, comment: 'solved', tags: ['parcel'] };
    expect(post('livechat/room.closeByUser', close)).to.deep.include(sample('agent-calls', 'close', 'response'));
    expect(post('livechat/room.closeByUser', close)).to.deep.include(sample('agent-calls', 'closeTwice'));
    const other = withDana();
    take(other);
    expect(
      rest(other.core, 'POST', 'livechat/room.forward', {
        as: 'helper.bot',
        body: { roomId: other.rid, departmentId: 'second', comment: 'needs a human' },
      }),
    ).to.deep.include(sample('agent-calls', 'forward', 'response'));
  });

  it('takes the file of a visitor, and answers with the message itself', () => {
    const { core, rid } = withDana({ blockedTypes: ['application/x-sh'] });
    const send = (token: string, type: string) => {
      const form = multipart([
        { name: 'file', fileName: 'label.png', type, text: 'x'.repeat(2048) },
        { name: 'description', text: 'parcel label' },
      ]);
      const headers = { ...form.headers, 'x-visitor-token': token };
      return rest(core, 'POST', `livechat/upload/${rid}`, { body: form.body, headers });
    };
    expect(lacks(sample('upload', 'response', 'body'), send(TOKEN, 'image/png').body)).to.deep.equal([]);
    expect(send(TOKEN, 'application/x-sh')).to.deep.include(sample('upload', 'typeBlocked'));
    expect(send('foreign', 'image/png')).to.deep.include(sample('upload', 'badToken'));
  });

  it('plays the session of the sample on a socket', () => {
    const { core } = stage();
    const client = new Client(core);
    const session = sample('ddp-session') as { dir: string; frame: Payload }[];
    const token = core.issueToken('helper.bot').authToken;
    for (const { dir, frame } of session) {
      const isLogin = frame['method'] === 'login';
      if (dir === '>') client.send(isLogin ? { ...frame, params: [{ resume: token }] } : frame);
    }
    expect(client.frames[0]).to.deep.equal({ server_id: '0' });
    for (const { dir, frame } of session) {
      if (dir !== '<' || frame['msg'] === 'ping') continue;
      const same = client.frames.filter(({ msg }) => msg === frame['msg']);
      expect(
        same.map((given) => lacks(frame, given)),
        JSON.stringify(frame),
      ).to.deep.include([]);
    }
    expect(client.frames.map(({ msg }) => msg)).to.deep.equal([
      undefined,
      'connected',
      'added',
      'result',
      'updated',
      'ready',
    ]);
  });

  it('answers on a socket with the errors of the samples', () => {
    const { core } = stage({ rateLimits: true });
    const client = Client.in(core);
    expect(client.call('login', { user: { username: 'nobody' }, password: { digest: 'x' } })?.['error']).to.deep.equal(
      sample('ddp-errors', 'badLogin', 'error'),
    );
    expect(client.sub('stream-notify-user', 'somebody/subscriptions-changed')).to.deep.include({
      error: sample('ddp-errors', 'deniedStream', 'error'),
    });
    for (let n = 0; n < 10; n++) client.call('stream-notify-room', 'none/user-activity', 'x', []);
    const tooMany = client.call('stream-notify-room', 'none/user-activity', 'x', []);
    expect(lacks(sample('ddp-errors', 'tooMany'), tooMany)).to.deep.equal([]);
    client.send({ msg: 'unsub', id: '2' });
    expect(client.frames.at(-1)).to.deep.equal(sample('ddp-errors', 'unsubDone'));
  });

  it('tells on a socket of messages, assignments, the queue, typing and deletions', () => {
    const desk = withDana();
    const { core, rid, bot } = desk;
    const client = Client.in(core, 'helper.bot');
    client.sub('stream-room-messages', '__my_messages__');
    client.sub('stream-notify-user', `${bot.id}/subscriptions-changed`);
    client.sub('stream-livechat-inquiry-queue-observer', 'department/sales');
    for (const what of ['user-activity', 'deleteMessage']) client.sub('stream-notify-room', `${rid}/${what}`);
    take(desk);
    desk.say('mB5xKqJ8wYt3RzLcF', 'Where is my parcel?');
    const answer = bot.say(rid, 'x');
    bot.remove(answer);
    desk.mira.type(rid);
    const changed = client.frames.filter(({ msg }) => msg === 'changed');
    const like = (sampled: unknown): readonly (readonly string[])[] => changed.map((frame) => lacks(sampled, frame));
    expect(like(sample('ddp-message'))).to.deep.include([]);
    for (const sampled of sample('ddp-events') as Payload[]) {
      const same = changed.filter(({ collection }) => collection === sampled['collection']);
      expect(same.map((frame) => lacks(sampled, frame))).to.deep.include([]);
    }
    expect(client.events('__my_messages__').at(-2)?.[1]).to.deep.equal({ roomParticipant: true, roomType: 'l' });
  });

  it('tells a visitor of the agent and the queue', () => {
    const desk = withDana();
    const client = Client.in(desk.core);
    const session = sample('ddp-visitor') as { dir: string; frame: Payload }[];
    const mine = JSON.parse(JSON.stringify(session).replaceAll('hT7mQpWz4KcYb2NdR', desk.rid)) as typeof session;
    for (const { dir, frame } of mine) if (dir === '>' && frame['msg'] === 'sub') client.send(frame);
    take(desk);
    desk.core.tellSpot(desk.rid, 2, 90);
    for (const { dir, frame } of mine)
      if (dir === '<') expect(client.frames.map((given) => lacks(frame, given))).to.deep.include([]);
    const other = Client.in(desk.core, 'helper.bot');
    other.sub('stream-notify-room', `${desk.rid}/user-activity`);
    client.send(mine.at(-1)?.frame);
    expect(other.events(`${desk.rid}/user-activity`)).to.deep.equal([['guest-88', ['user-typing']]]);
  });

  it('sends webhooks of the shape of the samples', () => {
    const desk = withDana({ webhook: HOOK });
    const { core, rid, receiver, bot, mira } = desk;
    take(desk);
    desk.say('one', 'Where is my parcel?');
    const of = (type: string): Payload | undefined =>
      receiver.posts.filter(({ body }) => body['type'] === type).at(-1)?.body;
    const others = sample('hook-others') as Payload[];
    expect(
      lacks({ ...others[0], visitor: { _id: '', token: '', username: '' } }, of('LivechatSessionStart')),
    ).to.deep.equal([]);
    expect(lacks(sample('hook-message', 'body'), of('Message'))).to.deep.equal([]);
    expect(receiver.posts[0]?.headers).to.include({ 'x-rocketchat-livechat-token': HOOK.secret });
    rest(core, 'POST', 'livechat/room.forward', { as: 'helper.bot', body: { roomId: rid, userId: mira.id } });
    expect(lacks(others[1], of('LivechatSessionForwarded'))).to.deep.equal([]);
    expect(of('LivechatSessionForwarded')).to.deep.include({
      oldServedBy: { _id: bot.id, username: 'helper.bot', ts: new Date(0).toISOString() },
    });
    mira.close(rid, 'solved', ['parcel']);
    const closed = of('LivechatSession');
    const { messages, ...rest_ } = sample('hook-closed', 'body') as Payload;
    expect(lacks(rest_, closed)).to.deep.equal([]);
    for (const [n, message] of (messages as Payload[]).entries())
      expect(lacks(message, (closed?.['messages'] as Payload[])[n])).to.deep.equal([]);
    rest(core, 'POST', 'livechat/offline.message', {
      body: { name: 'Dana Okoro', email: 'dana@mail.example', message: 'Please call me back.' },
    });
    expect(lacks(others[2], of('LivechatOfflineMessage'))).to.deep.equal([]);
  });

  it('writes transfers and the end as the system does', () => {
    const desk = withDana();
    take(desk);
    desk.bot.forward(desk.rid, { department: 'Second line', comment: 'needs a human' });
    desk.mira.take(desk.rid);
    desk.mira.close(desk.rid, 'solved');
    const { body } = rest(desk.core, 'GET', `livechat/messages.history/${desk.rid}?token=${TOKEN}`);
    const given = body['messages'] as Payload[];
    for (const sampled of sample('system-messages') as Payload[])
      expect(
        lacks(
          sampled,
          given.find(({ t }) => t === sampled['t']),
        ),
        String(sampled['t']),
      ).to.deep.equal([]);
    const [transfer] = given.filter(({ t }) => t === 'livechat_transfer_history');
    expect(transfer?.['transferData']).to.deep.include({
      scope: 'department',
      comment: 'needs a human',
      previousDepartment: 'sales',
      nextDepartment: { _id: 'second', name: 'Second line' },
    });
  });

  it('has a sample for each of these', () => {
    expect([...samples.keys()]).to.have.length(22);
  });
});
