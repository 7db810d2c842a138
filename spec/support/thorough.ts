import type { Parameters } from 'fast-check';

/**
 * For what a law must reject: many tries, the same in every run, so that nothing depends on luck, and no shrinking of what is
 * expected to fail.
 */
export const thorough: Parameters<unknown> = { numRuns: 20_000, seed: 20_250_301, endOnFailure: true };
