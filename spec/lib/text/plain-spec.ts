import { expect } from 'chai';
import fc from 'fast-check';
import { plainText } from '../../../lib/text/plain.js';

describe('plainText', () => {
  const cases: readonly (readonly [html: string, plain: string])[] = [
    ['just words', 'just words'],
    ['<b>bold</b> and <i class="x">thin</i>', 'bold and thin'],
    ['one<br>two<BR/>three', 'one\ntwo\nthree'],
    ['<p>one</p><div>two</div>', 'one\ntwo\n'],
    ['<a href="https://example.org/?a=1&amp;b=2">here</a>', 'here (https://example.org/?a=1&b=2)'],
    ["<a href='https://example.org'>https://example.org</a>", 'https://example.org'],
    ['<a href="trueconf:mira@tc.example.org">Mira</a>', 'Mira'],
    ['<a href="javascript:alert(1)">x</a> </a>', 'x '],
    ['1 &lt; 2 &amp;&amp; 3 &gt; 2 &quot;&apos;&nbsp;&#33;&#x1F600;', '1 < 2 && 3 > 2 "\' !😀'],
    ['&lt;b&gt;no tag&lt;/b&gt; &amp;lt;', '<b>no tag</b> &lt;'],
    ['&what; &#0; &#x110000; &#9999999; a & b < c > d', '&what; &#0; &#x110000; &#9999999; a & b < c > d'],
  ];
  for (const [html, plain] of cases) {
    it(`reads ${html}`, () => {
      expect(plainText(html, 'html')).to.equal(plain);
    });
  }

  it('leaves other formats alone', () => {
    for (const format of ['plain', 'markdown', undefined] as const)
      expect(plainText('<b>&lt;', format)).to.equal('<b>&lt;');
  });

  it('gives text back that was escaped', () => {
    const escape = (text: string): string =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('<', '>', '&', '"', ';', '#', 'a', 'lt', '/', ' ') }), (text) => {
        expect(plainText(escape(text), 'html')).to.equal(text);
      }),
    );
  });

  it('takes a time that grows with the text, and no faster', () => {
    for (const piece of ['<', '<a ', '<a href="', 'href=', '&', '&#', '&#x1']) {
      expect(plainText(piece.repeat(200_000), 'html').length).to.be.at.least(1);
    }
  });
});
