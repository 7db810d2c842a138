import { empty, json, page, Refusal, type ChatfirstAnswer } from './simulator-answers.js';
import { botIn, type Bot } from './simulator-bots.js';
import { actionResponse, outputMessage } from './simulator-output.js';
import { readInstruction } from './simulator-reply.js';
import type { Arrival, ChatfirstOperation } from './simulator-routes.js';
import type { World } from './simulator-world.js';

/** @internal A call whose token and body are in order. */
export interface Call extends Arrival {
  readonly number: number;
  readonly token: string;
  readonly json: Readonly<Record<string, unknown>>;
}

const LONGEST = 4_096;

type Result = Readonly<{ status?: number; body?: string; isIgnored?: boolean }>;
type Deed = (world: World, call: Call, done: (result: Result) => void) => void;

const need = (call: Call, name: string): string => {
  const value = call.query.get(name) ?? '';
  if (value === '') throw new Refusal(400, `${name} is missing`);
  return value;
};

const botOf = ({ bots }: World, call: Call): Bot => {
  if (call.bot === '') throw new Refusal(400, 'botName is missing');
  return bots.get(call.token, call.bot);
};

const note = ({ desk }: World, { number, bot, user, channel }: Call, problem: string): void => {
  desk.write({ call: number, bot, user, channel }, { kind: 'problem', problem });
};

const wrote = (world: World, { number, channel }: Call, bot: string, kind: 'created' | 'updated' | 'deleted'): void => {
  world.desk.write({ call: number, bot, user: '', channel }, { kind });
};

const noteScenario = (world: World, call: Call, { scenario, shown }: Bot): void => {
  const { name, problems } = scenario;
  for (const problem of problems) note(world, call, `scenario: ${problem}`);
  if (name !== '' && name !== shown.name) note(world, call, 'scenario: its name is not that of the bot');
};

const shownBot = (bot: Bot, isWhole = true): object => (isWhole ? bot.shown : { ...bot.shown, scenario: null });

const textOf = (call: Call): string => {
  const { InterlocutorId, Text, ...names } = call.json;
  if (typeof InterlocutorId !== 'string' || InterlocutorId === '') throw new Refusal(400, 'InterlocutorId is missing');
  if (typeof Text !== 'string') throw new Refusal(400, 'Text is missing');
  for (const name of ['Username', 'FirstName', 'LastName'])
    if (typeof (names[name] ?? '') !== 'string') throw new Refusal(400, `${name} is no text`);
  return Text;
};

const talk =
  (generation: 1 | 2): Deed =>
  (world, call, done) => {
    const { desk, bots, talks } = world;
    const bot = botOf(world, call);
    const text = textOf(call);
    if (text.length > LONGEST) note(world, call, `Text has more than ${LONGEST} characters`);
    const dialogue = bots.dialogue(bot, call.user, '');
    talks.say(bot, dialogue, text, call.number, (walked) => {
      const of = world.subject(bot, dialogue, call.number);
      for (const bubble of walked.bubbles) desk.write(of, { kind: 'shown', by: 'talk', ...bubble });
      const body =
        generation === 1
          ? actionResponse(walked, desk.rules)
          : outputMessage(walked.bubbles, desk.talkId(), () => desk.messageId(), 'base64').body;
      done({ body });
    });
  };

const DEEDS: Readonly<Record<ChatfirstOperation, Deed>> = {
  listBots: ({ bots, desk }, { token }, done) => {
    const all = bots.all(token).map((bot) => shownBot(bot, desk.rules.listsScenarios));
    done({ body: JSON.stringify(all) });
  },
  createBot: (world, call, done) => {
    const again = call.query.get('userToken');
    if (again !== null && again !== call.token) throw new Refusal(401, 'userToken is another');
    const bot = world.bots.create(call.token, botIn(call.json, true));
    wrote(world, call, bot.shown.name, 'created');
    noteScenario(world, call, bot);
    done({ body: JSON.stringify(shownBot(bot)), isIgnored: true });
  },
  getBot: (world, call, done) => {
    done({ body: JSON.stringify(shownBot(botOf(world, call))) });
  },
  updateBot: (world, call, done) => {
    const bot = botOf(world, call);
    const given = botIn(call.json, false);
    if (given.name !== call.bot) note(world, call, 'name is not the bot of the path');
    world.bots.update(bot, given);
    wrote(world, call, call.bot, 'updated');
    noteScenario(world, call, bot);
    done({ body: JSON.stringify(shownBot(bot)), isIgnored: true });
  },
  deleteBot: (world, call, done) => {
    const bot = botOf(world, call);
    world.bots.delete(bot);
    wrote(world, call, call.bot, 'deleted');
    done({ body: JSON.stringify(shownBot(bot)), isIgnored: true });
  },
  talk: talk(1),
  talkV2: talk(2),
  push: (world, call, done) => {
    const { bots, desk } = world;
    const bot = botOf(world, call);
    const user = need(call, 'id');
    world.checkReachable(bot, call.channel);
    const instruction = readInstruction(call.json, desk.rules.keyboardRow);
    if (typeof instruction === 'string') throw new Refusal(400, `The push is refused: ${instruction}`);
    const { bubbles, forced } = instruction;
    if (forced !== undefined && desk.rules.unknownState === 'refuse' && !bot.scenario.states.has(forced))
      throw new Refusal(400, 'ForcedState is no state of the scenario');
    const known = bots.reach(bot, user, call.channel);
    if (known === undefined && !desk.rules.pushesToStrangers) throw new Refusal(404, `User ${user} was not found`);
    const dialogue = known ?? bots.dialogue(bot, user, call.channel);
    if (bubbles.some(({ text }) => (text ?? '').length > LONGEST))
      note(world, call, `a message has more than ${LONGEST} characters`);
    if (forced !== undefined) world.move(bot, dialogue, forced, 'push', call.number);
    world.deliver(bot, dialogue, call.channel, bubbles, call.number);
    done({ isIgnored: true });
  },
  broadcast: (world, call, done) => {
    const bot = botOf(world, call);
    const { message } = call.json;
    if (typeof message !== 'string') throw new Refusal(400, 'message is missing');
    world.checkReachable(bot, call.channel);
    const everybody = world.bots.everybody(bot, call.channel);
    const of = { call: call.number, bot: call.bot, user: '', channel: call.channel };
    world.desk.write(of, { kind: 'broadcast', text: message, users: everybody.length });
    for (const dialogue of everybody)
      world.deliver(bot, dialogue, call.channel, [{ text: message, keyboard: null, entities: [] }], call.number);
    done({ isIgnored: true });
  },
  getChannel: (world, call, done) => {
    const bot = botOf(world, call);
    world.checkChannel(call.channel);
    const linked = bot.links.get(call.channel);
    if (linked === undefined) throw new Refusal(404, `Channel ${call.channel} is not linked to bot ${call.bot}`);
    const { channel, token, bot: name } = call;
    done({ body: JSON.stringify({ Token: linked, Name: channel, UserToken: token, BotName: name }) });
  },
  linkChannel: (world, call, done) => {
    const bot = botOf(world, call);
    world.checkChannel(call.channel);
    bot.links.set(call.channel, need(call, 'externalToken'));
    world.desk.write({ call: call.number, bot: call.bot, user: '', channel: call.channel }, { kind: 'linked' });
    done({ isIgnored: true });
  },
  unlinkChannel: (world, call, done) => {
    const bot = botOf(world, call);
    world.checkChannel(call.channel);
    bot.links.delete(call.channel);
    world.desk.write({ call: call.number, bot: call.bot, user: '', channel: call.channel }, { kind: 'unlinked' });
    done({ isIgnored: true });
  },
  forceState: (world, call, done) => {
    const bot = botOf(world, call);
    const state = need(call, 'state');
    world.checkChannel(call.channel);
    if (world.desk.rules.unknownState === 'refuse' && !bot.scenario.states.has(state))
      throw new Refusal(400, 'state is no state of the scenario');
    const everybody = world.bots.everybody(bot, call.channel);
    const of = { call: call.number, bot: call.bot, user: '', channel: call.channel };
    world.desk.write(of, { kind: 'forced', state, users: everybody.length });
    for (const dialogue of everybody) world.move(bot, dialogue, state, 'force', call.number);
    done({ isIgnored: true });
  },
};

/**
 * @internal Lets a call happen, and hands over its answer once; that of talk comes when the scenario has come to rest.
 *
 * @throws Refusal, before there is any effect.
 */
export const carryOut = (world: World, call: Call, done: (answer: ChatfirstAnswer) => void): void => {
  const { statuses, ignoredBody } = world.desk.rules;
  DEEDS[call.operation](world, call, ({ body, isIgnored = false }) => {
    const status = statuses[call.operation] ?? 200;
    if (status === 204) done(empty(204));
    else if (isIgnored && ignoredBody === 'empty') done(empty(status));
    else if (isIgnored && ignoredBody === 'null') done(json(status, 'null'));
    else if (isIgnored && ignoredBody === 'page') done(page(status, 'done'));
    else done(body === undefined ? empty(status) : json(status, body));
  });
};
