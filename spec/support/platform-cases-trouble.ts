import { expect } from 'chai';
import { needed, type PlatformCase } from './platform-case.js';
import { errorIn, isSentence } from './platform-receipts.js';
import { sampleActions } from './sample-actions.js';

const numbers = (n: number): readonly number[] => Array.from({ length: n }, (_, index) => index + 1);

/** What goes wrong, and what becomes of it. */
export const troubleCases = {
  slow: {
    title: 'keeps the order of each conversation while the platform answers late, or throttles',
    body: async (stage) => {
      const { trouble } = stage.harness;
      const guests = await stage.meet('ann', 'bea', 'cia');
      trouble.throttle?.(3, 1_000);
      needed(trouble.delay)(3, 700);
      for (const n of numbers(6)) for (const guest of guests) guest.push(`${n}`);
      // A file takes longer than a text.
      for (const guest of guests) {
        guest.push(sampleActions(guest.conversation).media);
        guest.push('behind the picture');
      }
      await stage.untilLater('all is said', () => stage.receipts.length === 24);
      expect(stage.receipts.every(({ status }) => status === 'delivered')).to.equal(true);
      for (const guest of guests) {
        const [texts, [, last]] = [guest.sees().slice(0, 6), guest.sees().slice(6)];
        expect([texts, last]).to.deep.equal([numbers(6).map(String), 'behind the picture']);
      }
    },
  },
  throttling: {
    title: 'says later, once, what was throttled: not before the platform asks, and nobody else waits',
    body: async (stage) => {
      const { harness } = stage;
      const [ann, bea] = await stage.meet('ann', 'bea');
      const sends = harness.sends();
      needed(harness.trouble.throttle)(1, 7_000);
      const late = ann.push('late');
      const behind = ann.push('behind');
      await stage.until('it was sent', () => harness.sends() - sends === 1);
      // A way to the platform and back: what would be sent too early is sent by then.
      const meanwhile = async (words: string): Promise<void> => {
        const id = bea.push(words);
        await stage.until('others are answered', () => stage.receiptsOf(id).length === 1);
      };
      await meanwhile('one');
      stage.clock.advance(6_999);
      await meanwhile('two');
      expect(bea.sees()).to.deep.equal(['one', 'two']);
      expect(ann.sees()).to.deep.equal([]);
      expect(harness.sends() - sends).to.equal(3);
      for (const id of [late, behind]) expect((await stage.receipt(id)).status).to.equal('delivered');
      expect(ann.sees()).to.deep.equal(['late', 'behind']);
      expect(harness.sends() - sends).to.be.at.most(5);
      expect(stage.receipts).to.have.length(4);
    },
  },
  refusal: {
    title: 'gives one typed `failed` receipt for what is refused, and goes on',
    body: async (stage) => {
      const { platform, trouble } = stage.harness;
      const [ann, bea] = await stage.meet('ann', 'bea');
      const sends = stage.harness.sends();
      const before = ann.push('before');
      const no = ann.push(needed(trouble.refused)());
      const after = ann.push('after');
      const error = errorIn(await stage.receipt(no));
      isSentence(error, platform);
      expect(error).to.include({ kind: 'refused', retryable: false, inDoubt: false });
      for (const id of [before, after]) expect((await stage.receipt(id)).status).to.equal('delivered');
      expect(stage.harness.sends() - sends, 'what is refused is not sent again').to.equal(3);
      for (const guest of [ann, bea]) {
        await guest.say('and now');
        await stage.untilLater('it is answered', () => guest.sees().includes('re and now'));
      }
      await stage.settled();
      expect(stage.receiptsOf(no)).to.have.length(1);
      expect(ann.sees()).to.deep.equal(['before', 'after', 're and now']);
    },
  },
  doubt: {
    title: 'says of what had no answer that it is `unknown`, and does not send it again',
    body: async (stage) => {
      const { harness } = stage;
      const [ann] = await stage.meet('ann');
      const sends = harness.sends();
      needed(harness.trouble.loseAnswer)();
      const id = ann.push('maybe');
      const receipt = await stage.receipt(id);
      expect(receipt.status).to.equal('unknown');
      isSentence(errorIn(receipt), harness.platform);
      expect(errorIn(receipt).inDoubt).to.equal(true);
      stage.clock.advance(600_000);
      expect((await stage.receipt(ann.push('next'))).status).to.equal('delivered');
      stage.clock.advance(600_000);
      expect((await stage.receipt(ann.push('last'))).status).to.equal('delivered');
      expect(ann.sees()).to.deep.equal(['maybe', 'next', 'last']);
      expect(harness.sends() - sends).to.equal(3);
      expect(stage.receiptsOf(id)).to.have.length(1);
    },
  },
  lockedOut: {
    title: 'fails at once, without asking again, when its credentials are refused',
    body: async (stage) => {
      const { harness } = stage;
      const [ann, bea] = await stage.meet('ann', 'bea');
      needed(harness.trouble.lockOut)();
      const sends = harness.sends();
      for (const guest of [ann, bea, ann]) {
        const error = errorIn(await stage.receipt(guest.push('nothing')));
        isSentence(error, harness.platform);
        expect(error).to.include({ kind: 'unauthorized', retryable: false, inDoubt: false });
      }
      expect(harness.sends() - sends).to.equal(1);
      expect([...ann.sees(), ...bea.sees()]).to.deep.equal([]);
    },
  },
} satisfies Readonly<Record<string, PlatformCase>>;
