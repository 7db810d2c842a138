import { defer, type Observable, type Subscription } from 'rxjs';
import { toChatError } from '../../lib/errors.js';
import { Job, LaneEngine } from '../../lib/lane-engine.js';
import type { InboundEvent, OutboundAction, Outcome } from '../../lib/model/index.js';

/** @internal */
export type Item = InboundEvent | OutboundAction;

/** @internal Something that is worked on when all that came before it in its lane is done. */
export class Turn extends Job<Item> {
  /** How much was said about it. */
  said = 0;
  /** Somebody else says what becomes of it. */
  isHandedOn = false;
  /** What it does is not to be left half done: it goes on when its item is taken back. */
  isBinding = false;
  inner: Subscription | undefined;

  constructor(
    owner: Job<unknown>['owner'],
    item: Item,
    readonly lane: string,
    readonly work: (turn: Turn) => Observable<unknown>,
    /** Mostly waits for others: an answer that is held back until all is said need not wait for it. */
    readonly passive: boolean,
    readonly done: () => void,
  ) {
    super(owner, item);
  }
}

/** @internal */
export interface TurnOptions {
  readonly passive?: boolean;
  /** Told when it is over, one way or the other. */
  readonly done?: () => void;
}

/**
 * One turn after the other in each lane. What nothing was said about ends `ignored`, what throws `failed`.
 *
 * @internal
 */
export class Turns {
  readonly #engine: LaneEngine<Item, Turn>;
  readonly #idle: () => void;

  /** `idle` is told when the last turn is over. */
  constructor(maxQueued: number, idle: () => void) {
    this.#idle = idle;
    this.#engine = new LaneEngine<Item, Turn>({
      name: 'bridge',
      key: ({ lane }) => lane,
      concurrency: Infinity,
      maxQueued,
      run: (turn) => {
        turn.inner = defer(() => turn.work(turn)).subscribe({
          error: (error: unknown) => {
            this.#over(turn, 'failed', toChatError('bridge', error).message);
          },
          complete: () => {
            this.#over(turn, turn.said === 0 && !turn.isHandedOn ? 'ignored' : undefined);
          },
        });
        // Cancelled by what it said, in the same call: it could not be unsubscribed yet.
        if (turn.state !== 'running') turn.inner.unsubscribe();
      },
      drop: (turn, outcome) => {
        this.#over(turn, outcome);
      },
      interrupt: (turn, outcome) => {
        if (turn.isBinding) return;
        turn.inner?.unsubscribe();
        this.#over(turn, outcome);
      },
    });
  }

  get isIdle(): boolean {
    return this.#engine.size === 0;
  }

  /** Whether something of this lane waits or is worked on. */
  has(lane: string): boolean {
    return this.#engine.has(lane);
  }

  push(
    item: Item,
    lane: string,
    work: (turn: Turn) => Observable<unknown>,
    { passive = false, done = () => undefined }: TurnOptions = {},
  ): void {
    this.#engine.push(new Turn(this.#engine, item, lane, work, passive, done));
  }

  clear(): void {
    this.#engine.clear((turn) => {
      turn.inner?.unsubscribe();
      if (turn.said > 0 || turn.isHandedOn) turn.trace?.abandon(turn, 'failed', 'unsubscribed');
      else turn.trace?.release(turn, 'failed', 'unsubscribed');
    });
  }

  #over(turn: Turn, outcome?: Outcome, reason?: string): void {
    turn.done();
    turn.trace?.release(turn, outcome, reason);
    this.#engine.finish(turn);
    if (this.isIdle) this.#idle();
  }
}
