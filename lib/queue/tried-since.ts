/**
 * For how long something is tried, in milliseconds. A first attempt that lies ahead means that the clock was set back: as long
 * as it lies ahead counts, or it would be tried until the clock is there again.
 *
 * @internal
 */
export const triedMs = (firstAttemptAt: string, now: number): number => Math.abs(now - Date.parse(firstAttemptAt));
