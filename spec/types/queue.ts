import { of, type Observable } from 'rxjs';
import type { InboundEvent, MessageEvent, OutboundAction, Receipt, Sink, Store } from 'tidewire';
import { lmdbQueue, type LmdbFile } from 'tidewire/lmdb';
import { fromQueue, memoryQueue, outbox, toQueue, type Queue, type QueueReceipt } from 'tidewire/queue';
import type { Equal, Expect } from '../support/types.js';

declare const file: LmdbFile;
declare const message: MessageEvent;
declare const action: OutboundAction;

const events = lmdbQueue({ file, name: 'in' });
const actions = lmdbQueue({ file, name: 'out', holds: 'actions' });
export type QueuesSayWhatTheyHold = [
  Expect<Equal<typeof events, Queue<InboundEvent>>>,
  Expect<Equal<typeof actions, Queue<OutboundAction>>>,
];

export const receipts = () => of<InboundEvent>(message).pipe(toQueue(events));
export type ReceiptsSayOfWhat = Expect<Equal<ReturnType<typeof receipts>, Observable<QueueReceipt<InboundEvent>>>>;

export const out = () => fromQueue(memoryQueue<OutboundAction>());
export type ItemsComeAsTheyWent = Expect<Equal<ReturnType<typeof out>, Observable<OutboundAction>>>;

// @ts-expect-error an action does not go into a queue of events
of(action).pipe(toQueue(events));
// @ts-expect-error nor an event into one of actions
actions.add(message);

declare const store: Store;
declare const sink: Sink;
export const through = () =>
  of(action).pipe(outbox({ queue: actions, store, inDoubt: ({ kind }) => (kind === 'end' ? 'drop' : 'ask') }, sink));
export type AnOutboxIsASink = [
  Expect<Equal<ReturnType<typeof through>, Observable<Receipt>>>,
  Expect<Equal<ReturnType<typeof outbox>, Sink>>,
];

// @ts-expect-error what it keeps is actions
outbox({ queue: events, store }, sink);
// @ts-expect-error a policy is one of three
outbox({ queue: actions, store, inDoubt: 'guess' }, sink);
