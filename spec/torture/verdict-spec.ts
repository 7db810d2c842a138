import { expect } from 'chai';
import type { Evidence, Heard, Seen } from './evidence.js';
import { judge, type Case, type Doubt } from './verdict.js';
import { answersTo, readAnswer, readWords, wordsOf, type Words } from './words.js';

const words = (number: number, isTwice = false): Words => ({ customer: 't1', number, isTwice });

/** Messages that were all written and taken, in order, each told right before; and what was seen. */
const caseOf = (messages: readonly Words[], seen: readonly Seen[], more: Partial<Case> = {}): Case => {
  const heard = new Map<string, Heard>();
  messages.forEach((one, index) => {
    heard.set(`m${index}`, { text: wordsOf(one), told: new Map([[1, index * 2]]), accepted: [index * 2 + 1] });
  });
  const said = messages.map((one) => ({ ...one, platform: 'trueconf' as const, text: wordsOf(one) }));
  const evidence: Evidence = { heard, seen };
  return { said, evidence: [evidence], doubts: [], letters: [], cut: 0, isLossy: () => false, ...more };
};
const answer = (index: number, one: Words, event = `m${index}`): readonly Seen[] =>
  answersTo(event, wordsOf(one)).flatMap((line) => {
    const part = readAnswer(line);
    return part === undefined ? [] : [{ ...part, unit: `m${index}` }];
  });
const ALL = [words(1), words(2), words(5), words(6, true), words(6, true)];
const answers = ALL.map((one, index) => answer(index, one));

describe('the verdict on what customers wrote and saw', () => {
  it('is clean when everything was answered once, in order', () => {
    const { faults, ...sums } = judge(caseOf(ALL, answers.flat()));
    expect(faults).to.deep.equal([]);
    expect(sums).to.include({ sent: 5, handled: 5, lost: 0, doubled: 0, outOfOrder: 0, refused: 0 });
  });

  it('reads back what was written', () => {
    for (const one of ALL) expect(readWords(wordsOf(one))).to.deep.equal(one);
  });

  it('misses what was taken and not answered, or in part only, and one of two equal ones', () => {
    const lost = (seen: readonly (readonly Seen[])[]): number => judge(caseOf(ALL, seen.flat())).lost;
    expect(lost(answers.slice(1))).to.equal(1);
    expect(lost([...answers.slice(0, 2), answers[2]?.slice(0, 1) ?? [], ...answers.slice(3)])).to.equal(1);
    expect(lost(answers.slice(0, 4))).to.equal(1);
  });

  it('does not miss what was never taken, is in doubt, or is listed', () => {
    const missing = answers.slice(1).flat();
    const taken = caseOf(ALL, missing);
    const heard = new Map(taken.evidence[0]?.heard);
    heard.set('m0', { text: wordsOf(words(1)), told: new Map(), accepted: [] });
    expect(judge({ ...taken, evidence: [{ heard, seen: missing }] })).to.include({ lost: 0, refused: 1 });
    const text = wordsOf(words(1));
    const doubt = { action: 'm0#1', text: answersTo('m0', text)[0] ?? '', kill: 3, cause: 'ended' };
    expect(judge(caseOf(ALL, missing, { doubts: [doubt] }))).to.include({ lost: 0, inDoubt: 1 });
    const letter = { queue: 'in', id: 'm0', text, outcome: 'failed', reason: '' };
    expect(judge(caseOf(ALL, missing, { letters: [letter] }))).to.include({ lost: 0, deadLettered: 1 });
  });

  it('sees what was answered again, unless it is named as in doubt', () => {
    const again = [...answers.flat(), ...(answers[4] ?? [])];
    expect(judge(caseOf(ALL, again)).doubled).to.equal(1);
    const text = answersTo('m4', wordsOf(words(6, true)))[0] ?? '';
    const doubts = [{ action: 'm4#1', text, kill: 1, cause: 'ended' }];
    expect(judge(caseOf(ALL, again, { doubts })).doubled).to.equal(0);
    // A message that was taken for two.
    expect(judge(caseOf(ALL, [...answers.flat(), ...answer(0, words(1), 'x')])).doubled).to.equal(1);
  });

  it('sees what is in doubt and was not on its way', () => {
    const doubt = (message: number, kill?: number): Doubt => {
      const text = answersTo(`m${message}`, wordsOf(ALL[message] ?? words(0)))[0] ?? '';
      return { action: `m${message}#1`, text, kill, cause: kill === undefined ? 'unreachable' : 'ended' };
    };
    const faultsOf = (doubts: readonly Doubt[], cut = 0): readonly string[] =>
      judge(caseOf(ALL, answers.flat(), { doubts, cut })).faults;
    expect(faultsOf([doubt(0, 1), doubt(1, 2), doubt(2)], 1)).to.deep.equal([]);
    expect(faultsOf([doubt(0, 1), doubt(1, 1)])).to.have.length(1);
    expect(faultsOf([doubt(0), doubt(1)], 1)).to.have.length(1);
  });

  it('sees what was answered before an earlier message, or in the middle of its answer', () => {
    const [one = [], two = [], three = [], ...rest] = answers;
    const wrong = (...seen: readonly (readonly Seen[])[]): number => judge(caseOf(ALL, seen.flat())).outOfOrder;
    expect(wrong(two, one, three, ...rest)).to.equal(1);
    expect(wrong(one, two, three.slice(0, 1), ...rest, three.slice(1))).to.be.greaterThan(0);
    expect(wrong(one, two, three, ...rest)).to.equal(0);
  });

  it('asks for no order of what came to the bot in another one', () => {
    const [one = [], two = [], ...rest] = answers;
    const swapped = caseOf(ALL, [two, one, ...rest].flat());
    const heard = new Map(swapped.evidence[0]?.heard);
    // The second came first on a connection that was cut before anybody said anything.
    heard.set('m1', {
      text: wordsOf(words(2)),
      told: new Map([
        [0, -1],
        [1, 2],
      ]),
      accepted: [3],
    });
    expect(judge({ ...swapped, evidence: [{ heard, seen: [two, one, ...rest].flat() }] }).outOfOrder).to.equal(0);
  });
});
