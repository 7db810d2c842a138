// A front desk on one machine. Prints three conversations as they happen, then the account of every message; then it stays
// up, and you can be a customer yourself with the `curl` line it prints. `--once` ends after the conversations.
// With USERLIKE_API_URL, USERLIKE_TOKEN and HOOK_TOKEN in the environment it serves the real platform.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accounts, choiceBook, dedupe, fallbackToText, react, readChoices } from 'tidewire';
import { userlikeSimulator } from 'tidewire/simulators';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';
import { scriptedConversations } from './customers.js';
import { accountTable, printTranscript } from './print.js';
import { respond } from './responder.js';

const {
  USERLIKE_API_URL,
  USERLIKE_TOKEN,
  HOOK_TOKEN = crypto.randomUUID(),
  HOOK_HEADER = 'API-SECURITY-TOKEN',
  PORT,
} = process.env;
const isReal = USERLIKE_API_URL !== undefined && USERLIKE_TOKEN !== undefined;
const isOnce = process.argv.includes('--once');

const webhook = userlikeWebhook({ headers: { [HOOK_HEADER]: HOOK_TOKEN }, directAnswerMs: isReal ? 3_000 : 800 });
const server = createServer(webhook.node).listen(Number(PORT ?? 0), '127.0.0.1');
await once(server, 'listening');
const hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const simulator = isReal
  ? undefined
  : await userlikeSimulator({ webhook: { url: hook, headers: { [HOOK_HEADER]: HOOK_TOKEN } } });
const client = userlikeClient({
  url: simulator?.url ?? USERLIKE_API_URL ?? '',
  token: simulator?.token ?? USERLIKE_TOKEN ?? '',
});
const book = choiceBook();
const transcript = simulator === undefined ? undefined : printTranscript(simulator);

accounts.reports$.subscribe((report) => {
  console.error('report:', JSON.stringify(report));
});
fromUserlike({ webhook })
  .pipe(
    dedupe(),
    readChoices({ book }),
    react(respond(isReal ? 4_000 : 1_200)),
    fallbackToText({ book }),
    toUserlike({ client, webhook }),
  )
  .subscribe({
    next: (receipt) => {
      if (receipt.status === 'failed' || receipt.status === 'unknown')
        console.error('receipt:', receipt.status, receipt.error.message);
    },
    error: (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    },
  });

let isStopping = false;
const stop = async (): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  await webhook.drain(10_000);
  transcript?.unsubscribe();
  console.log(accountTable());
  if (accounts.counts().inFlight > 0) process.exitCode = 1;
  server.close();
  server.closeIdleConnections();
  await simulator?.close();
};

if (simulator === undefined)
  console.log(`The webhook listens on ${hook}. Put a public address in front of it. Ctrl-C ends.`);
else {
  await scriptedConversations(simulator);
  if (isOnce) await stop();
  else {
    console.log(accountTable());
    console.log('Be a customer yourself, on web, whatsapp or sms:\n');
    console.log(`  curl -d 'Where is my bike?' ${simulator.home}/say/sms/you\n`);
    console.log('Ctrl-C ends.');
  }
}
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
