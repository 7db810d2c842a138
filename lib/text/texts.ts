/** The words that customers read where something is rendered as text. Override any of them, in any language. */
export interface Texts {
  /** Behind a numbered list, unless the action brings its own `fallback`. */
  readonly prompt: string;
  /** One numbered option. */
  readonly option: (n: number, label: string, description?: string) => string;
  /** One link. */
  readonly link: (label: string, url: string) => string;
  /** A file that the channel cannot carry. */
  readonly media: (url: string, name?: string, caption?: string) => string;
}

/** The words in English. */
export const englishTexts: Texts = {
  prompt: 'Please reply with a number.',
  option: (n, label, description) => `${n}. ${label}${description === undefined ? '' : ` (${description})`}`,
  link: (label, url) => `${label}: ${url}`,
  media: (url, name, caption) => [caption, name === undefined ? url : `${name}: ${url}`].filter(Boolean).join('\n'),
};
