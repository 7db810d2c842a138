import { map } from 'rxjs';
import { coalesceBursts, type Coalesced, type Conversation, type InboundEvent } from 'tidewire';

/** One burst for all: what different people say becomes one message. */
export const coalesceBurstsInOneLine: typeof coalesceBursts = (config) => (source) =>
  source.pipe(
    map((event): InboundEvent => ({
      ...event,
      conversation: { ...event.conversation, id: '' },
      raw: event.conversation,
    })),
    coalesceBursts(config),
    map((event) => ({ ...event, conversation: event.raw as Conversation }) as Coalesced<never>),
  );
