import { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';

/** A picture as bytes. */
export interface FluidtalkPicture {
  readonly bytes: Uint8Array;
  /** `image/jpeg`, `image/png`, `image/webp` or `image/gif`. */
  readonly mimeType: string;
  /** Default: `image.jpg`. */
  readonly fileName?: string;
}

/** The lead went quiet. */
export interface FollowUp {
  /**
   * The lead's handle. With the persona it is the conversation: every spelling is a conversation of its own, and costs a
   * token. White space around it is left out, everything else counts. Never let a lead's text choose it.
   */
  readonly target: string;
  /** The handle of your account that talks with the lead. Default: that of the client. */
  readonly ownUsername?: string;
}

/** The persona opens the conversation. */
export interface AiOpener extends FollowUp {
  /** Address of a picture, in place of `file`. */
  readonly imageUrl?: string;
  /** The picture itself, in place of `imageUrl`. */
  readonly file?: FluidtalkPicture;
}

/** The lead wrote. */
export interface InboundChat extends AiOpener {
  /** What the lead wrote; may be empty beside a picture. */
  readonly message: string;
}

/** Something happened that the persona is to speak about. */
export interface EventTrigger extends AiOpener {
  /** The id of an Event Trigger node of the engine. Never let a lead's text choose it. */
  readonly eventType: string;
  /** What the persona is to know about it. */
  readonly context?: JsonObject;
}

/** A call as data. */
export type FluidtalkCommand =
  | ({ readonly kind: 'inboundChat' } & InboundChat)
  | ({ readonly kind: 'aiOpener' } & AiOpener)
  | ({ readonly kind: 'eventTrigger' } & EventTrigger)
  | ({ readonly kind: 'followUp' } & FollowUp)
  | ({ readonly kind: 'uploadImage' } & FluidtalkPicture);

/** The name of a call. */
export type FluidtalkCallName = FluidtalkCommand['kind'];

const PICTURE_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'];

/** A target as it goes on the wire and into the ledger. */
export const spelled = (target: string): string => target.trim();

/** @internal Whether a text is none, or has nothing but white space. */
export const isBlank = (text: unknown): boolean => typeof text !== 'string' || text.trim() === '';

const isWebAddress = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
};

/**
 * Why a call is not made, if it is not: `unsupported` where the server could not understand it, `overflow` for a picture
 * that is too large. Nothing of what the call says is in the error.
 */
export const refusalOf = (command: FluidtalkCommand, maxFileBytes: number): ChatError | undefined => {
  const refuse = (sentence: string, kind: 'unsupported' | 'overflow' = 'unsupported'): ChatError =>
    new ChatError(kind, 'fluidtalk', `${command.kind} ${sentence}`);
  const pictureRefusal = ({ bytes, mimeType }: FluidtalkPicture): ChatError | undefined => {
    if (bytes.length === 0) return refuse('needs a picture that is not empty');
    if (!PICTURE_TYPES.includes(mimeType)) return refuse(`takes pictures of the types ${PICTURE_TYPES.join(', ')}`);
    if (bytes.length <= maxFileBytes) return undefined;
    return refuse(`has a picture of ${bytes.length} bytes, ${maxFileBytes} are allowed`, 'overflow');
  };

  if (command.kind === 'uploadImage') return pictureRefusal(command);
  if (isBlank(command.target)) return refuse('needs a target');
  if (command.kind === 'followUp') return undefined;
  const { imageUrl = '', file } = command;
  if (imageUrl !== '' && file !== undefined) return refuse('takes imageUrl or file, not both');
  if (imageUrl !== '' && !isWebAddress(imageUrl)) return refuse('needs an http or https address as imageUrl');
  if (command.kind === 'inboundChat' && command.message === '' && imageUrl === '' && file === undefined) {
    return refuse('needs a message or a picture');
  }
  if (command.kind === 'eventTrigger' && isBlank(command.eventType)) return refuse('needs an eventType');
  return file === undefined ? undefined : pictureRefusal(file);
};
