import { expect } from 'chai';
import fc from 'fast-check';
import type { RocketchatJournalEntry } from 'tidewire/simulators';
import { Client, HOOK, rest, stage, type Payload } from './simulated-desk.js';

type Step = readonly [who: 'Kim' | 'Lee', what: 'say' | 'answer' | 'take' | 'forward' | 'back' | 'close' | 'wait'];

const steps = fc.array(
  fc.tuple(
    fc.constantFrom('Kim' as const, 'Lee' as const),
    fc.constantFrom('say', 'say', 'answer', 'take', 'forward', 'back', 'close', 'wait'),
  ),
  { maxLength: 30 },
) as fc.Arbitrary<Step[]>;

/** Lets people do what they can; what the rules forbid does not happen. */
const play = (script: readonly Step[]) => {
  const desk = stage({ webhook: HOOK });
  const { core, clock, bot, mira } = desk;
  const boss = Client.in(core, 'boss');
  boss.sub('stream-room-messages', '__my_messages__');
  let n = 0;
  for (const [who, what] of script) {
    const visitor = core.visitor(who);
    const rid = visitor.rid ?? '';
    const server = [bot, mira].find(({ serves }) => serves.includes(rid));
    const acts: Readonly<Record<Step[1], () => unknown>> = {
      say: () => visitor.say(String(++n)),
      answer: () => server?.say(rid, String(++n)),
      take: () => server ?? (rid === '' ? undefined : bot.take(rid)),
      forward: () => server?.forward(rid, { agent: server === bot ? 'mira' : 'helper.bot' }),
      back: () => server?.giveBack(rid),
      close: () => (rid === '' ? undefined : visitor.close()),
      wait: () => {
        clock.advance(1);
      },
    };
    acts[what]();
  }
  return { ...desk, boss };
};

const posted = (journal: readonly RocketchatJournalEntry[], rid: string): readonly string[] =>
  journal.flatMap((entry) => (entry.kind === 'posted' && entry.rid === rid ? [entry.messageId] : []));
const idsOf = (messages: readonly Payload[], rid: string): readonly unknown[] =>
  messages.flatMap(({ _id, rid: of }) => (of === rid ? [_id] : []));

describe('laws of rocketchatCore', () => {
  it('messages of a room have one order: in the journal, on a socket, in the history, page by page', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { core, boss } = play(script);
        const told = boss.events('__my_messages__').map(([message]) => message as Payload);
        for (const entry of core.journal) {
          if (entry.kind !== 'opened') continue;
          const { rid, by } = entry;
          const token = ['Kim', 'Lee'].map((name) => core.visitor(name)).find(({ id }) => id === by)?.token ?? '';
          const page = (offset: number) =>
            rest(core, 'GET', `livechat/messages.history/${rid}?token=${token}&limit=7&offset=${offset}`).body[
              'messages'
            ] as Payload[];
          const history: Payload[] = [];
          for (let part = page(0); part.length > 0; part = page(history.length)) history.push(...part);
          const ids = posted(core.journal, rid);
          expect(idsOf(told, rid)).to.deep.equal(ids);
          expect(idsOf(history.reverse(), rid)).to.deep.equal(ids);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('what happens is consistent: one open room for a visitor, one inquiry for an open room, one server for a taken one', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { core, bot, mira } = play(script);
        const { rooms } = rest(core, 'GET', 'livechat/rooms?count=0', { as: 'boss' }).body as { rooms: Payload[] };
        const open = rooms.filter((room) => room['open'] === true);
        expect(new Set(open.map(({ v }) => (v as Payload)['_id'])).size).to.equal(open.length);
        for (const room of rooms) {
          const path = `livechat/inquiries.getOne?roomId=${String(room['_id'])}`;
          const inquiry = rest(core, 'GET', path, { as: 'mira' }).body['inquiry'] as Payload | null;
          expect(inquiry?.['status']).to.equal(
            room['open'] === undefined ? undefined : room['servedBy'] === undefined ? 'queued' : 'taken',
          );
        }
        const served = open.filter((room) => room['servedBy'] !== undefined).map(({ _id }) => _id);
        expect([...bot.serves, ...mira.serves]).to.have.members(served);
      }),
      { numRuns: 50 },
    );
  });

  it('every message and every turn of a room is one webhook', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { core, receiver } = play(script);
        const count = (kind: string): number => core.journal.filter((entry) => entry.kind === kind).length;
        const texts = core.journal.flatMap((entry) =>
          entry.kind === 'posted' && entry.t === undefined ? [entry.messageId] : [],
        );
        const messages = receiver.posts.flatMap(({ body }) =>
          body['type'] === 'Message' ? [(body['messages'] as Payload[])[0]?.['_id']] : [],
        );
        expect(messages).to.deep.equal(texts);
        const type = (name: string): number => receiver.types.filter((one) => one === name).length;
        expect(type('LivechatSessionStart')).to.equal(count('opened'));
        expect(type('LivechatSession')).to.equal(count('closed'));
        expect(type('LivechatSessionQueued')).to.equal(count('queued'));
        expect(type('LivechatSessionTaken') + type('LivechatSessionForwarded')).to.equal(count('taken'));
      }),
      { numRuns: 50 },
    );
  });

  it('a message id is stored once, however often and by whomever it is sent', () => {
    const sends = fc.array(fc.tuple(fc.constantFrom('visitor', 'agent'), fc.constantFrom('one', 'two')), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(sends, fc.constantFrom('7.10.0', '8.8.0'), (all, version) => {
        const { core, bot } = stage({ version });
        const kim = core.visitor('Kim');
        const rid = kim.open();
        bot.take(rid);
        for (const [side, _id] of all) {
          const body =
            side === 'visitor' ? { token: kim.token, rid, _id, msg: _id } : { message: { rid, _id, msg: _id } };
          rest(core, 'POST', side === 'visitor' ? 'livechat/message' : 'chat.sendMessage', { as: 'helper.bot', body });
        }
        const ids = all.map(([, id]) => id);
        expect(core.seenIn(rid)).to.deep.equal([...new Set(ids)]);
        expect(core.journal.filter(({ kind }) => kind === 'repeated')).to.have.length(ids.length - new Set(ids).size);
      }),
    );
  });

  it('no window of a route has more calls that were served than its limit', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(waits, fc.integer({ min: 1, max: 10 }), (all, callLimit) => {
        const { core, clock } = stage({ rateLimits: true, callLimit });
        let [begun, served] = [-Infinity, 0];
        for (const wait of all) {
          clock.advance(wait);
          const { status, headers } = rest(core, 'GET', 'livechat/visitor/none');
          if (clock.now() >= begun + 60_000) [begun, served] = [clock.now(), 0];
          expect(status).to.equal(served < callLimit ? 400 : 429);
          if (status === 400) served++;
          expect(headers).to.include({
            'x-ratelimit-remaining': String(callLimit - served),
            'x-ratelimit-reset': String(begun + 60_000),
          });
        }
      }),
      { numRuns: 50 },
    );
  });
});
