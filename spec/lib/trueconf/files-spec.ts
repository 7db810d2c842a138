import { createServer as createHttp } from 'node:http';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, Observable } from 'rxjs';
import type { ChatError } from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { trueconfSimulator, type TrueconfSimulator } from 'tidewire/simulators';
import {
  trueconfClient,
  type TrueconfClient,
  type TrueconfClientOptions,
  type TrueconfFileToSend,
} from 'tidewire/trueconf';

const SIZE = 300_000;
const bytes = Uint8Array.from({ length: SIZE }, (_, at) => (at * 31 + (at >> 8)) & 255);
const FAST = { reconnectMs: 1, maxReconnectMs: 5, jitterMs: 0 };
const value = async <T>(call: Observable<T>): Promise<T> => lastValueFrom(call);
const failure = async (call: Observable<unknown>): Promise<ChatError> =>
  lastValueFrom(call).then(
    () => expect.fail('expected an error'),
    (thrown: unknown) => thrown as ChatError,
  );

describe('files of trueconfClient', () => {
  let simulator: TrueconfSimulator;
  let client: TrueconfClient;
  let folder: string;
  let path: string;
  let chatId: string;

  const make = (more: TrueconfClientOptions = {}): TrueconfClient => {
    client.close();
    const login = { username: 'opsbot', password: 's3cret-42' };
    const options = { secure: false, lingerMs: 0, requestTimeoutMs: 2_000, pollMs: 2 };
    client = trueconfClient({ server: '127.0.0.1', port: simulator.port, ...options, ...more, ...login });
    return client;
  };
  const count = (kind: string): number => simulator.journal.filter((it) => it.kind === kind).length;
  const called = (method: string): number =>
    simulator.journal.filter((it) => it.kind === 'called' && it.method === method).length;
  const uploads = (): number => called('uploadFile');
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const sent = async (file: TrueconfFileToSend, by = client): Promise<Uint8Array> => {
    const { fileId } = await value(by.sendDocument(chatId, file));
    return (await value(by.download(fileId))).bytes;
  };
  /** Tells whether it was left before its end. */
  const slowly = (size = SIZE) => {
    const taken = { bytes: 0, isOver: false };
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (let at = 0; at < size; at += 10_000) {
          await new Promise((resolve) => setImmediate(resolve));
          taken.bytes += Math.min(10_000, size - at);
          yield bytes.subarray(at % SIZE, (at % SIZE) + Math.min(10_000, size - at));
        }
      } finally {
        taken.isOver = true;
      }
    };
    return { stream, taken };
  };

  beforeEach(async () => {
    simulator = await trueconfSimulator();
    client = trueconfClient({ server: 'tc.example.org', username: 'u', password: 'p' });
    make();
    folder = await mkdtemp(join(tmpdir(), 'files-'));
    path = join(folder, 'plan.png');
    await writeFile(path, bytes);
    ({ chatId } = await value(client.createPersonalChat('opsbot')));
  });
  afterEach(async () => {
    client.close();
    await simulator.close();
    await rm(folder, { recursive: true });
  });

  it('sends bytes, a path, a stream and a url alike', async () => {
    const host = createHttp((_, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(bytes));
    host.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${await new Promise<number>((resolve) =>
      host.once('listening', () => {
        resolve((host.address() as AddressInfo).port);
      }),
    )}/a/plan.png?x=1`;
    make({ downloads: { allowHttpLoopback: true } });
    const { stream } = slowly();
    for (const file of [
      { bytes, name: 'plan.png' },
      { path },
      { stream, sizeBytes: SIZE, name: 'plan.png' },
      { url },
    ] satisfies TrueconfFileToSend[])
      expect(Buffer.compare(await sent(file), bytes)).to.equal(0);
    const parts = simulator.journal.flatMap((it) => (it.kind === 'requested' && it.route === 'upload' ? it.parts : []));
    expect(parts.map(({ fileName, type }) => `${fileName} ${type}`)).to.deep.equal(
      Array<string>(4).fill('plan.png image/png'),
    );
    host.close();
  });

  it('sends a sticker and its preview from one path', async () => {
    const webp = join(folder, 'hi.webp');
    await writeFile(webp, bytes);
    const { fileId } = await value(client.sendSticker(chatId, { path: webp }));
    expect((await value(client.download(fileId))).bytes).to.have.length(SIZE);
    const uploaded = simulator.journal.find((it) => it.kind === 'requested' && it.route === 'upload');
    expect(uploaded).to.have.property('parts').with.length(2);
  });

  it('tells progress of a stream, its last number the whole', async () => {
    const told: [number, number][] = [];
    const { stream } = slowly();
    const onProgress = (at: number, total: number): number => told.push([at, total]);
    await value(client.sendDocument(chatId, { stream, sizeBytes: SIZE, name: 'a' }, { onProgress }));
    expect(told.length).to.be.greaterThan(10);
    expect(told.at(-1)?.[0]).to.equal(told.at(-1)?.[1]);
    expect(told.map(([at]) => at)).to.deep.equal(told.map(([at]) => at).sort((one, other) => one - other));
  });

  it('gives a fetch of one’s own the bytes', async () => {
    const { stream } = slowly();
    const own = make({ fetch: globalThis.fetch });
    expect(Buffer.compare(await sent({ stream, sizeBytes: SIZE, name: 'a' }, own), bytes)).to.equal(0);
  });

  it('fails with what the stream fails with, and leaves no message', async () => {
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 1_000);
      await Promise.resolve();
      throw new Error('the disk is gone');
    };
    for (const fetch of [undefined, globalThis.fetch]) {
      const by = make(fetch === undefined ? {} : { fetch });
      const error = await failure(by.sendDocument(chatId, { stream, sizeBytes: SIZE, name: 'a' }));
      expect(error).to.include({ kind: 'unsupported', inDoubt: false });
      expect(error.cause).to.include({ message: 'the disk is gone' });
    }
    expect(simulator.journal.filter((it) => it.kind === 'called' && it.method === 'sendFile')).to.have.length(0);
  });

  it('names what cannot be read by its code alone', async () => {
    const missing = join(folder, 'passport-of-mira.png');
    const stream = (): AsyncIterable<Uint8Array> => createReadStream(missing);
    const error = await failure(client.upload({ stream, sizeBytes: SIZE, name: 'a' }));
    expect(error).to.include({ kind: 'unsupported', reason: 'ENOENT', inDoubt: false });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.to.include('mira');
    // Gone after its size was announced.
    simulator.faults.request.only = ({ method }) => method === 'uploadFile';
    simulator.faults.request.delay = 1;
    simulator.faults.request.delayMs = 20;
    const gone = join(folder, 'visa-of-mira.png');
    await writeFile(gone, bytes);
    const late = failure(client.upload({ path: gone }));
    await until(() => uploads() === 2);
    await rm(gone);
    expect(inspect(await late, { depth: Infinity, showHidden: true })).not.to.include('mira');
    expect(await late).to.include({ kind: 'unsupported', reason: 'ENOENT' });
  });

  it('fails with what onProgress throws, whenever it does', async () => {
    for (const fetch of [undefined, globalThis.fetch])
      for (const after of fetch === undefined ? [0, 1, 3] : [0, 1]) {
        const own = new Error('mine');
        let told = 0;
        const onProgress = (): void => {
          if (told++ === after) throw own;
        };
        const by = make(fetch === undefined ? {} : { fetch });
        expect(await failure(by.upload({ bytes, name: 'a' }, { onProgress }))).to.equal(own);
      }
  });

  it('names what goes wrong with an upload, without doubt: no message has it', async () => {
    const { upload } = simulator.faults;
    const file = { bytes, name: 'a.bin' };
    upload.statuses = [503];
    expect(await failure(client.upload(file))).to.include({ kind: 'unreachable', status: 503, inDoubt: false });
    upload.statuses = [429];
    expect(await failure(client.upload(file))).to.include({ kind: 'throttled', status: 429 });
    upload.cut = 1;
    expect(await failure(client.upload(file))).to.include({
      kind: 'unreachable',
      reason: 'ECONNRESET',
      inDoubt: false,
    });
    upload.resetBefore = 1;
    expect(await failure(client.upload(file))).to.include({ kind: 'unreachable', inDoubt: false });
    upload.page = 1;
    expect(await failure(client.upload(file))).to.include({ kind: 'undecodable', inDoubt: false });
    upload.empty = 1;
    expect(await failure(client.upload(file))).to.include({ kind: 'undecodable', inDoubt: false });
    expect(await value(client.upload(file))).to.be.a('string');
  });

  it('has a time limit over an upload', async () => {
    const { upload } = simulator.faults;
    upload.silent = 1;
    const clock = virtualClock();
    const error = failure(make({ scheduler: clock, uploadTimeoutMs: 7_000 }).upload({ bytes, name: 'a.bin' }));
    const isRequested = (): boolean =>
      simulator.journal.some((it) => it.kind === 'fault' && it.fault === 'upload.silent');
    await until(isRequested);
    clock.advance(6_999);
    expect(upload.silent).to.equal(0);
    clock.advance(1);
    expect(await error).to.include({ kind: 'timeout', inDoubt: false });
    expect((await error).message).to.equal('trueconf: upload had no answer within 7000 ms');
  });

  it('refuses a stream that has more or fewer bytes than it said', async () => {
    for (const sizeBytes of [SIZE - 1, SIZE + 1]) {
      const { stream, taken } = slowly();
      const error = await failure(client.sendDocument(chatId, { stream, sizeBytes, name: 'a' }));
      expect(error).to.include({ kind: 'unsupported' });
      expect(taken.isOver).to.equal(true);
    }
  });

  it('lets go of the stream when the call is given up', async () => {
    const { stream, taken } = slowly(SIZE * 100);
    const options = { sizeBytes: SIZE * 100, name: 'a' };
    const call = client.sendDocument(chatId, { stream, ...options }).subscribe({ error: () => undefined });
    await until(() => taken.bytes > 0);
    call.unsubscribe();
    await until(() => taken.isOver);
    expect(taken.bytes).to.be.lessThan(SIZE * 100);
  });

  it('refuses what cannot be read or is too large before it asks the server', async () => {
    const missing = await failure(client.sendDocument(chatId, { path: join(folder, 'none') }));
    expect(missing).to.include({ kind: 'unsupported', reason: 'ENOENT' });
    expect(missing.message).to.not.include(folder);
    expect(await failure(client.sendDocument(chatId, { path: folder }))).to.include({ reason: 'EISDIR' });
    const small = make({ maxUploadBytes: SIZE - 1 });
    expect((await failure(small.sendDocument(chatId, { path }))).kind).to.equal('overflow');
    expect((await failure(small.sendPhoto(chatId, { path }, { path }))).kind).to.equal('overflow');
    expect((await failure(small.sendDocument(chatId, { url: 'http://10.0.0.1/a.png' }))).kind).to.equal('unsupported');
    expect(uploads()).to.equal(0);
  });

  it('refuses wrong files at the call', () => {
    const both = { path, bytes, name: 'a' } as unknown as TrueconfFileToSend;
    expect(() => client.sendDocument(chatId, both)).to.throw(TypeError, /file must have one of .*, got path and bytes/);
    expect(() => client.sendDocument(chatId, {} as TrueconfFileToSend)).to.throw(TypeError, /file .* got none/);
    expect(() => client.sendDocument(chatId, undefined as unknown as TrueconfFileToSend)).to.throw(TypeError, /file/);
    expect(() => client.sendDocument(chatId, { bytes, name: '' })).to.throw(TypeError, /file\.name/);
    expect(() => client.sendDocument(chatId, { path: '/tmp/' })).to.throw(TypeError, /file\.path/);
    const stream = slowly().stream;
    expect(() => client.upload({ stream, sizeBytes: -1, name: 'a' })).to.throw(RangeError, /file\.sizeBytes/);
    expect(() => client.sendPhoto(chatId, { path: 'a.svg' }, undefined)).to.throw(TypeError, /file must be jpg/);
    expect(() => client.sendPhoto(chatId, { path: 'A.JPG' }, { path: 'a.pdf' })).to.throw(TypeError, /preview must be/);
    expect(() => client.sendSticker(chatId, { path: 'a.png' })).to.throw(TypeError, /sticker/);
    expect(() => client.setAvatar(chatId, both)).to.throw(TypeError, /file must have one of/);
    for (const target of ['', 'a/', undefined, null, 7])
      expect(() => client.downloadTo('f', target as string)).to.throw(TypeError, /target/);
  });

  it('refuses at the call what would only fail on its way', () => {
    const refused: readonly [object, RegExp, (typeof TypeError | typeof RangeError)?][] = [
      [{ bytes: bytes.buffer, name: 'a' }, /: file\.bytes must be a Uint8Array$/],
      [{ bytes: 'text', name: 'a' }, /: file\.bytes/],
      [{ bytes, name: 7 }, /: file\.name/],
      [{ path, name: '' }, /: file\.name must not be empty$/],
      [{ url: 'https://files.example/a', name: '' }, /: file\.name/],
      [{ url: 7 }, /: file\.url/],
      [{ path: 7 }, /: file\.path/],
      [{ bytes, name: 'a', mimeType: 'png' }, /: file\.mimeType must look like image\/png$/],
      [{ path, mimeType: 'image/png\r\nx: y' }, /: file\.mimeType/],
      [{ stream: slowly().stream(), sizeBytes: 1, name: 'a' }, /: file\.stream must be a function/],
      [{ stream: slowly().stream, sizeBytes: 1.5, name: 'a' }, /: file\.sizeBytes must be a whole number/, RangeError],
      [{ stream: slowly().stream, sizeBytes: Infinity, name: 'a' }, /: file\.sizeBytes/, RangeError],
      [{ stream: slowly().stream, name: 'a' }, /: file\.sizeBytes/, RangeError],
    ];
    for (const [file, sentence, error = TypeError] of refused) {
      expect(() => client.upload(file as TrueconfFileToSend)).to.throw(error, sentence);
      expect(() => client.sendDocument(chatId, file as TrueconfFileToSend)).to.throw(error, sentence);
    }
    expect(() => client.sendSticker(chatId, { path: 'a.png' })).to.throw(TypeError, /: file must be image\/webp/);
    const preview = { bytes: [], name: 'a' } as unknown as TrueconfFileToSend;
    expect(() => client.upload({ path }, { preview })).to.throw(TypeError, /: preview\.bytes/);
  });

  it('refuses at the call what is no text', () => {
    for (const text of [undefined, null, 7, {}]) {
      expect(() => client.sendText(chatId, text as string)).to.throw(TypeError, /: text must be a text/);
      expect(() => client.reply(chatId, 'm', text as string)).to.throw(TypeError, /: text/);
      expect(() => client.editText('m', text as string)).to.throw(TypeError, /: text/);
    }
    const caption = 7 as unknown as string;
    expect(() => client.sendDocument(chatId, { path }, { caption })).to.throw(TypeError, /: caption/);
  });

  it('sends files whose names end like what objects have', async () => {
    for (const name of ['notes.constructor', 'x.__proto__', 'a.toString'])
      expect(await sent({ bytes: bytes.subarray(0, 9), name })).to.have.length(9);
  });

  describe('download of a file that is on its way', () => {
    const coming = (): string =>
      simulator.user('mira').upload({ name: 'late.bin', bytes: new Uint8Array(1_000) }, { transferMs: 'manual' })
        .fileId;

    it('keeps its connection, and is told by it: nothing has to be asked', async () => {
      const fileId = coming();
      // Asks by itself only after an hour, and nobody else uses the connection.
      const by = make({ pollMs: 3_600_000 });
      const before = count('connected');
      const downloaded = value(by.download(fileId));
      await until(() => called('subscribeFileProgress') === 1);
      for (let round = 0; round < 50; round++) await new Promise((resolve) => setImmediate(resolve));
      simulator.core.progress(fileId, 1_000);
      expect((await downloaded).bytes).to.have.length(1_000);
      expect(count('connected') - before).to.equal(1);
      expect(called('getFileInfo')).to.be.lessThan(4);
      await until(() => called('unsubscribeFileProgress') === 1);
    });

    it('asks to be told again with each connection', async () => {
      const fileId = coming();
      const downloaded = value(make({ pollMs: 3_600_000, ...FAST }).download(fileId));
      for (const times of [1, 2, 3]) {
        await until(() => called('subscribeFileProgress') === times);
        if (times < 3) simulator.core.drop(1_012);
      }
      simulator.core.progress(fileId, 1_000);
      expect((await downloaded).bytes).to.have.length(1_000);
    });

    it('asks now and then where the server does not tell', async () => {
      const fileId = coming();
      simulator.faults.request.only = ({ method }) => method === 'subscribeFileProgress';
      simulator.faults.request.errorCodes = [104, 104];
      const downloaded = value(make().download(fileId));
      await until(() => called('getFileInfo') > 3);
      simulator.core.progress(fileId, 1_000);
      expect((await downloaded).bytes).to.have.length(1_000);
    });

    it('is told no more when it is given up', async () => {
      const fileId = coming();
      const call = client.download(fileId).subscribe({ error: () => undefined });
      await until(() => called('subscribeFileProgress') === 1);
      expect(called('unsubscribeFileProgress')).to.equal(0);
      call.unsubscribe();
      await until(() => called('unsubscribeFileProgress') === 1);
    });

    it('does not wait for the server to know that', async () => {
      const fileId = coming();
      const { request } = simulator.faults;
      request.only = ({ method }) => method === 'unsubscribeFileProgress';
      request.silent = 1;
      const by = make({ requestTimeoutMs: 3_600_000, reconnectMs: 3_600_000, maxReconnectMs: 3_600_000 });
      const downloaded = value(by.download(fileId));
      await until(() => called('subscribeFileProgress') === 1);
      simulator.core.progress(fileId, 1_000);
      expect((await downloaded).name).to.equal('late.bin');
      await until(() => request.silent === 0);
      // Nor does it make a connection for that.
      const kinds: string[] = [];
      by.status$.subscribe({ next: ({ kind }) => kinds.push(kind), error: () => undefined });
      simulator.core.drop(1_012);
      await until(() => kinds.at(-1) === 'closed');
      expect(kinds).not.to.include('connecting');
    });
  });

  it('ends all that is under way when the client is closed', async () => {
    const { stream, taken } = slowly(SIZE * 100);
    const up = failure(client.upload({ stream, sizeBytes: SIZE * 100, name: 'a' }));
    await until(() => taken.bytes > 0);
    client.close();
    expect(await up).to.include({ kind: 'unreachable', inDoubt: false, retryable: false });
    await until(() => taken.isOver);

    const by = make();
    const { fileId } = await value(by.sendDocument(chatId, { path }));
    simulator.faults.download.slow = 2;
    simulator.faults.download.slowMs = 3_600_000;
    let isBegun = false;
    const down = failure(
      by.downloadTo(fileId, async (chunks) => {
        for await (const chunk of chunks) isBegun ||= chunk.length > 0;
      }),
    );
    const whole = failure(by.download(fileId));
    await until(() => isBegun);
    by.close();
    expect(await down).to.include({ kind: 'unreachable', retryable: false });
    expect(await whole).to.include({ kind: 'unreachable', retryable: false });
    expect(await failure(by.download(fileId))).to.include({ kind: 'unreachable', retryable: false });
  });

  describe('downloadTo', () => {
    let fileId: string;
    const target = (): string => join(folder, 'down.bin');
    beforeEach(async () => {
      ({ fileId } = await value(client.sendDocument(chatId, { path })));
    });

    it('writes a file, in place of what was there', async () => {
      await writeFile(target(), 'old');
      const told = await value(client.downloadTo(fileId, target()));
      expect(told).to.include({ name: 'plan.png', mimeType: 'image/png', sizeBytes: SIZE });
      expect(Buffer.compare(await readFile(target()), bytes)).to.equal(0);
      expect((await readdir(folder)).sort()).to.deep.equal(['down.bin', 'plan.png']);
    });

    it('gives the chunks to a function', async () => {
      const through = new PassThrough();
      const read = through.toArray();
      await value(client.downloadTo(fileId, async (chunks) => pipeline(chunks, through)));
      expect(Buffer.compare(Buffer.concat((await read) as Buffer[]), bytes)).to.equal(0);
    });

    it('leaves what was there, and nothing else, when it fails', async () => {
      await writeFile(target(), 'old');
      simulator.faults.download.statuses = [503];
      expect(await failure(client.downloadTo(fileId, target()))).to.include({ kind: 'unreachable', status: 503 });
      expect(await failure(make({ maxDownloadBytes: SIZE - 1 }).downloadTo(fileId, target()))).to.include({
        kind: 'overflow',
      });
      expect(await failure(make().downloadTo(fileId, join(folder, 'none', 'a')))).to.include({ reason: 'ENOENT' });
      simulator.faults.download.cut = 1;
      expect(await failure(make().downloadTo(fileId, target()))).to.include({
        kind: 'unreachable',
        reason: 'ECONNRESET',
      });
      while ((await readdir(folder)).length > 2) await new Promise((resolve) => setImmediate(resolve));
      expect((await readdir(folder)).sort()).to.deep.equal(['down.bin', 'plan.png']);
      expect(String(await readFile(target()))).to.equal('old');
    });

    it('ends with what the function ends with', async () => {
      const own = new Error('mine');
      expect(await failure(client.downloadTo(fileId, async () => Promise.reject(own)))).to.equal(own);
      expect(
        await failure(
          client.downloadTo(fileId, () => {
            throw own;
          }),
        ),
      ).to.equal(own);
    });

    it('is given up with its subscription', async () => {
      simulator.faults.download.slow = 1;
      simulator.faults.download.slowMs = 60_000;
      let isOver = false;
      const first = firstValueFrom(
        new Observable<void>((seen) => {
          seen.add(
            client
              .downloadTo(fileId, async (chunks) => {
                try {
                  for await (const chunk of chunks) if (chunk.length > 0) seen.next();
                } finally {
                  isOver = true;
                }
              })
              .subscribe({ error: () => undefined }),
          );
        }),
      );
      await first;
      await until(() => isOver);
    });
  });
});
