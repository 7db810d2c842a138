import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { Choice, ChoicesAction, JsonObject, Link, LinksAction } from '../model/index.js';

/** Buttons under a message, row by row. */
export type TrueconfButtons = readonly (readonly JsonObject[])[];

const MAX_ROWS = 8;
const MAX_WIDTH = 8;
const MAX_LABEL = 32;
const MAX_COMMAND = 255;

const refuse = (sentence: string): E.Either<ChatError, never> =>
  E.left(new ChatError('unsupported', 'trueconf', sentence));
const isAscii = (text: string): boolean => /^[\x20-\x7e]+$/.test(text);

/** One below the other as long as there is room, else in rows as narrow as they can be. */
const inRows = (buttons: readonly JsonObject[]): TrueconfButtons => {
  const width = Math.ceil(buttons.length / MAX_ROWS);
  return Array.from({ length: Math.ceil(buttons.length / width) }, (_, row) =>
    buttons.slice(row * width, (row + 1) * width),
  );
};

/**
 * The options of an action as buttons, as the unreleased version 1.5 of the official client for Python makes them:
 * up to 64, with labels of up to 32 characters, and ids or addresses in ASCII. What is more is `unsupported`.
 */
export const buttonsOf = (action: ChoicesAction | LinksAction): E.Either<ChatError, TrueconfButtons> => {
  const options = action.kind === 'choices' ? action.choices : action.links;
  if (options.length === 0) return refuse(`${action.kind} needs at least one`);
  if (options.length > MAX_ROWS * MAX_WIDTH) return refuse(`a message has up to ${MAX_ROWS * MAX_WIDTH} buttons`);
  const long = options.find(({ label }) => label === '' || Array.from(label).length > MAX_LABEL);
  if (long !== undefined) return refuse(`the label of a button has 1 to ${MAX_LABEL} characters`);
  if (action.kind === 'links') {
    const bad = action.links.find(({ url }) => !isAscii(url) || !/^https?:\/\/[^\s/]/i.test(url));
    if (bad !== undefined) return refuse('a link is no absolute web address in ASCII');
    return E.right(inRows(action.links.map(({ label, url }) => ({ label, type: 'url', url }))));
  }
  const bad = action.choices.find(({ id }) => !isAscii(id) || id.length > MAX_COMMAND);
  if (bad !== undefined) return refuse(`the id of a choice has 1 to ${MAX_COMMAND} characters of ASCII`);
  return E.right(inRows(action.choices.map(({ id, label }) => ({ label, type: 'command', command: id }))));
};

const Commands = t.array(t.array(t.type({ label: t.string, type: t.literal('command'), command: t.string })));
const Urls = t.array(t.array(t.type({ label: t.string, type: t.literal('url'), url: t.string })));

/** The choices that buttons offer; `undefined` when some do something else. */
export const choicesIn = (buttons: unknown): readonly Choice[] | undefined =>
  Commands.is(buttons) ? buttons.flat().map(({ label, command }) => ({ id: command, label })) : undefined;

/** The links that buttons offer; `undefined` when some do something else. */
export const linksIn = (buttons: unknown): readonly Link[] | undefined =>
  Urls.is(buttons) ? buttons.flat().map(({ label, url }) => ({ label, url })) : undefined;
