import { Refusal } from './simulator-answers.js';
import type { Bot, Bots, Dialogue } from './simulator-bots.js';
import type { Desk } from './simulator-desk.js';
import type { ChatfirstSubject } from './simulator-journal.js';
import type { Pushes } from './simulator-pushes.js';
import type { ChatfirstBubble } from './simulator-reply.js';
import { labelsOf, type Talks } from './simulator-talks.js';
import type { ChatfirstMover } from './simulator-walk.js';

/** @internal Bots, users and bridges together. */
export class World {
  readonly desk: Desk;
  readonly bots: Bots;
  readonly talks: Talks;
  readonly bridges: Map<string, string>;
  readonly #pushes: Pushes;

  constructor(desk: Desk, bots: Bots, talks: Talks, pushes: Pushes) {
    this.desk = desk;
    this.bots = bots;
    this.talks = talks;
    this.#pushes = pushes;
    this.bridges = new Map();
    for (const [channel, url] of Object.entries(desk.rules.bridges)) this.bridge(channel, url);
  }

  /** @throws TypeError when the URL is none of http or https. */
  bridge(channel: string, url: string): void {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new TypeError(`chatfirst simulator: the bridge of ${channel} must be a URL of http or https`);
    this.bridges.set(channel, url);
  }

  /** @throws Refusal when the platform does not know this channel. */
  checkChannel(channel: string): void {
    if (channel === '') throw new Refusal(400, 'channel is missing');
    if (!this.desk.rules.channels.includes(channel) && !this.bridges.has(channel))
      throw new Refusal(404, `Channel ${channel} was not found`);
  }

  /** @throws Refusal when users of this channel cannot be reached. */
  checkReachable(bot: Bot, channel: string): void {
    this.checkChannel(channel);
    if (this.desk.rules.needsLink && !this.bridges.has(channel) && !bot.links.has(channel))
      throw new Refusal(404, `Channel ${channel} is not linked to bot ${bot.shown.name}`);
  }

  subject(bot: Bot, { user, channel }: Dialogue, call: number): ChatfirstSubject {
    return { call, bot: bot.shown.name, user, channel };
  }

  /** Moves a user to a state; one that is not there is noted and passed over. */
  move(bot: Bot, dialogue: Dialogue, to: string, by: ChatfirstMover, call: number): void {
    const of = this.subject(bot, dialogue, call);
    if (!bot.scenario.states.has(to)) {
      this.desk.write(of, { kind: 'problem', problem: `a ${by} leads to a state that is not there` });
      return;
    }
    const from = dialogue.state;
    dialogue.state = to;
    this.desk.write(of, { kind: 'moved', from, to, by });
  }

  /** Shows messages that nobody waits for, on the messenger itself or through a bridge. */
  deliver(bot: Bot, dialogue: Dialogue, channel: string, bubbles: readonly ChatfirstBubble[], call: number): void {
    const of = { call, bot: bot.shown.name, user: dialogue.user, channel };
    if (bubbles.length === 0) return;
    dialogue.labels = labelsOf(bubbles);
    const bridge = this.bridges.get(channel);
    if (bridge === undefined)
      for (const bubble of bubbles) this.desk.write(of, { kind: 'shown', by: 'messenger', ...bubble });
    else this.#pushes.push(of, bridge, bot.token, bubbles);
  }
}
