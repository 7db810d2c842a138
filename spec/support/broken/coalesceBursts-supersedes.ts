import { map } from 'rxjs';
import { coalesceBursts, traceOf, type Coalesced, type InboundEvent, type Trace } from 'tidewire';

/** Says of the parts at once that the merged message took their place: when that one fails, nobody delivers them again. */
export const coalesceBurstsThatSupersedes: typeof coalesceBursts = (config) => (source) => {
  const traces = new Map<string, Trace | undefined>();
  return source.pipe(
    map((event): InboundEvent => {
      traces.set(event.id, traceOf(event));
      return event;
    }),
    coalesceBursts(config),
    map((event) => {
      const { parts = [] } = event as { readonly parts?: readonly string[] };
      for (const part of parts.slice(0, -1)) traces.get(part)?.conclude('superseded');
      return event as Coalesced<never>;
    }),
  );
};
