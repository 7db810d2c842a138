import type { Desk } from './simulator-desk.js';

/** @internal How full a window is. */
export interface Window {
  readonly limit: number;
  readonly remaining: number;
  /** When the window ends. */
  readonly resetAt: number;
  readonly isOver: boolean;
}

/** @internal Counts calls by key, in windows that begin with the first call. */
export class Limiter {
  readonly #desk: Desk;
  readonly #windows = new Map<string, { count: number; resetAt: number }>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  count(key: string, limit: number, windowMs: number): Window {
    const now = this.#desk.now();
    let window = this.#windows.get(key);
    if (window === undefined || window.resetAt <= now) {
      window = { count: 0, resetAt: now + windowMs };
      this.#windows.set(key, window);
    }
    const isOver = window.count >= limit;
    if (!isOver) window.count++;
    return { limit, remaining: limit - window.count, resetAt: window.resetAt, isOver };
  }

  /** All calls are forgotten. */
  forget(): void {
    this.#windows.clear();
  }
}
