// A front desk that a spec stops in the middle of its work. Prints its address, and when it has stopped what became of every
// message. Its platform takes whatever it is sent, and writes it down.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delay, of } from 'rxjs';
import { accounts, dedupe, react, text } from 'tidewire';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';
import { HOOK_SECRET } from './webhook-desk.js';

/** What it prints when it has stopped. */
export interface StoppedDesk {
  readonly received: number;
  readonly inFlight: number;
  readonly refused: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** The texts that were answered, and how: `direct`, `api`, or the status of a receipt that is not `delivered`. */
  readonly answered: Readonly<Record<string, string>>;
  /** The bodies of the calls that the platform got. */
  readonly calls: readonly unknown[];
}

const webhook = userlikeWebhook({ headers: { 'API-SECURITY-TOKEN': HOOK_SECRET }, directAnswerMs: 40 });
const calls: unknown[] = [];
const client = userlikeClient({
  url: 'http://desk.example/v1/bot',
  token: 'x',
  fetch: (_, options) => {
    if (typeof options?.body === 'string') calls.push(JSON.parse(options.body));
    return Promise.resolve(new Response());
  },
});
const answered: Record<string, string> = {};
fromUserlike({ webhook })
  .pipe(
    dedupe(),
    react((event) =>
      event.kind === 'message' ? of(text(event.text)).pipe(delay(event.text.startsWith('slow') ? 60 : 5)) : undefined,
    ),
    toUserlike({ client, webhook }),
  )
  .subscribe({
    next: (receipt) => {
      const { action, status } = receipt;
      if (action.kind === 'text') answered[action.text] = receipt.status === 'delivered' ? (receipt.via ?? '') : status;
    },
    error: (error: unknown) => {
      console.error(error);
    },
  });

const server = createServer(webhook.node).listen(0, '127.0.0.1');
await once(server, 'listening');

let isStopping = false;
const stop = async (): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  // Longer than anybody waits: nothing keeps it from ending.
  const counts = await webhook.drain(600_000);
  server.close();
  server.closeIdleConnections();
  const { received, inFlight, refused, outcomes } = accounts.counts();
  if (counts.inFlight > 0) process.exitCode = 1;
  const stopped: StoppedDesk = { received, inFlight, refused, outcomes, answered, calls };
  console.log(JSON.stringify(stopped));
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
