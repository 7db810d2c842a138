// Packs the library, installs the tarball into an empty project, and uses it there: every entry point by `import` and by
// `require`, as TypeScript, and as publint and attw see it. Exits non-zero with a sentence when something does not hold.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const { exports, devDependencies, name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'tidewire-'));
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const [{ filename, unpackedSize }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  );
  const entries = Object.keys(exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => entry.replace('.', name));

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const peers = ['rxjs', 'fp-ts', 'io-ts', 'lmdb'].map((peer) => `${peer}@${devDependencies[peer]}`);
  run('npm', [
    'install',
    '--silent',
    '--no-audit',
    '--no-fund',
    `./${filename}`,
    ...peers,
    `typescript@${devDependencies.typescript}`,
    `@types/node@${devDependencies['@types/node']}`,
  ]);

  writeFileSync(join(folder, 'esm.mjs'), entries.map((entry) => `await import('${entry}');`).join('\n'));
  run('node', ['esm.mjs']);
  writeFileSync(join(folder, 'common.cjs'), entries.map((entry) => `require('${entry}');`).join('\n'));
  run('node', ['--no-warnings', 'common.cjs']);

  writeFileSync(
    join(folder, 'use.ts'),
    `${entries.map((entry, n) => `import * as entry${n} from '${entry}';`).join('\n')}
import { of } from 'rxjs';
import { dedupe, react, type InboundEvent } from '${name}';
export const seen = [${entries.map((_, n) => `entry${n}`).join(', ')}];
export const answers = (event: InboundEvent) => of(event).pipe(dedupe(), react(() => ({ kind: 'text', text: 'hello' })));
`,
  );
  for (const module of ['nodenext', 'preserve']) {
    const resolution = module === 'nodenext' ? 'nodenext' : 'bundler';
    run('npx', [
      'tsc',
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--target',
      'es2022',
      '--module',
      module,
      '--moduleResolution',
      resolution,
      '--types',
      'node',
      'use.ts',
    ]);
  }

  run('npx', ['publint', '--strict', join(folder, filename)], root);
  run('npx', ['attw', '--profile', 'esm-only', join(folder, filename)], root);
  console.log(`${filename}: ${entries.length} entry points, ${Math.round(unpackedSize / 1024)} KiB unpacked`);
} catch (error) {
  console.error(error.stdout || error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
