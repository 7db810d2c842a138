import { expect } from 'chai';
import fc from 'fast-check';
import { firstValueFrom } from 'rxjs';
import type { InboundEvent, MessageEvent } from 'tidewire';
import { lmdbQueue } from 'tidewire/lmdb';
import { memoryQueue, type Queue } from 'tidewire/queue';
import { QueueDesk } from '../../../lib/testing/queue-desk.js';
import { message } from '../../support/events.js';
import { asFields, brokenQueues, QueueModel } from '../../support/queue-model.js';
import { Temporary } from '../../support/temporary.js';

const PER_KEY = 2;
type Events = Queue<InboundEvent>;

/** A queue and its consumer. */
class Real {
  readonly queue: Queue<MessageEvent>;
  desk: QueueDesk;
  added = 0;
  readonly #before: string[] = [];

  constructor(queue: Events) {
    this.queue = queue as unknown as Queue<MessageEvent>;
    this.desk = new QueueDesk(this.queue, { perKey: PER_KEY, maxInFlight: Infinity });
  }

  change(): void {
    this.#before.push(...this.desk.seen.map(({ item }) => item.id));
    this.desk.leave();
    this.desk = new QueueDesk(this.queue, { perKey: PER_KEY, maxInFlight: Infinity });
  }

  /** What was handed out of a conversation, in order. */
  async log(key: string): Promise<readonly string[]> {
    await this.desk.settled();
    const all = [...this.#before, ...this.desk.seen.map(({ item }) => item.id)];
    return all.filter((id) => id.startsWith(key));
  }
}

class Step implements fc.AsyncCommand<QueueModel, Real> {
  constructor(
    readonly what: 'add' | 'ack' | 'return' | 'park' | 'hold' | 'resubmit' | 'drop' | 'forget' | 'change',
    readonly n: number,
  ) {}

  check({ out, letters }: Readonly<QueueModel>): boolean {
    if (this.what === 'add' || this.what === 'forget' || this.what === 'change') return true;
    return this.what === 'resubmit' || this.what === 'drop' ? letters.length > 0 : out.length > 0;
  }

  async run(model: QueueModel, real: Real): Promise<void> {
    const { queue, desk } = real;
    const key = ['a', 'b', 'c'][this.n % 3] ?? 'a';
    const id = model.out[this.n % Math.max(model.out.length, 1)] ?? '';
    const index = this.n % Math.max(model.letters.length, 1);
    const report = { outcome: 'failed', touched: false } as const;
    switch (this.what) {
      case 'add': {
        const next = `${key}${++real.added}`;
        await firstValueFrom(queue.add(message(next, key)));
        model.add(key, next);
        break;
      }
      case 'ack':
        await desk.ack(id);
        model.ack(id);
        break;
      case 'return':
        await firstValueFrom(queue.return(desk.get(id)));
        model.giveBack(id);
        break;
      case 'park':
      case 'hold':
        await firstValueFrom(queue.park(desk.get(id), report, { hold: this.what === 'hold' }));
        model.park(id, this.what === 'hold');
        break;
      case 'resubmit':
      case 'drop': {
        const letter = (await firstValueFrom(queue.letters()))[index]?.letter ?? 0;
        await firstValueFrom(this.what === 'drop' ? queue.drop(letter) : queue.resubmit(letter));
        model.leaveLetter(index, this.what === 'resubmit');
        break;
      }
      case 'forget':
        await firstValueFrom(queue.forget(message('', key).conversation));
        model.forget(key);
        break;
      case 'change':
        real.change();
        model.change();
        break;
    }
    for (const [name, { log }] of model.lines) expect(await real.log(name)).to.deep.equal(log);
    const { waiting, letters } = await firstValueFrom(queue.counts());
    expect({ waiting, letters }).to.deep.equal({ waiting: model.waiting, letters: model.letters.length });
  }

  toString(): string {
    return `${this.what}(${this.n})`;
  }
}

const steps = fc.commands(
  (['add', 'add', 'add', 'ack', 'return', 'park', 'hold', 'resubmit', 'drop', 'forget', 'change'] as const).map(
    (what) => fc.nat({ max: 20 }).map((n) => new Step(what, n)),
  ),
  { maxCommands: 40 },
);
const behaves = (make: () => Events) =>
  fc.asyncProperty(steps, async (commands) => {
    let real: Real | undefined;
    await fc.asyncModelRun(() => ({ model: new QueueModel(PER_KEY), real: (real = new Real(make())) }), commands);
    real?.desk.leave();
  });

describe('a queue, whatever is done with it', () => {
  const temporary = new Temporary();
  afterEach(temporary.clear);

  it('hands out what its plain model does: memoryQueue', async () => {
    await fc.assert(
      behaves(() => memoryQueue()),
      { numRuns: 500 },
    );
  });

  it('hands out what its plain model does: lmdbQueue', async () => {
    const file = temporary.file();
    let n = 0;
    await fc.assert(
      behaves(() => lmdbQueue({ file, name: `q${++n}` })),
      { numRuns: 12 },
    );
  });

  for (const [what, spoil] of Object.entries(brokenQueues)) {
    it(`does not go unnoticed that it ${what}`, async () => {
      const broken = (): Events => {
        const queue = memoryQueue();
        return { ...asFields(queue), ...spoil(queue) };
      };
      const { failed } = await fc.check(behaves(broken), { numRuns: 2_000, seed: 20_250_301, endOnFailure: true });
      expect(failed).to.equal(true);
    });
  }
});
