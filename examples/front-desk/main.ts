// A front desk on one machine, for customers of three platforms. Rules answer on the web, WhatsApp, SMS, TrueConf and LiveChat, a
// persona on Telegram and Facebook, a scenario on Threema. Who has no answer in time, or wants a person, is handed over: to the
// people on Userlike, to a department of Rocket.Chat, or to a group on TrueConf, who answer customers of Userlike, too. Prints
// the conversations as they happen, then the account of every message; then it stays up, and you can be a customer yourself with
// the `curl` lines it prints. `--once` ends after the conversations. A platform whose settings are in the environment (see
// `.env.example`) is the real one, the others are simulated. With `--data DIR` everything is on the disk before it is accepted:
// killed at any moment, it goes on where it was, as does the simulated Userlike, which is a process of its own then.
import { BehaviorSubject, filter, firstValueFrom, merge, pipe, timer } from 'rxjs';
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
import { outbox } from 'tidewire/queue';
import { fromRocketChat, toRocketChat } from 'tidewire/rocketchat';
import { fromTrueConf, toTrueConf } from 'tidewire/trueconf';
import { fromUserlike, toUserlike } from 'tidewire/userlike';
import { accountTable } from './account.js';
import { answers } from './answers.js';
import { openData } from './data.js';
import { orEnd, readOptions } from './options.js';
import { openPersona } from './persona.js';
import { handoffsTo, openRocketchat } from './rocketchat.js';
import { openScenario } from './scenario.js';
import { play, SIGNS, watch } from './simulation.js';
import { openTrueconf } from './trueconf.js';
import { openUserlike } from './userlike.js';

const { dir, once } = readOptions(process.argv.slice(2));
const data = dir === undefined ? undefined : await orEnd(() => openData(dir));
const kept = data === undefined ? {} : { store: data.store };
const found = await orEnd(() => data?.found());
const userlike = await orEnd(async () => openUserlike(process.env, dir));
const trueconf = await openTrueconf(process.env);
const rocketchat = await openRocketchat(process.env);
const persona = await openPersona(process.env);
const scenario = await openScenario(process.env);
const platforms = { userlike, trueconf, rocketchat, persona, scenario };
const isReal = [userlike, trueconf, rocketchat].some(({ simulator }) => simulator === undefined);

const book = choiceBook(kept);
const desk = ownership(kept);
const seat = operatorSeat({ conversation: trueconf.operators, ...kept });
// Userlike has people of its own. Customers by SMS are for those on TrueConf, unless nobody real sits there.
const takes = ({ channel }: Conversation): boolean =>
  channel === 'sms' && !(isReal && trueconf.simulator !== undefined);
const answer = answers(persona, scenario, isReal ? 4_000 : 1_200, data?.store);
const trueconfEvents = fromTrueConf({ client: trueconf.client, joinFiles: {} });
const rocketchatEvents = fromRocketChat({ client: rocketchat.client, realtime: true });

const watching = watch(platforms, desk);
accounts.reports$.subscribe((report) => {
  console.error('report:', JSON.stringify(report));
});
const stopping = new BehaviorSubject(false);
const stopped = stopping.pipe(filter(Boolean));
const arriving = merge(fromUserlike(userlike), trueconfEvents, rocketchatEvents).pipe(dedupe(kept));
const platformSinks = toPlatforms({
  userlike: toUserlike({ client: userlike.client, desk, ...(data === undefined && { webhook: userlike.webhook }) }),
  trueconf: toTrueConf({ client: trueconf.client, desk, seat, transcript: 4 }),
  rocketchat: pipe(handoffsTo(rocketchat.people), toRocketChat({ client: rocketchat.client, as: 'agent', desk })),
});
const serving = (data === undefined ? arriving : data.through(arriving, stopped))
  .pipe(
    readChoices({ book, keepOffers: true }),
    bridge(
      { desk, seat, takes },
      forwardOnTimeout({ desk, afterMs: isReal ? 45_000 : 2_500, to: { kind: 'any' } }, answer),
    ),
    fallbackToText({ book }),
    data === undefined ? platformSinks : outbox({ queue: data.outbox, store: data.store }, platformSinks),
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

const stop = async (): Promise<void> => {
  // A second Ctrl-C does not wait.
  if (stopping.value) process.exit(1);
  stopping.next(true);
  await Promise.all([userlike.webhook.drain(10_000), trueconfEvents.drain(10_000), rocketchatEvents.drain(10_000)]);
  await accounts.drain(5_000);
  await userlike.lasting?.look();
  watching.unsubscribe();
  if (data === undefined && accounts.counts().inFlight > 0) process.exitCode = 1;
  console.log(accountTable());
  if (data !== undefined) {
    // What is settled is noted in the queue behind that; what is not goes back into it.
    const noted = new Promise<void>((resolve) => {
      serving.add(resolve);
    });
    await Promise.race([noted, firstValueFrom(timer(2_000))]);
    serving.unsubscribe();
    console.log(`In ${data.dir}: ${await data.found()}.`);
    await data.close();
  }
  await Promise.all(Object.values(platforms).map(async ({ close }) => close()));
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());

if (data !== undefined) console.log(`Data is in ${data.dir}: ${found ?? ''}.\n\n${SIGNS}`);
await play(platforms, stopped);
if (once && !stopping.value) await stop();
else if (!stopping.value) {
  if (accounts.counts().received > 0) console.log(accountTable());
  // What is simulated in this process ends with it, whatever is on the disk.
  const lasting = [userlike, trueconf, rocketchat].filter(({ simulator }) => data === undefined || !simulator);
  const doors = lasting.map(({ door }) => `  ${door}`).join('\n');
  console.log(`The desk is open. Be a customer yourself:\n\n${doors}\n\nCtrl-C ends.`);
}
