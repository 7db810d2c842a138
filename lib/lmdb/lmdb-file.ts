import { ChatError } from '../errors.js';
import { encodeJson } from './records.js';
import { openEngine, type Db, type Engine } from './engine.js';
import { lookAt, placeOf, refused } from './opening.js';
import { ownOwner } from './owner.js';
import { Writer } from './writer.js';

export interface LmdbFileConfig {
  /** Where it is: a directory of its own on a local disk, made when it is not there. */
  readonly dir: string;
}

/** A file that queues and stores keep their things in: those of one file can be written together. */
export interface LmdbFile {
  readonly dir: string;
  /** Resolves when everything is written and the file is closed; whoever still uses it gets errors. */
  readonly close: () => Promise<void>;
}

/** Names of what is in a file. */
export const NAMES = { side: 'tidewire' } as const;

/** Keys of what the databases share: a name, a zero byte, and what it is of the name. */
export const sideKey = (...parts: readonly string[]): Uint8Array => Buffer.from(parts.join('\0'));

/** @internal What queues and stores of a file share. */
export class FileCore implements LmdbFile {
  readonly dir: string;
  readonly engine: Engine;
  readonly writer: Writer;
  /** Small things: heads, and who the file is. */
  readonly side: Db<Uint8Array, Buffer>;
  /** Who we are where leases are told apart. */
  readonly owner = ownOwner();

  constructor({ dir }: LmdbFileConfig) {
    if (typeof dir !== 'string' || dir === '') throw new TypeError('lmdbFile: dir must name a directory');
    const place = placeOf(dir);
    const id = lookAt(place);
    this.dir = dir;
    this.engine = opened(place.data);
    const names = this.engine.names();
    if (names.length > 0 && !names.includes(NAMES.side)) {
      void this.engine.close();
      throw refused(place.data, 'is the file of another program');
    }
    this.side = this.engine.keyed(NAMES.side);
    this.#recognise(id, place.data);
    this.writer = new Writer(this.engine);
  }

  readonly close = async (): Promise<void> => {
    await this.writer.close();
    await this.engine.close();
  };

  /** The marker beside a file and the file itself belong together. */
  #recognise(id: string, data: string): void {
    const key = sideKey('file');
    let found: Buffer | undefined;
    this.engine.transactionSync(() => {
      found = this.side.get(key);
      if (found === undefined) this.side.put(key, encodeJson({ id }));
    });
    const text = found?.toString() ?? '';
    if (found !== undefined && !text.includes(`"${id}"`)) {
      void this.engine.close();
      throw refused(data, 'belongs to another marker than the one beside it');
    }
  }
}

const opened = (data: string): Engine => {
  try {
    return openEngine(data, false);
  } catch (cause) {
    const told = cause instanceof Error ? cause.message : 'no reason was given';
    throw new ChatError('unreachable', 'lmdb', `${data} could not be opened: ${told}`, { retryable: false });
  }
};

const cores = new WeakMap<LmdbFile, FileCore>();

/** @internal */
export const coreOf = (file: LmdbFile): FileCore => {
  const core = cores.get(file);
  if (core === undefined) throw new TypeError('make the file with lmdbFile()');
  return core;
};

/**
 * Opens a file of queues and stores, or makes it. Several processes may have it open at a time; open it once in each.
 *
 * A file that is not ours, is of a later version or is damaged where that can be seen at once is refused, before lmdb
 * touches it, and left as it is. Damage inside of it shows when it is read, and ends the process: `npx tidewire check`
 * looks for it.
 *
 * @throws TypeError without a directory; ChatError `refused` when the file cannot be trusted, `unreachable` when it cannot
 * be opened.
 */
export function lmdbFile(config: LmdbFileConfig): LmdbFile {
  const core = new FileCore(config);
  const file: LmdbFile = { dir: core.dir, close: core.close };
  cores.set(file, core);
  return file;
}
