import { asyncScheduler, defer, from, mergeMap, Observable, of, type SchedulerLike, type Subscription } from 'rxjs';
import { answerOf, Refusal, refusal, refusedWith, type FluidtalkAnswer } from './simulator-answers.js';
import { Conversations, type FluidtalkConversation } from './simulator-conversations.js';
import { nobody, replyTo, type Caller } from './simulator-caller.js';
import { strike, strikes } from './simulator-faults.js';
import type { Arrival, FluidtalkCall, FluidtalkFault, FluidtalkFaults } from './simulator-faults.js';
import { readForm, textIn, type FluidtalkForm } from './simulator-form.js';
import { saidIn, seenIn, type FluidtalkEffect, type FluidtalkJournalEntry } from './simulator-journal.js';
import type { FluidtalkReply } from './simulator-persona.js';
import type { FluidtalkRules } from './simulator-rules.js';
import { spoilt, throttled, withoutEffect } from './simulator-trouble.js';

export interface FluidtalkCoreConfig extends FluidtalkRules {
  /** Clock of the journal, of thinking and of faults. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** The first key that the server knows. Default: `ft_sk_simulated_0001`. */
  readonly key?: string;
  /** How many conversations can be opened with that key. Default: 100. */
  readonly tokens?: number;
}

/** A request as it is on the wire. */
export interface FluidtalkRequest {
  /** Path and query. */
  readonly url: string;
  /** `X-API-Key`, empty where there is none. */
  readonly key: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * FluidTalk's Handshake API as a plain state machine with a clock and a journal: keys, tokens, conversations, replies, faults.
 * Knows no HTTP. Calls are cold: subscribing makes the call arrive, and unsubscribing does not take it back. They emit one
 * answer and complete, error with `ECONNRESET` when the connection is lost, and never end when nobody answers. Without
 * `thinkMs`, `delay` and `silent` the answer comes synchronously.
 *
 * @throws TypeError when the key is empty, RangeError when tokens is not a whole number from 0.
 */
export class FluidtalkCore {
  readonly journal: FluidtalkJournalEntry[] = [];
  readonly faults: FluidtalkFaults = {};
  /** The first key. */
  readonly key: string;
  readonly #scheduler: SchedulerLike;
  readonly #conversations: Conversations;
  readonly #closedUntil = new Map<string, number>();
  readonly #timers = new Set<Subscription>();
  #calls = 0;

  constructor(config: FluidtalkCoreConfig = {}) {
    const { scheduler = asyncScheduler, key = 'ft_sk_simulated_0001', tokens = 100 } = config;
    this.#scheduler = scheduler;
    this.key = key;
    this.#conversations = new Conversations(config);
    this.grant(key, tokens);
  }

  /** The lead wrote: `target`, `message`, `own_username`, `image_url`, `file`. */
  chat(form: FluidtalkForm, key = this.key): Observable<FluidtalkAnswer> {
    return this.call({ url: '/api/v1/bot/chat', key, form });
  }

  /** The persona speaks first: as in `chat`, with `action`, `entry_type` and `entry_context` in place of `message`. */
  action(form: FluidtalkForm, key = this.key): Observable<FluidtalkAnswer> {
    return this.call({ url: '/api/v1/bot/action', key, form });
  }

  /** A picture is hosted: `file`. */
  upload(form: FluidtalkForm, key = this.key): Observable<FluidtalkAnswer> {
    return this.call({ url: '/api/v1/bot/upload', key, form });
  }

  /** Any call. */
  call(call: FluidtalkCall): Observable<FluidtalkAnswer> {
    return this.#receive(call);
  }

  /** Any request, as it is on the wire. A url-encoded body is read at once, multipart with a Promise. */
  request({ url, key, contentType, body }: FluidtalkRequest): Observable<FluidtalkAnswer> {
    return defer(() => {
      const read = readForm(contentType, new Uint8Array(body));
      return read instanceof Promise ? from(read) : of(read);
    }).pipe(mergeMap((read) => this.#receive({ url, key, ...read })));
  }

  /**
   * Makes a key known, or adds tokens to it; a revoked one works again.
   *
   * @throws TypeError when the key is empty, RangeError when tokens is not a whole number from 0.
   */
  grant(key: string, tokens: number): void {
    if (key === '') throw new TypeError('fluidtalk simulator: key must not be empty');
    if (!Number.isInteger(tokens) || tokens < 0)
      throw new RangeError(`fluidtalk simulator: tokens must be a whole number from 0, got ${tokens}`);
    this.#conversations.grant(key, tokens);
  }

  /** Every later call with this key is answered 401. */
  revoke(key: string): void {
    this.#conversations.revoke(key);
  }

  tokensLeft(key = this.key): number {
    return this.#conversations.tokensLeft(key);
  }

  /** What the persona says next to this target, before it is asked itself again. */
  script(target: string, ...replies: readonly FluidtalkReply[]): void {
    this.#conversations.script(target, replies);
  }

  /** Ends a conversation: the next chat is answered 400 with DONE. */
  seal(target: string, key = this.key): void {
    const sealed = this.#conversations.seal(key, target);
    if (sealed === undefined) throw new Error(`fluidtalk simulator: ${target} has no active conversation`);
    this.#write({ call: 0, key, target }, { kind: 'sealed', session: sealed.session });
  }

  /** The conversation with a target, if one was opened. */
  conversation(target: string, key = this.key): FluidtalkConversation | undefined {
    return this.#conversations.find(key, target);
  }

  /** What the lead wrote, as often as it was recorded. */
  saidBy(target: string, key = this.key): readonly string[] {
    return saidIn(this.journal, key, target);
  }

  /** What can have reached the lead, oldest first: bubbles and photos of the answers that were not lost. */
  seenBy(target: string, key = this.key): readonly string[] {
    return seenIn(this.journal, key, target);
  }

  /** @internal A request whose body is too large to be read. */
  tooLarge(url: string, key: string): Observable<FluidtalkAnswer> {
    return this.#receive({ url, key, form: {}, unreadable: refusal(413) });
  }

  /** Stops all timers; calls that wait are never answered. */
  stop(): void {
    for (const timer of this.#timers) timer.unsubscribe();
    this.#timers.clear();
  }

  #receive(call: Arrival): Observable<FluidtalkAnswer> {
    return new Observable<FluidtalkAnswer>((caller) => {
      const { faults } = this;
      const delayMs = strikes(faults, 'delay', call) ? (faults.delayMs ?? 1_000) : 0;
      this.#later(delayMs, () => {
        if (strikes(faults, 'duplicate', call)) this.#arrive(call, nobody);
        this.#arrive(call, caller);
      });
    });
  }

  #arrive(call: Arrival, caller: Caller): void {
    const { faults } = this;
    const fault = strike(faults, call);
    const of = { call: ++this.#calls, key: call.key, target: textIn(call.form, 'target') ?? '' };
    const write = (effect: FluidtalkEffect): void => {
      this.#write(of, effect);
    };
    if (fault !== undefined) write({ kind: 'fault', fault });
    if (fault === 'drop') return;
    write({ kind: 'called', url: call.url });
    const { answer, reset } = replyTo(caller, write);
    if (fault === 'resetBefore') {
      reset();
      return;
    }
    const early = this.#early(fault, call);
    if (early !== undefined) {
      answer(early);
      return;
    }
    const slow = strikes(faults, 'slow', call) && { restAfterMs: faults.slowMs ?? 1_000 };
    const handOver = (given: FluidtalkAnswer): void => {
      if (fault === 'resetAfter') reset();
      else if (fault === 'silent') write({ kind: 'lost' });
      else answer({ ...spoilt(fault, given), ...slow });
    };
    const deed = this.#conversations.take(call, this.#scheduler.now(), write);
    if (deed instanceof Refusal) {
      handOver(refusedWith(deed, faults.detail));
      return;
    }
    this.#later(deed.thinkMs, () => {
      const result = fault === 'failAfter' ? undefined : deed.finish();
      handOver(result === undefined ? refusedWith(refusal(500), faults.detail) : answerOf(result));
    });
  }

  /** The answer to a call that has no effect: a fault, or a key that was told to wait. */
  #early(fault: FluidtalkFault | undefined, call: Arrival): FluidtalkAnswer | undefined {
    const { retryAfter = 0 } = this.faults;
    const now = this.#scheduler.now();
    if (fault === 'throttle' && typeof retryAfter === 'number')
      this.#closedUntil.set(call.key, now + retryAfter * 1_000);
    if (fault !== undefined) return withoutEffect(fault, this.faults, call);
    const waitMs = (this.#closedUntil.get(call.key) ?? now) - now;
    return waitMs > 0 ? throttled(429, Math.ceil(waitMs / 1_000), this.faults.detail) : undefined;
  }

  #later(ms: number, work: () => void): void {
    if (ms <= 0) {
      work();
      return;
    }
    const timer = this.#scheduler.schedule(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #write(of: { readonly call: number; readonly key: string; readonly target: string }, effect: FluidtalkEffect): void {
    this.journal.push({ at: this.#scheduler.now(), ...of, ...effect });
  }
}

/** FluidTalk without HTTP, for specs in virtual time. */
export const fluidtalkCore = (config: FluidtalkCoreConfig = {}): FluidtalkCore => new FluidtalkCore(config);
