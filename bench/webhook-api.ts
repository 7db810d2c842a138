import { compare, type Bench } from './harness.js';
import { loadOf, startServer } from './load.js';

export const run: Bench['run'] = async (report) => {
  const api = await startServer('api');
  const [ours, bare] = [await startServer('ours-api', api.url), await startServer('bare-api', api.url)];
  await compare(
    'webhook-api',
    'req/s',
    'bare loop',
    async () => loadOf(ours.url),
    async () => loadOf(bare.url),
    report,
  );
  for (const { stop } of [ours, bare, api]) stop();
};
