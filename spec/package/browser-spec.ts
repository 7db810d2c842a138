import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { build } from 'esbuild';

const bundle = async (contents: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL('../../', import.meta.url).pathname, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    conditions: ['tidewire-source'],
    globalName: 'result',
  });
  return outputFiles[0]?.text ?? '';
};

describe('the core in a browser', () => {
  it('runs with web globals only', async () => {
    const code = await bundle(`
      import { of } from 'rxjs';
      import { accounts, accounted, choices, dedupe, deliver, delivered, fallbackToText, rateLimit, react, text } from 'tidewire';
      export const seen: string[] = [];
      const event = { kind: 'message', id: '1', platform: 'p', conversation: { platform: 'p', id: 'c', channel: 'web' }, at: '', text: 'hi', raw: null } as const;
      of(event, event)
        .pipe(accounted('page'), dedupe(), react(() => [text('hello'), choices('?', ['a'])]), fallbackToText(), rateLimit({ limit: 9, perMs: 1 }), deliver({ name: 'page' }, (action) => delivered(action, '')))
        .subscribe(({ action }) => seen.push(action.kind === 'text' ? action.text : action.kind));
      export const { received, inFlight } = accounts.counts();
    `);
    const globals = {
      TextEncoder,
      TextDecoder,
      URL,
      AbortController,
      console,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      crypto,
    };
    const context = createContext(globals);
    const result = runInContext(`${code}; result`, context) as { seen: string[]; received: number; inFlight: number };
    expect([...result.seen]).to.deep.equal(['hello', '?\n\n1. a\n\nPlease reply with a number.']);
    expect({ received: result.received, inFlight: result.inFlight }).to.deep.equal({ received: 2, inFlight: 0 });
  });

  it('fits into 39.5 KiB, minified and compressed, RxJS included', async () => {
    const code = await bundle(`export * from 'tidewire';`);
    expect(gzipSync(code).length / 1_024).to.be.at.most(39.5);
  });
});
