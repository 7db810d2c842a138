import type { TextFormat } from '../model/index.js';
import { bareId, isSameUser } from './user-id.js';

/** Code points that a text or a caption may show. The server cuts what is longer. */
export const MAX_TEXT = 4_096;
/** Code points in the title of a chat. */
export const MAX_TITLE = 256;

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Text of a stranger as it stands in a text of this format, without becoming markup. */
export const trueconfEscape = (text: string, format: TextFormat): string => {
  if (format === 'html') return escapeHtml(text);
  return format === 'markdown' ? text.replace(/[\\_*[\]()~`>#+\-=|{}.!]/g, '\\$&') : text;
};

/**
 * A mention of a user, who is notified even in a muted chat; of nobody where the text is plain. Everybody is `@all`. Servers
 * know mentions from 5.5.3.
 */
export const trueconfMention = (userId: string, label: string, format: TextFormat): string => {
  const target = `trueconf:${bareId(userId)}`;
  if (format === 'html') return `<a href="${escapeHtml(target)}">${escapeHtml(label)}</a>`;
  return format === 'markdown' ? `[${trueconfEscape(label, format)}](${target})` : label;
};

/** The line breaks of a text as html has them, where clients show none for the plain ones. */
export const trueconfBreaks = (text: string): string => text.replace(/\r\n?|\n/g, '<br>');

/** The ids of those whom a text mentions, without instances. */
export const mentionsIn = (text: string, format: TextFormat = 'html'): readonly string[] => {
  if (format === 'plain') return [];
  const link = format === 'html' ? /href\s*=\s*["']trueconf:([^"'/&?\s]+)/gi : /\]\(trueconf:([^)"'/&?\s]+)/gi;
  return Array.from(text.matchAll(link), ([, id = '']) => id);
};

/** Whether a text speaks to this user: by a link, or to everybody, as all of its text. */
export const isMentioned = (userId: string, text: string, format: TextFormat = 'html'): boolean =>
  text.trim() === '@all' || mentionsIn(text, format).some((id) => isSameUser(id, userId));

const points = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/**
 * How many code points of a text count towards the limit, as the official client counts: markup does not, and a link is its
 * label, a space and its address.
 */
export const visibleLength = (text: string, format: TextFormat = 'plain'): number => {
  if (format === 'plain' || text.length === 0) return points(text);
  const flat =
    format === 'html'
      ? text
          .replace(/<a\s[^<>]*?href\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')[^<>]*>/gi, '$1$2 ')
          .replace(/<\/?(?:b|i|u|s|a)(?:\s[^<>]*)?>/gi, '')
      : text
          .replace(/\[([^[\]]*)\]\(([^()]*)\)/g, '$1 $2')
          .replace(/(?<![\p{L}\p{N}])(?:__|\*\*|~~|[_*~])|(?:__|\*\*|~~|[_*~])(?![\p{L}\p{N}])/gu, '');
  return points(flat);
};
