import type { FluidtalkAnswer } from './simulator-answers.js';
import type { FluidtalkEffect } from './simulator-journal.js';

/** @internal Who waits for the answer to a call. */
export interface Caller {
  readonly closed: boolean;
  readonly next: (answer: FluidtalkAnswer) => void;
  readonly error: (error: Error) => void;
  readonly complete: () => void;
  readonly add: (teardown: () => void) => void;
}

const ignore = (): void => undefined;

/** @internal Makes a call, and does not wait. */
export const nobody: Caller = { closed: true, next: ignore, error: ignore, complete: ignore, add: ignore };

/** @internal The two ways in which a call can end for its caller, written down. */
export const replyTo = (caller: Caller, write: (effect: FluidtalkEffect) => void) => {
  let ended = false;
  caller.add(() => {
    if (!ended) write({ kind: 'left' });
  });
  return {
    answer: (given: FluidtalkAnswer): void => {
      ended = true;
      write(caller.closed || given.cut ? { kind: 'lost' } : { kind: 'answered', status: given.status });
      caller.next(given);
      caller.complete();
    },
    reset: (): void => {
      ended = true;
      write({ kind: 'lost' });
      caller.error(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    },
  };
};
