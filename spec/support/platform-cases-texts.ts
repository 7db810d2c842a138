import { expect } from 'chai';
import fc from 'fast-check';
import { fallbackToText, text, type InboundEvent } from 'tidewire';
import { needed, type PlatformCase } from './platform-case.js';
import type { Stage } from './platform-stage.js';

const repeated = <T>(event: InboundEvent, make: (said: string) => T): T | undefined =>
  event.kind === 'message' ? make(event.text) : undefined;

/** White space at its ends, halves of characters and what no terminal shows are somebody's text, too. */
const STRANGE = [
  '👩‍👩‍👧‍👦 family, 👍🏽 skin, 🏳️‍🌈 flag',
  'e\u0301 and \u00e9, Z\u0351\u036b\u0343a\u0310lgo',
  'שלום \u202eabc\u202c مرحبا \u2067x\u2069',
  '\u0000\u0001\u0007\b\u001b[31mred\u007f\u0085',
  'a\r\nb\rc\nd\u2028e\u2029f\tg',
  '\ufeffbom\u200b\u2060',
  '<b>&amp;"\'</b> \\u0041 %41 {"text":1} ```x``` *y* [z](w)',
  '\ud83d\ude00 whole, \ud83d half',
  '  between  ',
  '\u{10ffff}\ufffe\uffff',
];
const anyText = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc
      .array(
        fc.integer({ min: 0xd7f0, max: 0xe00f }).map((unit) => String.fromCharCode(unit)),
        { minLength: 1, maxLength: 8 },
      )
      .map((units) => units.join('')),
  )
  .filter((said) => said.trim() !== '' && !said.startsWith('hello from'));
/** With a replacement for each half of a character, as where the wire is UTF-8. */
const wellFormed = (said: string): string => said.replace(/\p{Surrogate}/gu, '\ufffd');

const LONG = ' and everything that belongs to it,';

/** How often `LONG` is said to be some three times too long. */
const longerThan = (stage: Stage): number => Math.ceil((3 * (stage.harness.maxTextLength ?? 1_000)) / LONG.length);

/** What texts go through it, and how long they may be. */
export const textCases = {
  unicode: {
    title: 'hears and says every text as it is',
    answer: (event) => repeated(event, text),
    body: async (stage) => {
      const [ann] = await stage.meet('ann');
      const { spelling = (said: string) => said } = stage.harness;
      const passes = async (said: string): Promise<void> => {
        // Where the wire has no ids, what is said again is taken for the same.
        if (ann.heard().some((words) => wellFormed(words) === wellFormed(said))) return;
        const before = ann.sees().length;
        await ann.say(said);
        await stage.untilLater('it is answered', () => ann.sees().length > before);
        const forms = said === wellFormed(said) ? [said] : [said, wellFormed(said)];
        expect(ann.heard().slice(before), 'heard').to.have.length(1);
        expect(ann.heard().at(-1), 'heard').to.be.oneOf(forms);
        const seen = spelling(ann.heard().at(-1) ?? '');
        expect(ann.sees().slice(before), 'seen').to.be.deep.oneOf([[seen], [wellFormed(seen)]]);
      };
      for (const said of STRANGE) await passes(said);
      await fc.assert(fc.asyncProperty(anyText, passes), { numRuns: 40 });
    },
  },
  longText: {
    title: 'says a long text in pieces behind `fallbackToText`, whole and in order',
    answer: (event, stage) => repeated(event, (said) => text(said + LONG.repeat(longerThan(stage)) + ' end')),
    through: fallbackToText(),
    body: async (stage) => {
      const [ann, bea] = await stage.meet('ann', 'bea');
      const max = needed(stage.harness.maxTextLength);
      const counts = stage.count();
      await Promise.all([ann.say('story'), bea.say('tale')]);
      await stage.settled();
      for (const [guest, begin] of [
        [ann, 'story'],
        [bea, 'tale'],
      ] as const) {
        const whole = begin + LONG.repeat(longerThan(stage)) + ' end';
        await stage.untilLater('all of it is there', () => guest.sees().join('').length >= whole.length);
        expect(guest.sees().join('') === whole, 'what the customer sees is the text').to.equal(true);
        expect(Math.max(...guest.sees().map(({ length }) => length))).to.be.at.most(max);
        expect(guest.sees()).to.have.length.above(2);
      }
      expect(counts().outcomes).to.deep.equal({ handled: 2 });
      expect(stage.receipts.every(({ status }) => status === 'delivered')).to.equal(true);
    },
  },
  tooLongText: {
    title: 'refuses a text above the limit before the wire, and says why',
    body: async (stage) => {
      const { harness } = stage;
      const [ann] = await stage.meet('ann');
      const sends = harness.sends();
      const receipt = await stage.receipt(ann.push('x'.repeat(needed(harness.maxTextLength) + 1)));
      const isSkipped = receipt.status === 'skipped';
      const why = isSkipped ? receipt.detail : receipt.status === 'failed' ? receipt.error.message : '';
      expect(why).to.match(new RegExp(`^${harness.platform}: .*\\d`));
      if (isSkipped) expect(receipt.reason).to.equal('unsupported');
      else expect(receipt).to.have.property('error').that.includes({ kind: 'overflow', retryable: false });
      expect(harness.sends() - sends).to.equal(0);
      await ann.isHeard();
    },
  },
  oversize: {
    title: 'turns away a message that is too large, tells so, and hears the next',
    body: async (stage) => {
      const [ann] = await stage.meet('ann');
      const counts = stage.count();
      const said = needed(stage.harness.trouble.oversize)();
      await ann.say(said);
      await ann.isHeard();
      expect(ann.heard().filter((words) => words.length > 100)).to.deep.equal([]);
      const undecodable = (): number => stage.heard.filter(({ kind }) => kind === 'undecodable').length;
      // It may be turned away later than the next is heard, or be posted again, where its connection was over.
      const told = (): number => counts().refused + undecodable() + stage.harness.complaints().length;
      await stage.untilLater('it is told', () => told() > 0);
      await stage.settled();
      expect(counts().outcomes).to.deep.equal({ handled: 1 + undecodable() });
    },
  },
} satisfies Readonly<Record<string, PlatformCase>>;
