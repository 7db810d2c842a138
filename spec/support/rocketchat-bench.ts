import { expect } from 'chai';
import { of, Subject, type Subscription } from 'rxjs';
import { openAccounts, traceOf, type Holder, type InboundEvent, type Outcome, type Trace } from 'tidewire';
import {
  fromRocketChat,
  rocketchatWebhook,
  type FromRocketChatConfig,
  type RocketchatSource,
  type RocketchatTrouble,
  type RocketchatWebhookReceiver,
} from 'tidewire/rocketchat';
import { rocketchatCore, type RocketchatCore, type RocketchatCoreConfig } from 'tidewire/simulators';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { postedTo } from './posted.js';
import { RocketchatPort } from './rocketchat-port.js';

export const HOOK_SECRET = 'hook-secret-test-1';
export const SALES = '66fa01c7d2a9b3e4f5061728';
export const SECOND = '66fa01c7d2a9b3e4f5061999';
const ROLES = ['user', 'bot', 'livechat-agent', 'livechat-manager'];
const START = Date.UTC(2026, 10, 20, 10);

const worker: Holder = { name: 'worker' };

/** A server in virtual time, whose webhooks go to all who want them. */
export const world = (config: RocketchatCoreConfig = {}) => {
  const clock = virtualClock();
  clock.advance(START);
  const hooks: RocketchatWebhookReceiver[] = [];
  /** What webhooks were answered with. */
  const statuses: number[] = [];
  const core = rocketchatCore({
    scheduler: clock,
    rateLimits: false,
    // Nobody answers pings here.
    pingMs: 86_400_000_000,
    accounts: [
      {
        username: 'helper.bot',
        name: 'Helper Bot',
        roles: ROLES,
        permissions: ['transfer-livechat-guest'],
        status: 'online',
      },
      { username: 'mira', name: 'Mira', roles: ROLES, status: 'online' },
      { username: 'plain', roles: ['user', 'bot', 'livechat-agent'], status: 'online' },
    ],
    departments: [
      { id: SALES, name: 'Sales', agents: ['helper.bot', 'mira', 'plain'] },
      { id: SECOND, name: 'Second line', agents: ['helper.bot', 'mira'] },
    ],
    webhook: { url: 'https://desk.example/hook', secret: HOOK_SECRET },
    post: ({ headers, body }) => {
      let answer = { status: 200, body: '{}' };
      for (const hook of hooks) {
        const posted = postedTo(hook, JSON.parse(body), headers);
        statuses.push(posted.status);
        // It is posted again to all, where one did not take it.
        if (posted.status !== 200) answer = posted;
      }
      return of(answer);
    },
    ...config,
  });
  return { clock, core, hooks, statuses };
};
export type World = ReturnType<typeof world>;

/** What a bench listens to. */
export interface BenchConfig extends Partial<FromRocketChatConfig> {
  readonly hooked?: boolean;
  readonly username?: string;
  /** Whether the server is away until `port.connect()`. Default: false. */
  readonly isAway?: boolean;
  /** Whether events are settled at once. Default: true. */
  readonly settles?: boolean;
}

/** A source in virtual time, and somebody who works on what it emits. */
export class Bench {
  readonly clock: VirtualClock;
  readonly core: RocketchatCore;
  readonly accounts;
  readonly port: RocketchatPort;
  readonly webhook: RocketchatWebhookReceiver;
  readonly source: RocketchatSource;
  readonly events: InboundEvent[] = [];
  readonly troubles: RocketchatTrouble[] = [];
  readonly subscription: Subscription;
  readonly emitted = new Subject<InboundEvent>();
  error: unknown;
  isComplete = false;
  readonly #working = new Map<string, Trace>();

  constructor(
    { clock, core, hooks }: World,
    { hooked = false, username, isAway = false, settles = true, ...config }: BenchConfig = {},
  ) {
    this.clock = clock;
    this.core = core;
    this.accounts = openAccounts({ scheduler: clock });
    this.port = new RocketchatPort(core, username, undefined, clock);
    this.port.isAway = isAway;
    this.webhook = rocketchatWebhook({ secret: HOOK_SECRET, accounts: this.accounts, scheduler: clock });
    if (hooked) hooks.push(this.webhook);
    const ways = hooked ? { webhook: this.webhook } : {};
    this.source = fromRocketChat({ client: this.port, ...ways, accounts: this.accounts, scheduler: clock, ...config });
    this.source.troubles$.subscribe((trouble) => this.troubles.push(trouble));
    this.subscription = this.source.subscribe({
      next: (event) => {
        this.events.push(event);
        this.emitted.next(event);
        const trace = traceOf(event);
        if (trace === undefined) throw new Error('an event without its account');
        trace.hold(worker);
        if (settles) trace.release(worker, 'handled');
        else this.#working.set(event.id, trace);
      },
      error: (error: unknown) => (this.error = error),
      complete: () => (this.isComplete = true),
    });
  }

  finish(id: string, outcome: Outcome = 'handled', touched = outcome === 'handled'): void {
    const trace = this.#working.get(id);
    if (touched) trace?.touch();
    trace?.release(worker, outcome);
  }
  finishAll(outcome: Outcome = 'handled'): void {
    for (const id of this.#working.keys()) this.finish(id, outcome);
  }

  /** The texts of messages, of one room or all, edits after a star. */
  said(rid?: string): readonly string[] {
    return this.events.flatMap((event) => {
      if (rid !== undefined && event.conversation.id !== rid) return [];
      if (event.kind === 'message') return [event.text];
      return event.kind === 'edited' ? [`*${event.text}`] : [];
    });
  }
  /** What became of a room. */
  life(rid: string): readonly string[] {
    return this.events.flatMap(({ id, conversation }) =>
      conversation.id === rid && id.startsWith(`${rid}~`) ? [id.slice(rid.length + 1)] : [],
    );
  }

  /** What was counted, without zeros. */
  get counts(): object {
    const { received, inFlight, outcomes, refused, late, lost } = this.accounts.counts();
    expect(received).to.equal(inFlight + Object.values(outcomes).reduce((sum, n) => sum + n, 0));
    return Object.fromEntries(Object.entries({ inFlight, refused, late, lost, ...outcomes }).filter(([, n]) => n > 0));
  }
}
