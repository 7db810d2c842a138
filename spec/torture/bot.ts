import { writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { concatMap, delay, forkJoin, map, merge, mergeMap, of, tap, timer } from 'rxjs';
import type { MonoTypeOperatorFunction, OperatorFunction } from 'rxjs';
import { conversationKey, dedupe, delivered, react, text, toPlatforms, traceOf } from 'tidewire';
import type { Handler, InboundEvent, OutboundAction, Receipt, Reconcile } from 'tidewire';
import { lmdbFile, lmdbQueue, lmdbStore } from 'tidewire/lmdb';
import { fromQueue, outbox, toQueue, type DeadLetter } from 'tidewire/queue';
import { fromTrueConf, toTrueConf, trueconfClient } from 'tidewire/trueconf';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';
import { jumpingClock } from './jumping-clock.js';
import type { Letter, Orders, Stage, Told } from './orders.js';
import { withoutMarks } from './without-marks.js';
import { answersTo, readWords, thinkingMs } from './words.js';

// A durable bot on two platforms, which lives until it is killed, perhaps by itself: `bot <orders as JSON>`.
const orders = JSON.parse(process.argv[2] ?? '') as Orders;
const tell = (told: Told): void => {
  writeSync(1, `${JSON.stringify(told)}\n`);
};
const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
let times = 0;
const at = (stage: Stage): void => {
  const { death } = orders;
  if (death?.stage !== stage || ++times !== death.count) return;
  if (death.afterMs === 0) die();
  else setTimeout(die, death.afterMs);
};
const marked = <T>(stage: Stage): MonoTypeOperatorFunction<T> =>
  tap(() => {
    at(stage);
  });
const failing = (error: unknown): void => {
  throw error;
};

const scheduler = jumpingClock(orders.jumps);
const file = lmdbFile({ dir: orders.dir });
const inbox = lmdbQueue({ file, name: 'in', scheduler });
const out = lmdbQueue({ file, name: 'out', holds: 'actions', scheduler });
const store = lmdbStore({ file, scheduler });
const { userlike, trueconf } = orders;
const webhook = userlikeWebhook({ headers: { 'API-SECURITY-TOKEN': userlike.secret }, scheduler });
const client = trueconfClient({
  server: '127.0.0.1',
  port: trueconf.port,
  secure: false,
  username: trueconf.name,
  password: trueconf.password,
  receiveUnread: true,
  reconnectMs: 20,
  maxReconnectMs: 100,
  jitterMs: 0,
});

// In: safe in the queue, then answered.
const events = merge(fromUserlike({ webhook }), fromTrueConf({ client, acknowledge: 'settled', scheduler })).pipe(
  marked('receive'),
);
const early: OperatorFunction<InboundEvent, unknown> = (all) =>
  all.pipe(
    tap((event) => traceOf(event)?.cancel('queued')),
    concatMap((event) => timer(200).pipe(mergeMap(() => inbox.add(event)))),
  );
const accept: OperatorFunction<InboundEvent, unknown> =
  orders.isBroken === 'early' ? early : toQueue(inbox, { scheduler });
events.pipe(accept, marked('accept')).subscribe({ error: failing });

/** Userlike's wire has no ids, but what is numbered is one message however often it comes. */
const key = (event: InboundEvent): string => {
  const isNumbered = event.kind === 'message' && readWords(event.text)?.isTwice === false;
  return `${conversationKey(event.conversation)} ${isNumbered ? event.text : event.id}`;
};
const handler: Handler<InboundEvent, undefined> = (event) => {
  at('handle');
  if (event.kind !== 'message' || readWords(event.text) === undefined) return undefined;
  const replies = answersTo(event.id, event.text).map((line) => text(line));
  const ms = thinkingMs(event.text);
  return ms === 0 ? replies : of(replies).pipe(delay(ms));
};
const textOf = (item: InboundEvent | OutboundAction | undefined): string =>
  item !== undefined && 'text' in item ? (item.text ?? '') : '';
type Sink = OperatorFunction<OutboundAction, Receipt>;
const watched =
  (sink: Sink): Sink =>
  (actions) =>
    actions.pipe(
      tap(({ id }) => {
        tell({ kind: 'send', action: id });
        at('send');
      }),
      sink,
      marked('sent'),
    );
const sinks = toPlatforms({
  userlike: watched(toUserlike({ client: userlikeClient({ ...userlike, scheduler }), limit: 1e6, scheduler })),
  trueconf: watched(toTrueConf({ client, scheduler })),
});

/** Why an action is in doubt: `ended` when its process did. */
const causes = new Map<string, string>();
/** What the customer has in front of them on TrueConf can be read back; what was sent by Userlike's API cannot. */
const reconcile: Reconcile = (receipt) => {
  const { action, error } = receipt;
  causes.set(action.id, error.message.includes('process ended') ? 'ended' : error.kind);
  if (action.conversation.platform !== 'trueconf') return [receipt];
  return client.history(action.conversation.id, { count: 1_000 }).pipe(
    map((messages) => messages.find(({ content }) => 'text' in content && content.text === textOf(action))),
    map((found) => (found === undefined ? 'resend' : delivered(action, receipt.at, [found.messageId]))),
  );
};
const inDoubt = (action: OutboundAction): 'drop' => {
  tell({ kind: 'doubt', action: action.id, text: textOf(action), cause: causes.get(action.id) ?? '' });
  return 'drop';
};

// Out: each message once, in order within its conversation.
const patience = { attempts: 100, delayMs: 50, maxDelayMs: 400, scheduler };
const marks = orders.isBroken === 'nomark' ? withoutMarks(store) : store;
fromQueue(inbox, patience)
  .pipe(
    dedupe({ store, key, waitMs: Infinity, scheduler }),
    react(handler, { scheduler }),
    outbox({ ...patience, queue: out, store: marks, mode: orders.mode, reconcile, inDoubt }, sinks),
    tap(({ action, status }) => {
      at('settle');
      tell({ kind: 'receipt', action: action.id, status });
    }),
  )
  .subscribe({ error: failing });

const ALL = { limit: 1_000_000 };
const letterOf =
  (queue: string) =>
  ({ item, outcome, reason = '' }: DeadLetter<InboundEvent | OutboundAction>): Letter => ({
    queue,
    id: item?.id ?? '',
    text: textOf(item),
    outcome,
    reason,
  });
createInterface({ input: process.stdin })
  .on('line', (question) => {
    if (question === 'letters') {
      forkJoin([inbox.letters(ALL), out.letters(ALL)])
        .pipe(map(([events, actions]) => [...events.map(letterOf('in')), ...actions.map(letterOf('out'))]))
        .subscribe((letters) => {
          tell({ kind: 'letters', letters });
        });
    } else {
      forkJoin([inbox.counts(), out.counts()]).subscribe(([events, actions]) => {
        tell({ kind: 'counts', waiting: events.waiting + actions.waiting });
      });
    }
  })
  // Whoever started it is gone.
  .on('close', () => process.exit(0));

createServer((request, response) => {
  at('receive');
  response.once('finish', () => {
    at('answer');
  });
  webhook.node(request, response);
}).listen(orders.port, '127.0.0.1', () => {
  tell({ kind: 'ready' });
});
at('start');
