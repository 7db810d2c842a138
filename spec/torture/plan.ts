import type { Chance } from './chance.js';
import { STAGES, type Death, type Jump, type Orders, type Stage } from './orders.js';

/** How a life of the bot goes, and how it ends. */
export interface LifePlan {
  readonly stage: Stage;
  /** It kills itself; or it is killed from outside, at any moment. */
  readonly death: Death | undefined;
  /** When it is killed from outside, at the latest, in milliseconds: after its start when it is to die there, else after it is ready. */
  readonly killAfterMs: number;
  readonly jumps: readonly Jump[];
  /** How much its file may grow before its disk is full, in bytes. */
  readonly roomBytes: number | undefined;
  /** A deployment may change it. */
  readonly mode: Orders['mode'];
}

/** How long a bot starts, about. */
const START_MS = 300;
const LONGEST_MS = 1_200;
const HOUR_MS = 3_600_000;

export const planOf = (chance: Chance): LifePlan => {
  const stage = chance.pick(STAGES);
  const isOutside = stage === 'start' || stage === 'random';
  // At once, or while what the stage began is on its way.
  const afterMs = chance.is(0.5) ? 0 : chance.within(1, 6);
  const death = isOutside ? undefined : { stage, count: chance.within(1, 25), afterMs };
  const latest = stage === 'start' ? START_MS : LONGEST_MS;
  const killAfterMs = isOutside ? chance.within(1, latest) : LONGEST_MS;
  const jump = (): Jump => ({
    afterMs: chance.is(0.5) ? 0 : chance.within(1, 800),
    byMs: chance.within(-HOUR_MS, HOUR_MS),
  });
  const jumps = chance.is(0.4) ? [jump(), jump()] : [];
  const roomBytes = chance.is(0.15) ? chance.within(0, 65_536) : undefined;
  const mode = chance.pick(['asTheyCome', 'whole'] as const);
  return { stage, death, killAfterMs, jumps, roomBytes, mode };
};
