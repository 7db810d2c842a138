import { Subject, type Subscription } from 'rxjs';

const keys = /* @__PURE__ */ new Subject<string>();

/**
 * Tells the key of each conversation that is forgotten: for operators that remember what somebody said and are given no
 * store. One for the program, because nothing else is shared by all of them.
 *
 * @internal
 */
export const whenForgotten = (next: (key: string) => void): Subscription =>
  keys.subscribe({ next, error: () => undefined });

/** @internal */
export const tellForgotten = (key: string): void => {
  keys.next(key);
};
