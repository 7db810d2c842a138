import { expect } from 'chai';
import type { RocketchatRestFaults } from 'tidewire/simulators';
import { ask, Client, rest, sample, stage, type Payload } from './simulated-desk.js';

/** A message of a visitor, with something that goes wrong. */
const send = (faults: RocketchatRestFaults) => {
  const desk = stage({ rateLimits: true });
  const kim = desk.core.visitor('Kim');
  const rid = kim.open();
  Object.assign(desk.core.faults.rest, faults);
  const result = ask(desk.core, 'POST', 'livechat/message', { body: { token: kim.token, rid, _id: 'mine', msg: 'x' } });
  const seen = () => desk.core.seenIn(rid).join('');
  return { ...desk, kim, rid, result, seen };
};

describe('faults of rocketchatCore', () => {
  describe('over REST', () => {
    const cases: readonly (readonly [
      fault: string,
      faults: RocketchatRestFaults,
      status: number | string,
      seen: string,
    ])[] = [
      ['drop', { drop: 1 }, 'nothing', ''],
      ['resetBefore', { resetBefore: 1 }, 'reset', ''],
      ['resetAfter', { resetAfter: 1 }, 'reset', 'x'],
      ['throttle', { throttle: 1 }, 429, ''],
      ['statuses', { statuses: [503] }, 503, ''],
      ['page', { page: 1 }, 502, ''],
      ['pageAfter', { pageAfter: 1 }, 504, 'x'],
      ['refuse', { refuse: 1 }, 200, ''],
      ['silent', { silent: 1 }, 'nothing', 'x'],
      ['empty', { empty: 1 }, 200, 'x'],
      ['cut', { cut: 1 }, 200, 'x'],
      ['duplicate', { duplicate: 1 }, 200, 'x'],
    ];
    for (const [fault, faults, status, seen] of cases)
      it(`${fault}: once, with its effect or without, and written down`, () => {
        const desk = send(faults);
        const { reply, error } = desk.result;
        expect(reply?.status ?? (error === undefined ? 'nothing' : 'reset')).to.equal(status);
        expect(desk.seen()).to.equal(seen);
        expect(desk.core.journal.filter(({ kind }) => kind === 'fault')).to.deep.equal([
          { at: 0, kind: 'fault', fault: `rest.${fault}` },
        ]);
        expect(rest(desk.core, 'GET', `livechat/visitor/${desk.kim.token}`).status).to.equal(200);
      });

    it('in the shapes that clients must bear', () => {
      const body = (faults: RocketchatRestFaults): unknown => send(faults).result.reply?.body;
      expect(send({ statuses: [400] }).result.reply).to.deep.include(sample('message', 'preventedByApp'));
      expect(body({ page: 1 })).to.match(/^<html>/);
      expect(body({ refuse: 1, refuseWith: 'no' })).to.deep.equal({ success: false, error: 'no' });
      expect(body({ empty: 1 })).to.deep.equal({});
      expect(send({ cut: 1 }).result.reply?.answer).to.include({ isCut: true });
      const { headers } = send({ throttle: 1, retryAfter: 7 }).result.reply ?? { headers: {} };
      expect(headers).to.include({ 'retry-after': '7', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60000' });
    });

    it('late, with the effect at once', () => {
      const { result, seen, clock } = send({ delay: 1, delayMs: 50 });
      expect([seen(), result.reply]).to.deep.equal(['x', undefined]);
      clock.advance(50);
      expect(result.reply?.status).to.equal(200);
    });

    it('where they are meant', () => {
      const { result } = send({ drop: 9, only: ({ route }) => route === 'livechat/room' });
      expect(result.reply?.status).to.equal(200);
    });

    it('for a login that expires a moment before', () => {
      const { core } = stage();
      const { userId, authToken } = core.issueToken('mira');
      const headers = { 'x-auth-token': authToken, 'x-user-id': userId };
      core.faults.rest.expire = 1;
      const me = () => rest(core, 'GET', 'me', { headers }).status;
      expect([me(), me()]).to.deep.equal([401, 401]);
      expect(rest(core, 'POST', 'login', { body: { user: 'mira', password: 'P' } }).status).to.equal(200);
    });
  });

  describe('of others who are quicker', () => {
    const queued = () => {
      const desk = stage();
      const rid = desk.core.visitor('Kim').open();
      const { inquiryId } = desk.core.journal.find((entry) => entry.kind === 'queued') ?? { inquiryId: '' };
      const take = () =>
        rest(desk.core, 'POST', 'livechat/inquiries.take', { as: 'helper.bot', body: { inquiryId } }).body;
      const server = (): unknown => {
        const { rooms } = rest(desk.core, 'GET', 'livechat/rooms', { as: 'boss' }).body as { rooms: Payload[] };
        return (rooms[0]?.['servedBy'] as Payload | undefined)?.['username'];
      };
      return { ...desk, rid, take, server };
    };

    it('take the inquiry before it is checked', () => {
      const { core, take, server } = queued();
      Object.assign(core.faults.race, { take: 1, by: 'mira' });
      expect(take()).to.include({ errorType: 'error-inquiry-taken' });
      expect(server()).to.equal('mira');
    });

    it('take it after it was checked, so that success is none', () => {
      const { core, take, server } = queued();
      core.faults.race.snatch = 1;
      expect(take()).to.deep.equal({ success: true });
      expect(server()).to.equal('rival');
    });

    it('lock it', () => {
      const { core, take, server } = queued();
      core.faults.race.lock = 1;
      expect(take()).to.deep.equal({ success: false, error: 'error-taking-inquiry-lockedAt-mismatch' });
      expect(take()).to.deep.equal({ success: true });
      expect(server()).to.equal('helper.bot');
    });

    it('close the room that is written to', () => {
      for (const side of ['visitor', 'agent'] as const) {
        const { core, rid, bot } = queued();
        bot.take(rid);
        core.faults.race.close = 1;
        const body = side === 'visitor' ? { token: 'visitor-Kim', rid, msg: 'x' } : { message: { rid, msg: 'x' } };
        const path = side === 'visitor' ? 'livechat/message' : 'chat.sendMessage';
        const { status, body: answer } = rest(core, 'POST', path, { as: 'helper.bot', body });
        expect({ status, ...answer }).to.deep.equal({ status: 400, success: false, error: 'room-closed' });
        const closed = core.journal.find(({ kind }) => kind === 'closed');
        expect(closed).to.include({ closer: side === 'visitor' ? 'user' : 'visitor' });
        expect(core.seenIn(rid)).to.deep.equal([]);
      }
    });
  });

  describe('of calls on sockets', () => {
    const call = (faults: object) => {
      const { core, bot, clock } = stage();
      const rid = core.visitor('Kim').open();
      bot.take(rid);
      const client = Client.in(core, 'helper.bot');
      Object.assign(core.faults.method, faults);
      const result = client.call('sendMessage', { rid, msg: 'x' });
      return { client, result, clock, seen: core.seenIn(rid).join('') };
    };

    it('lose them, or cut the socket before or after the effect', () => {
      for (const [fault, ends, seen] of [
        ['lose', 0, ''],
        ['cutBefore', 1, ''],
        ['cutAfter', 1, 'x'],
        ['silent', 0, 'x'],
      ] as const) {
        const given = call({ [fault]: 1 });
        expect([given.result, given.client.ends.length, given.seen], fault).to.deep.equal([undefined, ends, seen]);
      }
    });

    it('throttle them', () => {
      const { result, seen } = call({ throttle: 1 });
      expect(result?.['error']).to.include({ error: 'too-many-requests' });
      expect(seen).to.equal('');
    });

    it('change the order of the answer, or delay it', () => {
      const order = (faults: object) =>
        call(faults)
          .client.frames.slice(-2)
          .map(({ msg }) => msg);
      expect(order({})).to.deep.equal(['result', 'updated']);
      expect(order({ updatedFirst: 1 })).to.deep.equal(['updated', 'result']);
      const { client, clock, result } = call({ delay: 1, delayMs: 50 });
      expect(result).to.equal(undefined);
      clock.advance(50);
      expect(client.last('result')).to.have.property('result');
    });
  });

  describe('of events', () => {
    const hear = (faults: object) => {
      const desk = stage();
      const client = Client.in(desk.core, 'boss');
      client.sub('stream-room-messages', '__my_messages__');
      const kim = desk.core.visitor('Kim');
      kim.open();
      Object.assign(desk.core.faults.event, faults);
      for (const text of ['a', 'b']) kim.say(text);
      return { ...desk, client, heard: () => client.heard().slice(1).join('') };
    };

    it('lose, double, delay and reorder them', () => {
      expect(hear({ lose: 1 }).heard()).to.equal('b');
      expect(hear({ duplicate: 1 }).heard()).to.equal('aab');
      expect(hear({ reorder: 1 }).heard()).to.equal('ba');
      const late = hear({ delay: 1, delayMs: 50 });
      expect(late.heard()).to.equal('b');
      late.clock.advance(50);
      expect(late.heard()).to.equal('ba');
    });

    it('are not used up by sockets that are gone', () => {
      const { core } = stage();
      const kim = core.visitor('Kim');
      const rid = kim.open();
      const [gone, here] = [1, 2].map(() => {
        const client = Client.in(core);
        client.sub('stream-room-messages', rid, { visitorToken: kim.token });
        return client;
      });
      gone?.connection.closed(1000);
      core.faults.event.lose = 1;
      for (const text of ['a', 'b']) kim.say(text);
      expect(here?.heard(rid)).to.deep.equal(['b']);
    });

    it('put what is no JSON before them', () => {
      const { client, heard } = hear({ malformed: 1 });
      expect(heard()).to.equal('ab');
      expect(client.texts.filter((text) => !text.endsWith('}'))).to.have.length(1);
    });

    it('where they are meant', () => {
      const isB = ({ args }: { args: readonly unknown[] }) => (args[0] as Payload)['msg'] === 'b';
      expect(hear({ lose: 9, only: isB }).heard()).to.equal('a');
    });
  });

  describe('of connections', () => {
    it('refuse, fail, mute or freeze the next one', () => {
      const { core } = stage();
      core.faults.connection.refuse = 1;
      expect(() => new Client(core)).to.throw('503');
      core.faults.connection.fail = 1;
      const failed = Client.in(core);
      expect(failed.last('failed')).to.deep.equal({ msg: 'failed', version: 'pre1' });
      expect(failed.ends).to.deep.equal([1000]);
      for (const fault of ['mute', 'freeze'] as const) {
        core.faults.connection[fault] = 1;
        const client = Client.in(core);
        expect([client.texts, client.connection.isFrozen]).to.deep.equal([[], fault === 'freeze']);
      }
      expect(Client.in(core).last('connected')).to.have.property('session');
    });

    it('freeze all that are there, which then are never pinged nor cut', () => {
      const { core, clock } = stage();
      const client = Client.in(core, 'boss');
      client.sub('stream-room-messages', '__my_messages__');
      core.freeze();
      core.visitor('Kim').say('x');
      clock.advance(600_000);
      expect([client.heard(), client.ends]).to.deep.equal([[], []]);
    });

    it('shut the server for a while, which forgets nothing that is stored', () => {
      const { core, clock } = stage();
      const client = Client.in(core);
      const kim = core.visitor('Kim');
      const rid = kim.open();
      core.restart(100);
      expect(client.ends).to.deep.equal([undefined]);
      expect(() => new Client(core)).to.throw('503');
      expect(rest(core, 'GET', `livechat/visitor/${kim.token}`).status).to.equal(503);
      clock.advance(100);
      expect(kim.rid).to.equal(rid);
      expect(rest(core, 'GET', `livechat/visitor/${kim.token}`).status).to.equal(200);
    });

    it('send anything to all', () => {
      const { core } = stage();
      const client = Client.in(core);
      core.raw('{"msg":"news"}');
      expect(client.last('news')).to.deep.equal({ msg: 'news' });
    });
  });
});
