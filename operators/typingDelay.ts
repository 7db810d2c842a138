import { asyncScheduler, Observable, type MonoTypeOperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';
import { consume } from '../lib/consume.js';
import { Job, LaneEngine } from '../lib/lane-engine.js';
import {
  conversationKey,
  type CapabilityProfile,
  type OutboundAction,
  type Outcome,
  type TypingAction,
} from '../lib/model/index.js';
import { profileFinder, renderingOf } from '../lib/profiles/index.js';
import { atLeast } from '../lib/range.js';
import { unaccounted } from '../lib/trace.js';
import type { Writable } from '../lib/writable.js';

export interface TypingDelayConfig {
  /** How long it takes to write a character, in milliseconds. Default: 30. */
  readonly perCharacterMs?: number;
  /** Shortest pause, in milliseconds. Default: 500. */
  readonly minMs?: number;
  /** Longest pause, in milliseconds. Default: 4 000. */
  readonly maxMs?: number;
  /** Whether a `typing` action goes out where a pause begins, on channels that know it. Default: true. */
  readonly typing?: boolean;
  /** What which channel shows. Default: `profiles`. */
  readonly profiles?: readonly CapabilityProfile[];
  /** How many actions may wait behind others of their conversation; what comes beyond is settled `shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Lets bubbles out at the speed at which a person writes: a pause that grows with the text in front of each, and a `typing`
 * action where the pause begins.
 *
 *     actions  -A-a--------|     each takes four frames to write
 *              typingDelay()
 *     result   -t---(At)a--|     t: typing
 *
 * `text`, `choices`, `cards`, `links`, `media` and `survey` are bubbles; a pause begins when the bubble came and all before
 * it is out. Everything else has no pause of its own, what a person wrote (`by`), `handoff`, `end` and `release` neither: it passes at once when nothing
 * of its conversation waits, and otherwise behind that. In order within a conversation, concurrent between them.
 *
 * Holds what waits. What is cancelled leaves, and what was behind it moves up. A `typing` action of ours has the id
 * `${id}~typing` and is not accounted for: whether it arrives says nothing about the event. Completes when the source has
 * completed and all is out. Errors: those of the source; then, and when it is unsubscribed, what waits is settled `failed`.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function typingDelay(config: TypingDelayConfig = {}): MonoTypeOperatorFunction<OutboundAction> {
  const { perCharacterMs = 30, minMs = 500, maxMs = 4_000, typing = true, maxQueued = 100_000 } = config;
  const { scheduler = asyncScheduler } = config;
  atLeast('typingDelay: perCharacterMs', perCharacterMs, 0);
  atLeast('typingDelay: minMs', minMs, 0);
  atLeast('typingDelay: maxMs', maxMs, minMs);
  atLeast('typingDelay: maxQueued', maxQueued, 0);
  const profileOf = profileFinder(config.profiles);

  const knowsTyping = (action: TypingAction): boolean => {
    const rendering = renderingOf(action, profileOf(action.conversation));
    return rendering === 'native' || rendering === 'converted';
  };

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      let completed = false;

      const completeWhenIdle = (): void => {
        if (completed && engine.size === 0) subscriber.complete();
      };
      const over = (job: Bubble, outcome?: Outcome): void => {
        job.timer?.unsubscribe();
        job.trace?.release(job, outcome);
        engine.finish(job);
        completeWhenIdle();
      };
      const emit = (job: Bubble): void => {
        job.isOut = true;
        subscriber.next(job.item);
        if (subscriber.closed) job.trace?.abandon(job, 'failed', 'unsubscribed');
        else over(job);
      };
      const engine = new LaneEngine<OutboundAction, Bubble>({
        name: 'typingDelay',
        key: ({ item: { conversation }, trace }) => trace?.keyOf(conversation) ?? conversationKey(conversation),
        concurrency: Infinity,
        maxQueued,
        run: (job) => {
          // Before it came, or just now: the actions of an event are told one after the other.
          if (job.trace?.cancelled === true) {
            over(job, job.trace.outcome ?? 'superseded');
            return;
          }
          const length = lengthOf(job.item);
          const pauseMs = length === undefined ? 0 : Math.min(Math.max(minMs, length * perCharacterMs), maxMs);
          if (pauseMs === 0) {
            emit(job);
            return;
          }
          // Before the typing goes out: what cancels the bubble meanwhile finds the timer.
          job.timer = scheduler.schedule(() => {
            emit(job);
          }, pauseMs);
          if (!typing) return;
          const action = typingBefore(job.item, pauseMs);
          if (knowsTyping(action)) subscriber.next(action);
        },
        drop: over,
        interrupt: over,
      });

      subscriber.add(() => {
        engine.clear((job) => {
          job.timer?.unsubscribe();
          // What is being emitted is somebody else's by now.
          if (!job.isOut) job.trace?.release(job, 'failed', 'unsubscribed');
        });
      });
      consume(source, subscriber, {
        next: (action) => {
          engine.push(new Bubble(engine, action));
        },
        complete: () => {
          completed = true;
          completeWhenIdle();
        },
      });
    });
}

class Bubble extends Job<OutboundAction> {
  timer: Subscription | undefined;
  isOut = false;
}

/** How many characters a person would write; nothing for what nobody writes. */
const lengthOf = (action: OutboundAction): number | undefined => {
  // The person has written it already.
  if (action.by === 'human') return undefined;
  switch (action.kind) {
    case 'text':
      return action.text.length;
    case 'choices':
      return action.choices.reduce((sum, { label }) => sum + label.length, action.text.length);
    case 'cards':
      return action.cards.reduce(
        (sum, { title, text = '' }) => sum + title.length + text.length,
        action.text?.length ?? 0,
      );
    case 'links':
      return action.links.reduce((sum, { label }) => sum + label.length, action.text.length);
    case 'media':
      return action.caption?.length ?? 0;
    case 'survey':
      return action.title.length;
    default:
      return undefined;
  }
};

const typingBefore = ({ id, conversation, cause }: OutboundAction, forMs: number): TypingAction => {
  const action: Writable<TypingAction> = { kind: 'typing', id: `${id}~typing`, conversation, forMs, visible: true };
  if (cause !== undefined) action.cause = cause;
  return unaccounted(action);
};
