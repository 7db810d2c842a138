import { expect } from 'chai';
import fc from 'fast-check';
import type { InboundEvent } from 'tidewire';
import { Bench, SALES, SECOND, world, type World } from '../support/rocketchat-bench.js';

type Step = readonly [who: number, what: number];
const STEPS = fc.array(fc.tuple(fc.nat(2), fc.nat(10)), { minLength: 20, maxLength: 60 });
/** What happens before each step: see `trouble`, with answers that are late or not. */
const PROMPT = fc.array(fc.nat(10), { minLength: 60, maxLength: 60 });
const LATE = fc.array(fc.nat(14), { minLength: 60, maxLength: 60 });
const BOUNDS = fc.record({
  maxInFlight: fc.integer({ min: 1, max: 20 }),
  maxPerConversation: fc.integer({ min: 1, max: 8 }),
});
const SINCE = '2026-11-20T09:00:00.000Z';

/** A day at the desk. What the rules of the server forbid is no step. */
const live = (
  { clock, core }: World,
  steps: readonly Step[],
  before: (step: number) => void = () => undefined,
  pauses: readonly number[] = [1_000],
): void => {
  const [bot, mira] = [core.agent('helper.bot'), core.agent('mira')];
  const visitors = ['Dana', 'Lev', 'Ida'].map((name) => core.visitor(name, { department: SALES }));
  const said = new Map<string, string>();
  steps.forEach(([who, what], n) => {
    clock.advance(pauses[n % pauses.length]!);
    before(n);
    const visitor = visitors[who]!;
    const room = visitor.rid ?? '';
    // The same becomes of a room in one millisecond only once: two inputs that tell so cannot know that it was twice.
    if (what === 5 || (what >= 7 && what <= 9)) clock.advance(1);
    try {
      if (what <= 2) said.set(visitor.token, visitor.say(`v${n}`));
      else if (what === 3) visitor.edit(said.get(visitor.token) ?? '', `e${n}`);
      else if (what === 4) visitor.upload({ name: 'a.png', type: 'image/png', bytes: Uint8Array.of(1) });
      else if (what === 5) bot.take(room);
      else if (what === 6) mira.say(room, `a${n}`);
      else if (what === 7) bot.forward(room, { agent: 'mira' });
      else if (what === 8) bot.forward(room, { department: SECOND });
      else if (what === 9) mira.take(room);
      else if (n % 2 === 0) visitor.close();
      else bot.close(room, 'solved');
    } catch {
      return;
    }
  });
  clock.advance(45_000);
};

const isMessage = ({ kind }: InboundEvent): boolean => kind === 'message' || kind === 'media';
const isEdit = ({ kind }: InboundEvent): boolean => kind === 'edited';
const isLife = ({ id }: InboundEvent): boolean => /~(started|taken|forwarded|ended)/.test(id);
const idsOf = ({ events }: Bench, isAsked: (event: InboundEvent) => boolean): readonly string[] =>
  events.filter(isAsked).map(({ id }) => id);
const isQueued = ({ id }: InboundEvent): boolean => /~queued~[0-9a-f]+$/.test(id);
const byRoom = (
  { events }: Bench,
  isAsked: (event: InboundEvent) => boolean,
): Readonly<Record<string, readonly string[]>> => {
  const rooms: Record<string, string[]> = {};
  for (const event of events) if (isAsked(event)) (rooms[event.conversation.id] ??= []).push(event.id);
  return rooms;
};

/** The same, but at one instant: what happened first in a millisecond nobody tells. */
const byInstant = (
  { events }: Bench,
  isAsked: (event: InboundEvent) => boolean,
): Readonly<Record<string, readonly string[]>> => {
  const rooms: Record<string, { at: string; ids: string[] }[]> = {};
  for (const { at, id, conversation } of events.filter(isAsked)) {
    const instants = (rooms[conversation.id] ??= []);
    const last = instants.at(-1);
    if (last?.at === at) last.ids.push(id);
    else instants.push({ at, ids: [id] });
  }
  return Object.fromEntries(
    Object.entries(rooms).map(([rid, instants]) => [rid, instants.flatMap(({ ids }) => ids.sort())]),
  );
};

/** What happens to two who listen: their sockets, what comes over them, their webhooks, and how long their calls take. */
const trouble = ({ clock, core }: World, cut: Bench, all: Bench, what: number | undefined): void => {
  const { event, hook } = core.faults;
  const now = new Date(clock.now()).toISOString();
  switch (what) {
    case 0:
      cut.port.cut(now);
      break;
    case 1:
      all.port.cut(now);
      break;
    case 2:
    case 3:
      cut.port.connect();
      break;
    case 4:
    case 5:
      all.port.connect();
      break;
    case 6:
      event.duplicate = 2;
      break;
    case 7:
      Object.assign(event, { delay: 1, delayMs: 30 });
      break;
    case 8:
      Object.assign(hook, { duplicate: 1, copies: 10 });
      break;
    case 9:
      hook.deaf = 2;
      break;
    case 11:
    case 12:
      cut.port.answerMs = 70;
      break;
    case 13:
      cut.port.answerMs = 7;
      break;
    case 14:
      all.port.answerMs = 30;
      break;
    default:
  }
};

for (const version of ['8.8.0', '7.10.0'])
  describe(`fromRocketChat, of a day on a server of version ${version}`, () => {
    it('tells by each input the same messages, the edits that both can see, and the life of rooms in the same order', () => {
      fc.assert(
        fc.property(STEPS, (steps) => {
          const stage = world({ version });
          const webhook = new Bench(stage, { hooked: true });
          const realtime = new Bench(stage, { realtime: true });
          const poll = new Bench(stage, { poll: { everyMs: 900 }, since: SINCE });
          const seldom = new Bench(stage, { poll: { everyMs: 20_000 }, since: SINCE });
          const all = new Bench(stage, { hooked: true, realtime: true, poll: true, since: SINCE });
          live(stage, steps);
          for (const isAsked of [isMessage, isLife]) {
            const told = byRoom(realtime, isAsked);
            for (const other of [webhook, poll, seldom, all]) expect(byRoom(other, isAsked)).to.deep.equal(told);
          }
          const edits = idsOf(realtime, isEdit);
          for (const other of [webhook, all]) expect(byRoom(other, isEdit)).to.deep.equal(byRoom(realtime, isEdit));
          // Asked for, a message has its last edit alone.
          for (const other of [poll, seldom]) expect(edits).to.include.members([...idsOf(other, isEdit)]);
          for (const bench of [webhook, realtime, poll, seldom, all]) {
            expect(bench.error).to.equal(undefined);
            expect(bench.troubles).to.deep.equal([]);
            const ids = bench.events.filter(({ fingerprint }) => fingerprint === undefined).map(({ id }) => id);
            expect(new Set(ids).size, 'none twice').to.equal(ids.length);
          }
        }),
        { numRuns: 12 },
      );
    });

    it('loses nothing, doubles nothing, and keeps the order of rooms, while sockets are cut and webhooks come twice, late or not', () => {
      fc.assert(
        fc.property(STEPS, PROMPT, (steps, troubles) => {
          const stage = world({ version });
          const calm = new Bench(stage, { realtime: true });
          const cut = new Bench(stage, { realtime: true });
          const all = new Bench(stage, { hooked: true, realtime: true });
          live(stage, steps, (n) => {
            trouble(stage, cut, all, troubles[n]);
          });
          for (const { port } of [cut, all]) port.connect();
          stage.clock.advance(400_000);
          for (const isAsked of [isMessage, isLife]) {
            for (const other of [cut, all]) expect(byRoom(other, isAsked)).to.deep.equal(byRoom(calm, isAsked));
          }
          for (const bench of [calm, cut, all]) {
            expect(bench.troubles).to.deep.equal([]);
            expect(bench.counts).not.to.have.any.keys('inFlight', 'failed', 'refused');
          }
        }),
        { numRuns: 25 },
      );
    });

    it('does so, but for the order within one millisecond, while much happens at once and calls take as long', () => {
      fc.assert(
        fc.property(STEPS, LATE, (steps, troubles) => {
          const stage = world({ version });
          const calm = new Bench(stage, { realtime: true });
          const cut = new Bench(stage, { realtime: true });
          const all = new Bench(stage, { hooked: true, realtime: true });
          const before = (n: number): void => {
            trouble(stage, cut, all, troubles[n]);
          };
          live(stage, steps, before, [1_000, 0, 20, 1, 150, 0, 0]);
          for (const { port } of [cut, all]) port.connect();
          stage.clock.advance(400_000);
          for (const isAsked of [isMessage, isLife]) {
            const told = byInstant(calm, isAsked);
            for (const other of [cut, all]) expect(byInstant(other, isAsked)).to.deep.equal(told);
          }
          for (const bench of [calm, cut, all]) {
            expect(bench.troubles).to.deep.equal([]);
            expect(bench.counts).not.to.have.any.keys('inFlight', 'failed', 'refused');
          }
        }),
        { numRuns: 20 },
      );
    });

    it('does so within any bounds, however slowly it is worked on: what finds no place is read later', () => {
      fc.assert(
        fc.property(STEPS, LATE, BOUNDS, (steps, troubles, within) => {
          const stage = world({ version });
          const calm = new Bench(stage, { realtime: true });
          const tight = new Bench(stage, { realtime: true, settles: false, ...within });
          const posted = new Bench(stage, { hooked: true, settles: false, ...within });
          const both = new Bench(stage, { hooked: true, realtime: true, settles: false, ...within });
          const busy = [tight, posted, both];
          const before = (n: number): void => {
            trouble(stage, tight, both, troubles[n]);
            for (const bench of busy) {
              if (n % 3 === 0) bench.finishAll();
              const { inFlight = 0 } = bench.counts as { readonly inFlight?: number };
              // What is missing first goes out, with all events that it is, where what waits for it has all places.
              expect(inFlight).to.be.at.most(within.maxInFlight + 4);
            }
          };
          live(stage, steps, before, [1_000, 0, 20, 1, 150, 0, 0]);
          for (const { port } of [tight, both]) port.connect();
          for (let n = 0; n < 400; n++) {
            for (const bench of busy) bench.finishAll();
            stage.clock.advance(1_000);
          }
          for (const bench of busy) {
            expect(byInstant(bench, isMessage)).to.deep.equal(byInstant(calm, isMessage));
            expect(bench.troubles).to.deep.equal([]);
            expect(bench.counts).not.to.have.any.keys('inFlight', 'failed');
          }
        }),
        { numRuns: 20 },
      );
    });

    it('tells all within any bounds, and does not call for ever, where all that it tells fails: that rooms wait, too', () => {
      fc.assert(
        fc.property(STEPS, LATE, BOUNDS, (steps, troubles, within) => {
          const stage = world({ version });
          const realtime = { departments: [SALES, SECOND] };
          const calm = new Bench(stage, { realtime });
          const failing = new Bench(stage, { realtime, settles: false, ...within });
          const full = new Bench(stage, { realtime, settles: false, ...within });
          const before = (n: number): void => {
            trouble(stage, failing, calm, troubles[n] === 1 ? 10 : troubles[n]);
            if (n % 3 > 0) return;
            failing.finishAll('failed');
            full.finishAll();
          };
          live(stage, steps, before, [1_000, 0, 20, 1, 150, 0, 0]);
          failing.port.connect();
          for (let n = 0; n < 400; n++) {
            failing.finishAll('failed');
            full.finishAll();
            stage.clock.advance(1_000);
          }
          expect(idsOf(failing, isMessage)).to.include.members([...idsOf(calm, isMessage)]);
          expect(idsOf(full, isQueued)).to.include.members([...idsOf(calm, isQueued)]);
          const { refused = 0 } = failing.counts as { readonly refused?: number };
          expect(failing.port.calls.length).to.be.at.most(5 * calm.events.length + refused);
          for (const { counts } of [failing, full]) expect(counts).not.to.have.any.keys('inFlight');
        }),
        { numRuns: 12 },
      );
    });
  });
