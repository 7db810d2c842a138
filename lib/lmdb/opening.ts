import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ChatError } from '../errors.js';
import { HEADER_BYTES, readHeader } from './header.js';
import { readerCommand } from './reader-command.js';

/** The version of how we keep things in a file. */
export const FORMAT = 1;

/** @internal What a directory of ours holds. */
export interface Place {
  readonly dir: string;
  readonly data: string;
  readonly marker: string;
}

/** @internal */
export const placeOf = (dir: string): Place => ({
  dir,
  data: join(dir, 'tidewire.mdb'),
  marker: join(dir, 'tidewire.json'),
});

/** @internal */
export const refused = (path: string, sentence: string): ChatError =>
  new ChatError('refused', 'lmdb', `${path} ${sentence}; nothing was changed`, { reason: 'cannotBeOpened' });

/**
 * Looks at a directory before lmdb does, which a foreign or damaged file would kill the process for, and returns its id.
 * Makes our marker where there is nothing yet.
 *
 * @throws ChatError `refused` when it is not ours, of a later version, or damaged.
 * @internal
 */
export const lookAt = (place: Place): string => {
  const { dir, data, marker } = place;
  mkdirSync(dir, { recursive: true });
  const bytes = sizeOf(data);
  if (!existsSync(marker)) {
    if (bytes > 0) throw refused(data, `is not ours: there is no ${marker}`);
    makeMarker(place);
  }
  const id = readMarker(marker);
  if (bytes > 0) checkData(data, bytes);
  return id;
};

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const checkData = (data: string, bytes: number): void => {
  const expected = lookAtHeader(data);
  if (bytes >= expected) return;
  // Pages at the end that were given back before they were written are missing in an intact file, too: somebody else
  // reads it all before it is trusted.
  const { command, args } = readerCommand(data);
  const { status } = spawnSync(command, args, { stdio: 'ignore', timeout: 600_000 });
  if (status === 0) return;
  throw refused(data, `is cut off: it has ${bytes} bytes of ${expected}, and cannot be read to its end`);
};

/**
 * How many bytes a file should have by its header.
 *
 * @throws ChatError `refused` when it is none of LMDB, or damaged.
 * @internal
 */
export const lookAtHeader = (data: string): number => {
  const header = readHeader(readBeginning(data));
  if (typeof header === 'string') throw refused(data, header);
  return header.bytes;
};

const readBeginning = (path: string): Buffer => {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(HEADER_BYTES);
    return buffer.subarray(0, readSync(file, buffer, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(file);
  }
};

/** @internal */
export const readMarker = (marker: string): string => {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(marker, 'utf8'));
  } catch {
    throw refused(marker, 'cannot be read');
  }
  const { tidewire, id } = (found ?? {}) as { readonly tidewire?: unknown; readonly id?: unknown };
  if (!Number.isInteger(tidewire) || Number(tidewire) < 1 || typeof id !== 'string')
    throw refused(marker, 'is no marker of ours');
  if (Number(tidewire) > FORMAT)
    throw refused(marker, `is of format ${String(tidewire)}, and this version knows up to ${FORMAT}`);
  return id;
};

/** Whole or not at all, and once: who comes second takes what the first one made. */
const makeMarker = ({ dir, marker }: Place): void => {
  const id = globalThis.crypto.randomUUID();
  const draft = `${marker}.${id}`;
  const file = openSync(draft, 'wx');
  try {
    writeSync(file, `${JSON.stringify({ tidewire: FORMAT, id })}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, marker);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  syncDirectory(dir);
};

/** So that the names in it survive a power failure, too; some systems do not know that. */
const syncDirectory = (dir: string): void => {
  let file: number | undefined;
  try {
    file = openSync(dir, 'r');
    fsyncSync(file);
  } catch {
    return;
  } finally {
    if (file !== undefined) closeSync(file);
  }
};
