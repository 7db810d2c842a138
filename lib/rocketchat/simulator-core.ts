import { asyncScheduler, defer, throwError, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { adminRoutes } from './simulator-admin-routes.js';
import { RocketchatAgent } from './simulator-agent.js';
import { Api } from './simulator-api.js';
import type { RocketchatAnswer, RocketchatRequest } from './simulator-answers.js';
import { chatRoutes } from './simulator-chat-routes.js';
import type { RocketchatConnection, RocketchatPeer } from './simulator-connection.js';
import type { RocketchatPost, RocketchatPosted } from './simulator-deliveries.js';
import { Desk } from './simulator-desk.js';
import type { RocketchatFaults } from './simulator-faults.js';
import { Http } from './simulator-http.js';
import { seenIn, type RocketchatEffect, type RocketchatJournalEntry } from './simulator-journal.js';
import { Limiter } from './simulator-limiter.js';
import { methodsOf } from './simulator-methods.js';
import type { Account } from './simulator-model.js';
import { queueRoutes } from './simulator-queue-routes.js';
import { roomRoutes } from './simulator-room-routes.js';
import type { World } from './simulator-routes.js';
import { rulesOf } from './simulator-rules.js';
import type { RocketchatAccount, RocketchatDepartment, RocketchatRules, RocketchatWebhook } from './simulator-rules.js';
import { Switchboard } from './simulator-switchboard.js';
import { talkRoutes } from './simulator-talk-routes.js';
import { userRoutes } from './simulator-user-routes.js';
import { RocketchatVisitor, type RocketchatGuest } from './simulator-visitor.js';
import { visitorRoutes } from './simulator-visitor-routes.js';
import { worldOf } from './simulator-world.js';

export interface RocketchatCoreConfig extends RocketchatRules {
  /** Clock of the journal, of limits, tokens, webhooks and faults. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** How webhooks go out: emits one answer, or errors when there is none. Default: nobody answers. */
  readonly post?: (post: RocketchatPost) => Observable<RocketchatPosted>;
}

const nobody = (): Observable<never> =>
  throwError(() => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));

/**
 * A Rocket.Chat server with LiveChat, as a plain state machine with a clock and a journal: users, visitors, rooms, the queue,
 * messages, files, sockets, webhooks, faults. Knows no network: `connect` is the socket, `request` is HTTP, `post` is the way of
 * webhooks out. Without delays everything happens synchronously.
 *
 * @throws TypeError when the version is none, or user names are empty or alike; RangeError when a limit is not above 0.
 */
export class RocketchatCore {
  readonly journal: RocketchatJournalEntry[] = [];
  readonly faults: RocketchatFaults = { rest: {}, race: {}, method: {}, event: {}, connection: {}, hook: {} };
  readonly #scheduler: SchedulerLike;
  readonly #timers = new Set<Subscription>();
  readonly #world: World;
  readonly #http: Http;
  readonly #switchboard: Switchboard;
  readonly #limiter: Limiter;
  #downUntil = -Infinity;

  constructor(config: RocketchatCoreConfig = {}) {
    const { scheduler = asyncScheduler, post = nobody, ...given } = config;
    this.#scheduler = scheduler;
    const { faults } = this;
    const desk = new Desk(rulesOf(given), scheduler, {
      write: (effect) => {
        this.#write(effect);
      },
      later: (ms, work) => this.#later(ms, work),
    });
    this.#world = worldOf(desk, faults, post);
    this.#limiter = new Limiter(desk);
    const routes = [visitorRoutes, talkRoutes, userRoutes, queueRoutes, roomRoutes, chatRoutes, adminRoutes];
    this.#http = new Http(
      this.#world,
      new Api(this.#world, this.#limiter),
      faults.rest,
      routes.flatMap((routesOf) => routesOf(this.#world)),
    );
    const methods = methodsOf(this.#world);
    this.#switchboard = new Switchboard({ world: this.#world, faults, methods, limiter: this.#limiter });
  }

  /** Opens a socket; a status when the upgrade is refused. `opened` is to be called when the client can hear. */
  connect(peer: RocketchatPeer, url = '/websocket'): RocketchatConnection | number {
    return this.#switchboard.connect(peer, url, this.#isDown());
  }

  /** The client of a socket can hear from now on. */
  opened(connection: RocketchatConnection): void {
    this.#switchboard.opened(connection);
  }

  /** A request over HTTP. Cold; emits one answer, errors with `ECONNRESET`, or never ends when nobody answers. */
  request(request: RocketchatRequest): Observable<RocketchatAnswer> {
    return defer(() => this.#http.request(request, this.#isDown()));
  }

  /** A customer of this name, who is made known when there is none. */
  visitor(name: string, { token = `visitor-${name}`, ...more }: RocketchatGuest = {}): RocketchatVisitor {
    const { visitors } = this.#world;
    const known = visitors.find(token);
    const visitor = known ?? visitors.register({ token, name, ...more });
    return new RocketchatVisitor(this.#world, visitor, this.journal);
  }

  /** The customer who has this token. */
  visitorOf(token: string): RocketchatVisitor {
    return new RocketchatVisitor(this.#world, this.#world.visitors.known(token), this.journal);
  }

  /** A person at the desk, who is made known when there is no user of that name: an agent who is online and available. */
  agent(username: string, more: Omit<RocketchatAccount, 'username'> = {}): RocketchatAgent {
    const { accounts } = this.#world;
    const account = accounts.named(username) ?? accounts.add({ username, status: 'online', ...more });
    return new RocketchatAgent(this.#world, account, this.journal);
  }

  /** Makes a department known; its id. */
  department(department: RocketchatDepartment): string {
    return this.#world.accounts.addDepartment(department).id;
  }

  /** A login of a user, the first one by default, as an administrator or a login would give it. */
  issueToken(
    username?: string,
    { isPersonal = false }: { readonly isPersonal?: boolean } = {},
  ): { readonly userId: string; readonly authToken: string } {
    const { account, token } = this.#world.accounts.issue(this.#account(username), isPersonal);
    return { userId: account.id, authToken: token };
  }

  /**
   * The tokens of a user, or of all, are no longer good. Sockets lose their login and stay; they are told of it unless it
   * should be silent.
   */
  expireTokens(username?: string, { isTold = true }: { readonly isTold?: boolean } = {}): void {
    const account = username === undefined ? undefined : this.#account(username);
    this.#world.accounts.expire(account);
    this.#switchboard.expire(account, isTold);
  }

  /** Changes where webhooks go; nowhere without a configuration. */
  setWebhook(webhook?: RocketchatWebhook): void {
    this.#world.deliveries.config = webhook;
  }

  /** Tells a visitor who waits in a room of the place in the queue. */
  tellSpot(rid: string, spot: number, estimatedWaitTimeSeconds?: number): void {
    this.#world.streams.spot(this.#world.rooms.find(rid), spot, estimatedWaitTimeSeconds);
  }

  /** All calls are forgotten, so that limits begin anew. */
  forgetCalls(): void {
    this.#limiter.forget();
  }

  /** Ends all sockets with a close code, or by cutting them. */
  drop(code?: number): void {
    this.#switchboard.end(code);
  }

  /** Makes all sockets half-open: nothing that comes is heard, nothing goes out, and they stay. */
  freeze(): void {
    this.#switchboard.freeze();
  }

  /** Cuts all sockets, forgets webhooks that are to be tried again, and refuses everything for a while. The rest is kept. */
  restart(downMs = 0): void {
    this.drop();
    this.#world.deliveries.forget();
    this.#limiter.forget();
    this.#downUntil = this.#scheduler.now() + downMs;
  }

  /** Sends a text to all sockets as it is. */
  raw(text: string): void {
    this.#switchboard.raw(text);
  }

  /** What visitor and agents wrote in a room, edits too, oldest first. */
  seenIn(rid: string): readonly string[] {
    return seenIn(this.journal, rid, 'visitor', 'agent');
  }

  /** Stops all timers and webhooks; what waits for them never happens. */
  stop(): void {
    this.#world.deliveries.stop();
    for (const timer of this.#timers) timer.unsubscribe();
    this.#timers.clear();
  }

  #account(username: string | undefined): Account {
    const { accounts } = this.#world;
    const account = username === undefined ? [...accounts.all.values()][0] : accounts.named(username);
    if (account === undefined) throw new Error(`rocketchat simulator: there is no user ${username ?? ''}`);
    return account;
  }

  #isDown(): boolean {
    return this.#scheduler.now() < this.#downUntil;
  }

  #later(ms: number, work: () => void): () => void {
    if (ms <= 0) {
      work();
      return () => undefined;
    }
    const timer = this.#scheduler.schedule(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
    return () => {
      timer.unsubscribe();
      this.#timers.delete(timer);
    };
  }

  #write(effect: RocketchatEffect): void {
    this.journal.push({ at: this.#scheduler.now(), ...effect });
  }
}

/** A Rocket.Chat server without a network, for specs in virtual time. */
export const rocketchatCore = (config: RocketchatCoreConfig = {}): RocketchatCore => new RocketchatCore(config);
