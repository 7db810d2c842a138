import { expect } from 'chai';
import { Bench, SALES, SECOND, world } from '../support/rocketchat-bench.js';

/** A source whose calls take a while, and a room. */
const burst = () => {
  const stage = world();
  const bench = new Bench(stage, { realtime: true });
  const { core, clock } = stage;
  const mira = core.agent('mira');
  const visitor = core.visitor('Dana', { department: SALES });
  const rid = visitor.open();
  clock.advance(10_000);
  const cut = (): void => {
    bench.port.cut(new Date(clock.now()).toISOString());
  };
  return { ...stage, bench, mira, visitor, rid, cut };
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

  it('reads a room once more where the socket was lost again meanwhile', () => {
    const { bench, visitor, rid, clock, cut } = burst();
    bench.port.answerMs = 70;
    cut();
    visitor.say('one');
    bench.port.connect();
    clock.advance(80);
    cut();
    visitor.say('two');
    clock.advance(1);
    bench.port.connect();
    visitor.say('three');
    clock.advance(1_000);
    expect(bench.said(rid)).to.deep.equal(['one', 'two', 'three']);
  });
});
