import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Bench } from './harness.js';

export const run: Bench['run'] = async (report) => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from 'tidewire';`, resolveDir: process.cwd() },
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
  report({ name: 'bundle', value: gzipSync(outputFiles[0]?.contents ?? '').length / 1_024, unit: 'KiB' });
};
