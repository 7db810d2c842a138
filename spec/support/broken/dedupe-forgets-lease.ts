import { dedupe, type InboundEvent } from 'tidewire';
import type { DedupeConfig } from 'tidewire';
import { virtualClock } from 'tidewire/testing';

/** Never renews a claim, because its clock stands still: what takes longer than a lease is handled twice. */
export const dedupeThatForgetsTheLease = <T extends InboundEvent>(
  config: DedupeConfig<T> = {},
): ReturnType<typeof dedupe<T>> => dedupe({ ...config, scheduler: virtualClock() });
