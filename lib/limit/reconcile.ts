import {
  catchError,
  defer,
  map,
  mergeMap,
  take,
  throwIfEmpty,
  type ObservableInput,
  type OperatorFunction,
} from 'rxjs';
import { ChatError } from '../errors.js';
import { failed, type Receipt } from '../model/index.js';

/**
 * Finds out what became of an action that is in doubt, by reading it back: what it emits first stands in place of the
 * receipt, `resend` says that it did not arrive.
 */
export type Reconcile = (
  receipt: Extract<Receipt, { readonly status: 'unknown' }>,
) => ObservableInput<Receipt | 'resend'>;

/** @internal Receipts with their doubts settled; what cannot be found out stays in doubt. */
export const reconciled = (reconcile: Reconcile): OperatorFunction<readonly Receipt[], readonly Receipt[]> =>
  mergeMap((receipts) =>
    defer(() => receipts).pipe(
      mergeMap((receipt) =>
        receipt.status !== 'unknown'
          ? [receipt]
          : defer(() => reconcile(receipt)).pipe(
              take(1),
              map((found) => (found === 'resend' ? notArrived(receipt) : found)),
              throwIfEmpty(),
              catchError(() => [receipt]),
            ),
      ),
      map((receipt) => [receipt]),
    ),
  );

const notArrived = ({ action, at, error }: Extract<Receipt, { readonly status: 'unknown' }>): Receipt =>
  failed(action, at, new ChatError('unreachable', error.platform, 'it did not arrive'));
