import { ReplaySubject, type Observable } from 'rxjs';
import type { ChatError } from '../errors.js';

/** `closed` without an error: nobody uses the connection, or it was closed by us. */
export type TrueconfStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'authorized'; readonly userId: string; readonly connectionId?: string }
  | { readonly kind: 'reconnecting'; readonly delayMs: number; readonly error: ChatError }
  | { readonly kind: 'closed'; readonly error?: ChatError };

/** @internal What has become of a connection. */
export class Status {
  readonly #told = new ReplaySubject<TrueconfStatus>(1);
  #last: TrueconfStatus = { kind: 'closed' };

  constructor() {
    this.#told.next(this.#last);
  }

  /** The latest first, also after the end. */
  get all$(): Observable<TrueconfStatus> {
    return this.#told.asObservable();
  }

  /** Two ends with the same reason are one. */
  report(status: TrueconfStatus): void {
    if (status.kind === 'closed' && this.#last.kind === 'closed' && status.error === this.#last.error) return;
    this.#last = status;
    this.#told.next(status);
  }

  complete(): void {
    this.#told.complete();
  }
}
