import * as t from 'io-ts';
import type { Media } from '../model/index.js';
import type { Writable } from '../writable.js';
import { given, maybe, type WireMessage } from './codec-wire.js';

const Text = maybe(t.string);
const Attachment = t.partial({
  type: Text,
  title: Text,
  title_link: Text,
  description: Text,
  message_link: Text,
  image_url: Text,
  image_type: Text,
  image_size: maybe(t.number),
  audio_url: Text,
  audio_type: Text,
  audio_size: maybe(t.number),
  video_url: Text,
  video_type: Text,
  video_size: maybe(t.number),
});
type WireAttachment = t.TypeOf<typeof Attachment>;

/** What is attached to a message: files with what is written below them, and the message that it answers. */
export interface Attached {
  readonly media: readonly Media[];
  readonly description?: string;
  readonly replyTo?: string;
}

const whole = (path: string, baseUrl: string | undefined): string => {
  if (baseUrl === undefined || /^[a-z][a-z0-9+.-]*:/i.test(path)) return path;
  return path.startsWith('/') ? `${baseUrl.replace(/\/+$/, '')}${path}` : path;
};
/** `/file-upload/<id>/<name>` */
const idIn = (path: string): string | undefined => /\/(?:file-upload|ufs\/[^/]+)\/([\w-]+)(?:\/|$)/.exec(path)?.[1];

const fileOf = (attachment: WireAttachment, baseUrl: string | undefined): Media | undefined => {
  const { title, title_link: link, image_url: image, audio_url: audio, video_url: video } = attachment;
  const path = image ?? audio ?? video ?? (attachment.type === 'file' ? link : undefined);
  if (!given(path)) return undefined;
  const media: Writable<Media> = { url: whole(path, baseUrl) };
  const id = idIn(path);
  const mimeType = attachment.image_type ?? attachment.audio_type ?? attachment.video_type;
  const size = attachment.image_size ?? attachment.audio_size ?? attachment.video_size;
  if (id !== undefined) media.fileId = id;
  if (given(title)) media.name = title;
  if (given(mimeType)) media.mimeType = mimeType;
  if (typeof size === 'number') media.sizeBytes = size;
  return media;
};

/** The file that the message itself names, which tells more than its attachment. */
const uploadOf = ({ file, fileUpload }: WireMessage, first: Media | undefined, baseUrl?: string): Media | undefined => {
  if (!file && !given(fileUpload?.publicFilePath)) return first;
  const media: Writable<Media> = { ...first };
  const size = file?.size ?? (fileUpload?.size == null ? undefined : Number(fileUpload.size));
  const mimeType = file?.type ?? fileUpload?.type;
  if (given(fileUpload?.publicFilePath)) media.url = whole(fileUpload.publicFilePath, baseUrl);
  if (file) media.fileId = file._id;
  if (given(file?.name)) media.name = file.name;
  if (given(mimeType)) media.mimeType = mimeType;
  if (typeof size === 'number' && Number.isFinite(size)) media.sizeBytes = size;
  return media;
};

const NOTHING: Attached = { media: [] };

/** @internal An attachment that we cannot read is not looked at. */
export const attachedTo = (message: WireMessage, baseUrl: string | undefined): Attached => {
  const { attachments, file, fileUpload, tmid } = message;
  if (!attachments?.length && !file && !fileUpload) return given(tmid) ? { media: [], replyTo: tmid } : NOTHING;
  const media: Media[] = [];
  let description: string | undefined;
  let replyTo: string | undefined;
  for (const attachment of attachments ?? []) {
    if (!Attachment.is(attachment)) continue;
    const quoted = given(attachment.message_link) ? /[?&]msg=([^&#]+)/.exec(attachment.message_link)?.[1] : undefined;
    if (quoted !== undefined) {
      replyTo ??= quoted;
      continue;
    }
    const found = fileOf(attachment, baseUrl);
    if (found === undefined) continue;
    media.push(found);
    if (given(attachment.description)) description ??= attachment.description;
  }
  const upload = uploadOf(message, media[0], baseUrl);
  if (upload !== undefined) media[0] = upload;
  if (given(tmid)) replyTo ??= tmid;
  return { media, ...(description !== undefined && { description }), ...(replyTo !== undefined && { replyTo }) };
};
