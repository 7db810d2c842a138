import type { FluidtalkFile } from './simulator-form.js';
import { parrot, type FluidtalkReply, type FluidtalkTurn } from './simulator-persona.js';

/** How the server behaves where the documentation is silent, and what its persona says. */
export interface FluidtalkRules {
  /** What the persona says where nothing is scripted. When it throws, the call is answered 500. Default: it repeats what it hears. */
  readonly persona?: (turn: FluidtalkTurn) => FluidtalkReply;
  /** How long the persona thinks, in milliseconds. Default: 0, the answer comes at once. */
  readonly thinkMs?: number | ((turn: FluidtalkTurn) => number);
  /** How many replies a conversation has before it is sealed. Default: no end. */
  readonly sealAfter?: number;
  /** The events that the engine knows. Default: all. */
  readonly entryTypes?: readonly string[];
  /** An event that the engine does not know is answered 404, or with an empty message. Default: `refuse`. */
  readonly onUnknownEntry?: 'refuse' | 'silence';
  /** An action on a sealed target is answered 400 with DONE, `ignored`, or with an empty message. Default: `refuse`. */
  readonly onSealedAction?: 'refuse' | 'ignore' | 'silence';
  /** An opener for an active target is answered with a second one, `ignored`, or 400. Default: `answer`. */
  readonly onSecondOpener?: 'answer' | 'ignore' | 'refuse';
  /** Whether a lead belongs to the first `own_username` that opened it, and others are ignored. Default: true. */
  readonly oneOwner?: boolean;
  /** Whether chat wants a text beside a picture. Default: false. */
  readonly textRequired?: boolean;
  /** Files above this size are answered 413. Default: 10 MB. */
  readonly maxFileBytes?: number;
  /** The URL of the n-th upload, n from 1. Default: `https://cdn.test/u/<n>.jpg`. */
  readonly hostPicture?: (file: FluidtalkFile, n: number) => string;
}

/** @internal */
export const DEFAULTS = {
  persona: parrot,
  thinkMs: 0,
  sealAfter: Infinity,
  onUnknownEntry: 'refuse',
  onSealedAction: 'refuse',
  onSecondOpener: 'answer',
  oneOwner: true,
  textRequired: false,
  maxFileBytes: 10_000_000,
  hostPicture: (_: FluidtalkFile, n: number) => `https://cdn.test/u/${n}.jpg`,
} as const;
