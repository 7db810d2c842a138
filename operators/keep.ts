import { filter, type MonoTypeOperatorFunction } from 'rxjs';
import { traceOf } from '../lib/trace.js';

/**
 * Drops on purpose what does not match: a `filter` that says so. What it drops is settled `ignored` at once, where behind
 * a plain `filter` it counts as open until it is given up.
 *
 *     source  -a-b-a--|
 *             keep((v) => v === 'a')
 *     result  -a---a--|
 *
 * Errors: those of the source, and whatever `predicate` throws.
 */
export function keep<T>(predicate: (item: T) => boolean): MonoTypeOperatorFunction<T> {
  return filter((item) => {
    const kept = predicate(item);
    if (!kept) traceOf(item)?.conclude('ignored');
    return kept;
  });
}
