import { expect } from 'chai';
import fc from 'fast-check';
import { multipart, multipartStream, type FormPart } from '../../../lib/transport/multipart.js';

const read = async ({ contentType, body }: ReturnType<typeof multipart>): Promise<[string, unknown][]> => {
  const form = await new Response(body as BodyInit, { headers: { 'content-type': contentType } }).formData();
  return Promise.all(
    [...form.entries()].map(async ([name, value]): Promise<[string, unknown]> =>
      typeof value === 'string' ? [name, value] : [name, [value.name, value.type, await value.text()]],
    ),
  );
};

describe('multipart', () => {
  it('writes fields and files as browsers do', () => {
    const { contentType, body } = multipart(
      [
        { name: 'text', value: 'a' },
        { name: 'file', bytes: Uint8Array.of(98), fileName: 'b.png', mimeType: 'image/png' },
        { name: 'other', bytes: Uint8Array.of(99), fileName: 'c' },
      ],
      'X',
    );
    expect(contentType).to.equal('multipart/form-data; boundary=X');
    expect(new TextDecoder().decode(body).split('\r\n')).to.deep.equal([
      '--X',
      'Content-Disposition: form-data; name="text"',
      '',
      'a',
      '--X',
      'Content-Disposition: form-data; name="file"; filename="b.png"',
      'Content-Type: image/png',
      '',
      'b',
      '--X',
      'Content-Disposition: form-data; name="other"; filename="c"',
      'Content-Type: application/octet-stream',
      '',
      'c',
      '--X--',
      '',
    ]);
  });

  it('is read back as it was, whatever names and values hold', async () => {
    const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll(/[\uD800-\uDFFF]+/gu, ''));
    const awkward = fc.oneof(
      text,
      fc.constantFrom('"', '\r\n', 'a"; filename="b', '"\r\nx: y\r\n\r\n', '\\"', 'Grüße'),
    );
    const part = fc.oneof(
      fc.record({ name: awkward, value: awkward }),
      fc.record({ name: awkward, bytes: awkward.map((value) => new TextEncoder().encode(value)), fileName: awkward }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (parts: readonly FormPart[]) => {
        expect(await read(multipart(parts))).to.deep.equal(
          parts.map((one) => [
            one.name,
            'value' in one
              ? one.value
              : [one.fileName, 'application/octet-stream', new TextDecoder().decode(one.bytes)],
          ]),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('has another boundary each time', () => {
    const boundaries = Array.from({ length: 100 }, () => multipart([]).contentType);
    expect(new Set(boundaries).size).to.equal(100);
  });

  it('refuses a type or boundary that would make a header', () => {
    const file = { name: 'file', bytes: new Uint8Array(), fileName: 'a' };
    for (const mimeType of ['', 'png', 'image/png\r\nx: y', 'image/png; a="b"']) {
      expect(() => multipart([{ ...file, mimeType }]), mimeType).to.throw(TypeError);
    }
    for (const boundary of ['', 'a b', 'a\r\n', 'a'.repeat(71)])
      expect(() => multipart([], boundary)).to.throw(TypeError);
  });
});

describe('multipartStream', () => {
  it('gives the bytes that multipart gives, and says how many', async () => {
    const file = fc.uint8Array({ maxLength: 300_000, size: 'max' });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 3 }), async (files) => {
        const parts = files.map((bytes, at) => ({ name: `f${at}`, bytes, fileName: `n${at}` }));
        const whole = multipart(parts, 'X');
        const streamed = multipartStream(
          'desk',
          parts.map(({ bytes, ...part }) => ({
            ...part,
            sizeBytes: bytes.length,
            chunks: async function* () {
              for (let at = 0; at < bytes.length; at += 70_000) yield Promise.resolve(bytes.subarray(at, at + 70_000));
            },
          })),
          'X',
        );
        const held = multipartStream('desk', parts, 'X');
        for (const { contentType, length, chunks } of [streamed, held]) {
          const body: Uint8Array[] = [];
          for await (const chunk of chunks()) body.push(chunk);
          expect(contentType).to.equal(whole.contentType);
          expect(length).to.equal(whole.body.length);
          expect(Buffer.compare(Buffer.concat(body), whole.body)).to.equal(0);
        }
      }),
      { numRuns: 30 },
    );
  });
});
