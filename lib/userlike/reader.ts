import { either as E } from 'fp-ts';
import * as t from 'io-ts';

/** @internal Reads a value that came from outside, and says what is wrong with it by path. */
export type Reader<T> = t.Decoder<unknown, T>;

/** @internal */
export const reader = <T>(name: string, validate: t.Validate<unknown, T>): Reader<T> => {
  const self: Reader<T> = { name, validate, decode: (value) => validate(value, [{ key: '', type: self }]) };
  return self;
};

/** @internal A value that stays what it is. */
export const kept = <T>(name: string, is: (value: unknown) => value is T): Reader<T> =>
  reader(name, (value, context) => (is(value) ? t.success(value) : t.failure(value, context)));

/** @internal The same, with `null` for none. */
export const orNull = <T>(type: Reader<T>): Reader<T | undefined> =>
  reader(type.name, (value, context) => (value === null ? t.success(undefined) : type.validate(value, context)));

/** @internal */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @internal */
export interface Field<T> {
  readonly key: string;
  readonly type: Reader<T>;
  readonly isOptional: boolean;
}
/** @internal */
export const need = <T>(key: string, type: Reader<T>): Field<T> => ({ key, type, isOptional: false });
/** @internal */
export const may = <T>(key: string, type: Reader<T>): Field<T | undefined> => ({ key, type, isOptional: true });

type Fields = Readonly<Record<string, Field<unknown>>>;
type View<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** @internal An object, read under the keys of the wire and given under names of ours. */
export const object = <F extends Fields, T>(fields: F, make: (view: View<F>) => T): Reader<T> =>
  reader('an object', (value, context) => {
    if (!isRecord(value)) return t.failure(value, context);
    const view: Record<string, unknown> = {};
    const errors: t.Errors = [];
    for (const [name, { key, type, isOptional }] of Object.entries(fields)) {
      const actual = Object.hasOwn(value, key) ? value[key] : undefined;
      if (actual === undefined && isOptional) continue;
      const read = type.validate(actual, t.appendContext(context, key, type, actual));
      if (E.isRight(read)) view[name] = read.right;
      else errors.push(...read.left);
    }
    return errors.length > 0 ? t.failures(errors) : t.success(make(view as View<F>));
  });

/** @internal */
export const list = <T>(item: Reader<T>, most = Infinity, least = 1): Reader<readonly T[]> =>
  reader(most === Infinity ? `a list of at least ${least}` : `a list of ${least} to ${most}`, (value, context) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return t.failure(value, context);
    const items: T[] = [];
    for (const [index, actual] of (value as readonly unknown[]).entries()) {
      const read = item.validate(actual, t.appendContext(context, String(index), item, actual));
      if (E.isLeft(read)) return read;
      items.push(read.right);
    }
    return t.success(items);
  });

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };
/** @internal The fields that are not undefined. */
export const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
