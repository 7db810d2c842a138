import { defer, map, type Observable, type ObservableInput } from 'rxjs';
import type { Media } from '../model/index.js';
import { fetchMedia } from '../outgoing-media.js';
import type { DownloadConfig } from '../transport/download.js';
import type { TrueconfClient } from './client.js';
import { declaredType, isPicture, type TrueconfFileToSend } from './file-to-send.js';

/** A file, and a small picture of it where it is one; without, it is its own if it is not too large. */
export type TrueconfFileOfYours = TrueconfFileToSend & { readonly preview?: TrueconfFileToSend };

/** @internal Where files come from and how large they may be. */
export interface OutgoingFiles {
  readonly client: Pick<TrueconfClient, 'download'>;
  readonly files: ((media: Media) => ObservableInput<TrueconfFileOfYours> | undefined) | undefined;
  readonly maxFileBytes: number;
  readonly maxPreviewBytes: number;
  readonly downloads: Pick<DownloadConfig, 'timeoutMs' | 'allowHttpLoopback' | 'fetch' | 'lookup' | 'scheduler'>;
}

/** @internal A file with the small picture of it, where it is one. */
export interface OutgoingFile {
  readonly file: TrueconfFileToSend;
  readonly preview?: TrueconfFileToSend;
}

const STICKER = 'sticker/webp';

/**
 * The file of an action: from `files`, where that knows it, else from its address, else from the server, where it is a file of
 * that. A picture that is not too large is its own preview, and so is a sticker.
 *
 * @internal
 */
export const outgoingFile = (media: Media, config: OutgoingFiles): Observable<OutgoingFile> =>
  defer((): Observable<OutgoingFile> => {
    const given = config.files?.(media);
    if (given !== undefined) return defer(() => given).pipe(map((file) => withPreview(file, config)));
    const { client, maxFileBytes: maxBytes, downloads } = config;
    const ours = ({ url, fileId }: Media) =>
      url === undefined && fileId !== undefined ? client.download(fileId) : undefined;
    return fetchMedia(media, { platform: 'trueconf', maxBytes, downloads, ours }).pipe(
      map((file) => withPreview(file, config)),
    );
  });

const withPreview = ({ preview, ...file }: TrueconfFileOfYours, { maxPreviewBytes }: OutgoingFiles): OutgoingFile => {
  if (preview !== undefined) return { file, preview };
  if (declaredType(file) === STICKER) return { file, preview: { ...file, mimeType: 'image/webp' } };
  const sizeBytes = file.bytes?.length ?? file.sizeBytes ?? Infinity;
  return isPicture(file) && sizeBytes <= maxPreviewBytes ? { file, preview: file } : { file };
};
