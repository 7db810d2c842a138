// A front desk on one machine. Rules answer customers on the web, WhatsApp and SMS, a persona those on Telegram and
// Facebook; who has no answer in time, or wants a person, is handed over. Prints the conversations as they happen, then the
// account of every message; then it stays up, and you can be a customer yourself with the `curl` line it prints. `--once`
// ends after the conversations. With USERLIKE_API_URL, USERLIKE_TOKEN and HOOK_TOKEN in the environment it serves the real
// platform, with FLUIDTALK_API_KEY through the real persona.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BehaviorSubject, filter, merge, share, type OperatorFunction } from 'rxjs';
import {
  accounts,
  choiceBook,
  circuit,
  dedupe,
  fallbackToText,
  forwardOnTimeout,
  isOutOfTokens,
  memoryStore,
  ownership,
  react,
  readChoices,
  routeToFluidTalk,
  type InboundEvent,
  type OutboundAction,
} from 'tidewire';
import { fluidtalkClient, fluidtalkLedger } from 'tidewire/fluidtalk';
import { userlikeSimulator } from 'tidewire/simulators';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';
import { scriptedConversations } from './customers.js';
import { simulatedPersona } from './persona.js';
import { accountTable, printTranscript } from './print.js';
import { respond } from './responder.js';

const {
  USERLIKE_API_URL,
  USERLIKE_TOKEN,
  HOOK_TOKEN = crypto.randomUUID(),
  HOOK_HEADER = 'API-SECURITY-TOKEN',
  FLUIDTALK_API_KEY,
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
const persona = FLUIDTALK_API_KEY === undefined ? await simulatedPersona() : undefined;
const velma = fluidtalkClient(
  persona === undefined ? { apiKey: FLUIDTALK_API_KEY ?? '' } : { apiKey: persona.key, baseUrl: persona.url },
);
const book = choiceBook();
const desk = ownership();
const transcript = simulator === undefined ? undefined : printTranscript(simulator, persona);

const isForPersona = ({ kind, conversation }: InboundEvent): boolean =>
  ['telegram', 'facebook'].includes(conversation.channel) && kind !== 'handoffFailed';
const rules = react(respond(isReal ? 4_000 : 1_200));
const chat = routeToFluidTalk(velma, {
  ledger: fluidtalkLedger({ store: memoryStore() }),
  // Nobody tops up a simulated balance: a new conversation is tried again soon.
  circuit: circuit({ opensOn: isOutOfTokens, pauseMs: persona === undefined ? 15 * 60_000 : 1_000 }),
});
const answer: OperatorFunction<InboundEvent, OutboundAction> = (source) => {
  const events = source.pipe(share());
  const byRules = events.pipe(filter((event) => !isForPersona(event)));
  const byPersona = events.pipe(filter((event) => isForPersona(event)));
  return merge(rules(byRules), chat(byPersona));
};

accounts.reports$.subscribe((report) => {
  console.error('report:', JSON.stringify(report));
});
fromUserlike({ webhook })
  .pipe(
    dedupe(),
    readChoices({ book, keepOffers: true }),
    forwardOnTimeout({ desk, afterMs: isReal ? 45_000 : 2_500, to: { kind: 'any' } }, answer),
    fallbackToText({ book }),
    toUserlike({ client, webhook, desk }),
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

const stopping = new BehaviorSubject(false);
const stop = async (): Promise<void> => {
  // A second Ctrl-C does not wait.
  if (stopping.value) process.exit(1);
  stopping.next(true);
  await webhook.drain(10_000);
  await accounts.drain(5_000);
  transcript?.unsubscribe();
  console.log(accountTable());
  if (accounts.counts().inFlight > 0) process.exitCode = 1;
  server.close();
  server.closeIdleConnections();
  await simulator?.close();
  await persona?.close();
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());

if (simulator === undefined)
  console.log(`The webhook listens on ${hook}. Put a public address in front of it. Ctrl-C ends.`);
else {
  if (persona !== undefined) await scriptedConversations(simulator, persona, stopping.pipe(filter(Boolean)));
  if (isOnce && !stopping.value) await stop();
  else if (!stopping.value) {
    console.log(accountTable());
    console.log('Be a customer yourself, on web, whatsapp or sms, or on telegram or facebook with the persona:\n');
    console.log(`  curl -d 'Where is my bike?' ${simulator.home}/say/sms/you\n`);
    console.log('Ctrl-C ends.');
  }
}
