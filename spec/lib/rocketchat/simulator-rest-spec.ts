import { expect } from 'chai';
import { rocketchatCore } from 'tidewire/simulators';
import { ask, BOT, rest, stage, type Call, type Payload } from './simulated-desk.js';

const error = (code: string, text = '') => ({
  status: 400,
  body: { success: false, error: `${text} [${code}]`.trimStart(), errorType: code },
});
const plain = (text: string, status = 400) => ({ status, body: { success: false, error: text } });

describe('rocketchatCore over REST', () => {
  describe('refuses', () => {
    const wrong: readonly (readonly [what: string, method: string, path: string, call: Call, answer: object])[] = [
      [
        'a body without a visitor',
        'POST',
        'livechat/visitor',
        { body: {} },
        plain("Match error: Missing key 'visitor'"),
      ],
      [
        'a visitor without a token',
        'POST',
        'livechat/visitor',
        { body: { visitor: { name: 'x' } } },
        plain("Match error: Missing key 'token' in field visitor"),
      ],
      [
        'a token of blanks',
        'POST',
        'livechat/visitor',
        { body: { visitor: { token: ' ' } } },
        error('error-invalid-token', 'Token cannot be empty'),
      ],
      [
        'a department that is not there',
        'POST',
        'livechat/visitor',
        { body: { visitor: { token: 't', department: 'none' } } },
        error('error-invalid-department', 'Invalid department'),
      ],
      ['a token that nobody has', 'GET', 'livechat/visitor/none', {}, error('invalid-token')],
      ['a room without a token', 'GET', 'livechat/room', {}, plain("Match error: Missing key 'token'")],
      [
        'a room with a strange key',
        'GET',
        'livechat/room?token=visitor-Kim&x=1',
        {},
        plain('Match error: Unknown key in field x'),
      ],
      ['a room of a stranger', 'GET', 'livechat/room?token=none', {}, plain('invalid-token')],
      ['a room that is not theirs', 'GET', 'livechat/room?token=visitor-Kim&rid=none', {}, plain('invalid-room')],
      [
        'a message without a room',
        'POST',
        'livechat/message',
        { body: { token: 't', msg: 'x' } },
        error('invalid-params', "must have required property 'rid'"),
      ],
      [
        'a message with a file',
        'POST',
        'livechat/message',
        { body: { token: 't', rid: 'R', msg: 'x', file: 'y' } },
        error('invalid-params', 'must NOT have additional properties'),
      ],
      [
        'a text that is none',
        'POST',
        'livechat/message',
        { body: { token: 't', rid: 'R', msg: 7 } },
        error('invalid-params', 'must be string'),
      ],
      [
        'a body that is not called JSON',
        'POST',
        'livechat/message',
        { body: '{"token":"t"}', headers: { 'content-type': 'text/plain' } },
        error('invalid-params', "must have required property 'token'"),
      ],
      [
        'a history without a token',
        'GET',
        'livechat/messages.history/R',
        {},
        error('invalid-params', "must have required property 'token'"),
      ],
      ['a kind of user that is none', 'GET', 'livechat/users/guest', { as: 'boss' }, plain('Invalid type')],
      ['rooms of others', 'GET', 'livechat/rooms?agents[]=x', { as: 'mira' }, plain('unauthorized', 403)],
      [
        'a moment that is none',
        'GET',
        `livechat/rooms?createdAt=${encodeURIComponent('{"start":"soon"}')}`,
        { as: 'boss' },
        plain('The "createdAt.start" query parameter must be a valid date.'),
      ],
      [
        'custom fields that are no JSON',
        'GET',
        'livechat/rooms?customFields=x',
        { as: 'boss' },
        plain('The "customFields" query parameter must be a valid JSON.'),
      ],
      [
        'an agent who is none',
        'POST',
        'livechat/agent.status',
        { as: 'boss', body: { status: 'available' } },
        // A manager has the permission, and is no agent.
        plain('Agent not found', 404),
      ],
      [
        'the status of somebody else',
        'POST',
        'livechat/agent.status',
        { as: 'mira', body: { status: 'available', agentId: 'BOT' } },
        plain('unauthorized', 403),
      ],
      [
        'a message without a room, of an agent',
        'POST',
        'chat.sendMessage',
        { as: 'mira', body: { message: { msg: 'x' } } },
        plain("The 'rid' property on the message object is missing."),
      ],
      [
        'a system message of an agent',
        'POST',
        'chat.sendMessage',
        { as: 'mira', body: { message: { rid: 'R', t: 'uj' } } },
        plain("Cannot send system messages using 'chat.sendMessage'"),
      ],
      [
        'a room that is none, of an agent',
        'POST',
        'chat.sendMessage',
        { as: 'mira', body: { message: { rid: 'none', msg: 'x' } } },
        error('error-invalid-room', 'Invalid room'),
      ],
      [
        'a message to a channel that is none',
        'POST',
        'chat.postMessage',
        { as: 'mira', body: { roomId: 'none', text: 'x' } },
        error('invalid-channel'),
      ],
      [
        'a message that is not there',
        'GET',
        'chat.getMessage?msgId=none',
        { as: 'mira' },
        { status: 400, body: { success: false } },
      ],
      [
        'a form of the newer kind, without brackets',
        'POST',
        'livechat/visitor/department.transfer',
        { body: { token: 't' } },
        {
          status: 400,
          body: { success: false, error: "must have required property 'rid'", errorType: 'invalid-params' },
        },
      ],
      [
        'an offline message to nobody',
        'POST',
        'livechat/offline.message',
        { body: { name: 'x', email: 'x', message: 'y' } },
        error('error-invalid-email-address', 'Invalid email address'),
      ],
      ['what is no call', 'GET', 'livechat/nothing', {}, plain('API endpoint does not exist', 404)],
    ];
    for (const [what, method, path, call, answer] of wrong)
      it(what, () => {
        const { core, bot } = stage();
        const kim = core.visitor('Kim');
        const before = core.journal.length;
        const body: unknown = JSON.parse(JSON.stringify(call.body ?? null).replace('"BOT"', JSON.stringify(bot.id)));
        expect(rest(core, method, path, { ...call, ...(call.body !== undefined && { body }) })).to.deep.include(answer);
        const effects = core.journal.slice(before).filter(({ kind }) => kind !== 'requested' && kind !== 'problem');
        expect(effects).to.deep.equal([]);
        expect(kim.rid).to.equal(undefined);
      });
  });

  it('asks for login, permission, limit and fields in this order', () => {
    const { core } = stage({ rateLimits: true, callLimit: 1 });
    const call = (as?: string) =>
      rest(core, 'POST', 'livechat/users/agent', { body: {}, ...(as !== undefined && { as }) }).status;
    expect([call(), call('lev'), call('boss'), call(), call('lev'), call('boss')]).to.deep.equal([
      401, 403, 400, 401, 403, 429,
    ]);
  });

  it('checks fields before it counts, on routes of the newer kind', () => {
    const { core } = stage({ rateLimits: true, callLimit: 1 });
    const call = (body: unknown) => rest(core, 'POST', 'livechat/visitor/department.transfer', { body }).status;
    const good = { token: 't', rid: 'R', department: 'D' };
    expect([call({}), call({}), call(good), call(good), call({})]).to.deep.equal([400, 400, 400, 429, 400]);
  });

  describe('counts calls', () => {
    it('by address and route: all tokens share one bucket', () => {
      const { core } = stage({ rateLimits: true, callLimit: 2 });
      const read = (token: string, address: string) =>
        rest(core, 'GET', `livechat/visitor/${token}`, { address }).status;
      expect([read('a', '1'), read('b', '1'), read('c', '1'), read('c', '2')]).to.deep.equal([400, 400, 429, 400]);
      expect(rest(core, 'DELETE', 'livechat/visitor/a', { address: '1' }).status).to.equal(400);
    });

    it('five of visitors and of rooms', () => {
      const { core } = stage({ rateLimits: true });
      core.visitor('Kim');
      for (const [method, path, body] of [
        ['POST', 'livechat/visitor', { visitor: { token: 'visitor-Kim' } }],
        ['GET', 'livechat/room?token=visitor-Kim', undefined],
      ] as const)
        expect(Array.from({ length: 6 }, () => rest(core, method, path, { body }).status)).to.deep.equal([
          200, 200, 200, 200, 200, 429,
        ]);
    });

    it('not of bots; on calls of visitors from 8.0', () => {
      for (const [version, status] of [
        ['7.10.0', 429],
        ['8.8.0', 400],
      ] as const) {
        const { core } = stage({ rateLimits: true, callLimit: 1, version });
        const call = (path: string) => rest(core, 'GET', path, { as: 'helper.bot' }).status;
        expect([call('me'), call('me')]).to.deep.equal([200, 200]);
        expect([call('livechat/visitor/none'), call('livechat/visitor/none')]).to.deep.equal([400, status]);
      }
    });

    it('no more, when they are told to forget', () => {
      const { core } = stage({ rateLimits: true, callLimit: 1 });
      const call = () => rest(core, 'GET', 'livechat/visitor/none').status;
      call();
      core.forgetCalls();
      expect([call(), call()]).to.deep.equal([400, 429]);
    });

    it('as very old servers, with 400', () => {
      const { core } = stage({ rateLimits: true, callLimit: 1, throttleStatus: 400 });
      rest(core, 'GET', 'me', { as: 'mira' });
      expect(rest(core, 'GET', 'me', { as: 'mira' })).to.deep.nested.include({
        status: 400,
        'body.errorType': 'error-too-many-requests',
      });
    });
  });

  describe('logs in', () => {
    const digest = (text: string): object => ({ digest: text, algorithm: 'sha-256' });
    const SHA_OF_P = '5c62e091b8c0565f1bafad0dad5934276143ae2ccef7a5381e8ada5b1a8d26d2';

    it('with a password, its digest, or an earlier token', () => {
      const { core } = stage();
      const login = (body: unknown) => rest(core, 'POST', 'login', { body });
      const first = login({ user: 'mira', password: 'P' });
      const { authToken, userId } = first.body['data'] as { authToken: string; userId: string };
      for (const body of [
        { username: 'mira', password: digest(SHA_OF_P) },
        { email: 'bot@shop.example', password: 'corr3ct-horse' },
        { resume: authToken },
      ])
        expect(login(body).body).to.include({ status: 'success', success: true });
      expect(login({ resume: 'none' }).body).to.include({ status: 'error', error: 403 });
      expect(login({ user: 'mira', password: 'P', extra: 1 })).to.deep.nested.include({
        status: 401,
        'body.error': 400,
      });
      for (const body of [{ user: 'mira', password: digest('00') }, { user: 'mira' }, { resume: 'none' }, {}])
        expect(login(body).status).to.equal(401);
      const headers = { 'x-auth-token': authToken, 'x-user-id': userId };
      expect(rest(core, 'GET', 'me', { headers }).body).to.include({ username: 'mira', success: true });
      expect(rest(core, 'GET', 'me', { headers: { ...headers, 'x-user-id': 'other' } }).status).to.equal(401);
      expect(rest(core, 'POST', 'logout', { headers }).status).to.equal(200);
      expect(rest(core, 'GET', 'me', { headers }).status).to.equal(401);
    });

    it('with a second factor', () => {
      const { core } = stage({ accounts: [{ ...BOT, totp: '123456' }], departments: [] });
      const login = (more: object, headers = {}) =>
        rest(core, 'POST', 'login', { body: { user: 'helper.bot', password: 'corr3ct-horse', ...more }, headers });
      expect(login({})).to.deep.nested.include({ status: 401, 'body.error': 'totp-required' });
      expect(login({}).body['details']).to.deep.include({ method: 'totp' });
      expect(login({ code: '0' })).to.deep.nested.include({ status: 401, 'body.error': 'totp-invalid' });
      expect(login({ code: '123456' }).status).to.equal(200);
      expect(login({}, { 'x-2fa-code': '123456' }).status).to.equal(200);
    });

    it('for as long as a login is good; personal tokens for ever', () => {
      const { core, clock } = stage({ tokenLifeMs: 1_000 });
      const [login, personal] = [core.issueToken('mira'), core.issueToken('mira', { isPersonal: true })].map(
        ({ userId, authToken }) => ({ 'x-auth-token': authToken, 'x-user-id': userId }),
      );
      clock.advance(1_000);
      expect(rest(core, 'GET', 'me', { headers: login ?? {} }).status).to.equal(401);
      expect(rest(core, 'GET', 'me', { headers: personal ?? {} }).status).to.equal(200);
      core.expireTokens('mira');
      expect(rest(core, 'GET', 'me', { headers: personal ?? {} }).status).to.equal(401);
    });

    it('as servers of 7.x, without `success`', () => {
      const { core } = stage({ version: '7.10.0' });
      const login = (password: string) => rest(core, 'POST', 'login', { body: { user: 'mira', password } });
      expect(login('P').body).to.have.keys('status', 'data');
      expect(login('no').body).to.have.keys('status', 'error', 'message');
      expect(rest(core, 'GET', 'me').body).to.have.keys('status', 'message');
    });
  });

  it('lets pages of other origins in, or not', () => {
    const { core } = stage();
    const { status, headers } = rest(core, 'OPTIONS', 'livechat/message');
    expect(status).to.equal(200);
    expect(headers).to.include({ 'access-control-allow-origin': '*' });
    expect(headers['access-control-allow-headers']).to.include('X-Auth-Token').and.include('x-visitor-token');
    expect(rest(core, 'GET', '/api/info').headers).to.include({ 'access-control-allow-origin': '*' });
    const closed = stage({ cors: false }).core;
    expect(rest(closed, 'OPTIONS', 'livechat/message').status).to.equal(405);
    expect(rest(closed, 'GET', '/api/info').headers).not.to.have.property('access-control-allow-origin');
  });

  it('tells its version in short', () => {
    expect(rest(stage().core, 'GET', '/api/info').body).to.deep.equal({ version: '8.8', success: true });
  });

  it('has the calls that its version has', () => {
    const has = (version: string, method: string, path: string): boolean =>
      rest(stage({ version }).core, method, path, { as: 'boss' }).status !== 404;
    for (const [method, path, versions] of [
      ['POST', 'livechat/room.transfer', ['6.13.0', '7.13.0']],
      ['POST', 'livechat/visitor/department.transfer', ['8.0.0', '8.8.0']],
      ['POST', 'rooms.upload/R', ['6.13.0', '7.13.0']],
      ['POST', 'rooms.media/R', ['7.13.0', '8.0.0', '8.8.0']],
      ['POST', 'livechat/inquiries.returnAsInquiry', ['7.13.0', '8.0.0', '8.8.0']],
    ] as const)
      expect(
        ['6.13.0', '7.13.0', '8.0.0', '8.8.0'].filter((version) => has(version, method, path)),
        path,
      ).to.deep.equal(versions);
  });

  describe('pages lists', () => {
    const list = (query: string, config = {}) => {
      const { core } = stage(config);
      for (const name of ['a', 'b', 'c']) core.visitor(name).open();
      return rest(core, 'GET', `livechat/rooms?${query}`, { as: 'boss' }).body as { rooms: Payload[]; count: number };
    };

    it('by offset, count and sort', () => {
      const page = list(`offset=1&count=1&sort=${encodeURIComponent('{"fname":-1}')}`);
      expect(page).to.include({ count: 1, offset: 1, total: 3 });
      expect(page.rooms.map(({ fname }) => fname)).to.deep.equal(['b']);
    });

    it('with an upper limit, and all for 0 where that is allowed', () => {
      expect(list('count=9', { maxCount: 2 }).count).to.equal(2);
      expect(list('', { maxCount: 2 }).count).to.equal(2);
      expect(list('count=0', { maxCount: 2 }).count).to.equal(3);
      expect(list('count=0', { maxCount: 2, infiniteCount: false }).count).to.equal(2);
    });
  });

  it('changes the settings of webhooks, and tries them', () => {
    const { core, receiver } = stage();
    const settings = {
      LivechatWebhookUrl: 'http://127.0.0.1:1/',
      LivechatSecretToken: 'S',
      LivechatWebhookOnStart: false,
    };
    expect(rest(core, 'POST', 'omnichannel/integrations', { as: 'mira', body: settings }).status).to.equal(403);
    expect(rest(core, 'POST', 'omnichannel/integrations', { as: 'boss', body: settings }).status).to.equal(200);
    core.visitor('Kim').say('x');
    expect(receiver.types).to.deep.equal(['LivechatSessionQueued', 'Message']);
    expect(receiver.posts[0]?.headers).to.include({ 'x-rocketchat-livechat-token': 'S' });
    const test = () => rest(core, 'POST', 'livechat/webhook.test', { as: 'boss' }).status;
    expect(test()).to.equal(200);
    const { visitor } = receiver.posts.at(-1)?.body as { visitor: Payload };
    expect(visitor).to.include({ _id: '', email: 'email@address.com' }).and.not.to.have.property('token');
    receiver.statuses = [500];
    expect(test()).to.equal(400);
    receiver.statuses = [-1];
    expect(ask(core, 'POST', 'livechat/webhook.test', { as: 'boss' }).reply).to.equal(undefined);
  });

  for (const [what, config, sentence] of [
    ['a version that is none', { version: 'new' }, 'version'],
    ['an empty user name', { accounts: [{ username: '' }] }, 'user name'],
    ['two users of one name', { accounts: [{ username: 'a' }, { username: 'a' }] }, 'differ'],
    ['a department without a name', { departments: [{ name: '' }] }, 'department'],
    ['a department of strangers', { departments: [{ name: 'x', agents: ['nobody'] }] }, 'nobody'],
    ['no time at all', { windowMs: 0 }, 'windowMs'],
    ['a webhook without time', { webhook: { url: 'http://127.0.0.1/', timeoutMs: 0 } }, 'timeoutMs'],
  ] as const)
    it(`throws at the call for ${what}`, () => {
      expect(() => rocketchatCore(config)).to.throw(sentence);
    });
});
