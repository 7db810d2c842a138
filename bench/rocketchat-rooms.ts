// What a room costs that is open, in a process of its own. Sends the bytes to the parent.
import { once } from 'node:events';
import { Subject } from 'rxjs';
import { accounted, openAccounts, type OutboundAction } from 'tidewire';
import { rocketchatClient, toRocketChat } from 'tidewire/rocketchat';
import { hearing, oursListening, startTeller } from './rocketchat-listening.js';

const ROOMS = 10_000;
/** What is there for however many rooms: code, connections, the last that were settled. */
const WARM = 100;

const heap = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

const teller = await startTeller();
const listener = await oursListening(teller.port);
const client = rocketchatClient({ url: `http://127.0.0.1:${teller.port}` });
const actions = new Subject<OutboundAction>();
let sent = 0;
let onSent = (): void => undefined;
actions
  .pipe(
    accounted('bench', { accounts: openAccounts() }),
    toRocketChat({ client, as: 'visitor', tokenOf: ({ id }) => `visitor-${id}` }),
  )
  .subscribe({
    next: ({ status }) => {
      if (status !== 'delivered') throw new Error(status);
      sent++;
      onSent();
    },
    error: (error: unknown) => {
      throw error;
    },
  });

/** In each room somebody says something twice, and is answered. */
const talk = async (rooms: number): Promise<void> => {
  await hearing(teller, listener, 2 * rooms, rooms);
  for (let n = 0; n < rooms; n++) {
    const before = sent;
    const conversation = { platform: 'rocketchat', id: `room-${n}`, channel: 'livechat' } as const;
    const answered = new Promise<void>((resolve) => (onSent = resolve));
    actions.next({ kind: 'text', id: `answer-${rooms}-${n}`, conversation, text: 'We are looking for it.' });
    if (sent === before) await answered;
  }
};

await talk(WARM);
const before = heap();
await talk(ROOMS);
process.send?.((heap() - before) / ROOMS);
await once(process, 'disconnect');
teller.stop();
// The listener would look for its server for ever.
process.exit(0);
