// A front desk on one machine, for customers of three platforms. Rules answer on the web, WhatsApp, SMS, TrueConf and LiveChat, a
// persona on Telegram and Facebook, a scenario on Threema. Who has no answer in time, or wants a person, is handed over: to the
// people on Userlike, to a department of Rocket.Chat, or to a group on TrueConf, who answer customers of Userlike, too. Prints
// the conversations as they happen, then the account of every message; then it stays up, and you can be a customer yourself with
// the `curl` lines it prints. `--once` ends after the conversations. A platform whose settings are in the environment (see
// `.env.example`) is the real one, the others are simulated.
import { BehaviorSubject, filter, merge, pipe } from 'rxjs';
import {
  accounts,
  bridge,
  choiceBook,
  dedupe,
  fallbackToText,
  forwardOnTimeout,
  operatorSeat,
  ownership,
  readChoices,
  toPlatforms,
  type Conversation,
} from 'tidewire';
import { fromRocketChat, toRocketChat } from 'tidewire/rocketchat';
import { fromTrueConf, toTrueConf } from 'tidewire/trueconf';
import { fromUserlike, toUserlike } from 'tidewire/userlike';
import { accountTable } from './account.js';
import { answers } from './answers.js';
import { openPersona } from './persona.js';
import { handoffsTo, openRocketchat } from './rocketchat.js';
import { openScenario } from './scenario.js';
import { play, watch } from './simulation.js';
import { openTrueconf } from './trueconf.js';
import { openUserlike } from './userlike.js';

const userlike = await openUserlike(process.env);
const trueconf = await openTrueconf(process.env);
const rocketchat = await openRocketchat(process.env);
const persona = await openPersona(process.env);
const scenario = await openScenario(process.env);
const platforms = { userlike, trueconf, rocketchat, persona, scenario };
const isReal = [userlike, trueconf, rocketchat].some(({ simulator }) => simulator === undefined);

const book = choiceBook();
const desk = ownership();
const seat = operatorSeat({ conversation: trueconf.operators });
// Userlike has people of its own. Customers by SMS are for those on TrueConf, unless nobody real sits there.
const takes = ({ channel }: Conversation): boolean =>
  channel === 'sms' && !(isReal && trueconf.simulator !== undefined);
const answer = answers(persona, scenario, isReal ? 4_000 : 1_200);
const trueconfEvents = fromTrueConf({ client: trueconf.client, joinFiles: {} });
const rocketchatEvents = fromRocketChat({ client: rocketchat.client, realtime: true });

const watching = watch(platforms, desk);
accounts.reports$.subscribe((report) => {
  console.error('report:', JSON.stringify(report));
});
merge(fromUserlike(userlike), trueconfEvents, rocketchatEvents)
  .pipe(
    dedupe(),
    readChoices({ book, keepOffers: true }),
    bridge(
      { desk, seat, takes },
      forwardOnTimeout({ desk, afterMs: isReal ? 45_000 : 2_500, to: { kind: 'any' } }, answer),
    ),
    fallbackToText({ book }),
    toPlatforms({
      userlike: toUserlike({ client: userlike.client, webhook: userlike.webhook, desk }),
      trueconf: toTrueConf({ client: trueconf.client, desk, seat, transcript: 4 }),
      rocketchat: pipe(handoffsTo(rocketchat.people), toRocketChat({ client: rocketchat.client, as: 'agent', desk })),
    }),
  )
  .subscribe({
    next: (receipt) => {
      if (receipt.status === 'failed' || receipt.status === 'unknown')
        console.error('receipt:', receipt.status, receipt.error.message);
    },
    error: (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
      void stop();
    },
  });

const stopping = new BehaviorSubject(false);
const stop = async (): Promise<void> => {
  // A second Ctrl-C does not wait.
  if (stopping.value) process.exit(1);
  stopping.next(true);
  await Promise.all([userlike.webhook.drain(10_000), trueconfEvents.drain(10_000), rocketchatEvents.drain(10_000)]);
  await accounts.drain(5_000);
  watching.unsubscribe();
  console.log(accountTable());
  if (accounts.counts().inFlight > 0) process.exitCode = 1;
  await Promise.all(Object.values(platforms).map(async ({ close }) => close()));
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());

await play(platforms, stopping.pipe(filter(Boolean)));
if (process.argv.includes('--once') && !stopping.value) await stop();
else if (!stopping.value) {
  if (accounts.counts().received > 0) console.log(accountTable());
  const doors = [userlike, trueconf, rocketchat].map(({ door }) => `  ${door}`).join('\n');
  console.log(`The desk is open. Be a customer yourself:\n\n${doors}\n\nCtrl-C ends.`);
}
