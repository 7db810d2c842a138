import type { Subscription } from 'rxjs';
import type { Waiting } from './deadlines.js';
import type { Conversation } from './model/index.js';
import type { Holder, SettleListener, Trace } from './trace.js';

/** @internal What is known of a conversation while something of it is open. */
export class Talk {
  first: Entry | undefined;
  last: Entry | undefined;
  /** Handoffs in a row that nobody took. */
  failures = 0;
  retry: Subscription | undefined;
  /** Handoffs that are on their way. */
  handoffs = 0;
  /** How often what went wrong before ceased to matter. */
  round = 0;
  /** The desk is asked whether it may be handed over. */
  isAsked = false;

  constructor(
    readonly key: string,
    readonly conversation: Conversation,
    /** Told when an event leaves. */
    readonly left: (talk: Talk) => void,
  ) {}

  get isIdle(): boolean {
    return this.first === undefined && this.failures + this.handoffs === 0 && this.retry === undefined;
  }

  awaits(id: string): boolean {
    for (let entry = this.first; entry !== undefined; entry = entry.later) if (entry.id === id) return entry.awaited;
    return false;
  }
}

/** @internal An event of a conversation that is open, or that a customer waits for an answer to. */
export class Entry implements Holder, SettleListener {
  deadline: Waiting<Entry> | undefined;
  earlier: Entry | undefined;
  later: Entry | undefined;

  constructor(
    readonly talk: Talk,
    readonly id: string,
    public trace: Trace | undefined,
    public awaited: boolean,
  ) {
    this.earlier = talk.last;
    if (talk.last === undefined) talk.first = this;
    else talk.last.later = this;
    talk.last = this;
  }

  get name(): string {
    return 'forwardOnTimeout';
  }

  get passive(): boolean {
    return true;
  }

  settled(): void {
    this.trace = undefined;
    this.leaveWhenDone();
  }

  leaveWhenDone(): void {
    if (this.awaited || this.trace !== undefined) return;
    const { earlier, later, talk } = this;
    if (earlier === undefined) talk.first = later;
    else earlier.later = later;
    if (later === undefined) talk.last = earlier;
    else later.earlier = earlier;
    this.earlier = undefined;
    talk.left(talk);
  }
}
