import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Channel, Conversation } from '../lib/model/index.js';
import { keep } from './keep.js';

/**
 * Lets only events or actions of these channels pass; the others are settled `ignored` at once.
 *
 *     events  -w-s-w--|     w: web, s: sms
 *             onlyIn('web')
 *     result  -w---w--|
 *
 * @throws RangeError at the call, without channels.
 */
export function onlyIn<T extends { readonly conversation: Conversation }>(
  ...channels: readonly Channel[]
): MonoTypeOperatorFunction<T> {
  if (channels.length === 0) throw new RangeError('onlyIn: at least one channel is needed');
  const wanted = new Set(channels);
  return keep(({ conversation }) => wanted.has(conversation.channel));
}
