import { expect } from 'chai';
import fc from 'fast-check';
import { EMPTY, merge, Observable, Subject, timer } from 'rxjs';
import { openAccounts, react, text, type OutboundAction, type Receipt, type Reply } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { fromUserlike, toUserlike, userlikeWebhook, type UserlikeClient } from 'tidewire/userlike';
import { request, saidIn } from '../support/webhook-desk.js';

const SECRET = { 'api-security-token': 'wh-5b1c9f2e' };
const turns = async (): Promise<void> => {
  for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
};

const session = fc.nat(1);
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('post' as const), session }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('say' as const), session }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('finish' as const, 'fail' as const), session }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('broadcast' as const), session }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), session }) },
  ),
  { maxLength: 20 },
);

describe('userlikeWebhook and toUserlike, whatever becomes of events while requests are open: they', () => {
  it('show everything once and in order, and call nothing delivered that is not', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (script, maxPerConversation) => {
        const clock = virtualClock();
        const accounts = openAccounts({ scheduler: clock });
        const config = { accounts, scheduler: clock, directAnswerMs: 50, maxPerConversation };
        const webhook = userlikeWebhook({ headers: SECRET, ...config });
        const shown = new Map<string, string[]>();
        const show = (cid: string, words: readonly string[]): void => {
          shown.set(cid, [...(shown.get(cid) ?? []), ...words]);
        };
        const client: UserlikeClient = {
          send: (events) =>
            new Observable((subscriber) => {
              show(events[0]?.info.cid ?? '', saidIn(events));
              return timer(5, clock).subscribe({
                next: () => {
                  subscriber.next();
                },
                complete: () => {
                  subscriber.complete();
                },
              });
            }),
          download: () => EMPTY,
          status$: EMPTY,
        };
        const working = new Map<string, Subject<Reply>>();
        const beside = new Subject<OutboundAction>();
        const said = new Map<string, string[]>();
        const receipts: Receipt[] = [];
        const running = merge(
          fromUserlike({ webhook }).pipe(
            react(({ conversation }) => {
              const work = new Subject<Reply>();
              working.set(conversation.id, work);
              return work;
            }),
          ),
          beside,
        )
          .pipe(toUserlike({ client, webhook, scheduler: clock }))
          .subscribe((receipt) => receipts.push(receipt));
        let n = 0;
        const word = (cid: string): string => {
          const next = `w${++n}`;
          said.set(cid, [...(said.get(cid) ?? []), next]);
          return next;
        };
        const finish = (cid: string, fails: boolean): void => {
          const work = working.get(cid);
          working.delete(cid);
          if (fails) work?.error(new Error('no'));
          else work?.complete();
        };
        for (const { do: what, session: at } of script) {
          const cid = `chatbot::1:${at}`;
          if (what === 'post') {
            const body = JSON.stringify(request('message', { body: 'x' }, cid));
            const call = new Request('http://localhost', {
              method: 'POST',
              headers: { ...SECRET, 'content-type': 'application/json' },
              body,
            });
            void webhook.fetch(call).then(async (response) => {
              const answer = await response.text();
              if (answer !== '') show(cid, saidIn(JSON.parse(answer)));
            });
          } else if (what === 'say') {
            const work = working.get(cid);
            if (work !== undefined) work.next(text(word(cid)));
          } else if (what === 'broadcast') {
            const conversation = { platform: 'userlike', id: cid, channel: 'web' };
            beside.next({ ...text(word(cid)), id: `b${n}`, conversation });
          } else if (what === 'wait') clock.advance(60);
          else finish(cid, what === 'fail');
          await turns();
        }
        for (let round = 0; round < 2 + 2 * maxPerConversation; round++) {
          for (const cid of [...working.keys()]) finish(cid, false);
          clock.advance(10_000);
          await turns();
        }
        running.unsubscribe();
        expect(accounts.counts().inFlight).to.equal(0);
        for (const [cid, words] of said) expect(shown.get(cid) ?? []).to.deep.equal(words);
        expect(receipts.map(({ status }) => status)).to.deep.equal(receipts.map(() => 'delivered'));
        expect(receipts).to.have.length([...said.values()].flat().length);
      }),
      { numRuns: 250 },
    );
  });
});
