import type { Desk } from './simulator-desk.js';
import type { Author, RocketchatContent, Room, StoredFile } from './simulator-model.js';
import { bare, coded, plain, unfit } from './simulator-refusal.js';

/** A file as somebody sends it. */
export interface RocketchatFile {
  readonly name: string;
  /** Default: `application/octet-stream`. */
  readonly type?: string;
  readonly bytes: Uint8Array;
}

const MEDIA = ['image', 'audio', 'video'];

/** @internal Files: what may come, where it is, and how a message shows it. */
export class Files {
  readonly #desk: Desk;
  readonly #all = new Map<string, StoredFile>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Throws where the server does not take such a file. Newer versions have other words for it. */
  check(file: RocketchatFile | undefined): RocketchatFile {
    const { uploads, blockedTypes, maxFile } = this.#desk.rules;
    const isNew = this.#desk.since('8.0');
    if (!uploads) throw unfit('error-file-upload-disabled');
    if (file === undefined) throw isNew ? coded('error-no-file', 'No file uploaded') : unfit('error-no-file-uploaded');
    if (blockedTypes.includes(file.type ?? '')) throw unfit('error-type-not-allowed');
    if (maxFile >= 0 && file.bytes.length > maxFile)
      throw isNew
        ? coded('error-file-too-large', 'The file is too large')
        : unfit('error-size-not-allowed', { sizeAllowed: maxFile });
    return file;
  }

  store(
    room: Room,
    by: Author,
    { name, type = 'application/octet-stream', bytes }: RocketchatFile,
    isConfirmed: boolean,
  ): StoredFile {
    const file: StoredFile = { id: this.#desk.hex(), name, type, bytes, room, by, at: this.#desk.now(), isConfirmed };
    this.#all.set(file.id, file);
    return file;
  }

  /** A file that waits for its confirmation by the same user in the same room. */
  confirm(id: string, room: Room, by: Author): StoredFile {
    const file = this.#all.get(id);
    const isOwn = file?.by.kind === 'agent' && by.kind === 'agent' && file.by.account === by.account;
    if (file === undefined || !isOwn || file.room !== room || file.isConfirmed) throw coded('invalid-file');
    if (this.#desk.now() - file.at >= this.#desk.rules.unconfirmedMs) {
      this.#all.delete(id);
      throw coded('invalid-file');
    }
    file.isConfirmed = true;
    return file;
  }

  find(id: string): StoredFile | undefined {
    return this.#all.get(id);
  }

  addressOf({ id, name }: StoredFile): string {
    return `/file-upload/${id}/${encodeURIComponent(name)}`;
  }

  /** What a message with this file has. */
  shown(file: StoredFile, description: string | undefined): RocketchatContent {
    const { id, name, type, bytes } = file;
    const link = this.addressOf(file);
    const short = { _id: id, name, type };
    const family = MEDIA.find((media) => type.startsWith(`${media}/`));
    const media =
      family === undefined
        ? {}
        : { [`${family}_url`]: link, [`${family}_type`]: type, [`${family}_size`]: bytes.length };
    return {
      file: short,
      files: [short],
      attachments: [
        {
          title: name,
          type: 'file',
          ...(description !== undefined && { description }),
          title_link: link,
          title_link_download: true,
          ...media,
        },
      ],
    };
  }
}

/** @internal The one file of a form, and its other fields. */
export const fileIn = (
  parts:
    | readonly { readonly name: string; readonly fileName: string; readonly type: string; readonly bytes: Uint8Array }[]
    | undefined,
  isNew: boolean,
): { readonly file: RocketchatFile | undefined; readonly fields: Readonly<Record<string, string>> } => {
  if (parts === undefined) throw isNew ? plain('Content-Type must be multipart/form-data') : bare();
  const files = parts.filter(({ fileName }) => fileName !== '');
  if (files.some(({ name }) => name !== 'file')) throw coded('invalid-field', 'Invalid field');
  if (files.length > 1) throw plain('Just 1 file is allowed');
  const [file] = files;
  const text = new TextDecoder();
  const fields = parts
    .filter(({ fileName }) => fileName === '')
    .map(({ name, bytes }) => [name, text.decode(bytes)] as const);
  return {
    file: file && { name: file.fileName, type: file.type, bytes: file.bytes },
    fields: Object.fromEntries(fields),
  };
};
