import {
  catchError,
  defaultIfEmpty,
  defer,
  map,
  mergeMap,
  take,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
} from 'rxjs';
import { ChatError } from '../errors.js';
import { failed, type Receipt } from '../model/index.js';

/** What an outbox remembers about the action and its conversation. */
export interface SentBefore {
  /** When the action was given to the sink: ISO 8601. */
  readonly at: string;
  /** The platform's ids of the messages that other actions of the conversation are known to have made. Cold. */
  readonly messageIds: Observable<ReadonlySet<string>>;
}

/**
 * Finds out what became of an action that is in doubt, by reading it back: what it emits first stands in place of the
 * receipt, `resend` says that it did not arrive; nothing, or an error, that it cannot tell. `before`: of an action in an outbox.
 */
export type Reconcile = (
  receipt: Extract<Receipt, { readonly status: 'unknown' }>,
  before?: SentBefore,
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
              defaultIfEmpty(receipt),
              catchError(() => [receipt]),
            ),
      ),
      map((receipt) => [receipt]),
    ),
  );

const notArrived = ({ action, at, error }: Extract<Receipt, { readonly status: 'unknown' }>): Receipt =>
  failed(action, at, new ChatError('unreachable', error.platform, 'it did not arrive'));
