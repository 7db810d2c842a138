import type { InboundEvent, MessageEvent } from 'tidewire';

/** A message of a conversation, with as little as an event needs. */
export const message = (id: string, conversation = 'c', text = 'hello'): MessageEvent => ({
  kind: 'message',
  id,
  platform: 'desk',
  conversation: { platform: 'desk', id: conversation, channel: 'web' },
  at: '2025-01-01T00:00:00.000Z',
  text,
  raw: null,
});

/** An event as a spec's table shows it. */
export const idOf = ({ id }: InboundEvent): string => id;
