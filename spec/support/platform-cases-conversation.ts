import { expect } from 'chai';
import { text } from 'tidewire';
import { turn } from './eventually.js';
import { needed, type PlatformCase } from './platform-case.js';
import type { Stage } from './platform-stage.js';
import { sampleActions } from './sample-actions.js';

const NAMES = ['ann', 'bea', 'cia', 'dot'] as const;
const numbers = (n: number): readonly number[] => Array.from({ length: n }, (_, index) => index + 1);
/** Five deliveries of one message. */
const redelivered =
  (how: 'one by one' | 'all at once') =>
  async (stage: Stage): Promise<void> => {
    const { harness } = stage;
    const [ann] = await stage.meet('ann');
    const isTold = (): boolean => harness.acknowledged() === stage.accounts.counts().received;
    await stage.until('hello is acknowledged', isTold);
    needed(harness.trouble.duplicate)(5, how);
    const counts = stage.count();
    const acknowledged = harness.acknowledged();
    await ann.say('once');
    await stage.untilLater('all have come', () => counts().received === 5);
    await stage.settled();
    await stage.until('all are acknowledged', () => harness.acknowledged() - acknowledged >= 5);
    expect(ann.heard()).to.deep.equal(['once']);
    expect(ann.sees()).to.deep.equal(['re once']);
    expect(counts()).to.deep.equal({ received: 5, refused: 0, outcomes: { handled: 1, duplicate: 4 } });
    expect(harness.acknowledged() - acknowledged).to.equal(5);
    await ann.say('again');
    await stage.untilLater('the next is answered', () => ann.sees().length === 2);
    expect(ann.sees()).to.deep.equal(['re once', 're again']);
  };

/** What customers say, and what they see. */
export const conversationCases = {
  redelivery: {
    title: 'has one effect for a message that comes five times, one by one, and acknowledges each',
    body: redelivered('one by one'),
  },
  twins: {
    title: 'has one effect for a message that comes five times at once, and acknowledges each',
    // Nothing is answered before the last twin is there.
    answer: async (event, stage) => {
      const { received } = stage.accounts.counts();
      if (event.kind !== 'message') return undefined;
      if (event.text === 'once')
        await stage.until('all twins are there', () => stage.accounts.counts().received >= received + 4);
      return text(`re ${event.text}`);
    },
    body: redelivered('all at once'),
  },
  order: {
    title: 'answers each of many conversations in order, however long its program thinks',
    // The first is thought about longest.
    answer: async (event) => {
      if (event.kind !== 'message') return undefined;
      for (let turns = 64 >> Number(event.text.slice(-1)); turns > 0; turns--) await turn();
      return [text(`${event.text} a`), text(`${event.text} b`)];
    },
    body: async (stage) => {
      const guests = await stage.meet(...NAMES);
      const counts = stage.count();
      const said = (name: string): readonly string[] => numbers(6).map((n) => `${name} ${n}`);
      await Promise.all(guests.map(async (guest, g) => Promise.all(said(NAMES[g] ?? '').map(guest.say))));
      await stage.untilLater('all is answered', () => stage.receipts.length === 48);
      await stage.settled();
      guests.forEach((guest, g) => {
        const texts = said(NAMES[g] ?? '');
        expect(guest.heard()).to.deep.equal(texts);
        expect(guest.sees()).to.deep.equal(texts.flatMap((it) => [`${it} a`, `${it} b`]));
      });
      expect(counts()).to.deep.equal({ received: 24, refused: 0, outcomes: { handled: 24 } });
    },
  },
  selfEcho: {
    title: 'does not take its own words for a customer’s',
    echoes: true,
    body: async (stage) => {
      const [ann] = await stage.meet('ann');
      const own = await stage.receipt(ann.push('by itself'));
      expect(own.status).to.equal('delivered');
      for (const said of ['one', 'two']) {
        await ann.say(said);
        await stage.untilLater('it is answered', () => ann.sees().includes(`re ${said}`));
      }
      await stage.settled();
      expect(ann.heard()).to.deep.equal(['one', 'two']);
      expect(ann.sees()).to.deep.equal(['by itself', 're one', 're two']);
      const echoes = stage.emitted.filter((event) => event.kind === 'message' && ann.sees().includes(event.text));
      expect(echoes.every(({ sender }) => sender?.self === true)).to.equal(true);
    },
  },
  unknownEvent: {
    title: 'hands on an event of a type that nobody knows as `other`',
    body: async (stage) => {
      const [ann] = await stage.meet('ann');
      await needed(stage.harness.trouble.tellUnknown)(ann.conversation);
      await stage.until('it is there', () => stage.heard.length === 1);
      const [event] = stage.heard;
      expect(event).to.include({ kind: 'other', platform: stage.harness.platform });
      expect(event).to.have.property('name').that.is.a('string').and.not.equal('');
      await ann.isHeard();
    },
  },
  brokenEvent: {
    title: 'hands on an event that breaks the protocol as `undecodable`, without its values in the problems',
    body: async (stage) => {
      const [ann] = await stage.meet('ann');
      await needed(stage.harness.trouble.tellBroken)(ann.conversation, 'my IBAN');
      await stage.until('it is there', () => stage.heard.length === 1);
      const [event] = stage.heard;
      expect(event).to.include({ kind: 'undecodable', platform: stage.harness.platform });
      expect(event).to.have.property('problems').that.is.an('array').with.length.above(0);
      expect(JSON.stringify(event?.kind === 'undecodable' ? event.problems : 0)).not.to.include('IBAN');
      await ann.isHeard();
    },
  },
  everyKind: {
    title: 'gives one receipt for an action of every kind, whether it can do it or not',
    body: async (stage) => {
      const { harness } = stage;
      const [host] = await stage.meet('host');
      const samples = Object.entries(sampleActions(host.conversation));
      const delivered: string[] = [];
      for (const [kind, reply] of samples) {
        // What ends a conversation ends it for the others, too.
        const [guest] = await stage.meet(kind);
        const receipt = await stage.receipt(guest.push(reply));
        if (receipt.status === 'delivered') delivered.push(kind);
        else if (receipt.status === 'skipped') {
          expect(receipt.reason, kind).to.equal('unsupported');
          expect(receipt.detail, kind).to.match(/\w+ \w+/);
        } else {
          expect(receipt.status, kind).to.equal('failed');
          expect(receipt.error, kind).to.include({ platform: harness.platform, inDoubt: false });
        }
      }
      await stage.settled();
      expect(delivered).to.have.members([...harness.delivers]);
    },
  },
} satisfies Readonly<Record<string, PlatformCase>>;
