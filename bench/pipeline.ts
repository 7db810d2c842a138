import { concatMap, distinct, from, groupBy, map, mergeMap, Subject } from 'rxjs';
import {
  conversationKey,
  dedupe,
  delivered,
  fallbackToText,
  openAccounts,
  outcomeOf,
  rateLimit,
  react,
  touches,
  traceOf,
  type InboundEvent,
  type MessageEvent,
  type OutboundAction,
  type Receipt,
  type Reply,
} from 'tidewire';
import { compare, type Bench } from './harness.js';
import { HandLoop } from './hand-loop.js';

const MESSAGES = 100_000;
/** Messages arrive in bursts; the next comes when the last is done. */
const BURST = 100;
const LIMIT = 1_000_000;
const PER_MS = 60_000;
const AT = new Date().toISOString();

const handler = async (event: InboundEvent): Promise<Reply> => {
  await Promise.resolve();
  return { kind: 'text', text: event.id };
};

const eventsOf = (conversations: number): ((n: number) => MessageEvent) => {
  const list = Array.from({ length: conversations }, (_, n) => ({
    platform: 'desk',
    id: `conversation-${n}`,
    channel: 'web',
  }));
  return (n) => ({
    kind: 'message',
    id: `message-${n}`,
    platform: 'desk',
    conversation: list[n % conversations] ?? { platform: 'desk', id: '', channel: 'web' },
    at: AT,
    text: 'hello',
    raw: null,
  });
};

/** Pushes all messages through, and gives messages a second. */
const drive = async (
  push: (n: number) => void,
  onDone: (done: (receipt: Receipt) => void) => void,
): Promise<number> => {
  let seen = 0;
  let wake: (() => void) | undefined;
  onDone(() => {
    if (++seen % BURST === 0) wake?.();
  });
  const began = process.hrtime.bigint();
  for (let n = 0; n < MESSAGES;) {
    const burst = new Promise<void>((resolve) => (wake = resolve));
    for (const end = n + BURST; n < end; n++) push(n);
    await burst;
  }
  return MESSAGES / (Number(process.hrtime.bigint() - began) / 1e9);
};

const ours = async (conversations: number, isTraced = true): Promise<number> => {
  const eventOf = eventsOf(conversations);
  const accounts = openAccounts();
  const account = accounts.of('bench');
  const source = new Subject<InboundEvent>();
  let done: (receipt: Receipt) => void = () => undefined;
  const stubSink = map((action: OutboundAction) => {
    const receipt = delivered(action, AT);
    const trace = traceOf(action);
    if (touches(receipt)) trace?.touch();
    trace?.conclude(outcomeOf(receipt));
    return receipt;
  });
  const subscription = source
    .pipe(dedupe(), react(handler), fallbackToText(), rateLimit({ limit: LIMIT, perMs: PER_MS }), stubSink)
    .subscribe((receipt) => {
      done(receipt);
    });
  const rate = await drive(
    (n) => {
      const event = eventOf(n);
      const trace = isTraced ? account.open(event) : undefined;
      source.next(event);
      trace?.release(account);
    },
    (listener) => (done = listener),
  );
  const { outcomes, inFlight } = accounts.counts();
  if (isTraced && outcomes.handled + inFlight !== MESSAGES) throw new Error('the account does not balance');
  subscription.unsubscribe();
  return rate;
};

const byHand = async (conversations: number): Promise<number> => {
  const eventOf = eventsOf(conversations);
  let done: (receipt: Receipt) => void = () => undefined;
  const loop = new HandLoop(
    handler,
    (receipt) => {
      done(receipt);
    },
    LIMIT,
    PER_MS,
    AT,
  );
  const rate = await drive(
    (n) => {
      loop.push(eventOf(n));
    },
    (listener) => (done = listener),
  );
  if (loop.outcomes.handled < MESSAGES - BURST) throw new Error('the hand loop lost messages');
  return rate;
};

const builtIns = async (conversations: number): Promise<number> => {
  const eventOf = eventsOf(conversations);
  const source = new Subject<InboundEvent>();
  let done: (receipt: Receipt) => void = () => undefined;
  const subscription = source
    .pipe(
      distinct(({ conversation, id }) => `${conversationKey(conversation)} ${id}`),
      groupBy(({ conversation }) => conversationKey(conversation)),
      mergeMap((group) =>
        group.pipe(
          concatMap((event) =>
            from(handler(event)).pipe(
              map((reply) => ({
                ...reply,
                id: `${event.id}#1`,
                conversation: event.conversation,
                cause: event.id,
              })),
            ),
          ),
        ),
      ),
      map((action) => delivered(action, AT)),
    )
    .subscribe((receipt) => {
      done(receipt);
    });
  const rate = await drive(
    (n) => {
      source.next(eventOf(n));
    },
    (listener) => (done = listener),
  );
  subscription.unsubscribe();
  return rate;
};

export const run: Bench['run'] = async (report) => {
  const rates: { readonly ours: number; readonly bare: number }[] = [];
  for (const conversations of [1, 1_000, 100_000]) {
    rates.push(
      await compare(
        `pipeline/${conversations}`,
        'msg/s',
        'hand loop',
        async () => ours(conversations),
        async () => byHand(conversations),
        report,
      ),
    );
  }
  const spread = (key: 'ours' | 'bare'): number =>
    Math.min(...rates.map((rate) => rate[key])) / Math.max(...rates.map((rate) => rate[key]));
  report({
    name: 'pipeline/spread',
    value: spread('ours'),
    unit: 'slow/fast',
    ratio: spread('ours') / spread('bare'),
    against: 'hand loop',
  });
  await compare(
    'pipeline/1000',
    'msg/s',
    'rxjs built-ins',
    async () => ours(1_000),
    async () => builtIns(1_000),
    report,
  );
  report({ name: 'pipeline/trace', value: await traceCost(), unit: 'ns/msg' });
};

/** What a message costs more with a trace than without: the median of three rounds, in turn. */
const traceCost = async (): Promise<number> => {
  const rounds: number[] = [];
  for (let round = 0; round < 3; round++) rounds.push(1e9 / (await ours(1_000)) - 1e9 / (await ours(1_000, false)));
  return rounds.sort((a, b) => a - b)[1] ?? NaN;
};
