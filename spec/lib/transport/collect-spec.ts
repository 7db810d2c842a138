import { Readable } from 'node:stream';
import { expect } from 'chai';
import { collect, listen, type Chunks } from '../../../lib/transport/collect.js';

const chunks = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)];

/** A web stream as browsers have it that do not iterate over streams. */
const withoutIterator = (stream: ReadableStream<Uint8Array>): Chunks =>
  ({ getReader: () => stream.getReader() }) as ReadableStream<Uint8Array>;

const kinds: Readonly<Record<string, () => { readonly stream: Chunks; readonly isLeft: () => boolean }>> = {
  'a Node stream': () => {
    const stream = Readable.from(chunks);
    return { stream, isLeft: () => stream.destroyed };
  },
  'a web stream': () => {
    const { stream, isLeft } = webStream();
    return { stream, isLeft };
  },
  'a web stream that cannot be iterated over': () => {
    const { stream, isLeft } = webStream();
    return { stream: withoutIterator(stream), isLeft };
  },
};

const webStream = (): { readonly stream: ReadableStream<Uint8Array>; readonly isLeft: () => boolean } => {
  let cancelled = false;
  const left = [...chunks];
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const chunk = left.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => {
      cancelled = true;
    },
  });
  return { stream, isLeft: () => cancelled };
};

for (const [kind, make] of Object.entries(kinds)) {
  describe(`collect from ${kind}`, () => {
    it('joins the chunks', async () => {
      expect(await collect(make().stream, 3)).to.deep.equal(Uint8Array.of(1, 2, 3));
    });

    it('gives nothing, and leaves the stream, when they are too many', async () => {
      const { stream, isLeft } = make();
      expect(await collect(stream, 1)).to.equal(undefined);
      expect(isLeft()).to.equal(true);
    });
  });
}

describe('collect', () => {
  it('rejects with what the stream fails with', async () => {
    const broken = new Error('cut');
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(await Promise.resolve(1));
      throw broken;
    };
    const thrown = await collect(failing(), 9).catch((error: unknown) => error);
    expect(thrown).to.equal(broken);
  });
});

describe('listen', () => {
  it('joins the chunks of a Node stream, in an array of their own', async () => {
    const slab = new Uint8Array(1_000).fill(7);
    const whole = await listen(Readable.from([slab.subarray(1, 3)]), 3);
    expect(whole).to.deep.equal(Uint8Array.of(7, 7));
    expect(whole?.buffer.byteLength).to.equal(2);
    expect(await listen(Readable.from(chunks), 3)).to.deep.equal(Uint8Array.of(1, 2, 3));
    expect(await listen(Readable.from([]), 0)).to.deep.equal(new Uint8Array());
  });

  it('gives nothing when they are more than allowed', async () => {
    expect(await listen(Readable.from(chunks), 2)).to.equal(undefined);
  });

  it('rejects when the stream fails, and when it is closed before its end', async () => {
    const outcomeOf = async (end: (stream: Readable) => void): Promise<unknown> => {
      const stream = new Readable({ read: () => undefined });
      const heard = listen(stream, 10).then(
        () => 'whole',
        (error: unknown) => error,
      );
      stream.push(Uint8Array.of(1));
      end(stream);
      return heard;
    };
    const cut = new Error('cut');
    expect(await outcomeOf((stream) => stream.destroy(cut))).to.equal(cut);
    expect(await outcomeOf((stream) => stream.destroy())).to.be.an('error');
  });
});
