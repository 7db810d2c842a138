import { map } from 'rxjs';
import { coalesceBursts, type Coalesced, type InboundEvent } from 'tidewire';

/** What `debounceTime` does: what was said before the last message is lost. */
export const coalesceBurstsThatKeepsTheLast: typeof coalesceBursts = (config) => (source) =>
  source.pipe(
    coalesceBursts(config),
    map((event: InboundEvent) => {
      const last = event.kind === 'message' ? { ...event, text: event.text.split('\n').at(-1) ?? '' } : event;
      return last as Coalesced<never>;
    }),
  );
