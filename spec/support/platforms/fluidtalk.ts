import { fetch as crossFetch } from 'cross-fetch';
import { filter, firstValueFrom, map, merge, Subject, takeUntil } from 'rxjs';
import { retryDelivery, type ChatError, type OutboundAction, type Receipt } from 'tidewire';
import { fluidtalkClient, fromFluidTalk, toFluidTalk } from 'tidewire/fluidtalk';
import { fluidtalkSimulator } from 'tidewire/simulators';
import type { MakePlatform } from '../platform-harness.js';

const KEY = 'ft_sk_5c0ffee5';
/** What the persona is asked for, so that it says what a spec wants. */
const POKE = 'poke';
/** A text that the server refuses when it is told to. */
const REFUSED = 'no';
const MAX_ANSWER = 65_536;
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;

const isPoke = ({ action }: Receipt): boolean => action.kind === 'text' && action.text === POKE;

/** A FluidTalk persona is the customer. It speaks only when it is spoken to, so it is asked for each of its words. */
export const fluidtalkPlatform: MakePlatform = async ({ clock, accounts }) => {
  const words = new Map<string, string[]>();
  const simulator = await fluidtalkSimulator({
    key: KEY,
    tokens: 1_000,
    scheduler: clock,
    persona: ({ target, message }) => {
      const said = message === POKE ? words.get(target)?.shift() : undefined;
      return said === undefined ? {} : { bubbles: [said] };
    },
  });
  const { core, faults } = simulator;
  faults.only = ({ form: { message } }) => (faults.statuses?.length ? message === REFUSED : message !== POKE);
  let sends = 0;
  let cuts = 0;
  let pokes = 0;
  const client = fluidtalkClient({
    apiKey: KEY,
    baseUrl: simulator.url,
    timeoutMs: FOREVER,
    maxAnswerBytes: MAX_ANSWER,
    fetch: async (input, init) => {
      if (typeof init?.body !== 'string' || !init.body.includes(`message=${POKE}`)) sends++;
      return crossFetch(input, init);
    },
    scheduler: clock,
  });
  const statuses: unknown[] = [];
  client.status$.subscribe((status) => statuses.push(status));
  const complaints: ChatError[] = [];
  const poked = new Subject<OutboundAction>();
  const receipts = new Subject<Receipt>();
  const stopped = new Subject<true>();
  const sink = retryDelivery({ scheduler: clock }, toFluidTalk({ client, scheduler: clock }));

  return {
    platform: 'fluidtalk',
    source: fromFluidTalk({ client, accounts, scheduler: clock }).pipe(takeUntil(stopped)),
    sink: (actions) =>
      merge(actions, poked).pipe(
        sink,
        map((receipt) => {
          receipts.next(receipt);
          return receipt;
        }),
        filter((receipt) => !isPoke(receipt)),
      ),
    redelivers: false,
    maxTextLength: undefined,
    spelling: (text) => text.replace(/\r\n?/g, '\n'),
    delivers: ['text', 'media'],
    secrets: [KEY, simulator.url],
    parts: { client, statuses },
    complaints: () => complaints,
    trouble: {
      throttle: (throttle, retryAfterMs) => {
        // As a text, the key is not closed for everybody.
        Object.assign(faults, { throttle, retryAfter: String(retryAfterMs / 1_000) });
      },
      delay: (delay, delayMs) => {
        Object.assign(faults, { delay, delayMs });
      },
      refused: () => {
        faults.statuses = [422];
        return { kind: 'text', text: REFUSED };
      },
      loseAnswer: () => {
        faults.resetAfter = 1;
      },
      lockOut: () => {
        core.revoke(KEY);
      },
      cut: () => {
        delete faults.only;
        faults[++cuts % 2 === 0 ? 'resetBefore' : 'resetAfter'] = 1;
      },
      oversize: () => 'x'.repeat(MAX_ANSWER),
    },
    customer: (name) => {
      const target = `@${name}`;
      return {
        say: async (text) => {
          words.set(target, [...(words.get(target) ?? []), text]);
          const id = `${POKE}${++pokes}`;
          const over = firstValueFrom(receipts.pipe(filter(({ action }) => action.id === id)));
          poked.next({
            kind: 'text',
            id,
            conversation: { platform: 'fluidtalk', id: target, channel: 'web' },
            text: POKE,
          });
          const receipt = await over;
          if (receipt.status === 'failed' || receipt.status === 'unknown') complaints.push(receipt.error);
        },
        sees: () => core.saidBy(target).filter((text) => text !== POKE),
      };
    },
    acknowledged: () => 0,
    sends: () => sends,
    drain: async () => {
      stopped.next(true);
      poked.complete();
      return accounts.drain(FOREVER);
    },
    close: async () => simulator.close(),
  };
};
