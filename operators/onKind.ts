import { map, type MonoTypeOperatorFunction } from 'rxjs';

/**
 * Changes what is of one kind and passes the rest.
 *
 *     actions  -t-m-t--|     t: text, m: media
 *              onKind('text', shout)
 *     result   -T-m-T--|
 *
 * Works on events and on actions. Return the item with other fields, `{ ...action, text }`: its account goes along. Errors:
 * those of the source, and whatever `project` throws.
 */
export function onKind<T extends { readonly kind: string }, K extends T['kind']>(
  kind: K,
  project: (item: Extract<T, { readonly kind: K }>) => T,
): MonoTypeOperatorFunction<T> {
  const isOfKind = (item: T): item is Extract<T, { readonly kind: K }> => item.kind === kind;
  return map((item) => (isOfKind(item) ? project(item) : item));
}
