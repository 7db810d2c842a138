import { expect } from 'chai';
import { Bench, SALES, SECOND, world, type BenchConfig } from '../support/rocketchat-bench.js';

/** A source whose calls take a while, and a room. */
const burst = (version = '8.8.0', config: BenchConfig = {}) => {
  const stage = world({ version });
  const bench = new Bench(stage, { realtime: true, ...config });
  const { core, clock } = stage;
  const [bot, mira] = [core.agent('helper.bot'), core.agent('mira')];
  const visitor = core.visitor('Dana', { department: SALES });
  const rid = visitor.open();
  clock.advance(10_000);
  const cut = (): void => {
    bench.port.cut(new Date(clock.now()).toISOString());
  };
  return { ...stage, bench, bot, mira, visitor, rid, cut };
};

describe('fromRocketChat, of what happens within milliseconds', () => {
  it('counts how often a room was taken in the order in which it was, whichever time became known first', () => {
    const { bench, mira, rid, clock, cut } = burst();
    cut();
    mira.take(rid);
    clock.advance(1);
    mira.forward(rid, { department: SECOND });
    clock.advance(1);
    bench.port.answerMs = 70;
    bench.port.connect();
    mira.take(rid);
    clock.advance(1_000);
    const [first, second] = bench.events.filter(({ kind }) => kind === 'handoffTaken');
    expect([first?.id, second?.id]).to.deep.equal([`${rid}~taken~${mira.id}`, `${rid}~taken~${mira.id}~2`]);
    expect(Date.parse(second?.at ?? '') - Date.parse(first?.at ?? '')).to.equal(2);
    // It is accounted for under the id that it went out with.
    expect(bench.accounts.explain(second?.id ?? '')).to.have.length(1);
  });

  it('reads each time that it was taken, also where they are of one millisecond', () => {
    const { bench, mira, rid, clock, cut } = burst();
    cut();
    mira.take(rid);
    mira.forward(rid, { department: SECOND });
    mira.take(rid);
    bench.port.connect();
    clock.advance(1_000);
    const taken = bench.events.filter(({ kind }) => kind === 'handoffTaken').map(({ id }) => id);
    expect(taken).to.deep.equal([`${rid}~taken~${mira.id}`, `${rid}~taken~${mira.id}~2`]);
  });

  // Looking for it takes 140 ms, and reading another 70: the second look is over before the room was read, or after.
  for (const ms of [80, 150])
    it(`reads a room once more where the socket was lost again ${ms} ms later`, () => {
      const { bench, visitor, rid, clock, cut } = burst();
      bench.port.answerMs = 70;
      cut();
      visitor.say('one');
      bench.port.connect();
      clock.advance(ms);
      cut();
      visitor.say('two');
      clock.advance(1);
      bench.port.connect();
      visitor.say('three');
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['one', 'two', 'three']);
    });

  for (const maxPerConversation of [1, 2, 4, 9])
    it(`reads on where the socket was lost again meanwhile, and more is in the gap than half of ${maxPerConversation}`, () => {
      const { bench, visitor, rid, clock, cut } = burst('8.8.0', { maxPerConversation });
      bench.port.answerMs = 70;
      cut();
      const words = Array.from({ length: 20 }, (_, n) => `m${n}`);
      for (const [n, text] of words.entries()) {
        visitor.say(text);
        if (n % 8 === 5) bench.port.connect();
        if (n % 8 === 7) cut();
        clock.advance(20);
      }
      bench.port.connect();
      clock.advance(60_000);
      expect(bench.said(rid)).to.deep.equal(words);
      expect(bench.counts).not.to.have.any.keys('inFlight', 'failed');
    });

  it('reads on, and tells nothing of it twice, where all that is told fails before anything of it was delivered', () => {
    const { bench, visitor, rid, clock, cut } = burst('8.8.0', { maxPerConversation: 4, settles: false });
    bench.finishAll();
    bench.emitted.subscribe(({ id }) => clock.schedule(() => bench.finish(id, 'failed'), 20));
    bench.port.answerMs = 70;
    cut();
    const words = Array.from({ length: 10 }, (_, n) => `m${n}`);
    for (const text of words) {
      visitor.say(text);
      clock.advance(20);
    }
    bench.port.calls.length = 0;
    bench.port.connect();
    clock.advance(60_000);
    expect(bench.said(rid)).to.deep.equal(words);
    expect(bench.port.calls.length).to.be.at.most(words.length);
  });

  it('reads what was said in the very millisecond in which it heard of the room first', () => {
    const stage = world();
    const bench = new Bench(stage, { realtime: true, isAway: true });
    const { core, clock } = stage;
    // What was there before is not known yet.
    bench.port.holdUp();
    bench.port.connect();
    const visitor = core.visitor('Dana', { department: SALES });
    visitor.say('one');
    bench.port.cut(new Date(clock.now()).toISOString());
    visitor.say('two');
    bench.port.goOn();
    bench.port.connect();
    clock.advance(1_000);
    expect(bench.said()).to.have.members(['one', 'two']);
  });

  it('tells that a room began when it did, also where who waits again is what tells so', () => {
    const { bench, bot, visitor, clock, cut } = burst('7.10.0');
    cut();
    visitor.close();
    const rid = visitor.open();
    visitor.say('one');
    clock.advance(150);
    bench.port.answerMs = 70;
    bench.port.connect();
    bot.forward(rid, { department: SECOND });
    clock.advance(1_000);
    const [first] = bench.events.filter(({ conversation }) => conversation.id === rid);
    expect(first?.kind).to.equal('started');
    expect(first?.at).to.equal(bench.events.find(({ kind }) => kind === 'message')?.at);
  });
});
