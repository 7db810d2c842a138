import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbFile, type LmdbFile } from '../../lib/lmdb/lmdb-file.js';

/** Directories of one spec file, and the files that are open in them: all gone after each spec. */
export class Temporary {
  readonly #dirs: string[] = [];
  readonly #files: LmdbFile[] = [];

  dir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'tidewire-'));
    this.#dirs.push(dir);
    return dir;
  }

  file(dir = this.dir()): LmdbFile {
    const file = lmdbFile({ dir });
    this.#files.push(file);
    return file;
  }

  readonly clear = async (): Promise<void> => {
    for (const file of this.#files.splice(0)) await file.close();
    for (const dir of this.#dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
  };
}
