/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- the compiler compares these signatures, parameters and all */

/** Whether two types are the same, not only assignable to each other; `any` equals nothing but `any`. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when the answer is `true`. */
export type Expect<T extends true> = T;

/** Whether a value of one type may stand where the other is wanted. */
export type Fits<A, B> = [A] extends [B] ? true : false;
