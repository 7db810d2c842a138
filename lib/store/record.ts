import { ChatError } from '../errors.js';
import type { Stored } from './store.js';

/**
 * What is stored, as somebody of ours wrote it; nothing when there is nothing. What is not understood must not pass for
 * nothing: a later version may have written it.
 *
 * @throws ChatError `undecodable` when `is` does not know it.
 * @internal
 */
export const recordIn = <T>(
  stored: Stored | undefined,
  holder: string,
  is: (value: Stored['value']) => value is T & Stored['value'],
): T | undefined => {
  if (stored === undefined) return undefined;
  const { value } = stored;
  if (is(value)) return value;
  throw new ChatError('undecodable', holder, 'the store holds a record of a shape that this version does not know');
};

/** @internal Whether it is an object of this version, whose fields are still unknown. */
export const hasShape = (value: unknown, shape: number): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && (value as { readonly shape?: unknown }).shape === shape;
