import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';

const root = new URL('../../', import.meta.url).pathname;
const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

/** The imports and re-exports of a file, paths relative to the root, packages as they are. */
const importsOf = (file: string): readonly Import[] => {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.ES2022);
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
    const isType = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const { text } = moduleSpecifier;
    const to = text.startsWith('.') ? normalize(join(dirname(file), text)).replace(/\.js$/, '.ts') : text;
    return [{ from: file, to, isType }];
  });
};

const library = ['lib', 'operators', 'sources', 'sinks'].flatMap(filesIn);
const imports = library.flatMap(importsOf);
const names = (list: readonly Import[]): readonly string[] => list.map(({ from, to }) => `${from} → ${to}`);
const inside = (path: string, ...folders: readonly string[]): boolean =>
  folders.some((folder) => path.startsWith(`${folder}/`));

/** Everything that a file loads when it runs. */
const loadedBy = (entry: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  if (entry.endsWith('.ts')) for (const { to, isType } of importsOf(entry)) if (!isType) loadedBy(to, seen);
  return seen;
};

describe('the borders of the library', () => {
  it('point one way: sources and sinks to operators to lib', () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        (inside(from, 'lib') &&
          !inside(from, 'lib/entry') &&
          inside(to, 'operators', 'sources', 'sinks', 'examples')) ||
        (inside(from, 'operators') && inside(to, 'sources', 'sinks', 'examples')) ||
        (inside(from, 'sources') && inside(to, 'sinks')) ||
        (inside(from, 'sinks') && inside(to, 'sources')),
    );
    expect(names(wrong)).to.deep.equal([]);
  });

  it('leave the entry points alone', () => {
    expect(names(imports.filter(({ to }) => inside(to, 'lib/entry')))).to.deep.equal([]);
  });

  it('let examples use the public entry points only', () => {
    const used = filesIn('examples').flatMap(importsOf);
    expect(names(used.filter(({ to }) => inside(to, 'lib', 'operators', 'sources', 'sinks')))).to.deep.equal([]);
  });

  it('keep operators free of platforms', () => {
    const platforms = imports.filter(
      ({ from, to, isType }) =>
        inside(from, 'operators') && !isType && /^lib\/(userlike|fluidtalk|trueconf|rocketchat|chatfirst)\//.test(to),
    );
    expect(names(platforms)).to.deep.equal([]);
  });

  it('keep simulators apart from codec and client', () => {
    const wrong = imports.filter(
      ({ from, to }) => /\/simulator[^/]*\.ts$/.test(from) && /^lib\//.test(to) && !/\/simulator[^/]*\.ts$/.test(to),
    );
    expect(names(wrong)).to.deep.equal([]);
  });

  it('keep everything else apart from simulators', () => {
    const isSimulator = (path: string): boolean => /\/simulator[^/]*\.ts$/.test(path);
    const wrong = imports.filter(
      ({ from, to }) => isSimulator(to) && !isSimulator(from) && !inside(from, 'lib/entry', 'lib/cli'),
    );
    expect(names(wrong)).to.deep.equal([]);
  });

  it('keep ws and cross-fetch in the transport and in simulators', () => {
    const wrong = imports.filter(
      ({ from, to }) => ['ws', 'cross-fetch'].includes(to) && !/^lib\/transport\/|\/simulator/.test(from),
    );
    expect(names(wrong)).to.deep.equal([]);
  });

  it('keep lmdb in its folder, and out of everything that is not asked for it', () => {
    expect(names(imports.filter(({ from, to }) => to === 'lmdb' && from !== 'lib/lmdb/engine.ts'))).to.deep.equal([]);
    const allowed = imports.filter(
      ({ from, to, isType }) =>
        inside(to, 'lib/lmdb') && !isType && !inside(from, 'lib/lmdb', 'lib/cli') && from !== 'lib/entry/lmdb.ts',
    );
    expect(names(allowed)).to.deep.equal([]);
    for (const entry of ['index', 'queue', 'testing', 'userlike', 'simulators']) {
      expect([...loadedBy(`lib/entry/${entry}.ts`)].filter((path) => /lmdb/.test(path))).to.deep.equal([]);
    }
  });

  it('leave Node, fp-ts and io-ts out of queues', () => {
    const outside = [...loadedBy('lib/entry/queue.ts')].filter(
      (path) => !/^(lib|operators|sources|sinks)\//.test(path),
    );
    expect(outside.filter((path) => path !== 'rxjs')).to.deep.equal([]);
  });

  it('keep saxes in simulators', () => {
    const wrong = imports.filter(({ from, to }) => to === 'saxes' && !/\/simulator[^/]*\.ts$/.test(from));
    expect(names(wrong)).to.deep.equal([]);
  });

  it('leave Node, platforms, fp-ts and io-ts out of the core', () => {
    const outside = [...loadedBy('lib/entry/index.ts')].filter((path) => !/^(lib|operators)\//.test(path));
    expect(outside.filter((path) => path !== 'rxjs')).to.deep.equal([]);
    expect(
      [...loadedBy('lib/entry/index.ts')].filter((path) =>
        /^lib\/(userlike|fluidtalk|trueconf|rocketchat|chatfirst|http-receiver|transport)\//.test(path),
      ),
    ).to.deep.equal([]);
  });

  const time = /\b(Date\.now|setTimeout|setInterval|Math\.random)\(/;
  it('keep the wall clock and chance out of streams, console and process.env out of the library', () => {
    const read = (file: string): string => readFileSync(join(root, file), 'utf8').replace(/^\s*\*.*$/gm, '');
    expect(library.filter((file) => !inside(file, 'lib') && time.test(read(file)))).to.deep.equal([]);
    expect(library.filter((file) => /\bconsole\.|process\.env/.test(read(file)))).to.deep.equal([]);
  });
});
