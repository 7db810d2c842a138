import type { Desk } from './simulator-desk.js';
import { STATE, type StoredFile, type TrueconfContent, type TrueconfLimits } from './simulator-model.js';
import type { Part } from './simulator-multipart.js';
import { Refusal } from './simulator-refusal.js';
import { isAtLeast } from './simulator-rules.js';

/** A file that a person sends. */
export interface TrueconfFile {
  readonly name: string;
  /** Default: `application/octet-stream`. */
  readonly mimeType?: string;
  readonly bytes: Uint8Array;
  /** A small picture of it. */
  readonly preview?: { readonly name: string; readonly mimeType: string; readonly bytes: Uint8Array };
}

/** @internal Bytes of a file that can be downloaded. */
export type Stored = Pick<StoredFile, 'name' | 'mimeType' | 'bytes'>;

const plain = (extension: string): string => extension.toLowerCase().replace(/^\./, '');

const isAllowed = ({ maxSize, extensions }: TrueconfLimits, size: number, name: string): boolean => {
  if (maxSize !== null && size > maxSize) return false;
  if (extensions === null) return true;
  const dot = name.lastIndexOf('.');
  const isListed = dot >= 0 && extensions.list.map(plain).includes(plain(name.slice(dot)));
  return isListed === (extensions.mode === 'allow');
};

/** @internal Files on their way in, and those that are here. */
export class Files {
  limits: TrueconfLimits;
  /** Where downloads are. */
  origin = 'http://127.0.0.1';
  /** Tells of a file's progress. */
  readonly tell: (file: StoredFile) => void;
  readonly #desk: Desk;
  readonly #tasks = new Map<string, { readonly name: string; readonly size: number }>();
  readonly #temporal = new Map<string, readonly Part[]>();
  readonly #all = new Map<string, StoredFile>();

  constructor(desk: Desk, tell: (file: StoredFile) => void) {
    this.#desk = desk;
    this.limits = desk.rules.limits;
    this.tell = tell;
  }

  announce(name: string, size: number): string {
    if (!isAllowed(this.limits, size, name)) throw new Refusal(310);
    const uploadTaskId = this.#desk.uuid();
    this.#tasks.set(uploadTaskId, { name, size });
    return uploadTaskId;
  }

  /** Takes the bytes of a task, once; a status where that is not possible. */
  upload(uploadTaskId: string, parts: readonly Part[]): { readonly temporalFileId: string } | number {
    const task = this.#tasks.get(uploadTaskId);
    if (task === undefined) return 404;
    const file = parts.find(({ name }) => name === 'file');
    if (file === undefined) return 400;
    this.#tasks.delete(uploadTaskId);
    if (file.bytes.length !== task.size) return file.bytes.length > task.size ? 413 : 400;
    const temporalFileId = `tmp-${this.#desk.hex().slice(-12)}`;
    this.#temporal.set(temporalFileId, [{ ...file, fileName: file.fileName || task.name }, ...parts]);
    return { temporalFileId };
  }

  /** Makes a file of what was uploaded, once. */
  take(temporalFileId: string): StoredFile {
    const [file, ...parts] = this.#temporal.get(temporalFileId) ?? [];
    if (file === undefined) throw new Refusal(308);
    this.#temporal.delete(temporalFileId);
    const preview = parts.find(({ name }) => name === 'preview');
    return this.store({
      name: file.fileName,
      mimeType: file.type || 'application/octet-stream',
      bytes: file.bytes,
      ...(preview && { preview: { name: preview.fileName, mimeType: preview.type, bytes: preview.bytes } }),
    });
  }

  /** Keeps a file, all of it or with the bytes still to come. */
  store({ name, mimeType = 'application/octet-stream', bytes, preview }: TrueconfFile, isHere = true): StoredFile {
    const fileId = this.#desk.hex();
    const file: StoredFile = {
      fileId,
      name,
      mimeType,
      size: bytes.length,
      bytes,
      preview,
      signature: `k${fileId.slice(-8)}`,
      state: isHere ? STATE.ready : STATE.uploading,
      progress: isHere ? bytes.length : 0,
    };
    this.#all.set(fileId, file);
    return file;
  }

  find(fileId: string): StoredFile {
    const file = this.#all.get(fileId);
    if (file === undefined) throw new Refusal(308);
    return file;
  }

  /** So many bytes have come; all of them make it ready, a little later. */
  progress(file: StoredFile, bytes: number): void {
    file.progress = Math.min(bytes, file.size);
    this.tell(file);
    if (file.progress < file.size) return;
    this.#desk.later(this.#desk.rules.readyLagMs, () => {
      if (file.state === STATE.uploading) file.state = STATE.ready;
    });
  }

  /** The address of a file, or of its preview. */
  addressOf({ fileId, signature }: StoredFile, of: '' | '/p' = ''): string {
    return `${this.#desk.rules.downloadOrigin || this.origin}/dl/${fileId}${of}?sig=${signature}`;
  }

  info(file: StoredFile): TrueconfContent {
    const { fileId, name, size, mimeType, state, preview } = file;
    const id = isAtLeast(this.#desk.rules.version, '5.5.4') ? { fileId } : { infoHash: fileId };
    if (state === STATE.unavailable) return { ...id, readyState: state };
    const isReady = state === STATE.ready;
    const previews =
      preview === undefined
        ? []
        : [
            {
              name: preview.name,
              size: preview.bytes.length,
              mimeType: preview.mimeType,
              downloadUrl: this.addressOf(file, '/p'),
            },
          ];
    return {
      ...id,
      name,
      size,
      mimeType,
      readyState: state,
      downloadUrl: isReady ? this.addressOf(file) : null,
      previews: isReady && previews.length > 0 ? previews : null,
    };
  }

  /** What an address leads to; a status where it leads nowhere. */
  at(url: string): Stored | number {
    const [, fileId = '', ofPreview, signature] = /^\/dl\/([^/?]+)(\/p)?\?sig=(.*)$/.exec(url) ?? [];
    const file = this.#all.get(fileId);
    if (file === undefined) return 404;
    if (signature !== file.signature) return 403;
    const stored = ofPreview === undefined ? file : file.preview;
    return file.state === STATE.ready && stored !== undefined ? stored : 404;
  }
}
