// npm run torture -- --kills N [--seed S] [--json] [--break early|nomark]
import { parseArgs } from 'node:util';
import type { Break } from './orders.js';
import { table } from './table.js';
import { torture, type LifeReport } from './torture.js';

const usage = (why: string): never => {
  console.error(`torture: ${why}: --kills N [--seed S] [--json]`);
  process.exit(2);
};
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'boolean', default: false },
    // What must be found out.
    break: { type: 'string' },
  },
});
const [kills, seed] = [Number(values.kills), Number(values.seed)];
if (!Number.isInteger(kills) || kills < 1) usage('kills must be a number from 1');
if (!Number.isInteger(seed)) usage('seed must be a whole number');
const { json } = values;
const isBreak = (value: string | undefined): value is Break | undefined =>
  value === undefined || value === 'early' || value === 'nomark';
const isBroken = isBreak(values.break) ? values.break : usage('there is no such break');

const onLife = ({ plan, number, end, inFlight }: LifeReport): void => {
  if (json) return;
  const { stage, death, jumps, roomBytes } = plan;
  const when = death === undefined ? '' : `, time ${death.count}${death.afterMs === 0 ? '' : ` + ${death.afterMs} ms`}`;
  const more = [...(jumps.length > 0 ? ['clock'] : []), ...(roomBytes === undefined ? [] : ['full disk'])];
  const line = `${stage}${when}`.padEnd(26) + `${end.padEnd(9)}${inFlight} in flight`.padEnd(24) + more.join(', ');
  console.log(`${String(number).padStart(4)}  ${line.trimEnd()}`);
};
if (!json) console.log(`torture: ${kills} kills, seed ${seed}`);
const report = await torture({ kills, seed, isBroken, onLife });
const { verdict } = report;
if (!json) console.log(table(report));
const { sent, handled, lost, doubled, outOfOrder, deadLettered } = verdict;
const inDoubt = report.doubts.length;
console.log(
  JSON.stringify({ seed, kills: report.kills, sent, handled, lost, doubled, outOfOrder, inDoubt, deadLettered }),
);
process.exit(verdict.faults.length > 0 ? 1 : 0);
