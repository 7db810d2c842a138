import type { Subject, Subscriber } from 'rxjs';
import type { Account } from '../accounts.js';
import type { ChatError } from '../errors.js';
import {
  conversationKey,
  failed,
  outcomeOf,
  skipped,
  skipReasonOf,
  touches,
  type OutboundAction,
  type Outcome,
  type Receipt,
} from '../model/index.js';
import { deliveryOf } from '../queue/deliveries.js';
import { traceOf, unaccounted, type Trace } from '../trace.js';
import type { Writable } from '../writable.js';
import { Dispatch, type DispatchHost, type DispatchSettings } from './dispatch.js';
import { Entrance, type EntranceHost } from './entrance.js';
import { Gathering, type GatheringHost } from './gathering.js';
import { Follower, Intent } from './intent.js';
import type { Ledger } from './ledger.js';

/** @internal */
export interface OutboxSettings extends DispatchSettings {
  readonly isWhole: boolean;
}

/** What means something now or never: it is not written down. */
const FLEETING: ReadonlySet<string> = new Set(['typing', 'navigate']);

/**
 * One subscription of an outbox.
 *
 * @internal
 */
export class OutboxRun implements DispatchHost, EntranceHost, GatheringHost {
  readonly ledger: Ledger;
  readonly account: Account;
  readonly #settings: OutboxSettings;
  readonly #subscriber: Subscriber<Receipt>;
  readonly #requests: Subject<OutboundAction>;
  readonly #dispatch: Dispatch;
  readonly #entrance: Entrance;
  readonly #gatherings = new Map<Trace, Gathering>();
  /** The last intent of each conversation that the sink does not have. */
  readonly #last = new Map<string, Intent>();
  readonly #followers = new Set<Follower>();
  /** Actions of ours that have no receipt. */
  #open = 0;
  #completed = false;

  constructor(settings: OutboxSettings, subscriber: Subscriber<Receipt>, requests: Subject<OutboundAction>) {
    this.ledger = settings.ledger;
    this.account = settings.account;
    this.#settings = settings;
    this.#subscriber = subscriber;
    this.#requests = requests;
    this.#dispatch = new Dispatch(settings, this);
    this.#entrance = new Entrance(settings.ledger, settings.scheduler, this);
  }

  start(): void {
    this.#dispatch.start();
  }

  next(action: OutboundAction): void {
    const trace = traceOf(action);
    const conversation = conversationKey(action.conversation);
    if (trace?.cancelled === true) {
      const receipt = skipped(action, this.#settings.now(), skipReasonOf(trace.outcome));
      this.#subscriber.next(receipt);
      trace.conclude(outcomeOf(receipt));
    } else if (FLEETING.has(action.kind)) this.#follow(action, trace, this.#last.get(conversation));
    else this.#intend(action, trace, conversation);
  }

  complete(): void {
    this.#completed = true;
    this.idle();
  }

  /** The subscriber is gone. */
  end(): void {
    this.#entrance.end();
    this.#dispatch.end();
    for (const gathering of this.#gatherings.values()) gathering.end();
    for (const follower of this.#followers) follower.trace?.release(follower, 'failed', 'unsubscribed');
    this.#followers.clear();
  }

  /** The sink says what became of an action. */
  answered(receipt: Receipt): void {
    if (!this.#dispatch.answered(receipt)) this.#subscriber.next(receipt);
  }

  // What dispatch and gatherings ask for.

  readonly send = (action: OutboundAction): void => {
    this.#requests.next(action);
  };

  readonly error = (error: unknown): void => {
    this.#subscriber.error(error);
  };

  readonly passed = (intent: Intent): void => {
    const conversation = conversationKey(intent.action.conversation);
    if (this.#last.get(conversation) === intent) this.#last.delete(conversation);
    for (const follower of intent.followers.splice(0)) {
      if (!this.#followers.delete(follower)) continue;
      this.#requests.next(follower.isLeft ? unaccounted(follower.action) : follower.action);
      follower.trace?.release(follower);
    }
  };

  readonly over = (intent: Intent, receipt: Receipt, outcome: Outcome): void => {
    if (intent.isOver) return;
    const { trace } = intent;
    if (touches(receipt)) trace?.touch();
    if (receipt.status === 'delivered') trace?.arrived(receipt.messageIds);
    const told: Writable<Receipt> = { ...receipt };
    told.action = intent.action;
    if (intent.isCounted) this.#open--;
    this.#subscriber.next(told);
    intent.close(receipt, outcome);
    this.passed(intent);
  };

  readonly letGo = (intent: Intent): void => {
    if (intent.isOver) return;
    if (intent.isCounted) this.#open--;
    intent.letGo();
    this.passed(intent);
  };

  readonly idle = (): void => {
    if (!this.#completed || this.#open > 0 || this.#followers.size > 0) return;
    this.#dispatch.stop();
    if (!this.#dispatch.isBusy) this.#requests.complete();
  };

  readonly cancelled = (intent: Intent, outcome: Outcome): void => {
    for (const gathering of this.#gatherings.values()) {
      if (!gathering.remove(intent)) continue;
      this.#skipAs(intent, outcome);
      return;
    }
    this.#dispatch.takeBack(intent);
  };

  readonly expect = (intents: readonly Intent[]): void => {
    for (const intent of intents) this.#dispatch.expect(intent);
  };

  readonly forgo = (intent: Intent): void => {
    this.#dispatch.forgo(intent);
  };

  readonly safe = (intents: readonly Intent[]): void => {
    this.#dispatch.safe(intents);
  };

  readonly drop = (intents: readonly Intent[], error?: ChatError): void => {
    for (const intent of intents) {
      this.#dispatch.forgo(intent);
      if (error === undefined) this.#skipAs(intent, 'superseded');
      else {
        const receipt = failed(intent.action, this.#settings.now(), error);
        this.over(intent, receipt, 'failed');
      }
    }
    this.idle();
  };

  readonly skip = (intent: Intent): void => {
    this.#skipAs(intent, intent.trace?.outcome ?? 'superseded');
  };

  #skipAs(intent: Intent, outcome: Outcome): void {
    const receipt = skipped(intent.action, this.#settings.now(), skipReasonOf(outcome));
    this.over(intent, receipt, outcomeOf(receipt));
    this.idle();
  }

  #intend(action: OutboundAction, trace: Trace | undefined, conversation: string): void {
    const again = trace === undefined ? 0 : (deliveryOf(trace)?.leased.resubmitted ?? 0);
    // Of an event that was resubmitted, the answers go out again, and no platform takes them for those of before.
    const item = again === 0 ? action : { ...action, id: `${action.id}~${again}` };
    const key = this.ledger.keyOf(item);
    const isCollected = this.#settings.isWhole && trace !== undefined;
    const intent = new Intent(this, action, item, key, trace, isCollected);
    intent.isCounted = true;
    this.#open++;
    this.#last.set(conversation, intent);
    if (isCollected) this.#gatheringOf(trace.root).add(intent);
    else this.#entrance.add(intent);
  }

  #gatheringOf(root: Trace): Gathering {
    let gathering = this.#gatherings.get(root);
    if (gathering === undefined) {
      this.#gatherings.set(root, (gathering = new Gathering(root, this)));
      root.onSettled({
        settled: () => {
          this.#gatherings.delete(root);
        },
      });
    }
    return gathering;
  }

  /** What means something now or never goes at once, or behind what the sink does not have yet. */
  #follow(action: OutboundAction, trace: Trace | undefined, before: Intent | undefined): void {
    if (before === undefined) {
      this.#requests.next(action);
      return;
    }
    const follower = new Follower(action, trace, before.passive, (_, outcome) => {
      if (!this.#followers.delete(follower)) return;
      const receipt = skipped(action, this.#settings.now(), skipReasonOf(outcome));
      this.#subscriber.next(receipt);
      trace?.release(follower, outcomeOf(receipt));
      this.idle();
    });
    this.#followers.add(follower);
    before.followers.push(follower);
  }
}
