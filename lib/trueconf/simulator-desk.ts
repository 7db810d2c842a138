import type { SchedulerLike } from 'rxjs';
import type { TrueconfEffect } from './simulator-journal.js';
import { sameId, type Account, type Notice } from './simulator-model.js';
import type { Rules } from './simulator-rules.js';

/** @internal What all parts of the server share: the clock, ids, accounts, the journal and who hears of events. */
export class Desk {
  readonly rules: Rules;
  readonly bots: readonly Account[];
  readonly write: (effect: TrueconfEffect) => void;
  readonly publish: (notice: Notice) => void;
  /** Does something later; undone when the server stops. */
  readonly later: (ms: number, work: () => void) => void;
  readonly #scheduler: SchedulerLike;
  readonly #accounts = new Map<string, Account>();
  #ids = 0;

  constructor(rules: Rules, scheduler: SchedulerLike, effects: Pick<Desk, 'write' | 'publish' | 'later'>) {
    this.rules = rules;
    this.#scheduler = scheduler;
    this.write = effects.write;
    this.publish = effects.publish;
    this.later = effects.later;
    this.bots = Object.entries(rules.bots).map(([login, password]) => this.open(login, { password }));
  }

  now(): number {
    return this.#scheduler.now();
  }

  uuid(): string {
    return `00000000-0000-4000-8000-${(++this.#ids).toString(16).padStart(12, '0')}`;
  }

  hex(): string {
    return (++this.#ids).toString(16).padStart(40, '0');
  }

  /** The account with this id, with or without host and instance. */
  find(id: string): Account | undefined {
    return this.#accounts.get(sameId(id, this.rules.server));
  }

  open(name: string, more: { password?: string; displayName?: string; instance?: string } = {}): Account {
    const account: Account = {
      id: sameId(name, this.rules.server),
      displayName: more.displayName ?? name,
      instance: more.instance,
      password: more.password,
      isDisabled: false,
    };
    this.#accounts.set(account.id, account);
    return account;
  }

  /** The id of an author. */
  authorId({ id, instance, password }: Account): string {
    const { authorInstances, instance: own } = this.rules;
    const suffix = password === undefined ? instance : authorInstances ? own : undefined;
    return suffix === undefined || suffix === '' ? id : `${id}/${suffix}`;
  }
}
