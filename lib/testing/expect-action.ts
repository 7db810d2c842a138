import type { OutboundAction, Reply } from '../model/index.js';
import { untraced } from '../trace.js';
import { difference } from './difference.js';
import { plainly } from './plainly.js';

/**
 * Compares an action with what it should be, without its trace. Of `expected` only the fields that are named count for
 * `id`, `conversation` and `cause`, so that a reply can be written as the handler wrote it.
 *
 * @throws Error when they differ, with the first difference.
 */
export const expectAction = (actual: OutboundAction | undefined, expected: Reply | OutboundAction): void => {
  if (actual === undefined) throw new Error(`expected an action of kind ${expected.kind}, got none`);
  const { id, conversation, cause, ...rest } = untraced(actual);
  const address = { id, conversation, cause };
  const named = Object.fromEntries(Object.entries(address).filter(([key]) => key in expected));
  const found = difference(plainly({ ...rest, ...named }), plainly(expected));
  if (found !== undefined) throw new Error(found);
};
