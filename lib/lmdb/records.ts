import type { Outcome } from '../model/index.js';
import { OUTCOMES } from '../model/outcome.js';
import type { Batch, Head, Kept, KeptLetter, Tries } from '../queue/shelf.js';
import { EMPTY } from '../queue/shelf.js';
import { hasShape } from '../store/record.js';
import { isOwner } from './owner.js';

/** The version of the records' shapes. */
export const SHAPE = 1;

/** The first byte of an item: that it is one, and its shape. */
const MARK = 0xa0;

/** What an item carries in front of its JSON: mark and shape, how often it was resubmitted, when it was added, the length of its key. */
const FIXED = 17;

/** The record of an item: its JSON lies behind `from`. Where it could not be read, why. */
export interface Content {
  readonly record: Buffer;
  readonly from: number;
  readonly problem?: string;
}

/** @internal The record of an item: what is not known yet about it is written by `encodeKept`. */
export const recordOf = (key: string, json: string): Content => {
  const keyBytes = Buffer.byteLength(key);
  const from = FIXED + keyBytes;
  const record = Buffer.allocUnsafe(from + Buffer.byteLength(json));
  record[0] = MARK | SHAPE;
  record.writeUInt32LE(keyBytes, 13);
  record.write(key, FIXED);
  record.write(json, from);
  return { record, from };
};

/** @internal */
export const jsonIn = ({ record, from }: Content): string => record.toString('utf8', from);

/** @internal */
export const encodeKept = ({ at, resubmitted, content: { record, problem } }: Kept<Content>): Buffer => {
  if (problem !== undefined) return record;
  record.writeUInt32LE(resubmitted, 1);
  record.writeDoubleLE(at, 5);
  return record;
};

/** @internal What cannot be read keeps all its bytes. */
export const decodeKept = (record: Buffer): Kept<Content> => {
  const { length: bytes } = record;
  const unread = (problem: string): Kept<Content> => {
    return { key: '', at: 0, resubmitted: 0, bytes, content: { record, from: 0, problem } };
  };
  const mark = record[0] ?? 0;
  if ((mark & 0xf0) !== MARK || bytes < FIXED) return unread('it is no record of ours');
  if (mark !== (MARK | SHAPE)) return unread('a later version wrote it');
  const keyBytes = record.readUInt32LE(13);
  const at = record.readDoubleLE(5);
  if (bytes < FIXED + keyBytes || !(at >= 0 && at <= 8.64e15)) return unread('it is no record of ours');
  const key = record.toString('utf8', FIXED, FIXED + keyBytes);
  return { key, at, resubmitted: record.readUInt32LE(1), bytes, content: { record, from: FIXED + keyBytes } };
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
  return found !== undefined && isHead(found) ? found : undefined;
};
const isHead = (found: Readonly<Record<string, unknown>>): found is typeof found & Head =>
  Object.keys(EMPTY).every((name) => {
    const value = found[name];
    if (name === 'owner') return value === null || isOwner(value);
    return isCount(value) || (name === 'until' && value === null);
  });

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
    return hasShape(value, SHAPE) ? value : undefined;
  } catch {
    return undefined;
  }
};
export const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0;
const isOutcome = (value: unknown): value is Outcome => (OUTCOMES as readonly unknown[]).includes(value);
