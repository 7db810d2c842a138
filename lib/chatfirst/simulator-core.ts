import { asyncScheduler, Observable, throwError, type SchedulerLike } from 'rxjs';
import { Adapters } from './simulator-adapters.js';
import type { ChatfirstAnswer } from './simulator-answers.js';
import { Api } from './simulator-api.js';
import { Bots, scenarioOf, type ChatfirstBot } from './simulator-bots.js';
import { Desk, type ChatfirstNetwork } from './simulator-desk.js';
import type { ChatfirstFaults } from './simulator-faults.js';
import { shownTo, type ChatfirstJournalEntry, type ChatfirstWhom } from './simulator-journal.js';
import { Pushes } from './simulator-pushes.js';
import { textsIn } from './simulator-reply.js';
import type { ChatfirstRequest } from './simulator-routes.js';
import { rulesOf, type ChatfirstRules } from './simulator-rules.js';
import { Talks } from './simulator-talks.js';
import { ChatfirstUser } from './simulator-user.js';
import { World } from './simulator-world.js';

export interface ChatfirstCoreConfig extends ChatfirstRules {
  /** Clock of the journal, of deadlines, pauses and faults. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** The first token that the API knows. Default: `tok_test_1`. */
  readonly token?: string;
  /** How requests go out to adapters and bridges. Default: nothing is reached; over HTTP, real requests. */
  readonly network?: ChatfirstNetwork;
}

/** Where a person writes. */
export interface ChatfirstWhere {
  /** A messenger that the platform knows itself. Default: `telegram`. */
  readonly channel?: string;
  /** Default: the first one. */
  readonly bot?: string;
  /** Default: the first one. */
  readonly token?: string;
}

/**
 * Chatfirst as a plain state machine with a clock and a journal: tokens, bots, scenarios, users, adapters, bridges, faults.
 * Knows no HTTP: `request` is the API, `network` is what goes out. Without faults and with a network that answers at once
 * everything happens synchronously. Messages of one user are done one after the other, whatever they wait for.
 *
 * @throws TypeError when the token is empty or has a colon, a scenario cannot be read or a bridge has no URL; RangeError when a
 * number is off.
 */
export class ChatfirstCore {
  readonly journal: readonly ChatfirstJournalEntry[];
  readonly faults: ChatfirstFaults = { api: {}, adapter: {}, push: {} };
  /** The first token. */
  readonly token: string;
  readonly #world: World;
  readonly #api: Api;

  constructor(config: ChatfirstCoreConfig = {}) {
    const { scheduler = asyncScheduler, token = 'tok_test_1', network = unreachable, ...given } = config;
    const rules = rulesOf(given);
    const desk = new Desk(rules, scheduler, network);
    const talks = new Talks(desk, new Adapters(desk, this.faults.adapter));
    this.#world = new World(desk, new Bots(rules), talks, new Pushes(desk, this.faults.push));
    this.#api = new Api(this.#world, this.faults.api);
    this.journal = desk.journal;
    this.token = token;
    this.grant(token);
    for (const [name, scenario] of Object.entries(rules.bots)) this.define(name, scenario);
  }

  /** A call of the API. Cold; emits one answer, errors with `ECONNRESET`, or never ends when nobody answers. */
  request(request: ChatfirstRequest): Observable<ChatfirstAnswer> {
    return this.#api.request(request);
  }

  /**
   * A person on a messenger, who becomes known to the bot with the first message.
   *
   * @throws Error when there is no such bot, or the channel is one that the platform does not know itself.
   */
  user(id: string, { channel = 'telegram', bot, token = this.token }: ChatfirstWhere = {}): ChatfirstUser {
    const { bots, desk } = this.#world;
    const found = bot === undefined ? bots.all(token)[0] : bots.find(token, bot);
    if (found === undefined) throw new Error(`chatfirst simulator: there is no bot ${bot ?? ''}`);
    if (!desk.rules.channels.includes(channel) || this.#world.bridges.has(channel))
      throw new Error(`chatfirst simulator: ${channel} is no messenger of the platform; its users come by talk`);
    return new ChatfirstUser(this.#world, found, id, channel);
  }

  /**
   * Makes a token known; a revoked one works again.
   *
   * @throws TypeError when it is empty or has a colon.
   */
  grant(token: string): void {
    if (token === '' || token.includes(':'))
      throw new TypeError('chatfirst simulator: token must not be empty, nor have a colon');
    this.#world.bots.grant(token);
  }

  /** Every later call with this token is answered 401. */
  revoke(token: string): void {
    this.#world.bots.revoke(token);
  }

  /**
   * Makes a bot, or gives one another scenario, as its owner would in the dashboard.
   *
   * @throws TypeError when the scenario cannot be read.
   */
  define(name: string, scenario: string, token = this.token): void {
    const { bots } = this.#world;
    try {
      scenarioOf(scenario);
    } catch (error) {
      throw new TypeError(`chatfirst simulator: ${error instanceof Error ? error.message : 'the scenario is off'}`);
    }
    const known = bots.find(token, name);
    if (known === undefined) bots.create(token, { name, language: 1, fancy_name: null, scenario });
    else bots.update(known, { ...known.shown, scenario });
  }

  /** A bot, if there is one. */
  bot(name: string, token = this.token): ChatfirstBot | undefined {
    return this.#world.bots.find(token, name)?.shown;
  }

  /**
   * Where pushes for a channel go from now on; undefined makes the channel unknown, if it is no messenger.
   *
   * @throws TypeError when the URL is none of http or https.
   */
  bridge(channel: string, url: string | undefined): void {
    if (url === undefined) this.#world.bridges.delete(channel);
    else this.#world.bridge(channel, url);
  }

  /** The state of a user who comes by talk, or on a channel; undefined for one who never wrote. */
  stateOf({ bot, user, channel = '' }: ChatfirstWhom, token = this.token): string | undefined {
    return this.#world.bots.find(token, bot)?.dialogues.get(`${channel}\n${user}`)?.state;
  }

  /** The texts that can have reached a user, oldest first: answers that were lost are left out. */
  seenBy(whom: ChatfirstWhom): readonly string[] {
    return textsIn(shownTo(this.journal, whom));
  }

  /** Emits once nothing is under way any more: no scenario, adapter, push or pause. A request that is held back counts not. */
  idle(): Observable<void> {
    return new Observable((subscriber) =>
      this.#world.desk.whenIdle(() => {
        subscriber.next();
        subscriber.complete();
      }),
    );
  }

  /** Stops all timers and requests; what waits for them never happens. */
  stop(): void {
    this.#world.desk.stop();
  }
}

const unreachable: ChatfirstNetwork = () => throwError(() => new Error('there is no network'));

/** Chatfirst without HTTP, for specs in virtual time. */
export const chatfirstCore = (config: ChatfirstCoreConfig = {}): ChatfirstCore => new ChatfirstCore(config);
