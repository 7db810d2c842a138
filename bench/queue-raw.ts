import { open, type Database } from 'lmdb';
import type { InboundEvent, MessageEvent } from 'tidewire';

export const messageOf = (number: number, conversation: number): MessageEvent => ({
  kind: 'message',
  id: `message-${number}`,
  platform: 'desk',
  conversation: { platform: 'desk', id: `conversation-${conversation}`, channel: 'web' },
  at: '2025-03-01T12:00:00.000Z',
  text: 'Is my bicycle repaired? I brought it on Monday, and was told that it would take two days.',
  raw: null,
});

/** What the queue writes in front of the JSON of an item: 17 bytes, and its conversation. */
const HEAD_BYTES = 17;

/** A database without anything of ours. */
export interface RawFile {
  readonly db: Database<Buffer, number>;
  /** As many bytes as the queue writes. */
  readonly encode: (event: InboundEvent) => Buffer;
  readonly close: () => Promise<void>;
}

export const rawFile = (path: string): RawFile => {
  const db = open<Buffer, number>({ path, encoding: 'binary' });
  return {
    db,
    encode: (event) => {
      const { platform, id } = event.conversation;
      return Buffer.from(`${' '.repeat(HEAD_BYTES)}${platform}::${id}${JSON.stringify(event)}`);
    },
    close: async () => db.close(),
  };
};
