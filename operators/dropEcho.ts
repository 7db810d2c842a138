import type { MonoTypeOperatorFunction } from 'rxjs';
import type { InboundEvent } from '../lib/model/index.js';
import { keep } from './keep.js';

/**
 * Drops what our own account said: many platforms send it back as an event, and a bot that answers itself never stops.
 *
 *     events  -c-s-c--|     c: the customer, s: ourselves
 *             dropEcho()
 *     result  -c---c--|
 *
 * What it drops is settled `ignored` at once.
 */
export function dropEcho<T extends InboundEvent>(): MonoTypeOperatorFunction<T> {
  return keep(({ sender }) => sender?.self !== true);
}
