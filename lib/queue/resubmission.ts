const AGAIN = Symbol.for('tidewire.resubmitted');

interface Resubmitted {
  readonly [AGAIN]?: number;
}

/**
 * How often an event was resubmitted from the dead letters. It travels on the event under a symbol, as the trace does: a
 * copy keeps it, and the wire does not see it.
 */
export const resubmissionOf = (item: object): number => (item as Resubmitted)[AGAIN] ?? 0;

/** @internal Writes it into an object that the caller has just made. */
export const markResubmitted = (item: object, count: number): void => {
  if (count > 0) (item as { [AGAIN]?: number })[AGAIN] = count;
};
