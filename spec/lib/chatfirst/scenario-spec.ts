import { expect } from 'chai';
import fc from 'fast-check';
import { chatfirstCore, type ChatfirstCoreConfig, type ChatfirstUser } from 'tidewire/simulators';
import { BadScenario, readScenario } from '../../../lib/chatfirst/simulator-scenario.js';
import { virtualClock } from 'tidewire/testing';

const scenario = (states: string): string => `<fsm name="b"><states>${states}</states></fsm>`;
const start = (transitions: string): string => scenario(`<state name="Start">${transitions}</state>`);

const core = (xml: string, config: ChatfirstCoreConfig = {}) =>
  chatfirstCore({ scheduler: virtualClock(), bots: { b: xml }, ...config });
const visitor = (xml: string, config: ChatfirstCoreConfig = {}): ChatfirstUser => core(xml, config).user('kim');
/** What is said to a new user after some messages. */
const heard = (xml: string, said: readonly string[], config: ChatfirstCoreConfig = {}): readonly string[] => {
  const kim = visitor(xml, config);
  for (const text of said) kim.say(text);
  return kim.sees();
};

const refusalOf = (xml: string): string => {
  try {
    readScenario(xml);
  } catch (error) {
    if (error instanceof BadScenario) return error.message;
    throw error;
  }
  return '';
};

describe('readScenario', () => {
  it('reads states and rules in document order', () => {
    const { name, states, problems } = readScenario(
      scenario(`<state name="Start"><transition input=" How  are " next="Menu" action="https://adapter.test/a?x=1&amp;y=2"
        no_stop="true" pending_keyboard="Green, Black,">Hi &lt;you&gt; &#x1F375;<![CDATA[ & co]]></transition><transition
        input="*"/></state><state name="Menu"/>`),
    );
    expect(name).to.equal('b');
    expect(problems).to.deep.equal([]);
    expect([...states]).to.deep.equal([
      [
        'Start',
        [
          {
            input: 'How are',
            next: 'Menu',
            action: 'https://adapter.test/a?x=1&y=2',
            noStop: true,
            keyboard: ['Green', 'Black'],
            text: 'Hi <you> 🍵 & co',
          },
          { input: '*', next: undefined, action: undefined, noStop: false, keyboard: undefined, text: '' },
        ],
      ],
      ['Menu', []],
    ]);
  });

  const bomb = '<!DOCTYPE fsm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>';
  const wide = '<state name="Start"/>'.repeat(10_000);
  const attacks: readonly (readonly [what: string, xml: string, sentence: string])[] = [
    ['an entity bomb', `${bomb}<fsm>&b;</fsm>`, 'it has a DOCTYPE'],
    ['an outer DTD', '<!DOCTYPE fsm SYSTEM "file:///etc/passwd"><fsm/>', 'it has a DOCTYPE'],
    ['an entity that nobody defined', '<fsm>&lol;</fsm>', 'it is no well-formed XML at line 1, column 10'],
    ['a name that every object has', start('<transition input="&constructor;"/>'), 'it is no well-formed XML'],
    ['elements in elements', `<fsm>${'<a>'.repeat(100_000)}`.slice(0, 262_144), 'nested deeper than 16'],
    ['too many elements', scenario(wide), 'there are more than 10000 elements'],
    ['too much text', start('<transition/>').padEnd(262_145), 'it is longer than 262144 characters'],
    ['half a document', '<fsm><states>', 'it is no well-formed XML'],
    ['tags that do not fit', '<fsm><states></fsm></states>', 'it is no well-formed XML'],
    ['two values of an attribute', '<fsm name="a" name="b"/>', 'it is no well-formed XML'],
    ['JSON', '{"fsm":{}}', 'it is no well-formed XML'],
    ['nothing', '', 'it is no well-formed XML'],
    ['a page', '<html><body>denied</body></html>', 'the root is not fsm'],
  ];
  for (const [what, xml, sentence] of attacks) {
    it(`refuses ${what} with a sentence`, () => {
      expect(refusalOf(xml)).to.include(sentence);
    });
  }

  it('quotes nothing of a scenario that it refuses', () => {
    expect(refusalOf('<fsm><secret-word></other-word></fsm>')).to.match(
      /^it is no well-formed XML at line 1, column \d+$/,
    );
  });

  it('takes what is unknown or leads nowhere, and notes it', () => {
    const { states, problems } = readScenario(
      '<fsm><other/><states><state name="Menu" colour="red"><constructor/><transition next="Nowhere"/></state>' +
        '<state name="Menu"><transition input="late"/></state><state/></states></fsm>',
    );
    expect(states.get('Menu')).to.have.length(1);
    expect(problems).to.deep.equal([
      'line 1: there is no such element',
      'line 1: state has no such attribute',
      'line 1: there is no such element',
      'line 1: a state has no name, or one that another has',
      'line 1: a state has no name, or one that another has',
      '1 transitions lead to a state that is not there',
      'there is no state Start',
    ]);
  });

  it('reads or refuses whatever it is given', () => {
    const piece = fc.constantFrom(
      '<fsm>',
      '</fsm>',
      '<states>',
      '<state name="',
      '"/>',
      '>',
      '&',
      ';',
      '<!',
      '[',
      ']]>',
      '<?',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string(), fc.string({ unit: 'binary' }))), (parts) => {
        refusalOf(parts.join(''));
      }),
    );
  });
});

describe('a scenario', () => {
  const menu = scenario(
    `<state name="Start"><transition input="*" next="Menu" pending_keyboard="Green,Black">Which tea?</transition></state>
     <state name="Menu"><transition input="Green" next="Start">Green it is</transition>
       <transition input="*" next="Menu">Use the buttons</transition><transition input="Black">Never</transition></state>`,
  );

  it('begins in Start, goes on with the first rule that fits, and waits in its next state', () => {
    expect(heard(menu, ['hi', 'Black', 'Green', 'hi'])).to.deep.equal([
      'Which tea?',
      'Use the buttons',
      'Green it is',
      'Which tea?',
    ]);
  });

  it('shows the buttons of the last answer, and presses them by writing their label', () => {
    const kim = visitor(menu);
    kim.say('hi');
    expect(kim.buttons()).to.deep.equal(['Green', 'Black']);
    kim.press('Green');
    expect(kim.state()).to.equal('Start');
    expect(kim.buttons()).to.deep.equal([]);
    expect(() => {
      kim.press('Green');
    }).to.throw('kim has no button Green');
  });

  it('matches whole texts without regard to capitals and blanks around, unless it minds them', () => {
    const xml = start('<transition input="Green  tea">yes</transition><transition input="*">no</transition>');
    expect(heard(xml, [' GREEN tea ', 'green', 'green tea please'])).to.deep.equal(['yes', 'no', 'no']);
    expect(heard(xml, ['green tea', 'Green tea'], { caseSensitive: true })).to.deep.equal(['no', 'yes']);
  });

  it('says nothing where no rule fits, and stays', () => {
    const simulated = core(start('<transition input="a" next="Gone">x</transition>'));
    simulated.user('kim').say('b');
    expect(simulated.journal.map(({ kind }) => kind)).to.deep.equal(['said', 'unmatched']);
    simulated.user('kim').say('a');
    expect(simulated.journal.at(-2)).to.deep.include({ kind: 'problem' });
    expect(simulated.user('kim').state()).to.equal('Start');
    expect(simulated.user('kim').sees()).to.deep.equal(['x']);
  });

  it('goes straight on after no_stop, with what is left of the words', () => {
    const chain = scenario(
      `<state name="Start"><transition input="how" no_stop="true" next="1"/><transition input="*">Pardon?</transition></state>
       <state name="1"><transition input="are" no_stop="true" next="2">…</transition><transition input="*">How what?</transition></state>
       <state name="2"><transition input="you" next="Start">Fine</transition></state>`,
    );
    expect(heard(chain, ['How are YOU'])).to.deep.equal(['…', 'Fine']);
    expect(heard(chain, ['how'])).to.deep.equal(['How what?']);
    expect(heard(chain, ['however'])).to.deep.equal(['Pardon?']);
    expect(heard(chain, ['How are YOU'], { wordByWord: false })).to.deep.equal(['Pardon?']);
    const kim = visitor(chain);
    kim.say('how are they');
    expect([kim.sees(), kim.state()]).to.deep.equal([['…'], '2']);
  });

  it('stops a circle after 100 hops, and says so', () => {
    const simulated = core(start('<transition input="*" next="Start" no_stop="true">again</transition>'));
    simulated.user('kim').say('x');
    expect(simulated.user('kim').sees()).to.have.length(100);
    const problems = simulated.journal.flatMap((entry) => (entry.kind === 'problem' ? [entry.problem] : []));
    expect(problems).to.deep.equal(['the scenario did not wait after 100 hops']);
  });

  it('reads two line breaks as one, one as a blank, and addresses between equals signs as pictures', () => {
    const xml = start(
      '<transition input="*">\n one\n  two \n\n\n three ===https://img.test/a.jpg?b=c=== four </transition>',
    );
    expect(heard(xml, ['x'])).to.deep.equal(['one two\nthree four', '[picture] https://img.test/a.jpg?b=c']);
    expect(heard(xml, ['x'], { pictures: 'text', lines: 'asWritten' })).to.deep.equal([
      'one\n  two \n\n\n three ===https://img.test/a.jpg?b=c=== four',
    ]);
  });

  it('counts at once when it changes: who was in a state that is gone begins anew', () => {
    const simulated = core(menu);
    const kim = simulated.user('kim');
    kim.say('hi');
    simulated.define('b', start('<transition input="*">New</transition>'));
    kim.say('hi');
    expect(kim.sees()).to.deep.equal(['Which tea?', 'New']);
    expect(simulated.journal.filter(({ kind }) => kind === 'moved').at(-1)).to.deep.include({
      from: 'Menu',
      to: 'Start',
      by: 'update',
    });
  });

  it('is not run when it cannot be read', () => {
    expect(() => core('<fsm>')).to.throw(
      TypeError,
      'chatfirst simulator: The scenario is refused: it is no well-formed XML',
    );
  });

  const name = fc.constantFrom('Start', 'A', 'B', 'Gone');
  const word = fc.constantFrom('*', '', 'a', 'b', 'a b', 'İ', '=== ===');
  const rule = fc.record({ input: word, next: name, noStop: fc.boolean(), text: word, keyboard: word });
  const machine = fc.dictionary(fc.constantFrom('Start', 'A', 'B'), fc.array(rule, { maxLength: 4 }));
  const written = (
    states: Readonly<Record<string, readonly (typeof rule extends fc.Arbitrary<infer R> ? R : never)[]>>,
  ): string =>
    scenario(
      Object.entries(states)
        .map(([state, rules]) => {
          const transitions = rules.map(
            ({ input, next, noStop, text, keyboard }) =>
              `<transition input="${input}" next="${next}" no_stop="${String(noStop)}" pending_keyboard="${keyboard}">${text}</transition>`,
          );
          return `<state name="${state}">${transitions.join('')}</state>`;
        })
        .join(''),
    );

  it('comes to rest in one of its states after 100 hops at most, whatever it is and whatever is said', () => {
    fc.assert(
      fc.property(
        machine,
        fc.array(fc.oneof(word, fc.string({ unit: 'binary' })), { maxLength: 5 }),
        (states, said) => {
          const simulated = core(written(states));
          const kim = simulated.user('kim');
          for (const text of said) {
            const before = simulated.journal.length;
            kim.say(text);
            const did = simulated.journal.slice(before);
            expect(did.filter(({ kind }) => kind === 'moved').length).to.be.at.most(101);
            expect(['Start', ...Object.keys(states)]).to.include(kim.state());
          }
        },
      ),
    );
  });
});
