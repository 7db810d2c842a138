import { bubblesOf, rowsOf, type ChatfirstBubble, type ChatfirstEntity } from './simulator-reply.js';
import type { Rules } from './simulator-rules.js';
import { words, type ChatfirstTransition } from './simulator-scenario.js';

// The address of a picture stands between triple equals signs.
const PICTURE = /===\s*(https?:\/\/\S+?)\s*===/g;

const picture = (imageUrl: string): ChatfirstEntity => ({
  handle: '',
  name: null,
  description: null,
  imageUrl,
  options: [],
});

/** Two line breaks are one, and one is a blank. */
const linesOf = (text: string): string => {
  const lines: string[][] = [[]];
  for (const line of text.split('\n').map(words))
    if (line === '') lines.push([]);
    else lines.at(-1)?.push(line);
  return lines
    .filter((line) => line.length > 0)
    .map((line) => line.join(' '))
    .join('\n');
};

/** @internal What a transition says: its text, its pictures, its buttons. */
export const spokenBy = (
  { text, keyboard }: Pick<ChatfirstTransition, 'text' | 'keyboard'>,
  { pictures, lines, keyboardRow }: Rules,
): readonly ChatfirstBubble[] => {
  const entities = pictures === 'entities' ? [...text.matchAll(PICTURE)].map(([, url = '']) => picture(url)) : [];
  const bare = pictures === 'entities' ? text.replace(PICTURE, ' ') : text;
  const said = lines === 'markdown' ? linesOf(bare) : bare.trim();
  const rows = keyboard === undefined ? null : rowsOf(keyboard, keyboardRow);
  return bubblesOf(said === '' ? [] : [said], rows, entities);
};
