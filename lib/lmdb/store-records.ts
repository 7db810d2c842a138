import { createHash } from 'node:crypto';
import type { Json } from '../model/index.js';
import { SHAPE } from './records.js';

/** What is kept under a key. */
export interface StoreRecord {
  /** The key itself: where it is kept may be shorter. */
  readonly key: string;
  readonly value: Json;
  readonly revision: number;
  /** When it ends, in milliseconds of the clock; null: never. */
  readonly until: number | null;
}

/** LMDB's keys have at most 1 978 bytes. */
const LONGEST = 1_800;
/** Stands in no UTF-8. */
const CUT = 0xff;
/** No key is empty. */
const FRONT = 1;

/** Text that UTF-8 can say, up to the first half of a character. */
const wellFormed = (text: string): string => {
  const broken = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.exec(text);
  return broken === null ? text : text.slice(0, broken.index);
};

/** Where keys are that begin with `prefix`, and some others: what all their places begin with. */
export const placesOf = (prefix: string): Buffer =>
  Buffer.concat([Buffer.of(FRONT), Buffer.from(wellFormed(prefix)).subarray(0, LONGEST)]);

/** Where a key is kept: as it is, or cut and followed by a hash of all of it. */
export const placeOf = (key: string): Buffer => {
  const place = placesOf(key);
  if (place.length - 1 === Buffer.byteLength(key) && wellFormed(key) === key) return place;
  const hash = createHash('sha256').update(Buffer.from(key, 'utf16le')).digest();
  return Buffer.concat([place, Buffer.of(CUT), hash]);
};

/** The first place behind all that begin with `places`. */
export const behind = (places: Buffer): Buffer => Buffer.concat([places, Buffer.of(CUT, CUT)]);

/** Where the end of a key is noted: by time, then by place. */
export const duePlace = (until: number, place: Uint8Array): Buffer => {
  const time = Buffer.alloc(8);
  time.writeDoubleBE(until);
  return Buffer.concat([time, createHash('sha256').update(place).digest()]);
};

/** What is due at `now` lies before this. */
export const dueEnd = (now: number): Buffer => {
  const time = Buffer.alloc(9, CUT);
  time.writeDoubleBE(now);
  return time;
};

export const encodeRecord = (record: StoreRecord): Buffer => Buffer.from(JSON.stringify({ shape: SHAPE, ...record }));

/** Nothing when it is of another shape. */
export const decodeRecord = (record: Buffer): StoreRecord | undefined => {
  try {
    const { shape, key, value, revision, until } = JSON.parse(record.toString()) as Readonly<Record<string, unknown>>;
    if (shape !== SHAPE || typeof key !== 'string' || typeof revision !== 'number') return undefined;
    if (until !== null && typeof until !== 'number') return undefined;
    return { key, value: value as Json, revision, until };
  } catch {
    return undefined;
  }
};
