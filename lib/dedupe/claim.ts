import { mayRunAgain, type Outcome } from '../model/index.js';
import type { Holder, SettleListener, Trace } from '../trace.js';

/**
 * The first delivery of an event while it is open, and who waits for it.
 *
 * @internal
 */
export abstract class Claim implements Holder, SettleListener {
  readonly key: string;
  readonly trace: Trace;
  /** It is remembered while the event is open only. */
  readonly brief: boolean;
  #twins: Trace[] | undefined;

  constructor(key: string, trace: Trace, brief: boolean) {
    this.key = key;
    this.trace = trace;
    this.brief = brief;
  }

  get name(): string {
    return 'dedupe';
  }

  /** A twin is worked on as long as the first is: what is said of it before may turn out wrong. */
  get passive(): boolean {
    return this.trace.quiet;
  }

  /** Another delivery of the event waits for this one, or is shed when too many do. */
  join(twin: Trace | undefined, maxTwins: number): boolean {
    if (twin === undefined || twin === this.trace) return false;
    const twins = (this.#twins ??= []);
    if (twins.length >= maxTwins) {
      twin.conclude('shed', 'dedupe: too many deliveries of this event are waiting');
      return false;
    }
    twins.push(twin);
    twin.hold(this);
    twin.restWith(this.trace);
    return true;
  }

  settled(_: Trace, outcome: Outcome, touched: boolean, at: number): void {
    const again = mayRunAgain(outcome, touched);
    this.over(again, at);
    const twins = this.#twins;
    if (twins === undefined) return;
    this.#twins = undefined;
    for (const twin of twins) twin.release(this, again ? 'failed' : 'duplicate', again ? 'its twin failed' : undefined);
  }

  cancel(twin: Trace, outcome: Outcome): void {
    this.#twins = this.#twins?.filter((other) => other !== twin);
    twin.release(this, outcome);
  }

  abandonTwins(): void {
    const twins = this.#twins ?? [];
    this.#twins = undefined;
    for (const twin of twins) twin.release(this, 'failed', 'unsubscribed');
  }

  protected abstract over(again: boolean, at: number): void;
}
