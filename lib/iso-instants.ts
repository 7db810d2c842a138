// Much happens in one second, and to write or read a date costs more than all else about a small message: what the instants of a
// second have in common is written, or read, once.

const ENDS: readonly string[] = Array.from({ length: 1_000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z`);

/** @internal Writes instants, in milliseconds since 1970, as ISO 8601. */
export const isoWriter = (): ((ms: number) => string) => {
  let written = NaN;
  let text = '';
  return (ms) => {
    const whole = Math.trunc(ms);
    const second = Math.floor(whole / 1_000);
    if (second !== written) {
      text = new Date(whole).toISOString().slice(0, -4);
      written = second;
    }
    return text + (ENDS[whole - second * 1_000] ?? '');
  };
};

/** With milliseconds, in UTC, and no second that has none but the first of them. */
const WHOLE = /^\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d\.\d{3}Z$/;
const LENGTH = 24;
const ZERO = 48;

/** @internal Reads instants as `Date.parse` does. */
export const isoReader = (): ((text: string) => number) => {
  let read = '';
  let second = NaN;
  return (text) => {
    if (text.length === LENGTH && text.startsWith(read) && text.charCodeAt(LENGTH - 1) === 90) {
      const hundreds = text.charCodeAt(20) - ZERO;
      const tens = text.charCodeAt(21) - ZERO;
      const ones = text.charCodeAt(22) - ZERO;
      const areDigits = hundreds >= 0 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
      if (areDigits && read !== '') return second + 100 * hundreds + 10 * tens + ones;
    }
    const ms = Date.parse(text);
    if (WHOLE.test(text) && !Number.isNaN(ms)) {
      read = text.slice(0, 20);
      second = Math.floor(ms / 1_000) * 1_000;
    }
    return ms;
  };
};
