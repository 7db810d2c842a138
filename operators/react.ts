import {
  asyncScheduler,
  defer,
  map,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
  Subscription,
} from 'rxjs';
import { accounts } from '../lib/accounts.js';
import { address, isReply } from '../lib/address.js';
import { consume } from '../lib/consume.js';
import {
  ConversationStates,
  type ConversationState,
  type StateCell,
  type StateConfig,
} from '../lib/conversation-state.js';
import { whenForgotten } from '../lib/forgotten.js';
import { Job, LaneEngine } from '../lib/lane-engine.js';
import {
  conversationKey,
  type InboundEvent,
  type OutboundAction,
  type Outcome,
  type Reply,
} from '../lib/model/index.js';
import { atLeast } from '../lib/range.js';
import { attach } from '../lib/trace.js';

/** What a handler may return: nothing, one reply, or any number of them, now or later. */
export type Replies = Reply | undefined | void | ObservableInput<Reply | readonly Reply[] | undefined | void>;

export type Handler<T extends InboundEvent, S> = (event: T, state: ConversationState<S>) => Replies;

export interface RetryConfig {
  /** How often a handler that threw before it had emitted anything runs again. */
  readonly count: number;
  /** Pause before the first repetition, in milliseconds; doubles with each. Default: 200. */
  readonly delayMs?: number;
  /** Longest pause, in milliseconds. Default: 10 000. */
  readonly maxDelayMs?: number;
}

export interface ReactConfig<S = undefined> {
  /** What the handler remembers about each conversation. Default: nothing. */
  readonly state?: StateConfig<S>;
  /** Default: none. A handler's own effects happen again when it runs again. */
  readonly retry?: RetryConfig;
  /** How many conversations are handled at once. Default: no limit; the source's `maxInFlight` bounds it. */
  readonly concurrency?: number;
  /** How many events may wait for their turn; what comes beyond is settled `shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Told of each error that made an event fail. Default: it goes to `accounts.reports$`. */
  readonly onError?: (error: unknown, event: InboundEvent) => void;
  /** Named in reports and explanations. Default: `react`. */
  readonly name?: string;
  /** Clock of the retries. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Runs your code for each event and emits what it answers as actions, with id `${event.id}#${n}`, conversation and cause
 * filled in.
 *
 *     source  -A-a-B---------|        A, a: one conversation; B: another
 *     handler  --x|
 *                --y|
 *                --z|
 *     result  ---x-yz--------|
 *
 * In order within a conversation, concurrent between them. A handler that throws fails its event, not the stream, after
 * `retry`; what it had emitted before stays, and the state is as it was. An event that is cancelled while its handler runs frees the lane, and what
 * the handler still says is not heard. Holds each event until its handler is done; at unsubscription what it holds is
 * settled `failed`. Completes when the source has completed and all handlers are done. Errors: those of the source, and
 * whatever `onError` throws.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function react<T extends InboundEvent, S = undefined>(
  handler: Handler<T, S>,
  config: ReactConfig<S> = {},
): OperatorFunction<T, OutboundAction> {
  const { concurrency = Infinity, maxQueued = 100_000, name = 'react', scheduler = asyncScheduler, onError } = config;
  const { count = 0, delayMs = 200, maxDelayMs = 10_000 } = config.retry ?? {};
  atLeast('react: concurrency', concurrency, 1);
  atLeast('react: maxQueued', maxQueued, 0);
  atLeast('react: retry.count', count, 0);
  atLeast('react: retry.delayMs', delayMs, 0);
  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      let completed = false;
      const states = config.state === undefined ? undefined : new ConversationStates(config.state);

      const completeWhenIdle = (): void => {
        if (completed && engine.size === 0) subscriber.complete();
      };
      const over = (job: ReactJob<T, S>, outcome?: Outcome, reason?: string): void => {
        job.trace?.release(job, outcome, reason);
        engine.finish(job);
        completeWhenIdle();
      };
      const failed = (job: ReactJob<T, S>, error: unknown): void => {
        if (job.state === 'done') return;
        if (job.made === 0 && job.attempt < count) {
          const pauseMs = Math.min(delayMs * 2 ** job.attempt++, maxDelayMs);
          job.watch(
            scheduler.schedule(() => {
              run(job);
            }, pauseMs),
          );
          return;
        }
        const reason =
          error instanceof Error ? `${error.name}: ${error.message}` : 'something that is no Error was thrown';
        if (onError !== undefined) {
          try {
            onError(error, job.item);
          } catch (thrown) {
            job.trace?.release(job, 'failed', reason);
            subscriber.error(thrown);
            return;
          }
        } else if (job.trace === undefined) {
          accounts.report({ kind: 'failed', id: job.item.id, source: '', lastHolder: name, reason });
        }
        over(job, 'failed', reason);
      };
      const done = (job: ReactJob<T, S>): void => {
        if (job.state === 'done') return;
        // What it answered says what became of it.
        const outcome = job.made === 0 ? 'handled' : undefined;
        if (states === undefined || job.cell?.changed !== true) over(job, outcome);
        else {
          job.watch(
            states.save(job.key, job.cell).subscribe({
              error: (error: unknown) => {
                failed(job, error);
              },
              complete: () => {
                over(job, outcome);
              },
            }),
          );
        }
      };
      /** The one and only reply of an event: its account is the event's. */
      const answer = (job: ReactJob<T, S>, reply: Reply): void => {
        if (job.state === 'done') return;
        const id = `${job.item.id}#1`;
        const { trace } = job;
        const action = address(reply, id, job.item, trace?.lend(id));
        job.made = 1;
        job.isOut = true;
        subscriber.next(action);
        if (!subscriber.closed) done(job);
      };
      const emit = (job: ReactJob<T, S>, reply: Reply): void => {
        if (job.state === 'done') return;
        const id = `${job.item.id}#${job.made + 1}`;
        // Before the fork: what is no reply throws here, and nobody would let go of its fork.
        const action = address(reply, id, job.item, undefined);
        job.made++;
        const fork = job.trace?.fork(id, job);
        subscriber.next(fork === undefined ? action : attach(action, fork));
        if (fork === undefined) return;
        if (subscriber.closed) fork.abandon(job, 'failed', 'unsubscribed');
        else fork.release(job);
      };
      const emitAll = (job: ReactJob<T, S>, value: Reply | readonly Reply[] | undefined | void): void => {
        if (value === undefined) return;
        if (isReply(value)) {
          emit(job, value);
          return;
        }
        const { made } = job;
        // What a list leaves out has its number all the same.
        value.forEach((reply, n) => {
          job.made = made + n;
          emit(job, reply);
        });
      };
      const settle = (job: ReactJob<T, S>, value: Reply | readonly Reply[] | undefined | void): void => {
        try {
          if (value !== undefined && isReply(value)) {
            answer(job, value);
            return;
          }
          emitAll(job, value);
        } catch (error) {
          failed(job, error);
          return;
        }
        done(job);
      };
      const listen = (
        job: ReactJob<T, S>,
        replies: ObservableInput<Reply | readonly Reply[] | undefined | void>,
      ): void => {
        const told = defer(() => replies).pipe(
          map((value) => {
            emitAll(job, value);
          }),
        );
        job.watch(
          told.subscribe({
            error: (error: unknown) => {
              failed(job, error);
            },
            complete: () => {
              done(job);
            },
          }),
        );
      };
      const handle = (job: ReactJob<T, S>, state: ConversationState<S>): void => {
        // Cancelled while it waited for its state or for a retry: its lane has gone on.
        if (job.state === 'done') return;
        try {
          const replies = handler(job.item, state);
          if (replies === undefined || isReply(replies)) settle(job, replies);
          else if (replies instanceof Promise) {
            // Without `from`: a promise is the common case, and an Observable around it costs as much as all the rest.
            replies.then(
              (value: Reply | readonly Reply[] | undefined) => {
                settle(job, value);
              },
              (error: unknown) => {
                failed(job, error);
              },
            );
          } else listen(job, replies);
        } catch (error) {
          failed(job, error);
        }
      };
      const run = (job: ReactJob<T, S>): void => {
        if (states === undefined) {
          handle(job, STATELESS);
          return;
        }
        job.watch(
          states.load(job.key).subscribe({
            next: (cell) => {
              job.cell = cell;
              handle(job, cell);
            },
            error: (error: unknown) => {
              failed(job, error);
            },
          }),
        );
      };
      const engine = new LaneEngine<T, ReactJob<T, S>>({
        name,
        key: ({ item, trace }) => trace?.keyOf(item.conversation) ?? conversationKey(item.conversation),
        concurrency,
        maxQueued,
        run,
        drop: over,
        interrupt: over,
      });

      if (states !== undefined) subscriber.add(whenForgotten(states.forget));
      subscriber.add(() => {
        engine.clear((job) => {
          job.inner?.unsubscribe();
          if (job.isOut) job.trace?.abandon(job, 'failed', 'unsubscribed');
          else job.trace?.release(job, 'failed', 'unsubscribed');
        });
      });
      consume(source, subscriber, {
        next: (event) => {
          engine.push(new ReactJob(engine, event));
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });
}

class ReactJob<T, S> extends Job<T> {
  /** Actions emitted so far. */
  made = 0;
  /** Its only reply is downstream, under the trace of the event. */
  isOut = false;
  attempt = 0;
  cell: StateCell<S> | undefined;
  inner: Subscription | undefined;

  watch(subscription: Subscription): void {
    (this.inner ??= new Subscription()).add(subscription);
  }
}

const stateless = (): never => {
  throw new TypeError('react: there is no state, since config.state is not given');
};
const STATELESS = Object.freeze({
  get value(): never {
    return stateless();
  },
  set: stateless,
});
