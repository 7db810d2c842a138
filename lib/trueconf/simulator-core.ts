import { asyncScheduler, defer, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { callsOf, type World } from './simulator-calls.js';
import { Chats } from './simulator-chats.js';
import type { TrueconfConnection, TrueconfPeer } from './simulator-connection.js';
import { Desk } from './simulator-desk.js';
import type { TrueconfFaults } from './simulator-faults.js';
import { Files } from './simulator-files.js';
import { Groups } from './simulator-groups.js';
import { Http, type TrueconfAnswer, type TrueconfRequest } from './simulator-http.js';
import { seenIn, type TrueconfEffect, type TrueconfJournalEntry } from './simulator-journal.js';
import { Messages } from './simulator-messages.js';
import { STATE, type Account, type TrueconfContent, type TrueconfLimits } from './simulator-model.js';
import { Refusal } from './simulator-refusal.js';
import { DEFAULTS, type TrueconfRules } from './simulator-rules.js';
import { Switchboard, type Behind } from './simulator-switchboard.js';
import { Tokens } from './simulator-tokens.js';
import { TrueconfUser } from './simulator-user.js';
import { Views } from './simulator-views.js';

export interface TrueconfCoreConfig extends TrueconfRules {
  /** Clock of the journal, of tokens, transfers and faults. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * A TrueConf server with its chatbot connector, as a plain state machine with a clock and a journal: bots, people, tokens,
 * chats, messages, files, sockets, faults. Knows no network: `connect` is the socket, `request` is HTTP. Without delays
 * everything happens synchronously.
 *
 * @throws TypeError when there is no bot, or a login is empty.
 */
export class TrueconfCore {
  readonly journal: TrueconfJournalEntry[] = [];
  readonly faults: TrueconfFaults = {
    request: {},
    event: {},
    connection: {},
    token: {},
    upload: {},
    download: {},
    server: {},
  };
  readonly #scheduler: SchedulerLike;
  readonly #timers = new Set<Subscription>();
  readonly #switchboard = new Switchboard();
  readonly #world: World;
  readonly #http: Http;
  readonly #behind: Behind;
  #downUntil = -Infinity;

  constructor(config: TrueconfCoreConfig = {}) {
    const { scheduler = asyncScheduler, ...given } = config;
    const rules = { ...DEFAULTS, ...given };
    if (Object.keys(rules.bots).length === 0) throw new TypeError('trueconf simulator: there must be a bot');
    if (Object.hasOwn(rules.bots, '')) throw new TypeError('trueconf simulator: a login must not be empty');
    this.#scheduler = scheduler;
    const desk = new Desk(rules, scheduler, {
      write: (effect) => {
        this.#write(effect);
      },
      publish: (notice) => {
        this.#switchboard.publish(notice, rules.echo);
      },
      later: (ms, work) => {
        this.#later(ms, work);
      },
    });
    const chats = new Chats(desk);
    const views = new Views(desk, chats);
    const messages = new Messages(desk, chats, views);
    const groups = new Groups(desk, chats, messages, views);
    const files = new Files(desk, (file) => {
      this.#switchboard.tellProgress(file);
    });
    const tokens = new Tokens(desk);
    this.#world = { desk, chats, messages, groups, files, views };
    this.#http = new Http(desk, files, tokens, this.faults);
    this.#behind = { desk, faults: this.faults, tokens, messages, views, files, calls: callsOf(this.#world) };
  }

  /** Opens a socket; a status when the upgrade is refused. */
  connect(peer: TrueconfPeer, url = '/websocket/chat_bot/'): TrueconfConnection | number {
    return this.#switchboard.connect(peer, url, this.#isDown(), this.#behind);
  }

  /** A request over HTTP. Cold; emits one answer, errors with `ECONNRESET`, or never ends when nobody answers. */
  request(request: TrueconfRequest): Observable<TrueconfAnswer> {
    return defer(() => this.#http.request(request, this.#isDown()));
  }

  /** A person, who is made known when there is none of that name; a name can have a host. */
  user(name: string, more: { readonly displayName?: string; readonly instance?: string } = {}): TrueconfUser {
    const { desk } = this.#world;
    return new TrueconfUser(this.#world, desk.find(name) ?? desk.open(name, more), this.journal);
  }

  /** A token for a bot, the first one by default, as the token endpoint would give it. */
  issueToken(bot?: string): string {
    return this.#behind.tokens.issue(this.#bot(bot)).token;
  }

  /** All tokens that were issued are no longer good. Sockets that are authorized stay. */
  expireTokens(): void {
    this.#behind.tokens.expire();
  }

  /** Disables the account of a bot, or enables it again. */
  disable(bot: string, isDisabled = true): void {
    this.#bot(bot).isDisabled = isDisabled;
  }

  /** Ends all sockets with a close code, or by cutting them. */
  drop(code?: number): void {
    this.#switchboard.end(code);
  }

  /** Makes all sockets half-open: nothing that comes is heard, nothing goes out, and they stay. */
  freeze(): void {
    this.#switchboard.freeze();
  }

  /** Cuts all sockets and refuses everything for a while; what the server knows is kept. */
  restart(downMs = 0): void {
    this.drop();
    this.#downUntil = this.#scheduler.now() + downMs;
  }

  /** Changes the limits for uploads, and tells all bots. */
  setLimits(limits: TrueconfLimits): void {
    this.#world.files.limits = limits;
    this.emit('getFileUploadLimits', { ...limits });
  }

  /** So many bytes of a file have come; all of them make it ready. */
  progress(fileId: string, bytes: number): void {
    const { files } = this.#world;
    files.progress(files.find(fileId), bytes);
  }

  /** A file is not available any more. */
  loseFile(fileId: string): void {
    this.#world.files.find(fileId).state = STATE.unavailable;
  }

  /** Tells all bots that are authorized of an event, one that nobody knows too. */
  emit(method: string, payload: TrueconfContent): void {
    this.#switchboard.tellAll(method, payload);
  }

  /** Sends a text to all sockets as it is. */
  raw(text: string): void {
    this.#switchboard.raw(text);
  }

  /** What could be seen in a chat, edits too, oldest first. */
  seenIn(chatId: string): readonly string[] {
    return seenIn(this.journal, chatId);
  }

  /** The ids of messages that a bot, the first one by default, has not acknowledged, oldest first. */
  unread(bot?: string): readonly string[] {
    return this.#world.messages.unread(this.#bot(bot)).map(({ messageId }) => messageId);
  }

  /** Scheme, host and port of downloads, where the rules name none. */
  set origin(origin: string) {
    this.#world.files.origin = origin;
  }

  get origin(): string {
    return this.#world.files.origin;
  }

  /** Stops all timers; what waits for them never happens. */
  stop(): void {
    for (const timer of this.#timers) timer.unsubscribe();
    this.#timers.clear();
  }

  #bot(name: string | undefined): Account {
    const { desk } = this.#world;
    const bot = name === undefined ? desk.bots[0] : desk.find(name);
    if (bot?.password === undefined) throw new Refusal(305, `there is no bot ${name ?? ''}`);
    return bot;
  }

  #isDown(): boolean {
    return this.#scheduler.now() < this.#downUntil;
  }

  #later(ms: number, work: () => void): void {
    if (ms <= 0) {
      work();
      return;
    }
    const timer = this.#scheduler.schedule(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #write(effect: TrueconfEffect): void {
    this.journal.push({ at: this.#scheduler.now(), ...effect });
  }
}

/** A TrueConf server without a network, for specs in virtual time. */
export const trueconfCore = (config: TrueconfCoreConfig = {}): TrueconfCore => new TrueconfCore(config);
