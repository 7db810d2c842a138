import type { Receipt } from '../model/index.js';
import type { Reconcile } from './reconcile.js';
import { atLeast } from '../range.js';

/** How a delivery that failed is repeated. */
export interface BackoffConfig {
  /** How often an action is sent at most. Default: 5. */
  readonly attempts?: number;
  /** Pause before the second attempt, in milliseconds; doubles with each. Default: 1 000. */
  readonly delayMs?: number;
  /** Longest pause, in milliseconds; what the platform asks for is not shortened. Default: 60 000. */
  readonly maxDelayMs?: number;
  /** Part of the pause that is random, so that many do not come back at once: 0 to 1. Default: 0.2. */
  readonly jitter?: number;
  /**
   * Finds out what became of an action that is in doubt, where the platform can tell; its line waits for that. Default:
   * what is in doubt stays so, and is never sent again.
   */
  readonly reconcile?: Reconcile;
  /** Source of the jitter, from 0 up to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

/** @internal */
export interface Backoff {
  readonly reconcile: Reconcile | undefined;
  readonly attempts: number;
  readonly pauseMs: (receipt: Receipt, failures: number) => number;
}

/** @internal How long to wait before the next attempt: what the platform asks for, else growing, capped and jittered. */
export const backoff = (name: string, config: BackoffConfig): Backoff => {
  const { attempts = 5, delayMs = 1_000, maxDelayMs = 60_000, jitter = 0.2, random = Math.random, reconcile } = config;
  atLeast(`${name}: attempts`, attempts, 1);
  atLeast(`${name}: delayMs`, delayMs, 0);
  atLeast(`${name}: maxDelayMs`, maxDelayMs, 0);
  if (!(jitter >= 0 && jitter <= 1)) throw new RangeError(`${name}: jitter must be from 0 to 1, got ${jitter}`);
  return {
    reconcile,
    attempts,
    pauseMs: (receipt, failures) => {
      const asked = receipt.status === 'failed' ? receipt.error.retryAfterMs : undefined;
      const grown = Math.min(delayMs * 2 ** (failures - 1), maxDelayMs);
      const least = asked ?? grown;
      return Math.round(least * (1 + random() * jitter));
    },
  };
};
