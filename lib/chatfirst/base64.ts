const CANONICAL = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Arguments of one call are limited in number. */
const AT_ONCE = 8_192;

/** A text as base64 of its UTF-8, in one line however long it is. */
export const toBase64 = (text: string): string => {
  const bytes = new TextEncoder().encode(text);
  let units = '';
  for (let at = 0; at < bytes.length; at += AT_ONCE) units += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  return btoa(units);
};

/**
 * The text that canonical base64 of UTF-8 stands for; `undefined` for anything else, which most plain text is. Decoders that
 * skip what they do not know would make garbage of it.
 */
export const fromBase64 = (encoded: string): string | undefined => {
  if (!CANONICAL.test(encoded)) return undefined;
  const units = atob(encoded);
  // Spare bits may be set, and then it was not written by an encoder.
  if (btoa(units) !== encoded) return undefined;
  try {
    const bytes = Uint8Array.from(units, (unit) => unit.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
