/** @internal What is still being made. Written key by key, since spreading what may be missing takes many times as long. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
