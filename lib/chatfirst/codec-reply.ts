import type { Card, Choice, Reply } from '../model/index.js';
import type { Writable } from '../writable.js';
import { stateReplies } from './codec-action.js';
import type {
  ChatfirstEntity,
  ChatfirstOutput,
  ChatfirstOutputMessage,
  ChatfirstResponse,
  ChatfirstStates,
} from './model.js';

/** What stands above buttons that came without a text of their own. */
const PROMPT = 'Please choose:';

const choicesOf = (labels: readonly string[]): readonly Choice[] => labels.map((label) => ({ id: label, label }));

const cardOf = ({ name, description, imageUrl, options }: ChatfirstEntity): Card => {
  const card: Writable<Card> = { title: name ?? '' };
  if (description !== undefined) card.text = description;
  if (imageUrl !== undefined) card.image = imageUrl;
  if (options.length > 0) card.choices = choicesOf(options);
  return card;
};

/** Pictures without a name or buttons are files; everything else is a gallery. */
const entityReplies = (entities: readonly ChatfirstEntity[]): readonly Reply[] => {
  if (entities.length === 0) return [];
  const pictures = entities.flatMap(({ name, description, imageUrl, options }): Reply[] => {
    if (name !== undefined || imageUrl === undefined || options.length > 0) return [];
    const media = { url: imageUrl };
    return [description === undefined ? { kind: 'media', media } : { kind: 'media', media, caption: description }];
  });
  return pictures.length === entities.length ? pictures : [{ kind: 'cards', cards: entities.map(cardOf) }];
};

const saying = (
  messages: readonly string[],
  entities: readonly ChatfirstEntity[],
  keyboard: readonly string[],
  prompt: string,
): readonly Reply[] => {
  const texts = messages.filter((text) => text.trim() !== '').map((text): Reply => ({ kind: 'text', text }));
  const shown = entityReplies(entities);
  if (keyboard.length === 0) return [...texts, ...shown];
  const choices = choicesOf(keyboard);
  const last = texts.at(-1);
  // Buttons belong to what is said last; behind a gallery nothing is said.
  return shown.length === 0 && last?.kind === 'text'
    ? [...texts.slice(0, -1), { kind: 'choices', text: last.text, choices }]
    : [...texts, ...shown, { kind: 'choices', text: prompt, choices }];
};

/**
 * What a bot says, as replies: its messages, its entities as cards or pictures, its keyboard as choices, and its state as
 * `handoff`, `end` or a `forceState` (see `encodeAction`). The id of a choice is its label, which is what a click says.
 * `prompt` stands above buttons without a text. Default: `Please choose:`.
 */
export const repliesIn = (
  { messages, entities, keyboard, state }: ChatfirstResponse,
  states: ChatfirstStates = {},
  prompt = PROMPT,
): readonly Reply[] => [...saying(messages, entities, keyboard, prompt), ...stateReplies(state, states)];

const messageReplies = (
  { text, photo, entities, keyboard }: ChatfirstOutputMessage,
  prompt: string,
): readonly Reply[] =>
  saying(
    text === undefined ? [] : [text],
    photo === undefined ? entities : [photo, ...entities],
    keyboard.flat(),
    prompt,
  );

/** The same for an answer of the second generation, message by message. */
export const outputReplies = ({ messages }: Pick<ChatfirstOutput, 'messages'>, prompt = PROMPT): readonly Reply[] =>
  messages.flatMap((message) => messageReplies(message, prompt));
