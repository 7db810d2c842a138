import { expect } from 'chai';
import { of } from 'rxjs';
import { text, type OutboundAction, type Receipt } from 'tidewire';
import { turn } from './eventually.js';
import { needed, type PlatformCase } from './platform-case.js';
import type { Guest } from './platform-guest.js';
import { errorIn, isSentence } from './platform-receipts.js';
import type { Stage } from './platform-stage.js';
import { shownOf } from './shown.js';

const numbers = (n: number): readonly number[] => Array.from({ length: n }, (_, index) => index + 1);
const said = (receipt: Receipt): string => (receipt.action.kind === 'text' ? receipt.action.text : receipt.action.kind);

/**
 * What a customer sees is what the receipts say: all that was delivered, nothing that failed or was skipped, of what is
 * unknown each at most once, and all of it in the order in which it was said.
 */
const agrees = (stage: Stage, guest: Guest): void => {
  const own = stage.receipts.filter(({ action }) => action.conversation.id === guest.conversation.id);
  const order = stage.sent.flatMap((action) => (action.kind === 'text' ? [action.text] : []));
  const of = (status: Receipt['status']): readonly string[] => own.filter((it) => it.status === status).map(said);
  const seen = guest.sees();
  expect(new Set(seen).size, 'nothing is seen twice').to.equal(seen.length);
  expect(seen, 'what was delivered is seen').to.include.members([...of('delivered')]);
  expect([...of('delivered'), ...of('unknown')], 'what is seen was sent').to.include.members([...seen]);
  const places = seen.map((words) => order.indexOf(words));
  expect(places, 'the order').to.deep.equal([...places].sort((a, b) => a - b));
};

/** Connections that are cut and closed, and what they leave to see. */
export const connectionCases = {
  reconnect: {
    title: 'loses nothing that it accepted, doubles nothing and keeps the order while connections are cut',
    // Something is said while something else is still thought about.
    answer: async function* (event) {
      if (event.kind !== 'message') return;
      yield text(`re ${event.text}`);
      for (let turns = 5; turns > 0; turns--) await turn();
      yield text(`also ${event.text}`);
    },
    body: async (stage) => {
      const { harness } = stage;
      const guests = await stage.meet('ann', 'bea', 'cia');
      const counts = stage.count();
      const cut = needed(harness.trouble.cut);
      let sent = 0;
      let cuts = 0;
      // When something is about to be sent, on its way, or being answered.
      const cutSoon = async (): Promise<void> => {
        for (let turns = [0, 1, 3, 8][cuts++ % 4] ?? 0; turns > 0; turns--) await turn();
        if (!stage.isStopping) cut();
      };
      const cutting = stage.actions$.subscribe(() => {
        if (++sent % 4 === 0) void cutSoon();
      });
      const texts = (name: string): readonly string[] => numbers(8).map((n) => `${name}${n}`);
      const names = ['ann', 'bea', 'cia'];
      let isSaid = false;
      const saying = Promise.all(
        guests.map(async (guest, g) => Promise.all(texts(names[g] ?? '').map(guest.say))),
      ).then(() => (isSaid = true));
      for (const n of numbers(8)) guests.forEach((guest, g) => guest.push(`by itself ${names[g] ?? ''}${n}`));
      await stage.untilLater('all is said', () => isSaid && (!harness.redelivers || stage.heard.length >= 24));
      await saying;
      await stage.settled();
      await stage.untilLater('all has its receipt', () => stage.receipts.length === stage.sent.length);
      cutting.unsubscribe();
      expect(cuts, 'connections were cut').to.be.at.least(6);
      guests.forEach((guest, g) => {
        const heard = guest.heard();
        const all = texts(names[g] ?? '');
        expect(heard).to.deep.equal(harness.redelivers ? all : all.filter((it) => heard.includes(it)));
        agrees(stage, guest);
      });
      const { outcomes } = counts();
      const { handled = 0, inDoubt = 0, ...others } = outcomes;
      expect(handled + inDoubt, 'each that was heard').to.equal(stage.heard.length);
      expect(Object.keys(others)).to.have.members(Object.keys(others).filter((it) => it === 'duplicate'));
      for (const guest of guests) {
        expect((await stage.receipt(guest.push('at last'))).status).to.be.oneOf(['delivered', 'unknown']);
      }
    },
  },
  close: {
    title: 'ends in an orderly way: what was accepted is settled, nothing more is, and nothing is left running',
    answer: async (event, stage) => {
      if (event.kind !== 'message') return undefined;
      await stage.until('it is being stopped', () => stage.isGateOpen);
      return [text(`re ${event.text}`), text('bye')];
    },
    body: async (stage) => {
      const { harness } = stage;
      const [ann, bea] = await stage.meet('ann', 'bea');
      const counts = stage.count();
      const saying = Promise.all([ann.say('one'), bea.say('two'), ann.say('three')]);
      await stage.until('something was accepted', () => stage.heard.length >= 2);
      const stopping = stage.stop();
      await bea.say('while it stops');
      for (const _ of numbers(20)) await turn();
      stage.isGateOpen = true;
      await Promise.all([stopping, saying]);
      const accepted = stage.heard.length;
      expect(counts().outcomes).to.deep.equal({ handled: accepted });
      expect(stage.receipts).to.have.length(2 * accepted);
      for (const guest of [ann, bea]) {
        expect(guest.sees()).to.deep.equal(guest.heard().flatMap((words) => [`re ${words}`, 'bye']));
      }
      await ann.say('too late');
      for (const _ of numbers(20)) await turn();
      expect(ann.heard()).not.to.include('too late');
      expect(bea.heard()).not.to.include('while it stops');
      expect(stage.heard).to.have.length(accepted);
      expect(harness.acknowledged(), 'acknowledged').to.be.at.most(stage.accounts.counts().received);
      await stage.finish();
      // Nothing is said any more, either.
      const late: OutboundAction = { kind: 'text', id: 'late', conversation: ann.conversation, text: 'too late' };
      const receipts: Receipt[] = [];
      let isOver = false;
      of(late)
        .pipe(harness.sink)
        .subscribe({
          next: (receipt) => receipts.push(receipt),
          error: () => undefined,
          complete: () => (isOver = true),
        });
      await stage.untilLater('it is told', () => isOver);
      expect(receipts.map(({ status }) => status)).to.deep.equal(['failed']);
      for (const receipt of receipts) isSentence(errorIn(receipt), harness.platform);
      await stage.leavesNothing();
    },
  },
  secrets: {
    title: 'shows its secrets to nobody, whatever goes wrong',
    answer: (event) => {
      if (event.kind !== 'message') return undefined;
      if (event.text === 'fail') throw new Error('no');
      return text(`re ${event.text}`);
    },
    body: async (stage) => {
      const { harness } = stage;
      const { trouble } = harness;
      const watching = stage.accounts.hops$.subscribe((hop) => stage.hops.push(hop));
      const [ann] = await stage.meet('ann');
      const explained: unknown[] = [];
      stage.receipts$.subscribe(({ action }) => explained.push(...stage.accounts.explain(action.cause ?? action.id)));
      for (const words of ['hi', 'fail']) await ann.say(words);
      await stage.settled();
      const happens = [
        () => trouble.throttle?.(1, 1_000),
        () => trouble.loseAnswer?.(),
        () => trouble.cut?.(),
        () => trouble.lockOut?.(),
      ];
      if (trouble.refused !== undefined) await stage.receipt(ann.push(trouble.refused()));
      for (const happen of happens) {
        happen();
        await stage.receipt(ann.push('something'));
      }
      await stage.finish();
      watching.unsubscribe();
      const { receipts, heard, sent, reports, hops, accounts, running } = stage;
      const { source, sink, parts, secrets } = harness;
      expect(secrets).to.have.length.above(1);
      const counts = accounts.bySource();
      const observed = { receipts, heard, sent, reports, hops, explained, counts, running, source, sink, ...parts };
      for (const [what, thing] of Object.entries(observed)) {
        const shown = shownOf(thing);
        for (const secret of secrets) expect(shown.includes(secret), `${what} shows ${secret}`).to.equal(false);
      }
      for (const receipt of receipts) {
        if (!('error' in receipt)) continue;
        const shown = shownOf(receipt.error);
        for (const secret of secrets) expect(shown.includes(secret), `an error shows ${secret}`).to.equal(false);
      }
      expect(receipts.filter((receipt) => 'error' in receipt).length, 'errors').to.be.above(0);
    },
  },
} satisfies Readonly<Record<string, PlatformCase>>;
