import { compare, type Bench } from './harness.js';
import { loadOf, startServer } from './load.js';

export const run: Bench['run'] = async (report) => {
  const [ours, bare] = [await startServer('ours-direct'), await startServer('bare-direct')];
  await compare(
    'webhook-direct',
    'req/s',
    'bare node:http',
    async () => loadOf(ours.url),
    async () => loadOf(bare.url),
    report,
  );
  ours.stop();
  bare.stop();
};
