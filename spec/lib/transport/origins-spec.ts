import { expect } from 'chai';
import fc from 'fast-check';
import { Origins } from '../../../lib/transport/origins.js';

const ADDRESS = /^https?:\/\/[^/?#@\\]+([/?#]|$)/i;
const isAddress = (url: string): boolean => ADDRESS.test(url) && URL.canParse(url);

describe('Origins', () => {
  it('begin what is an address, and nothing else, whatever was asked before', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'example.org',
        '127.0.0.1:80',
        '[::1]:8',
        'a:99999',
        '256.1.1.1',
        'a b',
        'me@a',
        '',
        'ex\tample',
        'xn--a',
      ),
      fc.string({ maxLength: 5 }),
    );
    const rest = fc.oneof(
      fc.constantFrom('', '/', '/a%zz', '?q', '#f', '\\x', '/..', ':1', '@b'),
      fc.string({ maxLength: 5 }),
    );
    const url = fc
      .tuple(fc.constantFrom('http://', 'https://', 'HTTP://', 'ws://', 'http:/', ''), part, rest)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(url), (urls) => {
        const origins = new Origins();
        for (const one of [...urls, ...urls]) expect(origins.begin(one), JSON.stringify(one)).to.equal(isAddress(one));
      }),
      { numRuns: 1_000 },
    );
  });

  it('begin more than are remembered', () => {
    const origins = new Origins();
    for (let round = 0; round < 2; round++)
      for (let n = 0; n < 200; n++) expect(origins.begin(`https://${n}.example.org/x`)).to.equal(true);
    expect(origins.begin('https://a b/')).to.equal(false);
  });
});
