import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { difference } from './difference.js';
import { plainly } from './plainly.js';

/**
 * A spec in virtual time: `it('…', marbles(({ hot, expectObservable }) => { … }))`. A `TestScheduler.run` whose comparison
 * spells out the fields of errors, also inside values, and leaves the trace of items out.
 *
 * @throws Error when an expectation is not met, with the first difference.
 */
export const marbles =
  (spec: (helpers: RunHelpers) => void): (() => void) =>
  () => {
    new TestScheduler((actual, expected) => {
      const found = difference(plainly(actual), plainly(expected));
      if (found !== undefined) throw new Error(found);
    }).run(spec);
  };
