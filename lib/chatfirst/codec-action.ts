import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { Card, CardsAction, ChoicesAction, Media, OutboundAction, Reply, WithoutAddress } from '../model/index.js';
import type { PlatformAction } from '../model/index.js';
import { platformAction } from '../reply.js';
import type { Writable } from '../writable.js';
import { decodeResponse } from './codec-response.js';
import type { ChatfirstEntity, ChatfirstResponse, ChatfirstStates } from './model.js';
import { isPublicUrl } from './public-url.js';

/** UTF-16 units in a text: what the documented limit of the second generation is, and none is known for the first. */
export const MAX_TEXT = 4_096;

/** A reply that takes the user to another state of the scenario. */
export const forceState = (state: string): WithoutAddress<PlatformAction> => platformAction('forceState', { state });

type Encoded = E.Either<ChatError, ChatfirstResponse>;

const refuse = (sentence: string, kind: 'unsupported' | 'overflow' = 'unsupported'): E.Either<ChatError, never> =>
  E.left(new ChatError(kind, 'chatfirst', sentence));
const NOTHING: ChatfirstResponse = { messages: [], keyboard: [], entities: [] };
const isBlank = (text: string): boolean => text.trim() === '';

/** @internal Why one of the texts is refused. */
export const textProblem = (texts: readonly string[], most = MAX_TEXT): ChatError | undefined => {
  const long = texts.find(({ length }) => length > most);
  if (long === undefined) return undefined;
  return new ChatError('overflow', 'chatfirst', `a text has ${long.length} characters, ${most} are allowed`);
};

const said = (...parts: readonly (string | undefined)[]): E.Either<ChatError, readonly string[]> => {
  const text = parts.filter((part) => part !== undefined && !isBlank(part)).join('\n\n');
  if (text === '') return E.right([]);
  const problem = textProblem([text]);
  return problem === undefined ? E.right([text]) : E.left(problem);
};

/**
 * An action as what a bot says.
 *
 * | action | becomes |
 * | --- | --- |
 * | `text` | a message |
 * | `choices` | a message and the keyboard; a click says the label |
 * | `cards` | an entity each, or a message without a picture; a card that is an option gets a button with its title |
 * | `media` | an entity, if it is a picture, else its address in a message |
 * | `handoff`, `end` | `ForcedState`, as `states` name it |
 * | `platform` with the name `forceState` | `ForcedState`: see `forceState` |
 * | `platform` with the name `response` | its payload, in the words of the wire |
 *
 * Refuses, before the wire, what cannot be expressed there (`unsupported`) and what is too long (`overflow`).
 */
export const encodeAction = (action: OutboundAction, states: ChatfirstStates = {}): Encoded => {
  const encoded = responseOf(action, states);
  const { extra } = action;
  return extra === undefined ? encoded : E.map((response: ChatfirstResponse) => ({ ...response, extra }))(encoded);
};

const responseOf = (action: OutboundAction, states: ChatfirstStates): Encoded => {
  switch (action.kind) {
    case 'text': {
      const { text } = action;
      if (isBlank(text)) return refuse('a text says nothing');
      return E.map((messages: readonly string[]) => ({ ...NOTHING, messages }))(said(text));
    }
    case 'choices':
      return choicesOf(action);
    case 'cards':
      return cardsOf(action);
    case 'media': {
      const { media, caption } = action;
      const { url } = media;
      if (!isPublicUrl(url)) return refuse('media needs a web address that everybody can reach');
      if (!isPicture(media)) {
        return E.map((messages: readonly string[]) => ({ ...NOTHING, messages }))(said(caption, url));
      }
      const entity: Writable<ChatfirstEntity> = { imageUrl: url, options: [] };
      if (caption !== undefined) entity.description = caption;
      return E.right({ ...NOTHING, entities: [entity] });
    }
    case 'handoff':
      return stateOf(states.handoff, 'a handoff needs the name of the state in which a person answers');
    case 'end':
      return stateOf(states.end, 'an end needs the name of the state in which the conversation is over');
    case 'platform':
      return platformOf(action);
    default:
      return refuse(`${action.kind} has no meaning there`);
  }
};

const stateOf = (state: string | undefined, sentence: string): Encoded =>
  state === undefined || state === '' ? refuse(sentence) : E.right({ ...NOTHING, state });

const choicesOf = ({ text, header, footer, choices }: ChoicesAction): Encoded => {
  if (choices.length === 0) return refuse('choices needs at least one option');
  if (choices.some(({ label }) => isBlank(label))) return refuse('an option needs a label, which is what a click says');
  const picture = header?.media?.url;
  if (picture !== undefined && !isPublicUrl(picture)) {
    return refuse('the picture of choices needs a web address that everybody can reach');
  }
  return E.map((messages: readonly string[]): ChatfirstResponse => ({
    messages,
    keyboard: choices.map(({ label }) => label),
    entities: picture === undefined ? [] : [{ imageUrl: picture, options: [] }],
  }))(said(header?.text, text, footer));
};

const cardsOf = ({ text, cards }: CardsAction): Encoded => {
  if (cards.length === 0) return refuse('cards needs at least one card');
  const shown = [NOTHING, ...cards.map(cardOf)];
  const flaw = shown.find((card) => typeof card === 'string');
  if (flaw !== undefined) return refuse(flaw);
  const response = mergeResponses(shown.filter((card) => typeof card !== 'string'));
  const problem = textProblem(response.messages);
  if (problem !== undefined) return E.left(problem);
  return E.map((messages: readonly string[]): ChatfirstResponse => ({
    ...response,
    messages: [...messages, ...response.messages],
  }))(said(text));
};

/** Without a picture, a card is a message with buttons. */
const cardOf = ({ id, title, text, image, links = [], choices = [] }: Card): ChatfirstResponse | string => {
  if (links.length > 0) return 'a card has no links there';
  const labels = choices.map(({ label }) => label);
  const options = id === undefined ? labels : [title, ...labels];
  if (options.some(isBlank)) return 'an option of a card needs a label, which is what a click says';
  if (image === undefined) {
    return { ...NOTHING, messages: [text === undefined ? title : `${title}\n${text}`], keyboard: options };
  }
  if (!isPublicUrl(image)) return 'the picture of a card needs a web address that everybody can reach';
  const entity: Writable<ChatfirstEntity> = { name: title, imageUrl: image, options };
  if (text !== undefined) entity.description = text;
  return { ...NOTHING, entities: [entity] };
};

const isPicture = ({ mimeType, url = '' }: Media): boolean =>
  mimeType === undefined
    ? !/\.(?!jpe?g|png|gif|webp)\w{1,5}$/i.test(new URL(url).pathname)
    : /^image\//i.test(mimeType);

const Jump = t.type({ state: t.string });

const platformOf = ({ name, payload }: PlatformAction): Encoded => {
  switch (name) {
    case 'forceState':
      return Jump.is(payload) && payload.state !== ''
        ? E.right({ ...NOTHING, state: payload.state })
        : refuse('the payload of forceState is { state }');
    case 'response': {
      const response = decodeResponse(payload);
      return E.isLeft(response) ? refuse('the payload of response is an answer in the words of the wire') : response;
    }
    default:
      return refuse('a platform action is forceState or response');
  }
};

/** Several answers as one: their messages, entities and buttons one after the other, and the last state. */
export const mergeResponses = (responses: readonly ChatfirstResponse[]): ChatfirstResponse => {
  const [only] = responses;
  if (only !== undefined && responses.length === 1) return only;
  const merged: Writable<ChatfirstResponse> = {
    messages: responses.flatMap(({ messages }) => messages),
    keyboard: [...new Set(responses.flatMap(({ keyboard }) => keyboard))],
    entities: responses.flatMap(({ entities }) => entities),
  };
  for (const { state, forcedMessage, extra } of responses) {
    if (state !== undefined) merged.state = state;
    if (forcedMessage !== undefined) merged.forcedMessage = forcedMessage;
    if (extra !== undefined) merged.extra = { ...merged.extra, ...extra };
  }
  return merged;
};

/** @internal The replies that a change of state is, if it is one. */
export const stateReplies = (state: string | undefined, { handoff, end }: ChatfirstStates): readonly Reply[] => {
  if (state === undefined) return [];
  if (state === handoff) return [{ kind: 'handoff', to: { kind: 'any' } }];
  return [state === end ? { kind: 'end' } : forceState(state)];
};
