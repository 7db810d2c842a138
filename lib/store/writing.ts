/**
 * Something to be written in the same transaction as something else, as a queue or a store makes it (`adding`, `putting`,
 * `deleting`). Nothing happens until it is given to an operation of the same file or memory as `together`.
 */
export class Writing {
  /** @internal What it can be written together with. */
  readonly medium: object;
  /** @internal Throws a `ChatError` when it cannot be written; everything is asked before anything is written. */
  readonly check: () => void;
  /** @internal */
  readonly write: () => void;
  /** @internal Called when it is safe. */
  readonly written: () => void;

  /** @internal Made by queues and stores. */
  constructor(medium: object, check: () => void, write: () => void, written: () => void = () => undefined) {
    this.medium = medium;
    this.check = check;
    this.write = write;
    this.written = written;
  }
}

/** @internal The medium of everything that is kept in this process's memory. */
export const MEMORY: object = Object.freeze({});

/** What is written in the same transaction: all of it or nothing. */
export interface Together {
  /** Default: nothing. */
  readonly together?: readonly Writing[];
}

/**
 * @throws TypeError when one of them belongs to another file or memory.
 * @internal
 */
export const onOneMedium = (name: string, medium: object, writings: readonly Writing[]): void => {
  if (writings.some((writing) => writing.medium !== medium)) {
    throw new TypeError(`${name}: together takes what belongs to the same file only`);
  }
};

/**
 * Writes what was checked. What fails now comes after other things were written: no `ChatError`, which would concern one
 * job only, so that nothing of the transaction is.
 *
 * @internal
 */
export const writeAll = (writings: readonly Writing[]): void => {
  try {
    for (const writing of writings) writing.write();
  } catch (cause) {
    throw new Error(cause instanceof Error ? cause.message : 'a part of a transaction failed', { cause });
  }
};
