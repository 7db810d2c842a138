import type { ChatError } from '../errors.js';
import type { Settings } from './settings.js';

/** @internal Why a connection is made anew that was not lost: for another token, or for what was not acknowledged. */
export type Renewal = 'renewal' | 'redelivery';

const NO_NAME = /^(ENOTFOUND|EAI_\w+)$/;
/** Beyond it, timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** More doublings are none: any pause is as long as it gets by then. */
const MOST_DOUBLINGS = 31;

/** @internal A pause that doubles, in milliseconds. */
export const grownMs = ({ reconnectMs, maxReconnectMs }: Settings, doublings: number): number =>
  Math.min(reconnectMs * 2 ** Math.min(doublings, MOST_DOUBLINGS), maxReconnectMs);

/** @internal How long to wait before the next attempt to connect, and when there is no sense in another. */
export class Patience {
  readonly #settings: Settings;
  /** Failures since the last authorisation. */
  #failures = 0;
  /** Connections that were made anew for another token, since the server last took a call. */
  #renewals = 0;
  /** Refusals of the login, and names that were not found: each in a row. */
  #refusals = 0;
  #nameFailures = 0;
  /** Refusals of tokens since the last authorisation. */
  #authRefusals = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The login was accepted. */
  granted(): void {
    this.#refusals = 0;
  }

  authorized(): void {
    this.#failures = this.#nameFailures = this.#authRefusals = 0;
  }

  /** A call was answered, and not because of its token. */
  accepted(): void {
    this.#renewals = 0;
  }

  /** Nobody uses the connection any more. */
  rest(): void {
    this.#failures = 0;
  }

  /** It is tried again although it was given up. */
  resume(): void {
    this.#refusals = this.#nameFailures = this.#authRefusals = 0;
  }

  /** Whether another attempt makes no sense, `canRenew` where there may be another token. To be asked once for each failure. */
  isHopeless({ kind, status, reason }: ChatError, canRenew: boolean): boolean {
    const { maxTokenRefusals, maxNameFailures } = this.#settings;
    const isNameless = reason !== undefined && NO_NAME.test(reason);
    const isLoginRefused = kind === 'unauthorized' && status !== undefined;
    this.#nameFailures = isNameless ? this.#nameFailures + 1 : 0;
    this.#refusals = isLoginRefused ? this.#refusals + 1 : 0;
    if (isNameless) return this.#nameFailures >= maxNameFailures;
    if (isLoginRefused) return this.#refusals >= maxTokenRefusals;
    if (kind !== 'unauthorized') return false;
    if (!canRenew || reason === '202' || reason === '204') return true;
    // There was time for another token.
    return ++this.#authRefusals >= 2;
  }

  /** In milliseconds. To be asked once for each failure. */
  pauseAfter({ kind, status, reason, retryAfterMs = 0 }: ChatError): number {
    const { jitterMs, random } = this.#settings;
    if (reason === ('redelivery' satisfies Renewal)) return 0;
    const isRenewal = reason === ('renewal' satisfies Renewal) || (kind === 'unauthorized' && status === undefined);
    // With another token there is nothing to wait for, unless that was no good either.
    if (isRenewal && this.#renewals++ === 0) return 0;
    const grown = grownMs(this.#settings, isRenewal ? this.#renewals - 2 : this.#failures++);
    return Math.min(Math.round(Math.max(grown, retryAfterMs) + random() * jitterMs), LONGEST_TIMER);
  }
}
