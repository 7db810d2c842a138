// Prints a conversation over a platform that tidewire does not know, while its messages come twice, its socket is cut and it
// throttles; then what became of each message, and one line that says whether all are accounted for.
import { asyncScheduler } from 'rxjs';
import {
  accounts,
  choiceBook,
  choices,
  dedupe,
  fallbackToText,
  profiles,
  rateLimit,
  react,
  readChoices,
  text,
  type InboundEvent,
} from 'tidewire';
import { parleyClient } from './client.js';
import { fromParley, parleyProfile, toParley } from './parley.js';
import { parleySimulator } from './simulator.js';

const TOKEN = 'secret';
const parley = await parleySimulator(TOKEN);
const client = parleyClient({ url: parley.url, token: TOKEN, scheduler: asyncScheduler });
const book = choiceBook();

const answer = (event: InboundEvent) => {
  if (event.kind === 'choice') return text(`You will get ${event.choice.label ?? event.choice.id}.`);
  return event.kind === 'message' ? choices('What may it be?', ['Tea', 'Coffee']) : undefined;
};

const subscription = fromParley({ client })
  .pipe(
    dedupe(),
    readChoices({ book }),
    react(answer),
    fallbackToText({ book, profiles: [parleyProfile, ...profiles] }),
    rateLimit({ limit: 20, perMs: 1_000 }, toParley({ client })),
  )
  .subscribe({ error: (error) => console.error(error) });

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const answers = (chat: string): number => parley.journal.filter((line) => line.startsWith(`${chat} <`)).length;

parley.faults.duplicate = 1;
parley.say('mira', 'Hello');
await until(() => answers('mira') === 1);
parley.cut();
parley.say('mira', '2');
parley.faults.throttle = 2;
parley.say('lev', 'Hi there');
await until(() => answers('mira') === 2 && answers('lev') === 1);
parley.tell({ type: 'poke', chat: 'lev' });
parley.tell({ type: 'message', chat: 'lev' });
await until(() => accounts.counts().received === 6);
await accounts.drain(1_000);

for (const line of parley.journal) console.log(line.split(/\n+/).join(' / '));
const { received, inFlight, outcomes } = accounts.counts();
console.log(`\n${received} came in:`, Object.fromEntries(Object.entries(outcomes).filter(([, count]) => count > 0)));
const settled = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
console.log(received === settled + inFlight && inFlight === 0 ? 'all are accounted for' : 'something is missing');

subscription.unsubscribe();
await parley.close();
