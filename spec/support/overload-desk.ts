import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  asyncScheduler,
  defer,
  mergeMap,
  Subject,
  take,
  type Observable,
  type SchedulerAction,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { openAccounts, react, type InboundEvent, type Outcome, type Replies } from 'tidewire';
import { fromQueue, toQueue, type FromQueueConfig, type Queue } from 'tidewire/queue';
import { userlikeSimulator, type UserlikeSimulator } from 'tidewire/simulators';
import {
  fromUserlike,
  toUserlike,
  userlikeClient,
  userlikeWebhook,
  type UserlikeWebhook,
  type UserlikeWebhookConfig,
} from 'tidewire/userlike';
import { HOOK_SECRET, request } from './webhook-desk.js';

/** The wall's clock for whoever asks, a thousandth of every pause for whoever waits: nobody sleeps in a spec. */
export const hasty: SchedulerLike = {
  now: () => asyncScheduler.now(),
  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay = 0, state?: T): Subscription {
    return asyncScheduler.schedule<T>(work as (this: SchedulerAction<T>, state?: T) => void, delay / 1_000, state);
  },
};

/** A queue whose disk is as slow as one says: what is added waits for `open`. */
export class SlowQueue {
  readonly #open = new Subject<void>();
  #isOpen = false;
  readonly queue: Queue<InboundEvent>;

  constructor(queue: Queue<InboundEvent>) {
    const gate = (): Observable<unknown> => (this.#isOpen ? defer(() => [0]) : this.#open.pipe(take(1)));
    this.queue = {
      name: queue.name,
      add: (...args) => gate().pipe(mergeMap(() => queue.add(...args))),
      adding: (items) => queue.adding(items),
      lease: (config) => queue.lease(config),
      ack: (...args) => queue.ack(...args),
      return: (...args) => queue.return(...args),
      park: (...args) => queue.park(...args),
      letters: (options) => queue.letters(options),
      resubmit: (letter) => queue.resubmit(letter),
      drop: (letter) => queue.drop(letter),
      forget: (conversation) => queue.forget(conversation),
      counts: () => queue.counts(),
      errors$: queue.errors$,
      forgotten$: queue.forgotten$,
    };
  }

  open(): void {
    this.#isOpen = true;
    this.#open.next();
  }
}

/** Userlike in front of a queue, and the same platform behind it, all over real HTTP. */
export class OverloadDesk {
  readonly accounts = openAccounts();
  readonly handled: string[] = [];
  readonly webhook: UserlikeWebhook;
  readonly #queue: Queue<InboundEvent>;
  readonly #subscriptions: { unsubscribe: () => void }[] = [];
  #server: Server | undefined;
  #simulator: UserlikeSimulator | undefined;
  url = '';

  constructor(queue: Queue<InboundEvent>, config: Partial<UserlikeWebhookConfig> = {}) {
    const { accounts } = this;
    this.#queue = queue;
    this.webhook = userlikeWebhook({ headers: { 'API-SECURITY-TOKEN': HOOK_SECRET }, accounts, ...config });
  }

  async start(): Promise<this> {
    const server = createServer(this.webhook.node).listen(0, '127.0.0.1');
    this.#server = server;
    await once(server, 'listening');
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = { 'API-SECURITY-TOKEN': HOOK_SECRET };
    this.#simulator = await userlikeSimulator({ webhook: { url: this.url, headers } });
    const accepting = fromUserlike({ webhook: this.webhook }).pipe(toQueue(this.#queue));
    this.#subscriptions.push(accepting.subscribe({ error: () => undefined }));
    return this;
  }

  get simulator(): UserlikeSimulator {
    if (this.#simulator === undefined) throw new Error('it is not started');
    return this.#simulator;
  }

  /** Takes what is in the queue. */
  consume(handler: (event: InboundEvent) => Replies, config: FromQueueConfig = {}): { unsubscribe: () => void } {
    const client = userlikeClient({ url: this.simulator.url, token: this.simulator.token });
    const { accounts } = this;
    const running = fromQueue(this.#queue, { accounts, scheduler: hasty, delayMs: 1, ...config })
      .pipe(
        react((event) => {
          this.handled.push(event.kind === 'message' ? event.text : event.kind);
          return handler(event);
        }),
        toUserlike({ client, scheduler: hasty, limit: 1_000_000, attempts: Infinity }),
      )
      .subscribe({ error: () => undefined });
    this.#subscriptions.push(running);
    return running;
  }

  /** What the webhook says to a message that comes from nowhere else, and when to come again. */
  async post(body: string, session = 'a'): Promise<{ readonly status: number; readonly retryAfter: string | null }> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'api-security-token': HOOK_SECRET },
      body: JSON.stringify(request('message', { body }, `chatbot::1:${session}`)),
    });
    await response.text();
    return { status: response.status, retryAfter: response.headers.get('retry-after') };
  }

  outcomes(source: string): Partial<Record<Outcome, number>> {
    const counts = this.accounts.bySource().get(source);
    return Object.fromEntries(Object.entries(counts?.outcomes ?? {}).filter(([, n]) => n > 0));
  }

  /** Whether the books balance: for every source, what came in is what became of it and what is open. */
  get balances(): boolean {
    return [...this.accounts.bySource().values()].every(
      ({ received, inFlight, outcomes }) => received === Object.values(outcomes).reduce((sum, n) => sum + n, inFlight),
    );
  }

  async stop(): Promise<void> {
    await this.webhook.drain(0);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#simulator?.close();
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
