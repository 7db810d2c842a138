import { DONE, INSUFFICIENT, Refusal, refusal, resultOf, type Result } from './simulator-answers.js';
import type { Arrival } from './simulator-faults.js';
import { askOf, checkFile, fileIn, invalidFile, problemsOf, routeOf } from './simulator-form.js';
import type { Ask, FluidtalkForm } from './simulator-form.js';
import type { FluidtalkEffect } from './simulator-journal.js';
import type { FluidtalkAct, FluidtalkReply, FluidtalkTurn } from './simulator-persona.js';
import { DEFAULTS, type FluidtalkRules } from './simulator-rules.js';

/** A conversation as the server knows it. */
export interface FluidtalkConversation {
  readonly session: string;
  readonly state: 'active' | 'sealed';
  readonly owner: string | undefined;
  readonly replies: number;
}

interface Conversation {
  readonly session: string;
  state: 'active' | 'sealed';
  owner: string | undefined;
  replies: number;
  busyUntil: number;
}

interface Account {
  tokens: number;
  revoked: boolean;
  readonly conversations: Map<string, Conversation>;
}

/** @internal What is left to do for a call that was taken. */
export interface Deed {
  readonly thinkMs: number;
  /** The answer, or nothing when the persona failed. */
  readonly finish: () => Result | undefined;
}

const atOnce = (result: Result): Deed => ({ thinkMs: 0, finish: () => result });

/** @internal The keys with their balances, and the conversations of each: all state but that of the connections. */
export class Conversations {
  readonly #rules;
  readonly #accounts = new Map<string, Account>();
  readonly #scripts = new Map<string, FluidtalkReply[]>();
  #sessions = 1_000;
  #uploads = 0;

  constructor(rules: FluidtalkRules) {
    this.#rules = { ...DEFAULTS, ...rules };
  }

  grant(key: string, tokens: number): void {
    const account = this.#accounts.get(key);
    if (account === undefined) this.#accounts.set(key, { tokens, revoked: false, conversations: new Map() });
    else Object.assign(account, { tokens: account.tokens + tokens, revoked: false });
  }

  revoke(key: string): void {
    const account = this.#accounts.get(key);
    if (account !== undefined) account.revoked = true;
  }

  knows(key: string): boolean {
    return this.#accounts.get(key)?.revoked === false;
  }

  tokensLeft(key: string): number {
    return this.#accounts.get(key)?.tokens ?? 0;
  }

  script(target: string, replies: readonly FluidtalkReply[]): void {
    this.#scripts.set(target, [...(this.#scripts.get(target) ?? []), ...replies]);
  }

  seal(key: string, target: string): FluidtalkConversation | undefined {
    const conversation = this.#accounts.get(key)?.conversations.get(target);
    if (conversation?.state !== 'active') return undefined;
    conversation.state = 'sealed';
    return conversation;
  }

  find(key: string, target: string): FluidtalkConversation | undefined {
    const found = this.#accounts.get(key)?.conversations.get(target);
    if (found === undefined) return undefined;
    const { session, state, owner, replies } = found;
    return { session, state, owner, replies };
  }

  /** Checks a call and lets its first half happen: the token, and what the lead said. The persona speaks in `finish`. */
  take({ url, key, form, unreadable }: Arrival, now: number, write: (effect: FluidtalkEffect) => void): Refusal | Deed {
    const route = routeOf(url);
    if (route === undefined) return refusal(404);
    const account = this.#accounts.get(key);
    if (account === undefined || account.revoked) return refusal(401);
    if (unreadable !== undefined) return unreadable;
    for (const problem of problemsOf(url, key, form)) write({ kind: 'problem', problem });
    const badFile = checkFile(form, this.#rules.maxFileBytes);
    if (badFile !== undefined) return badFile;
    if (route === 'upload') return this.#upload(form, write);
    const ask = askOf(route, form, this.#rules.textRequired);
    return ask instanceof Refusal ? ask : this.#turn(account, ask, now, write);
  }

  #upload(form: FluidtalkForm, write: (effect: FluidtalkEffect) => void): Refusal | Deed {
    const file = fileIn(form);
    if (file === undefined) return invalidFile('field required', 'missing');
    const url = this.#rules.hostPicture(file, ++this.#uploads);
    write({ kind: 'uploaded', url, name: file.name, type: file.type, bytes: file.bytes.length });
    return atOnce({ url });
  }

  #turn(account: Account, ask: Ask, now: number, write: (effect: FluidtalkEffect) => void): Refusal | Deed {
    const { act, target, ownUsername, message, entryType, entryContext, picture } = ask;
    const known = account.conversations.get(target);
    const { oneOwner, entryTypes, onUnknownEntry, onSealedAction, onSecondOpener } = this.#rules;

    const silence = (ignored?: string): Deed => {
      if (ignored !== undefined) write({ kind: 'ignored', reason: ignored });
      return atOnce(resultOf(act === 'chat', known?.session ?? null, [], { ignored }));
    };
    const owner = known?.owner;
    if (oneOwner && owner !== undefined && ownUsername !== undefined && owner !== ownUsername)
      return silence('owned by another account');
    if (known === undefined && act === 'FOLLOW_UP') return new Refusal(404, 'No session for this target');
    if (act === 'ENTRY_POINT' && entryTypes?.includes(entryType ?? '') === false)
      return onUnknownEntry === 'silence' ? silence() : new Refusal(404, 'Unknown entry_type');
    if (known?.state === 'sealed') {
      if (act === 'chat' || onSealedAction === 'refuse') return DONE;
      return onSealedAction === 'silence' ? silence() : silence('session is done');
    }
    if (known !== undefined && act === 'OUTREACH' && onSecondOpener !== 'answer')
      return onSecondOpener === 'ignore' ? silence('already opened') : new Refusal(400, 'Already opened');
    if (known === undefined && account.tokens < 1) return INSUFFICIENT;

    const conversation = known ?? this.#open(account, target, act, write);
    conversation.owner ??= ownUsername;
    if (now < conversation.busyUntil)
      write({ kind: 'problem', problem: 'an earlier call of this target is still running' });
    if (act === 'chat') write({ kind: 'said', text: message ?? '', picture });
    else write({ kind: 'asked', act, entryType, entryContext, picture });
    const { thinkMs: think } = this.#rules;
    const turn = (): FluidtalkTurn => ({ ...ask, turn: conversation.replies + 1 });
    const thinkMs = typeof think === 'number' ? think : think(turn());
    conversation.busyUntil = Math.max(conversation.busyUntil, now + thinkMs);
    return { thinkMs, finish: () => this.#reply(conversation, turn(), write) };
  }

  #open(account: Account, target: string, act: FluidtalkAct, write: (effect: FluidtalkEffect) => void): Conversation {
    const session = `s-${++this.#sessions}`;
    const conversation: Conversation = { session, state: 'active', owner: undefined, replies: 0, busyUntil: 0 };
    account.tokens -= 1;
    account.conversations.set(target, conversation);
    write({ kind: 'token', left: account.tokens });
    write({ kind: 'opened', session, act });
    return conversation;
  }

  #reply(
    conversation: Conversation,
    turn: FluidtalkTurn,
    write: (effect: FluidtalkEffect) => void,
  ): Result | undefined {
    const { persona, sealAfter } = this.#rules;
    let reply: FluidtalkReply;
    try {
      reply = this.#scripts.get(turn.target)?.shift() ?? persona(turn);
    } catch {
      write({ kind: 'problem', problem: 'the persona failed' });
      return undefined;
    }
    const { bubbles = [], photo, seals = false, wire } = reply;
    conversation.replies += 1;
    write({ kind: 'replied', bubbles, photo });
    if (conversation.state === 'active' && (seals || conversation.replies >= sealAfter)) {
      conversation.state = 'sealed';
      write({ kind: 'sealed', session: conversation.session });
    }
    return { ...resultOf(turn.act === 'chat', conversation.session, bubbles, { photo }), ...wire };
  }
}
