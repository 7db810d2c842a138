import { SaxesParser, type SaxesTagPlain } from 'saxes';

/** @internal One rule of a state: what it waits for, says and does. */
export interface ChatfirstTransition {
  /** Words to match, trimmed, white space as one blank; `*` for anything. */
  readonly input: string;
  /** The state that is entered; undefined where the rule stays. */
  readonly next: string | undefined;
  /** The URL of an adapter. */
  readonly action: string | undefined;
  /** Whether the next state is gone on with at once. */
  readonly noStop: boolean;
  /** Labels of the buttons that are shown with the message; undefined where there are none. */
  readonly keyboard: readonly string[] | undefined;
  /** The text content, as it is written. */
  readonly text: string;
}

/** @internal A scenario that was read. */
export interface ChatfirstScenario {
  readonly name: string;
  /** The rules of each state, in document order. */
  readonly states: ReadonlyMap<string, readonly ChatfirstTransition[]>;
  /** What its author should know, although it can be run. */
  readonly problems: readonly string[];
}

/** @internal The state that everybody begins in. */
export const START = 'Start';

const MOST_CHARS = 262_144;
const MOST_ELEMENTS = 10_000;
const DEEPEST = 16;

/** @internal A scenario that cannot be run; the message says why, with places and limits, never with what is written. */
export class BadScenario extends Error {}

type Attributes = Readonly<Record<string, string>>;

const KNOWN: ReadonlyMap<string, readonly string[]> = new Map([
  ['fsm', ['name']],
  ['states', []],
  ['state', ['name']],
  ['transition', ['input', 'next', 'action', 'no_stop', 'pending_keyboard']],
]);

/** @internal */
export const words = (text: string): string => text.trim().replace(/\s+/g, ' ');

const given = (value: string | undefined): string | undefined => (value?.trim() === '' ? undefined : value?.trim());

const labelsIn = (keyboard: string | undefined): readonly string[] | undefined => {
  const labels = (keyboard ?? '')
    .split(',')
    .map((label) => label.trim())
    .filter((label) => label !== '');
  return labels.length === 0 ? undefined : labels;
};

const transitionOf = (attributes: Attributes, text: string): ChatfirstTransition => ({
  input: words(attributes['input'] ?? ''),
  next: given(attributes['next']),
  action: given(attributes['action']),
  noStop: attributes['no_stop']?.trim() === 'true',
  keyboard: labelsIn(attributes['pending_keyboard']),
  text,
});

/** Collects states while the parser walks over the elements. */
class Reading {
  readonly states = new Map<string, ChatfirstTransition[]>();
  readonly problems: string[] = [];
  name = '';
  readonly #path: string[] = [];
  #elements = 0;
  #rules: ChatfirstTransition[] | undefined;
  #transition: { readonly attributes: Attributes; text: string } | undefined;

  opens(name: string): void {
    this.#path.push(name);
    this.#elements += 1;
    if (this.#path.length > DEEPEST) throw new BadScenario(`elements are nested deeper than ${DEEPEST}`);
    if (this.#elements > MOST_ELEMENTS) throw new BadScenario(`there are more than ${MOST_ELEMENTS} elements`);
    if (this.#elements === 1 && name !== 'fsm') throw new BadScenario('the root is not fsm');
  }

  opened({ name, attributes }: SaxesTagPlain, line: number): void {
    const known = KNOWN.get(name);
    if (known === undefined) this.problems.push(`line ${line}: there is no such element`);
    else if (Object.keys(attributes).some((attribute) => !known.includes(attribute)))
      this.problems.push(`line ${line}: ${name} has no such attribute`);
    switch (this.#path.join('/')) {
      case 'fsm':
        this.name = attributes['name'] ?? '';
        return;
      case 'fsm/states/state':
        this.#begin(attributes['name'] ?? '', line);
        return;
      case 'fsm/states/state/transition':
        this.#transition = { attributes, text: '' };
    }
  }

  text(text: string): void {
    if (this.#transition !== undefined) this.#transition.text += text;
  }

  closed(): void {
    const path = this.#path.join('/');
    this.#path.pop();
    if (path === 'fsm/states/state') this.#rules = undefined;
    if (path !== 'fsm/states/state/transition' || this.#transition === undefined) return;
    this.#rules?.push(transitionOf(this.#transition.attributes, this.#transition.text));
    this.#transition = undefined;
  }

  /** What can only be seen at the end: rules that lead nowhere, and whether there is a beginning. */
  finish(): ChatfirstScenario {
    const { name, states, problems } = this;
    const lost = [...states.values()].flat().filter(({ next }) => next !== undefined && !states.has(next)).length;
    if (lost > 0) problems.push(`${lost} transitions lead to a state that is not there`);
    if (!states.has(START)) problems.push(`there is no state ${START}`);
    return { name, states, problems };
  }

  #begin(name: string, line: number): void {
    this.#rules = [];
    if (name !== '' && !this.states.has(name)) this.states.set(name, this.#rules);
    else this.problems.push(`line ${line}: a state has no name, or one that another has`);
  }
}

/**
 * @internal Reads the XML of a scenario. Entities are those of XML itself, and a DOCTYPE is refused, so nothing in it can grow or
 * fetch. What is unknown is passed over and noted; of two states with one name the first counts.
 *
 * @throws BadScenario when it is no XML, its root is not `fsm`, or it is larger, deeper or has more elements than allowed.
 */
export const readScenario = (xml: string): ChatfirstScenario => {
  if (xml.length > MOST_CHARS) throw new BadScenario(`it is longer than ${MOST_CHARS} characters`);
  const parser = new SaxesParser();
  const reading = new Reading();
  parser.on('error', () => {
    // The parser's own sentence quotes the document.
    throw new BadScenario(`it is no well-formed XML at line ${parser.line}, column ${parser.column}`);
  });
  parser.on('doctype', () => {
    throw new BadScenario('it has a DOCTYPE');
  });
  parser.on('opentagstart', ({ name }) => {
    reading.opens(name);
  });
  parser.on('opentag', (tag) => {
    reading.opened(tag, parser.line);
  });
  const text = (said: string): void => {
    reading.text(said);
  };
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('closetag', () => {
    reading.closed();
  });
  parser.write(xml).close();
  return reading.finish();
};
