/**
 * The file's name in a `Content-Disposition` header, without folders, control signs and what turns the direction of
 * writing. `undefined` when there is none. `filename*` goes before `filename` (RFC 6266, section 4.3).
 */
export const fileNameOf = (disposition: string): string | undefined => {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition)?.[1];
  const quoted = /;\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1]?.replace(/\\(.)/g, '$1');
  const bare = /;\s*filename\s*=\s*([^";\s]+)/i.exec(disposition)?.[1];
  const told = (extended === undefined ? undefined : decoded(extended)) ?? quoted ?? bare ?? '';
  return cleanName(told);
};

/** A name without folders, control signs and what turns the direction of writing; `undefined` when nothing is left. */
export const cleanName = (told: string): string | undefined => {
  const name = told
    .replace(/^.*[/\\]/s, '')
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return /^\.*$/.test(name) ? undefined : name;
};

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};
