import { catchError, defaultIfEmpty, defer, map, take, timeout, type Observable, type SchedulerLike } from 'rxjs';
import type { Reconcile, SentBefore } from '../limit/reconcile.js';
import type { OutboundAction, Receipt, Unknown } from '../model/index.js';

/**
 * What happens to an action of which nobody knows whether it arrived: `resend`, at the risk that the customer has it twice; `drop`,
 * at the risk that they never have it; `ask`: it becomes a dead letter, and its conversation goes on without it.
 */
export type InDoubt = 'resend' | 'drop' | 'ask';

/** @internal */
export interface DoubtRules {
  readonly reconcile: Reconcile | undefined;
  /** How long that may take, in milliseconds. */
  readonly reconcileMs: number;
  readonly scheduler: SchedulerLike;
  readonly inDoubt: InDoubt | ((action: OutboundAction) => InDoubt);
}

/** @internal What is found out about it, or else what is to be done. */
export type Verdict = { readonly found: Receipt | 'resend' } | { readonly todo: InDoubt };

/** @internal */
export const judged = (
  { reconcile, reconcileMs, inDoubt, scheduler }: DoubtRules,
  receipt: Unknown,
  before: SentBefore,
): Observable<Verdict> => {
  const decide = (): { readonly todo: InDoubt } => ({
    todo: typeof inDoubt === 'function' ? inDoubt(receipt.action) : inDoubt,
  });
  if (reconcile === undefined) return defer(() => [decide()]);
  return defer(() => reconcile(receipt, before)).pipe(
    take(1),
    timeout({ first: reconcileMs, scheduler }),
    // What asks and hears nothing knows as much as before.
    catchError(() => [receipt]),
    defaultIfEmpty(receipt),
    map((found) => (found !== 'resend' && found.status === 'unknown' ? decide() : { found })),
  );
};
