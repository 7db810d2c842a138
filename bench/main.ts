// npm run bench -- NAME [--json]
import { cpus } from 'node:os';
import type { Bench, Row } from './harness.js';

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  pipeline: async () => import('./pipeline.js'),
  'webhook-direct': async () => import('./webhook-direct.js'),
  'webhook-api': async () => import('./webhook-api.js'),
  memory: async () => import('./memory.js'),
  timers: async () => import('./timers.js'),
  persona: async () => import('./persona.js'),
  trueconf: async () => import('./trueconf.js'),
  chatfirst: async () => import('./chatfirst.js'),
  rocketchat: async () => import('./rocketchat.js'),
  queue: async () => import('./queue.js'),
  bundle: async () => import('./bundle.js'),
};

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const isJson = process.argv.includes('--json');
const [name = ''] = names;
const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (load === undefined) {
  console.error(`bench: name one of ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
if (!isJson) console.log(`${name} on Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`);

const round = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
const report = ({ value, ratio, ...rest }: Row): void => {
  const row = { ...rest, value: round(value), ...(ratio !== undefined && { ratio: Number(ratio.toFixed(3)) }) };
  if (isJson)
    console.log(
      JSON.stringify({ name: row.name, value: row.value, unit: row.unit, ratio: row.ratio, against: row.against }),
    );
  else
    console.log(
      `  ${row.name.padEnd(24)}${String(row.value).padStart(10)} ${row.unit.padEnd(10)}${row.ratio === undefined ? '' : `${row.ratio} × ${row.against ?? ''}`}`,
    );
};
await (await load()).run(report);
process.exit(0);
