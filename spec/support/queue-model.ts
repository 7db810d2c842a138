import type { LeaseConfig, Queue } from 'tidewire/queue';
import type { InboundEvent, OutboundAction } from 'tidewire';

interface Item {
  readonly id: string;
  isOut: boolean;
  isForgotten: boolean;
}
interface Line {
  items: Item[];
  held: number;
  /** What was handed out, in order. */
  readonly log: string[];
}

/** A queue as plainly as it can be said: one list a conversation. */
export class QueueModel {
  readonly lines = new Map<string, Line>();
  letters: { readonly key: string; readonly id: string; readonly holds: boolean }[] = [];
  readonly #perKey: number;

  constructor(perKey: number) {
    this.#perKey = perKey;
  }

  /** What is out, in no order that matters. */
  get out(): readonly string[] {
    return [...this.lines.values()].flatMap(({ items }) => items.filter(({ isOut }) => isOut).map(({ id }) => id));
  }

  get waiting(): number {
    return [...this.lines.values()].reduce(
      (sum, { items }) => sum + items.filter((item) => !item.isForgotten).length,
      0,
    );
  }

  add(key: string, id: string): void {
    this.#line(key).items.push({ id, isOut: false, isForgotten: false });
    this.#fill(key);
  }

  ack(id: string): void {
    const [key, line] = this.#find(id);
    line.items = line.items.filter((item) => item.id !== id || !item.isOut);
    this.#fill(key);
  }

  giveBack(id: string): void {
    const [key, line] = this.#find(id);
    for (const item of line.items.slice(line.items.findIndex((other) => other.id === id && other.isOut)))
      item.isOut = false;
    line.items = line.items.filter(({ isForgotten, isOut }) => isOut || !isForgotten);
    this.#fill(key);
  }

  park(id: string, holds: boolean): void {
    const [key, line] = this.#find(id);
    const isForgotten = line.items.some((item) => item.id === id && item.isForgotten);
    if (!isForgotten) {
      this.letters.push({ key, id, holds });
      if (holds) line.held++;
    }
    this.ack(id);
  }

  /** Takes a letter out; its item goes to the end when it is resubmitted. */
  leaveLetter(index: number, resubmit: boolean): void {
    const letter = this.letters[index];
    if (letter === undefined) return;
    this.letters = this.letters.filter((other) => other !== letter);
    if (letter.holds) this.#line(letter.key).held--;
    if (resubmit) this.add(letter.key, letter.id);
    else this.#fill(letter.key);
  }

  forget(key: string): void {
    const line = this.#line(key);
    line.items = line.items.filter(({ isOut }) => isOut);
    for (const item of line.items) item.isForgotten = true;
    this.letters = this.letters.filter((letter) => letter.key !== key);
    line.held = 0;
  }

  /** The consumer goes, and another comes. */
  change(): void {
    for (const [key, line] of this.lines) {
      line.items = line.items.filter(({ isForgotten }) => !isForgotten);
      for (const item of line.items) item.isOut = false;
      this.#fill(key);
    }
  }

  #fill(key: string): void {
    const { items, held, log } = this.#line(key);
    while (held === 0 && items.filter(({ isOut }) => isOut).length < this.#perKey) {
      const next = items.find(({ isOut }) => !isOut);
      if (next === undefined) return;
      next.isOut = true;
      log.push(next.id);
    }
  }

  #line(key: string): Line {
    let line = this.lines.get(key);
    if (line === undefined) this.lines.set(key, (line = { items: [], held: 0, log: [] }));
    return line;
  }

  #find(id: string): [string, Line] {
    for (const [key, line] of this.lines)
      if (line.items.some((item) => item.id === id && item.isOut)) return [key, line];
    throw new Error(`${id} is not out`);
  }
}

type Events = Queue<InboundEvent>;

/** Queues that break one law each. */
export const brokenQueues: Readonly<Record<string, (queue: Events) => Partial<Events>>> = {
  'hands out one more of a conversation': (queue) => ({
    lease: (config: LeaseConfig = {}) => queue.lease({ ...config, perKey: (config.perKey ?? 16) + 1 }),
  }),
  'puts behind its successors what comes back': (queue) => ({
    return: (leased) => queue.ack(leased, { together: [queue.adding(leased.item)] }),
  }),
  'lets a conversation go on that should wait': (queue) => ({
    park: (leased, report) => queue.park(leased, report),
  }),
  'loses what is resubmitted': (queue) => ({
    resubmit: (letter) => queue.drop(letter),
  }),
  'is not done with what is acknowledged': (queue) => ({
    ack: (leased) => queue.return(leased),
  }),
};

/** The methods of a queue as fields of an object. */
export const asFields = <T extends InboundEvent | OutboundAction>(queue: Queue<T>): Queue<T> => ({
  name: queue.name,
  errors$: queue.errors$,
  forgotten$: queue.forgotten$,
  add: (...args) => queue.add(...args),
  adding: (...args) => queue.adding(...args),
  lease: (...args) => queue.lease(...args),
  ack: (...args) => queue.ack(...args),
  return: (...args) => queue.return(...args),
  park: (...args) => queue.park(...args),
  letters: (...args) => queue.letters(...args),
  resubmit: (...args) => queue.resubmit(...args),
  drop: (...args) => queue.drop(...args),
  forget: (...args) => queue.forget(...args),
  counts: () => queue.counts(),
});
