import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Bench } from './harness.js';

/** The whole core, and what the smallest bot of the README takes of it. */
const BUNDLES = {
  bundle: `export * from 'tidewire';`,
  'bundle/bot': `export { dedupe, fallbackToText, react, text } from 'tidewire';`,
  'bundle/rxjs': `export { asyncScheduler, concatMap, defer, filter, map, mergeMap, Observable, Subject, take } from 'rxjs';`,
} as const;

export const run: Bench['run'] = async (report) => {
  for (const [name, contents] of Object.entries(BUNDLES)) {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: process.cwd() },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
    });
    const inputs = Object.keys(metafile.inputs);
    if (inputs.some((path) => path.startsWith('node:'))) throw new Error('the bundle has Node modules');
    report({ name, value: gzipSync(outputFiles[0]?.contents ?? '').length / 1_024, unit: 'KiB' });
  }
};
