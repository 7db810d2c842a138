import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import ts from 'typescript';

const root = new URL('../../', import.meta.url).pathname;
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** Each TypeScript block of the pages as a module of its own, named after its place. */
const blocks = new Map(
  pages.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
      ([, code = ''], n) => [join(root, `${page.replaceAll('/', '-')}-${n + 1}.ts`), `${code}\nexport {};\n`] as const,
    ),
  ),
);

describe('the documentation', () => {
  it('compiles, every block of it', () => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
    const host = ts.createCompilerHost(options);
    const files = { ...host };
    host.fileExists = (path) => blocks.has(path) || files.fileExists(path);
    host.readFile = (path) => blocks.get(path) ?? files.readFile(path);
    host.getSourceFile = (path, ...rest) => {
      const code = blocks.get(path);
      return code === undefined
        ? files.getSourceFile(path, ...rest)
        : ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true);
    };
    host.getCurrentDirectory = () => root;
    const program = ts.createProgram([...blocks.keys()], { ...options, noEmit: true }, host);
    const found = ts
      .getPreEmitDiagnostics(program)
      .map(
        ({ file, messageText }) =>
          `${file?.fileName.replace(root, '') ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    expect(blocks.size).to.be.greaterThan(3);
    expect(found).to.deep.equal([]);
  }).timeout(60_000);

  const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? join('examples', entry.name, 'main.ts') : join('examples', entry.name)))
    .filter((file) => file.endsWith('.ts') && existsSync(join(root, file)));
  for (const example of examples) {
    it(`runs: ${example}`, async () => {
      const args = ['--conditions=tidewire-source', '--import', 'tsx', join(root, example), '--once'];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
      expect(stdout.trim()).not.to.equal('');
    }).timeout(70_000);
  }
});
