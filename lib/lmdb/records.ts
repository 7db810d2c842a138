import type { Outcome } from '../model/index.js';
import { OUTCOMES } from '../model/outcome.js';
import type { Batch, Head, Kept, KeptLetter, Tries } from '../queue/shelf.js';
import { EMPTY } from '../queue/shelf.js';

/** The version of the records' shapes. */
export const SHAPE = 1;

/** The first byte of an item: that it is one, and its shape. */
const MARK = 0xa0;

/** What an item carries in front of its JSON: mark and shape, how often it was resubmitted, when it was added, the length of its key. */
const FIXED = 17;

/** The JSON of an item, or the whole record where that could not be read, and then why. */
export interface Content {
  readonly json: Buffer;
  readonly problem?: string;
}

/** @internal How many bytes an item takes. */
export const keptBytes = (key: string, json: Buffer): number => FIXED + Buffer.byteLength(key) + json.length;

/** @internal */
export const encodeKept = ({ key, at, resubmitted, content: { json, problem } }: Kept<Content>): Buffer => {
  if (problem !== undefined) return json;
  const keyBytes = Buffer.byteLength(key);
  const record = Buffer.allocUnsafe(FIXED + keyBytes + json.length);
  record.writeUInt8(MARK | SHAPE, 0);
  record.writeUInt32LE(resubmitted, 1);
  record.writeDoubleLE(at, 5);
  record.writeUInt32LE(keyBytes, 13);
  record.write(key, FIXED);
  json.copy(record, FIXED + keyBytes);
  return record;
};

/** @internal What cannot be read keeps all its bytes. */
export const decodeKept = (record: Buffer): Kept<Content> => {
  const { length: bytes } = record;
  const unread = (problem: string): Kept<Content> => {
    return { key: '', at: 0, resubmitted: 0, bytes, content: { json: record, problem } };
  };
  const mark = record[0] ?? 0;
  if ((mark & 0xf0) !== MARK || bytes < FIXED) return unread('it is no record of ours');
  if (mark !== (MARK | SHAPE)) return unread('a later version wrote it');
  const keyBytes = record.readUInt32LE(13);
  const at = record.readDoubleLE(5);
  if (bytes < FIXED + keyBytes || !(at >= 0 && at <= 8.64e15)) return unread('it is no record of ours');
  const key = record.toString('utf8', FIXED, FIXED + keyBytes);
  return { key, at, resubmitted: record.readUInt32LE(1), bytes, content: { json: record.subarray(FIXED + keyBytes) } };
};

/** @internal */
export const encodeLetter = ({ kept, ...report }: KeptLetter<Content>): Buffer => {
  const json = Buffer.from(JSON.stringify({ shape: SHAPE, ...report }));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, encodeKept(kept)]);
};

/** @internal A letter whose report cannot be read is one that says so. */
export const decodeLetter = (record: Buffer): KeptLetter<Content> => {
  const length = record.length >= 4 ? record.readUInt32LE(0) : 0;
  const report = objectIn(record.subarray(4, 4 + length));
  const { outcome, touched, reason, parkedAt, attempts, holds } = report ?? {};
  const isRead = isOutcome(outcome) && isCount(parkedAt) && isCount(attempts);
  return {
    kept: decodeKept(isRead ? record.subarray(4 + length) : record),
    outcome: isRead ? outcome : 'failed',
    touched: touched === true,
    reason: isRead ? (typeof reason === 'string' ? reason : undefined) : 'its report cannot be read',
    parkedAt: isCount(parkedAt) ? parkedAt : 0,
    attempts: isCount(attempts) ? attempts : 0,
    holds: holds === true,
  };
};

/** @internal */
export const encodeJson = (value: object): Buffer => Buffer.from(JSON.stringify({ shape: SHAPE, ...value }));

/** @internal Nothing when it is none, or when a later version wrote it. */
export const decodeHead = (record: Buffer): Head | undefined => {
  const found = objectIn(record);
  if (found === undefined) return undefined;
  const { owner, until, ...counts } = found;
  for (const name of Object.keys(EMPTY)) {
    if (name !== 'owner' && name !== 'until' && !isCount(counts[name])) return undefined;
  }
  if (until !== null && !isCount(until)) return undefined;
  return isOwner(owner) ? (found as unknown as Head) : undefined;
};

/** @internal */
export const decodeTries = (record: Buffer): Tries => {
  const { attempts, since } = objectIn(record) ?? {};
  return { attempts: isCount(attempts) ? attempts : 0, since: isCount(since) ? since : 0 };
};

/** @internal */
export const decodeBatch = (record: Buffer): Batch => {
  const { at, places } = objectIn(record) ?? {};
  return { at: isCount(at) ? at : 0, places: Array.isArray(places) ? places.filter(isCount) : [] };
};

/** @internal An object of this version. */
export const objectIn = (json: Buffer): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(json.toString());
    if (typeof value !== 'object' || value === null) return undefined;
    const found = value as Readonly<Record<string, unknown>>;
    return found['shape'] === SHAPE ? found : undefined;
  } catch {
    return undefined;
  }
};
export const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0;
const isOutcome = (value: unknown): value is Outcome => (OUTCOMES as readonly unknown[]).includes(value);
const isOwner = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && typeof (value as { readonly id?: unknown } | null)?.id === 'string');
