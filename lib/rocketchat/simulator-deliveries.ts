import { Subscription, type Observable } from 'rxjs';
import { strike, strikes } from '../trueconf/simulator-faults.js';
import type { Desk } from './simulator-desk.js';
import type { RocketchatHookFaults } from './simulator-faults.js';
import type { RocketchatContent, Room } from './simulator-model.js';
import type { RocketchatWebhook } from './simulator-rules.js';

/** A webhook as it goes out. */
export interface RocketchatPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a webhook is answered with. */
export interface RocketchatPosted {
  readonly status: number;
  readonly body: string;
}

/** @internal The way out: emits one answer, or errors when there is none. */
export type Post = (post: RocketchatPost) => Observable<RocketchatPosted>;

/** @internal What a webhook is about. */
export interface Subject {
  readonly type: string;
  readonly room?: Room;
  readonly messageId?: string | undefined;
  readonly body: RocketchatContent;
}

/** A webhook with all its tries. */
interface Delivery extends Subject {
  readonly hook: number;
  /** Called when the first try has ended. */
  readonly tried: (() => void)[];
  isTried: boolean;
}

/** @internal How often webhooks are tried, and what goes wrong with them. */
export class Deliveries {
  config: RocketchatWebhook | undefined;
  readonly #desk: Desk;
  readonly #faults: RocketchatHookFaults;
  readonly #post: Post;
  readonly #calls = new Set<Subscription>();
  /** Cancels the tries that are still to come. */
  readonly #waiting = new Set<() => void>();
  /** Messages whose saving is waited for, while a call is carried out. */
  #started: Delivery[] | undefined;
  /** What goes out after the next webhook. */
  #late: (() => void)[] = [];
  #count = 0;

  constructor(desk: Desk, faults: RocketchatHookFaults, post: Post) {
    this.config = desk.rules.webhook;
    this.#desk = desk;
    this.#faults = faults;
    this.#post = post;
  }

  /** Does something, and gives a way to wait for the webhooks that saving a message waits for. */
  around<T>(work: () => T): { readonly result: T; readonly saved: (then: () => void) => void } {
    const outer = this.#started;
    const started: Delivery[] = [];
    this.#started = started;
    try {
      const result = work();
      const saved = (then: () => void): void => {
        const pending = this.#desk.rules.hookBlocks ? started.find(({ isTried }) => !isTried) : undefined;
        if (pending === undefined) then();
        else
          pending.tried.push(() => {
            saved(then);
          });
      };
      return { result, saved };
    } finally {
      this.#started = outer;
    }
  }

  launch(subject: Subject): void {
    const delivery: Delivery = {
      ...subject,
      hook: ++this.#count,
      // What the room is later does not change what goes out.
      body: JSON.parse(JSON.stringify(subject.body)) as RocketchatContent,
      tried: [],
      isTried: false,
    };
    const { hook, type, body, messageId } = delivery;
    if (messageId !== undefined) this.#started?.push(delivery);
    const isMeant = this.#faults.only?.({ hook, type, attempt: 1, body }) !== false;
    const fault = isMeant ? strike(this.#faults, ['lose', 'delay', 'reorder'] as const) : undefined;
    if (fault !== undefined) this.#desk.fault(`hook.${fault}`);
    const go = (): void => {
      this.#try(delivery, 1);
    };
    if (fault === 'lose') this.#tried(delivery);
    else if (fault === 'delay') this.#later(this.#faults.delayMs ?? 1_000, go);
    else if (fault === 'reorder') this.#late.push(go);
    else {
      go();
      for (const late of this.#late.splice(0)) late();
    }
  }

  /** One call of the receiver; status 0 where nobody answers in time. */
  call(body: RocketchatContent, then: (answer: RocketchatPosted) => void): void {
    const none = { status: 0, body: '' };
    if (this.config === undefined) {
      then(none);
      return;
    }
    const { url, secret = '', timeoutMs = 5_000 } = this.config;
    const headers = {
      'content-type': 'application/json',
      ...(secret !== '' && { 'x-rocketchat-livechat-token': secret }),
    };
    const call = new Subscription();
    this.#calls.add(call);
    const end = (answer: RocketchatPosted): void => {
      if (call.closed) return;
      call.unsubscribe();
      this.#calls.delete(call);
      then(answer);
    };
    const fail = (): void => {
      end(none);
    };
    call.add(this.#desk.later(timeoutMs, fail));
    call.add(
      this.#post({ url, headers, body: JSON.stringify(body) }).subscribe({ next: end, error: fail, complete: fail }),
    );
  }

  /** The memory of the server is lost, and with it all tries that wait. */
  forget(): void {
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
    this.#late = [];
  }

  stop(): void {
    this.forget();
    for (const call of this.#calls) call.unsubscribe();
    this.#calls.clear();
  }

  #try(delivery: Delivery, attempt: number): void {
    const { hook, type, body, room, messageId } = delivery;
    const isMeant = this.#faults.only?.({ hook, type, attempt, body }) !== false;
    const [isDeaf, isDoubled] = (['deaf', 'duplicate'] as const).map((fault) => {
      const doesStrike = isMeant && strikes(this.#faults, fault);
      if (doesStrike) this.#desk.fault(`hook.${fault}`);
      return doesStrike;
    });
    const copies = isDoubled === true ? (this.#faults.copies ?? 2) : 1;
    for (let copy = 1; copy < copies; copy++) this.call(body, () => undefined);
    this.call(body, (answer) => {
      const status = isDeaf === true ? 0 : answer.status;
      this.#desk.write({ kind: 'hooked', hook, attempt, type, rid: room?.id ?? '', messageId, status });
      if (status === 200 && room !== undefined) room.crmData = answer.body;
      if (status !== 200) this.#again(delivery, attempt, status);
      this.#tried(delivery);
    });
  }

  /** Older versions try everything again but 200, newer ones what may get better. */
  #again(delivery: Delivery, attempt: number, status: number): void {
    const { hookTries, hookRetries } = this.#desk.rules;
    const mayGetBetter = hookRetries === 'all' || status === 0 || status === 429 || status >= 500;
    if (mayGetBetter && attempt < hookTries)
      this.#later((this.config?.timeoutMs ?? 5_000) * 4, () => {
        this.#try(delivery, attempt + 1);
      });
    else {
      const { hook, type, room } = delivery;
      this.#desk.write({ kind: 'gaveUp', hook, type, rid: room?.id ?? '' });
    }
  }

  #tried(delivery: Delivery): void {
    delivery.isTried = true;
    for (const then of delivery.tried.splice(0)) then();
  }

  #later(ms: number, work: () => void): void {
    if (ms <= 0) {
      work();
      return;
    }
    const cancel = this.#desk.later(ms, () => {
      this.#waiting.delete(cancel);
      work();
    });
    this.#waiting.add(cancel);
  }
}
