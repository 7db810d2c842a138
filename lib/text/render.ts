import type { Card, Choice, OutboundAction } from '../model/index.js';
import type { Texts } from './texts.js';

/** @internal An action as text, and the options that a reply to it may pick. */
export interface Rendered {
  readonly text: string;
  readonly options: readonly Choice[];
}

/** @internal The options that an action offers, in the order they are numbered. */
export const optionsOf = (action: OutboundAction): readonly Choice[] => {
  if (action.kind === 'choices') return action.choices;
  if (action.kind !== 'cards') return [];
  return action.cards.flatMap(({ id, title, choices = [] }) => [
    ...(id === undefined ? [] : [{ id, label: title }]),
    ...choices,
  ]);
};

const lines = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join('\n');
const paragraphs = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join('\n\n');

const numbered = (options: readonly Choice[], texts: Texts): string =>
  options.map(({ label, description }, index) => texts.option(index + 1, label, description)).join('\n');

/** Each card with the numbers of its options, which run through all cards. */
const cardTexts = (cards: readonly Card[], texts: Texts): string[] => {
  let n = 0;
  return cards.map(({ id, title, text, image, links = [], choices = [] }) =>
    lines(
      id === undefined ? title : texts.option(++n, title),
      text,
      image,
      ...links.map(({ label, url }) => texts.link(label, url)),
      ...choices.map(({ label, description }) => texts.option(++n, label, description)),
    ),
  );
};

/** @internal The action as text, or `undefined` when there is nothing of it to read. */
export const render = (action: OutboundAction, texts: Texts): Rendered | undefined => {
  const options = optionsOf(action);
  switch (action.kind) {
    case 'choices': {
      const { text, fallback, header, footer } = action;
      const prompt = fallback === undefined ? texts.prompt : undefined;
      const body = paragraphs(header?.text, header?.media?.url, fallback ?? text);
      return { text: paragraphs(body, numbered(options, texts), footer, prompt), options };
    }
    case 'cards': {
      const { text, fallback, cards } = action;
      const prompt = fallback === undefined && options.length > 0 ? texts.prompt : undefined;
      return { text: paragraphs(fallback ?? text, ...cardTexts(cards, texts), prompt), options };
    }
    case 'links':
      return { text: lines(action.text, ...action.links.map(({ label, url }) => texts.link(label, url))), options };
    case 'media': {
      const { url, name } = action.media;
      return url === undefined ? undefined : { text: texts.media(url, name, action.caption), options };
    }
    case 'survey':
      return action.url === undefined ? undefined : { text: texts.link(action.title, action.url), options };
    case 'navigate':
      return { text: action.url, options };
    default:
      return undefined;
  }
};
