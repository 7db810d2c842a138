import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trueconfSimulator, userlikeSimulator } from 'tidewire/simulators';
import type { TrueconfSimulator, UserlikeSimulator } from 'tidewire/simulators';
import { bundled } from '../support/child.js';
import { Chance } from './chance.js';
import { Customers } from './customers.js';
import { evidenceOfTrueconf, evidenceOfUserlike } from './evidence.js';
import { Life } from './life.js';
import type { Break, Letter, Orders } from './orders.js';
import { planOf, type LifePlan } from './plan.js';
import { Progress } from './progress.js';
import { Trouble } from './trouble.js';
import { judge, type Doubt, type Verdict } from './verdict.js';

export interface TortureConfig {
  readonly kills: number;
  readonly seed: number;
  readonly isBroken: Break | undefined;
  /** How each life goes, with no other trouble; without it, as the seed has it. */
  readonly plan?: LifePlan;
  /** Told of each life when it is over. */
  readonly onLife: (life: LifeReport) => void;
}

export interface LifeReport {
  readonly plan: LifePlan;
  readonly number: number;
  /** How it ended: the signal, or the code. */
  readonly end: string;
  /** Actions that a sink had, and had not said what became of them. */
  readonly inFlight: number;
}

export interface TortureReport {
  readonly verdict: Verdict;
  readonly doubts: readonly Doubt[];
  readonly letters: readonly Letter[];
  readonly kills: number;
}

const SECRET = 'torture';
const BOT = { name: 'bot', password: 'torture' };
const CUSTOMERS = 4;
/** How long nothing may come nearer to its end after the last kill, in milliseconds. */
const REST_MS = 10_000;
/** How long a bot may take to start, in milliseconds. */
const START_MS = 10_000;

/**
 * Kills a durable bot again and again while customers of two platforms write to it over real HTTP and WebSocket, and
 * compares what they wrote with what they saw. What is chosen comes from the seed; when what happens does not.
 *
 * @throws Error when the bot does not start, ends by itself, or does not come to rest.
 */
export const torture = async (config: TortureConfig): Promise<TortureReport> => {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-torture-'));
  const script = await bundled('bot', folder, new URL('./bot.ts', import.meta.url));
  const port = await freePort();
  const webhook = { url: `http://127.0.0.1:${port}/`, headers: { 'API-SECURITY-TOKEN': SECRET } };
  const userlike = await userlikeSimulator({ webhook, limit: Infinity });
  const trueconf = await trueconfSimulator({ bots: { [BOT.name]: BOT.password } });
  try {
    return await new Campaign(config, script, join(folder, 'data'), port, userlike, trueconf).run();
  } finally {
    await userlike.close();
    await trueconf.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** @internal */
class Campaign {
  readonly #config: TortureConfig;
  readonly #script: string;
  readonly #dir: string;
  readonly #port: number;
  readonly #userlike: UserlikeSimulator;
  readonly #trueconf: TrueconfSimulator;
  readonly #doubts = new Map<string, Doubt>();
  /** Actions that were in flight at a kill, and its number. */
  readonly #inFlight = new Map<string, number>();
  /** Connections of lives whose disk was full. */
  readonly #lossy = new Set<number>();
  #kills = 0;

  constructor(
    config: TortureConfig,
    script: string,
    dir: string,
    port: number,
    userlike: UserlikeSimulator,
    trueconf: TrueconfSimulator,
  ) {
    this.#config = config;
    this.#script = script;
    this.#dir = dir;
    this.#port = port;
    this.#userlike = userlike;
    this.#trueconf = trueconf;
  }

  async run(): Promise<TortureReport> {
    const { kills, seed, plan } = this.#config;
    const chance = new Chance(seed);
    const [plans, writing, breaking] = [chance.child(1), chance.child(2), chance.child(3)];
    const customers = new Customers(writing, new Progress(this.#userlike, this.#trueconf));
    customers.onUserlike(this.#userlike, CUSTOMERS);
    customers.onTrueconf(this.#trueconf, CUSTOMERS);
    const trouble = new Trouble(breaking, this.#userlike, this.#trueconf, CUSTOMERS);
    if (plan === undefined) trouble.start();
    while (this.#kills < kills) await this.#live(plan ?? planOf(plans));
    trouble.stop();
    const letters = await this.#rest(customers);
    const doubts = [...this.#doubts.values()];
    const verdict = judge({
      said: customers.said,
      evidence: [evidenceOfUserlike(this.#userlike), evidenceOfTrueconf(this.#trueconf)],
      doubts,
      letters,
      cut: trouble.unanswered,
      isLossy: (connection) => this.#lossy.has(connection),
    });
    return { verdict, doubts, letters, kills: this.#kills };
  }

  /** One life, to its end. */
  async #live(plan: LifePlan): Promise<void> {
    const { death, jumps, mode, roomBytes, stage, killAfterMs } = plan;
    const fileBytes = roomBytes === undefined ? undefined : this.#fileBytes() + roomBytes;
    const before = this.#trueconf.journal.length;
    const life = this.#begin({ death, jumps, mode }, fileBytes);
    if (stage !== 'start') await Promise.race([life.ready, after(START_MS)]);
    const killing = setTimeout(() => {
      life.kill();
    }, killAfterMs);
    const end = await life.over;
    clearTimeout(killing);
    if (fileBytes !== undefined) {
      for (const entry of this.#trueconf.journal.slice(before)) {
        if (entry.kind === 'connected') this.#lossy.add(entry.connection);
      }
    }
    // With a full disk it may say so, and end.
    if (end !== 'SIGKILL' && fileBytes === undefined) throw ended(end, life);
    if (end === 'SIGKILL') this.#kills++;
    this.#learn(life);
    this.#config.onLife({ plan, number: life.number, end, inFlight: life.inFlight.size });
  }

  /** A last life without kills, until nothing is left to do: what is in the queues' dead letters then. */
  async #rest(customers: Customers): Promise<readonly Letter[]> {
    const life = this.#begin({ death: undefined, jumps: [], mode: 'asTheyCome' }, undefined);
    await Promise.race([life.ready, after(START_MS)]);
    await Promise.race([customers.stop(), after(REST_MS), life.over]);
    let [left, since] = [Infinity, Date.now()];
    while (left > 0) {
      // First what the bot does not have: it may get it meanwhile.
      const unread = this.#trueconf.core.unread().length;
      const waiting = await life.waiting();
      if (waiting === undefined) throw ended(await life.over, life);
      if (waiting + unread < left) [left, since] = [waiting + unread, Date.now()];
      else if (Date.now() - since > REST_MS) throw new Error(`${left} messages do not come to rest: ${life.stderr}`);
      // What was not acknowledged is told again with each connection.
      else if (unread > 0) this.#trueconf.core.drop();
      if (left > 0) await after(100);
    }
    const letters = await life.letters();
    life.kill();
    await life.over;
    this.#learn(life);
    return letters;
  }

  #begin(fate: Pick<Orders, 'death' | 'jumps' | 'mode'>, fileBytes: number | undefined): Life {
    const orders: Orders = {
      ...fate,
      dir: this.#dir,
      port: this.#port,
      userlike: { url: this.#userlike.url, token: this.#userlike.token, secret: SECRET },
      trueconf: { port: this.#trueconf.port, ...BOT },
      isBroken: this.#config.isBroken,
    };
    return new Life(this.#kills + 1, this.#script, orders, fileBytes);
  }

  #learn(life: Life): void {
    for (const { action, text, cause } of life.doubts) {
      // A mark is written before anybody hears of its sending: then it was the last kill.
      const kill = cause === 'ended' ? (this.#inFlight.get(action) ?? life.number - 1) : undefined;
      // Named again, it is no other doubt than before.
      if (!this.#doubts.has(action)) this.#doubts.set(action, { action, text, kill, cause });
    }
    for (const action of life.inFlight) this.#inFlight.set(action, life.number);
  }

  #fileBytes(): number {
    return statSync(join(this.#dir, 'tidewire.mdb'), { throwIfNoEntry: false })?.size ?? 262_144;
  }
}

const ended = (end: string, { number, stderr }: Life): Error =>
  new Error(`life ${number}: the bot ended by itself with ${end}: ${stderr}`);

const after = async (ms: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms, undefined).unref();
  });

/** Below those that systems give to outgoing connections: while no bot lives to hold it, nobody takes it. */
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
};
