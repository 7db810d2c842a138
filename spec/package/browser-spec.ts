import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { build } from 'esbuild';
import { trueconfSimulator } from 'tidewire/simulators';
import { WebSocket } from 'ws';

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

  it('fits into 40.4 KiB, minified and compressed, RxJS included', async () => {
    const code = await bundle(`export * from 'tidewire';`);
    expect(gzipSync(code).length / 1_024).to.be.at.most(40.4);
  });
});

describe('tidewire/trueconf in a browser', () => {
  it('loads and talks to a server with web globals only', async () => {
    const code = await bundle(`
      import { lastValueFrom } from 'rxjs';
      import { fromTrueConf, toTrueConf, trueconfClient } from 'tidewire/trueconf';
      export const run = async (port: number, username: string, password: string) => {
        const client = trueconfClient({ server: '127.0.0.1', port, secure: false, lingerMs: 0, username, password });
        const events = fromTrueConf({ client }).subscribe({ error: () => undefined });
        const { chatId } = await lastValueFrom(client.createPersonalChat('opsbot'));
        const stream = () => new Blob([new Uint8Array([1, 2, 3])]).stream();
        const sent = await lastValueFrom(client.sendDocument(chatId, { stream, sizeBytes: 3, name: 'a.bin' }));
        const { bytes } = await lastValueFrom(client.download(sent.fileId));
        const refused: string[] = [];
        for (const wrong of [client.upload({ path: 'a' }), client.downloadTo(sent.fileId, 'a')])
          await lastValueFrom(wrong).catch((thrown) => refused.push(thrown.message));
        events.unsubscribe();
        client.close();
        return { bytes: [...bytes], refused, sink: typeof toTrueConf({ client }) };
      };
    `);
    const simulator = await trueconfSimulator();
    const webGlobals = {
      ...{
        TextEncoder,
        TextDecoder,
        URL,
        URLSearchParams,
        AbortController,
        AbortSignal,
        ReadableStream,
        Blob,
        Uint8Array,
      },
      ...{ setTimeout, clearTimeout, setInterval, clearInterval, crypto, atob, btoa, fetch: globalThis.fetch },
      // That of \`ws\` has more than a browser's.
      WebSocket: class {
        readonly #socket: WebSocket;
        constructor(url: string, protocols: string[]) {
          this.#socket = new WebSocket(url, protocols);
        }
        get readyState(): number {
          return this.#socket.readyState;
        }
        send(text: string): void {
          this.#socket.send(text);
        }
        close(code: number, reason: string): void {
          this.#socket.close(code, reason);
        }
        addEventListener(type: 'open', listener: () => void): void {
          this.#socket.addEventListener(type, listener);
        }
      },
    };
    const { run } = runInContext(`${code}; result`, createContext(webGlobals)) as {
      run: (port: number, username: string, password: string) => Promise<object>;
    };
    const { bytes, refused, sink } = (await run(simulator.port, 'opsbot', 's3cret-42')) as Record<string, unknown>;
    await simulator.close();
    expect([...(bytes as number[])]).to.deep.equal([1, 2, 3]);
    for (const sentence of refused as string[]) expect(sentence).to.include('a browser has no files by their paths');
    expect((refused as string[]).length).to.equal(2);
    expect(sink).to.equal('function');
  });
});
