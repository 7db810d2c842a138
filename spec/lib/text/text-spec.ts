import { expect } from 'chai';
import fc from 'fast-check';
import { englishTexts, profiles, renderingOf, type Choice, type OutboundAction } from 'tidewire';
import { read } from '../../../lib/text/read.js';
import { optionsOf, render } from '../../../lib/text/render.js';
import { split } from '../../../lib/text/split.js';

const conversation = { platform: 'userlike', id: 'c', channel: 'sms' } as const;
const offer = (labels: readonly string[]): OutboundAction => ({
  kind: 'choices',
  id: 'q',
  conversation,
  text: 'Which?',
  choices: labels.map((label, n) => ({ id: `o${n}`, label })),
});

describe('read', () => {
  const options: readonly Choice[] = ['Repair status', 'Opening hours', 'Open a ticket', '10', 'Ja'].map(
    (label, n) => ({
      id: `o${n}`,
      label,
    }),
  );
  const cases: Readonly<Record<string, string | undefined>> = {
    '2': 'o1',
    '2.': 'o1',
    '2)': 'o1',
    '#2': 'o1',
    ' 2 ': 'o1',
    '２': 'o1',
    '٢': 'o1',
    '२.': 'o1',
    'repair status': 'o0',
    'REPAIR  STATUS': 'o0',
    rep: 'o0',
    open: undefined,
    opening: 'o1',
    '10': 'o3',
    '6': undefined,
    '0': undefined,
    '-2': undefined,
    '2 please': undefined,
    'what is this?': undefined,
    '': undefined,
    ja: 'o4',
    ＪＡ: 'o4',
  };
  for (const [said, id] of Object.entries(cases)) {
    it(`${JSON.stringify(said)} is ${id ?? 'a message'}`, () => {
      expect(read(said, options)?.id).to.equal(id);
    });
  }

  it('takes a number before an equal label', () => {
    expect(read('1', offer(['2', '1']).kind === 'choices' ? optionsOf(offer(['2', '1'])) : [])?.id).to.equal('o0');
  });

  it('takes no label that two options have', () => {
    expect(read('yes', optionsOf(offer(['Yes', 'yes', 'No'])))).to.equal(undefined);
  });
});

const label = fc.oneof(
  fc.string({ minLength: 1, maxLength: 25 }),
  fc.integer({ min: 0, max: 70 }).map(String),
  fc.constantFrom('👍', '👩‍👩‍👧 family', 'نعم', 'כן', 'Yes', 'yes', 'No', 'Ja, bitte', '１', 'a\u0301', ' '),
);
const labels = fc.array(label, { minLength: 1, maxLength: 60 });

describe('read(render(x)) = x', () => {
  it('for every option by the number that is written before it', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const action = offer(list);
        const rendered = render(action, englishTexts);
        list.forEach((written, n) => {
          expect(rendered?.text).to.include(`${n + 1}. ${written}`);
          expect(read(String(n + 1), rendered?.options ?? [])?.id).to.equal(`o${n}`);
        });
      }),
    );
  });

  it('for every label that is nobody else’s and no number', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const { options } = render(offer(list), englishTexts) ?? { options: [] };
        const fold = (words: string): string => words.normalize('NFKC').toLowerCase().trim().replace(/\s+/gu, ' ');
        list.forEach((written, n) => {
          const folded = fold(written);
          if (folded === '' || /\p{Nd}/u.test(folded)) return;
          const twins = list.filter((other) => fold(other) === folded).length;
          expect(read(written, options)?.id).to.equal(twins === 1 ? `o${n}` : undefined);
        });
      }),
    );
  });

  it('for every profile, an action is shown, converted, written out or rejected', () => {
    for (const profile of profiles) {
      for (const n of [1, 3, 4, 10, 11, 13, 14, 60]) {
        const action = offer(Array.from({ length: n }, (_, i) => `Option ${i}`));
        expect(['native', 'converted', 'fallback']).to.include(renderingOf(action, profile));
      }
    }
  });

  it('numbers the options of cards through all cards', () => {
    const action: OutboundAction = {
      kind: 'cards',
      id: 'q',
      conversation,
      text: 'Our bikes',
      cards: [
        { id: 'city', title: 'City', image: 'https://example.org/city.png' },
        {
          title: 'Cargo',
          choices: [{ id: 'rent', label: 'Rent' }],
          links: [{ label: 'More', url: 'https://example.org' }],
        },
      ],
    };
    expect(render(action, englishTexts)?.text).to.equal(
      [
        'Our bikes',
        '1. City\nhttps://example.org/city.png',
        'Cargo\nMore: https://example.org\n2. Rent',
        'Please reply with a number.',
      ].join('\n\n'),
    );
    expect(read('2', optionsOf(action))?.id).to.equal('rent');
  });
});

describe('split', () => {
  const word = fc.oneof(
    fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
    fc.webUrl(),
    fc.constantFrom('👩‍👩‍👧', '\n\n', '\n', '```js\nconst a = 1;\n```', '   ', '```', '\ud83d'),
  );
  const text = fc.array(word, { maxLength: 40 }).map((words) => words.join(' '));

  it('loses no character and makes no part too long', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 80 }), (said, max) => {
        const parts = split(said, max);
        expect(parts.join('')).to.equal(said);
        for (const part of parts) expect(part.length).to.be.at.most(Math.max(max, 2));
        if (said.length > 0) for (const part of parts) expect(part).not.to.equal('');
      }),
    );
  });

  it('cuts no word, address or fence that fits, and no surrogate pair', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 80 }), (said, max) => {
        let end = 0;
        for (const part of split(said, max).slice(0, -1)) {
          end += part.length;
          const [before, after] = [said[end - 1] ?? '', said[end] ?? ''];
          expect(/[\ud800-\udbff]/.test(before) && /[\udc00-\udfff]/.test(after), 'surrogate pair').to.equal(false);
          for (const { index, 0: atom } of said.matchAll(/```[\s\S]*?```|```|(?:(?!```)\S)+/gu)) {
            const inside = index < end && end < index + atom.length;
            expect(inside && atom.length <= max, atom).to.equal(false);
          }
        }
      }),
    );
  });

  it('prefers to cut between paragraphs, then lines', () => {
    expect(split('one two three\n\nfour five six', 20)).to.deep.equal(['one two three\n\n', 'four five six']);
    expect(split('one two three\nfour five six', 20)).to.deep.equal(['one two three\n', 'four five six']);
  });

  it('cuts a fence that is too long between lines', () => {
    expect(split('```\nline one\nline two\n```', 14)).to.deep.equal(['```\nline one\n', 'line two\n```']);
  });

  it('refuses a length below 2', () => {
    expect(() => split('a', 1)).to.throw(RangeError, 'max must be at least 2, got 1');
  });
});
