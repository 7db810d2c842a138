import type { SchedulerLike, Subscription } from 'rxjs';
import type { SimulatedRequest, UserlikeCore } from './simulator-core.js';

/** How many of the next webhook requests go wrong, and how. */
export interface UserlikeWebhookFaults {
  /** Which ones can go wrong, or come again; for the others nothing is counted down. Default: all. */
  only?: (request: SimulatedRequest) => boolean;
  /** Delivered several times. */
  duplicate?: number;
  /** How often. Default: 2. */
  copies?: number;
  /** Whether all copies are under way at once, in place of one after the other. Default: false. */
  atOnce?: boolean;
  /** Delivered behind the next request of their contact. */
  reorder?: number;
  /** Never arrive. */
  drop?: number;
  /** Their connection is cut before the answer. */
  hangUp?: number;
  /**
   * How often a request that was not answered 200 is made again, before the next one of its contact. Userlike documents no
   * repetition. Default: 0.
   */
  redeliver?: number;
  /** After how long. Default: 1 s. */
  redeliverMs?: number;
}

/** @internal What is known of the bot's webhook, and when it is over. */
export interface Hook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly scheduler: SchedulerLike;
}

/** @internal The webhook requests of a platform: those of one contact wait for each other. */
export class Deliveries {
  readonly #hook: Hook;
  readonly #faults: UserlikeWebhookFaults;
  readonly #core: Pick<UserlikeCore, 'told' | 'answer'>;
  readonly #lines = new Map<string, Promise<void>>();
  /** What waits until the next request of its contact has gone out. */
  readonly #late = new Map<string, SimulatedRequest[]>();
  readonly #pauses = new Map<Subscription, () => void>();
  #isStopped = false;

  constructor(hook: Hook, faults: UserlikeWebhookFaults, core: Pick<UserlikeCore, 'told' | 'answer'>) {
    this.#hook = hook;
    this.#faults = faults;
    this.#core = core;
  }

  tell(request: SimulatedRequest): void {
    const { contact } = request;
    if (this.#strikes('reorder', request)) {
      const late = this.#late.get(contact);
      if (late === undefined) this.#late.set(contact, [request]);
      else late.push(request);
      return;
    }
    this.#send(request);
    for (const late of this.#late.get(contact)?.splice(0) ?? []) this.#send(late);
  }

  /** Resolves when everything that was to be told of a contact is answered, or is not going to be. */
  async settled(contact: string): Promise<void> {
    let line: Promise<void> | undefined;
    while (line !== this.#lines.get(contact)) {
      line = this.#lines.get(contact);
      await line;
    }
  }

  /** Makes nothing again any more. */
  stop(): void {
    this.#isStopped = true;
    for (const [pause, over] of this.#pauses) {
      pause.unsubscribe();
      over();
    }
  }

  #send(request: SimulatedRequest): void {
    const { copies = 2, atOnce = false } = this.#faults;
    const times = this.#strikes('duplicate', request) ? copies : 1;
    const copy = async (): Promise<void> => this.#deliver(request);
    if (atOnce) this.#inTurn(request, async () => Promise.all(Array.from({ length: times }, copy)));
    else for (let n = 0; n < times; n++) this.#inTurn(request, copy);
  }

  #inTurn({ contact }: SimulatedRequest, work: () => Promise<unknown>): void {
    const before = this.#lines.get(contact) ?? Promise.resolve();
    this.#lines.set(
      contact,
      before.then(async () => {
        await work();
      }),
    );
  }

  async #deliver(request: SimulatedRequest): Promise<void> {
    if (this.#strikes('drop', request)) return;
    let left = this.#isMeant(request) ? (this.#faults.redeliver ?? 0) : 0;
    while (!(await this.#isTaken(request)) && left-- > 0) {
      await this.#pause(this.#faults.redeliverMs ?? 1_000);
      if (this.#isStopped) return;
    }
  }

  async #isTaken(request: SimulatedRequest): Promise<boolean> {
    const { url, headers } = this.#hook;
    const { cid, body } = request;
    const hangUp = this.#strikes('hangUp', request);
    this.#core.told(request);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(hangUp ? 50 : 30_000),
      });
      this.#core.answer(cid, response.status, await response.text());
      return response.status === 200;
    } catch {
      this.#core.answer(cid, 0, '');
      return false;
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const pause = this.#hook.scheduler.schedule(() => {
        this.#pauses.delete(pause);
        resolve();
      }, ms);
      this.#pauses.set(pause, resolve);
    });
  }

  #isMeant(request: SimulatedRequest): boolean {
    return this.#faults.only?.(request) !== false;
  }

  #strikes(fault: 'duplicate' | 'reorder' | 'drop' | 'hangUp', request: SimulatedRequest): boolean {
    const left = this.#isMeant(request) ? (this.#faults[fault] ?? 0) : 0;
    if (left > 0) this.#faults[fault] = left - 1;
    return left > 0;
  }
}
