import { Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import type { InboundEvent, OutboundAction } from '../lib/model/index.js';

export interface AccountedConfig {
  /** The books to count in. Default: those of the program, `accounts`. */
  readonly accounts?: Accounts;
}

/**
 * Opens an account for each event or action that passes: for what starts with us (broadcasts, follow-ups) and for sources
 * of one's own. From here on it is counted, has one outcome and can be explained.
 *
 *     source  -a-b--|
 *             accounted('newsletter')
 *     result  -a-b--|    each a copy that carries a trace
 *
 * What is emitted and taken up by nobody is given up after the accounts' `unattendedMs`. Errors: those of the source.
 * What is on its way when this is unsubscribed stays open until whoever has it lets go.
 */
export function accounted<T extends InboundEvent | OutboundAction>(
  name: string,
  { accounts = programAccounts }: AccountedConfig = {},
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      const account = accounts.of(name);
      return source.subscribe({
        next: (item) => {
          const copy = { ...item };
          const trace = account.open(copy);
          subscriber.next(copy);
          if (subscriber.closed) trace.abandon(account, 'failed', 'unsubscribed');
          else trace.release(account);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
}
