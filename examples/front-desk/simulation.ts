import { concat, filter, firstValueFrom, interval, NEVER, takeUntil, type Observable, type Subscription } from 'rxjs';
import type { Ownership } from 'tidewire';
import { tom } from './livechat-visitors.js';
import { simulatedAgent, simulatedOperator } from './operator.js';
import type { Persona } from './persona.js';
import type { Rocketchat } from './rocketchat.js';
import type { Scenario } from './scenario.js';
import { printTranscript } from './transcript.js';
import { eva, jonas } from './trueconf-customers.js';
import type { Trueconf } from './trueconf.js';
import { leo, userlikeCustomers } from './userlike-customers.js';
import type { Userlike } from './userlike.js';
import {
  ownerLine,
  personaWitness,
  rocketchatWitness,
  scenarioWitness,
  trueconfWitness,
  userlikeWitness,
  type Names,
} from './witnesses.js';

export interface Platforms {
  readonly userlike: Userlike;
  readonly trueconf: Trueconf;
  readonly rocketchat: Rocketchat;
  readonly persona: Persona;
  readonly scenario: Scenario;
}

export const SIGNS = `  > somebody says   < somebody sees   = who has the customer now   ~ behind their backs
`;

const LEGEND = `Everything is simulated on this machine. Rules answer Kim (web), Ana (WhatsApp), Leo (SMS), Eva and
Jonas (TrueConf) and Tom (LiveChat), a persona of FluidTalk answers Mia and Sam (Telegram) and Noor
(Facebook), a scenario of Chatfirst answers Zoe (Threema). Rosa sits in the operators' group on
TrueConf, Nora in a department of Rocket.Chat.

${SIGNS}`;

/** Prints what happens on the platforms that are simulated, and lets an operator work where theirs is. */
export const watch = (
  { userlike, trueconf, rocketchat, persona, scenario }: Platforms,
  desk: Ownership,
): Subscription => {
  const names: Names = new Map();
  const lasting = userlike.lasting && userlikeWitness(userlike.lasting, names);
  // Who is who there. What they said was printed by the run that heard it.
  lasting?.();
  const witnesses = [
    lasting,
    userlike.simulator && userlikeWitness(userlike.simulator, names),
    trueconf.simulator && trueconfWitness(trueconf.simulator, names),
    rocketchat.simulator && rocketchatWitness(rocketchat.simulator, names),
    persona.simulator && personaWitness(persona.simulator, desk, names),
    scenario.simulator && scenarioWitness(scenario.simulator, names),
  ];
  const watching = printTranscript(
    witnesses.filter((witness) => witness !== undefined),
    desk.changes$,
    ownerLine(names),
  );
  if (trueconf.simulator !== undefined) watching.add(simulatedOperator(trueconf.simulator, trueconf.operators.id));
  if (rocketchat.simulator !== undefined) watching.add(simulatedAgent(rocketchat.simulator));
  return watching;
};

/** Lets customers write, if everything is simulated. `stopped` ends it. */
export const play = async (platforms: Platforms, stopped: Observable<unknown>): Promise<void> => {
  const { userlike, trueconf, rocketchat, persona, scenario } = platforms;
  if (!userlike.simulator || !trueconf.simulator || !rocketchat.simulator) return;
  if (!persona.simulator || !scenario.simulator) return;
  const [atUserlike, atTrueconf, atRocketchat] = [userlike.simulator, trueconf.simulator, rocketchat.simulator];
  const until = async (happened: () => boolean): Promise<unknown> =>
    firstValueFrom(concat(interval(50).pipe(filter(happened), takeUntil(stopped)), NEVER));
  const withOperator = async (): Promise<void> => {
    await eva(atTrueconf, until);
    await Promise.all([jonas(atTrueconf, until), leo(atUserlike, until)]);
  };
  console.log(LEGEND);
  const all = Promise.all([
    userlikeCustomers(atUserlike, persona.simulator, until),
    withOperator(),
    tom(atRocketchat, until),
  ]);
  await Promise.race([all, firstValueFrom(stopped)]);
};
