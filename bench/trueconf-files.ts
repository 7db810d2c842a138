// A client in a process of its own: node --expose-gc trueconf-files.js PORT. Sends the bytes that a large file takes above idle.
import { lastValueFrom } from 'rxjs';
import { trueconfClient } from 'tidewire/trueconf';

const MEGABYTE = 1_000_000;
const CHUNK = Buffer.alloc(65_536, 7);

const client = trueconfClient({
  server: '127.0.0.1',
  port: Number(process.argv[2]),
  secure: false,
  username: 'opsbot',
  password: 'secret',
  lingerMs: 60_000,
});

const chunksOf = (sizeBytes: number) =>
  async function* (): AsyncGenerator<Uint8Array> {
    for (let left = sizeBytes; left > 0; left -= CHUNK.length) yield Promise.resolve(CHUNK.subarray(0, left));
  };
const up = async (sizeBytes: number): Promise<void> => {
  await lastValueFrom(client.upload({ stream: chunksOf(sizeBytes), sizeBytes, name: 'a.bin' }));
};
const down = async (sizeBytes: number): Promise<void> => {
  let got = 0;
  await lastValueFrom(
    client.downloadTo(String(sizeBytes), async (chunks) => {
      for await (const chunk of chunks) got += chunk.length;
    }),
  );
  if (got !== sizeBytes) throw new Error(`${got} bytes came`);
};
/** The most that it takes beyond what was taken before. */
const above = async (work: (sizeBytes: number) => Promise<void>): Promise<number> => {
  await work(MEGABYTE);
  globalThis.gc?.();
  const idle = process.memoryUsage.rss();
  let most = idle;
  const sampling = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 2);
  await work(50 * MEGABYTE);
  clearInterval(sampling);
  return Math.max(most, process.memoryUsage.rss()) - idle;
};

process.send?.([await above(up), await above(down)]);
client.close();
process.disconnect();
