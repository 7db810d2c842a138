import fc from 'fast-check';

/** A label as it may come: digits, twins in another case, emoji, right-to-left, wide digits, composed or not, blank. */
export const label: fc.Arbitrary<string> = fc.oneof(
  fc.string({ minLength: 1, maxLength: 25 }),
  fc.integer({ min: 0, max: 70 }).map(String),
  fc.constantFrom('👍', '👩‍👩‍👧 family', '2️⃣', 'نعم', 'כן', 'Yes', 'yes', 'No', 'Ja, bitte', '１', 'a\u0301', ' '),
);

/** Between 1 and 60 labels. */
export const labels: fc.Arbitrary<string[]> = fc.array(label, { minLength: 1, maxLength: 60 });

const digitsFrom =
  (zero: number) =>
  (n: number): string =>
    Array.from(String(n), (digit) => String.fromCodePoint(zero + Number(digit))).join('');

/** The ways to write a number that are read as one. */
export const writtenNumber: fc.Arbitrary<(n: number) => string> = fc.constantFrom(
  ...[String, digitsFrom(0xff10), digitsFrom(0x0660), digitsFrom(0x0966), digitsFrom(0x116da), digitsFrom(0x1d7d8)],
  ...['', ' ', '#', '# ', '\u200f'].map((before) => (n: number) => `${before}${n}`),
  ...['.', ')', ' ', '\n', '\ufe0f\u20e3'].map((after) => (n: number) => `${n}${after}`),
);
