import { expect } from 'chai';
import fc from 'fast-check';
import { englishTexts, profiles, renderingOf, type Choice, type OutboundAction } from 'tidewire';
import { read } from '../../../lib/text/read.js';
import { optionsOf, render } from '../../../lib/text/render.js';
import { split } from '../../../lib/text/split.js';
import { splitAnywhere } from '../../support/broken/split-anywhere.js';
import { splitThatTrims } from '../../support/broken/split-trims.js';
import { labels } from '../../support/offers.js';
import { thorough } from '../../support/thorough.js';

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
        const unseen = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufe00-\ufe0f]|\u20e3/gu;
        const fold = (words: string): string =>
          words.normalize('NFKC').replace(unseen, '').toLowerCase().trim().replace(/\s+/gu, ' ');
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
  const long = '```\nconst identifier = anotherIdentifier(https://example.org/path?query=1);\n```';
  const word = fc.oneof(
    fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
    fc.webUrl(),
    fc.constantFrom('👩‍👩‍👧', '\n\n', '\n', '```js\nconst a = 1;\n```', long, '   ', '```', '\ud83d'),
  );
  const text = fc.array(word, { maxLength: 40 }).map((words) => words.join(' '));
  const max = fc.integer({ min: 2, max: 80 });
  type Split = typeof split;

  const losesNothing = (implementation: Split): fc.IProperty<unknown> =>
    fc.property(text, max, (said, room) => {
      const parts = implementation(said, room);
      expect(parts.join('')).to.equal(said);
      for (const part of parts) {
        expect(part.length).to.be.at.most(room);
        expect(part === '').to.equal(said === '');
      }
    });

  const cutsNothingThatFits = (implementation: Split): fc.IProperty<unknown> =>
    fc.property(text, max, (said, room) => {
      const whole = [/```[\s\S]*?```/gu, /```|(?:(?!```)\S)+/gu].flatMap((kind) =>
        Array.from(said.matchAll(kind), ({ 0: unit, index }) => ({ unit, index })),
      );
      const characters = Array.from(new Intl.Segmenter().segment(said), ({ segment, index }) => ({
        unit: segment,
        index,
      }));
      let end = 0;
      for (const part of implementation(said, room).slice(0, -1)) {
        end += part.length;
        const cut = [...whole, ...characters].find(
          ({ unit, index }) => unit.length <= room && index < end && end < index + unit.length,
        );
        expect(cut).to.equal(undefined);
      }
    });

  it('loses no character and makes no part too long', () => {
    fc.assert(losesNothing(split));
  });
  it('has a law that rejects one that trims', () => {
    expect(fc.check(losesNothing(splitThatTrims), thorough).failed).to.equal(true);
  });

  it('cuts no word, address, fence or character that fits, also inside a fence that does not', () => {
    fc.assert(cutsNothingThatFits(split));
  });
  it('has a law that rejects one that cuts anywhere', () => {
    expect(fc.check(cutsNothingThatFits(splitAnywhere), thorough).failed).to.equal(true);
  });

  it('prefers to cut between paragraphs, then lines', () => {
    expect(split('one two three\n\nfour five six', 20)).to.deep.equal(['one two three\n\n', 'four five six']);
    expect(split('one two three\nfour five six', 20)).to.deep.equal(['one two three\n', 'four five six']);
  });

  it('cuts a fence that is too long between lines, also where less than half of the part is full', () => {
    expect(split('```\na\nlong line here\n```', 18)).to.deep.equal(['```\na\n', 'long line here\n```']);
  });

  it('refuses a length below 2', () => {
    expect(() => split('a', 1)).to.throw(RangeError, 'max must be at least 2, got 1');
  });
});
