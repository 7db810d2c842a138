import { answeredWithin } from './simulator-adapters.js';
import type { Desk } from './simulator-desk.js';
import { strikes, type ChatfirstPushFaults } from './simulator-faults.js';
import { faultOf, type ChatfirstSubject } from './simulator-journal.js';
import { outputMessage, type Output } from './simulator-output.js';
import type { ChatfirstBubble } from './simulator-reply.js';

interface Push {
  readonly of: ChatfirstSubject;
  readonly url: string;
  readonly bubbles: readonly ChatfirstBubble[];
  readonly talkId: bigint;
  readonly output: Output;
}

const isWorthAnotherTry = (status: number): boolean =>
  status === 0 || status === 408 || status === 429 || status >= 500;

/** @internal Pushes to bridges: in order for each user, so many at a time, tried again when a bridge does not take them. */
export class Pushes {
  readonly #desk: Desk;
  readonly #faults: ChatfirstPushFaults;
  /** What waits, by user. A user is in here as long as one push is under way. */
  readonly #lines = new Map<string, Push[]>();
  /** Users whose next push could go, from `#turn` on: taking off the head would move all others. */
  #ready: string[] = [];
  #turn = 0;
  #held: Push[] = [];
  #busy = 0;
  #isGoing = false;

  constructor(desk: Desk, faults: ChatfirstPushFaults) {
    this.#desk = desk;
    this.#faults = faults;
  }

  push(of: ChatfirstSubject, bridge: string, token: string, bubbles: readonly ChatfirstBubble[]): void {
    const place = [token, of.bot, of.user].map(encodeURIComponent).join('/');
    const talkId = this.#desk.talkId();
    const { pushText } = this.#desk.rules;
    const output = outputMessage(bubbles, talkId, () => this.#desk.messageId(), pushText);
    const push: Push = { of, url: `${bridge.replace(/\/+$/, '')}/api/push/${place}`, bubbles, talkId, output };
    const faults = this.#faults;
    const strike = (fault: 'drop' | 'delay' | 'reorder'): boolean => {
      const isStruck = strikes(faults, fault, of);
      if (isStruck) this.#desk.write(of, faultOf('push', fault));
      return isStruck;
    };
    if (strike('drop')) return;
    if (strike('reorder')) {
      this.#held.push(push);
      return;
    }
    const after = this.#held;
    this.#held = [];
    this.#desk.later(strike('delay') ? (faults.delayMs ?? 1_000) : 0, () => {
      this.#enqueue(push);
    });
    for (const held of after) this.#enqueue(held);
  }

  #enqueue(push: Push): void {
    const key = push.url;
    const line = this.#lines.get(key);
    if (line !== undefined) {
      line.push(push);
      return;
    }
    this.#lines.set(key, [push]);
    this.#ready.push(key);
    this.#go();
  }

  #go(): void {
    // A bridge that answers at once would go deeper with every push.
    if (this.#isGoing) return;
    this.#isGoing = true;
    for (let key = this.#next(); key !== undefined; key = this.#next()) this.#begin(key);
    this.#isGoing = false;
  }

  /** The user whose turn it is, if one more push may be under way. */
  #next(): string | undefined {
    if (this.#busy >= this.#desk.rules.maxPushes) return undefined;
    const key = this.#ready[this.#turn++];
    if (key !== undefined && this.#turn < 1_024) return key;
    this.#ready = this.#ready.slice(this.#turn);
    this.#turn = 0;
    return key;
  }

  #begin(key: string): void {
    const push = this.#lines.get(key)?.shift();
    if (push === undefined) {
      this.#lines.delete(key);
      return;
    }
    this.#busy += 1;
    const ended = this.#desk.begin();
    this.#send(push, () => {
      this.#busy -= 1;
      this.#ready.push(key);
      this.#go();
      ended();
    });
  }

  #send(push: Push, done: () => void): void {
    const isTwice = strikes(this.#faults, 'duplicate', push.of);
    if (isTwice) this.#desk.write(push.of, faultOf('push', 'duplicate'));
    this.#try(push, 1, () => {
      if (isTwice) this.#try(push, 1, done);
      else done();
    });
  }

  #try(push: Push, attempt: number, done: () => void): void {
    const { of, url, bubbles, output } = push;
    const { rules, network } = this.#desk;
    const talkId = push.talkId.toString();
    const isDeaf = strikes(this.#faults, 'deaf', of);
    if (isDeaf) this.#desk.write(of, faultOf('push', 'deaf'));
    const request = {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: output.body,
    } as const;
    this.#desk.take(answeredWithin(this.#desk, network(request), rules.pushWithinMs), (answer) => {
      const status = isDeaf ? 0 : answer.status;
      this.#desk.write(of, { kind: 'pushed', talkId, messageIds: output.messageIds, attempt, status });
      if (status >= 200 && status < 300) {
        for (const bubble of bubbles) this.#desk.write(of, { kind: 'shown', by: 'bridge', ...bubble });
        done();
      } else if (isWorthAnotherTry(status) && attempt < rules.pushTries)
        this.#desk.later(rules.pushPauseMs * 2 ** (attempt - 1), () => {
          this.#try(push, attempt + 1, done);
        });
      else {
        this.#desk.write(of, { kind: 'undelivered', talkId });
        done();
      }
    });
  }
}
