/** Where in the life of a message the bot can die. */
export const STAGES = [
  /** While it opens its file and connects. */
  'start',
  /** A webhook request, or a frame, has come. */
  'receive',
  /** The event is safe in the queue, and nobody was told. */
  'accept',
  /** The webhook was answered. */
  'answer',
  /** The handler begins. */
  'handle',
  /** An action is handed to the platform's sink. */
  'send',
  /** The sink says what became of it, and nobody wrote it down. */
  'sent',
  /** What became of it is noted, and its event may be over. */
  'settle',
  /** Whatever it is doing. */
  'random',
] as const;
export type Stage = (typeof STAGES)[number];

/** What is broken in a bot on purpose: it answers before it writes, or sends without a mark. */
export type Break = 'early' | 'nomark';

/** When a bot kills itself: at the `count`th time that something is at this stage, or a little later. */
export interface Death {
  readonly stage: Stage;
  readonly count: number;
  readonly afterMs: number;
}

/** The clock of a bot is moved by so much, so long after its start. */
export interface Jump {
  readonly afterMs: number;
  readonly byMs: number;
}

/** Everything a bot is told when it is started. */
export interface Orders {
  readonly dir: string;
  /** Where its webhook listens. */
  readonly port: number;
  readonly userlike: { readonly url: string; readonly token: string; readonly secret: string };
  readonly trueconf: { readonly port: number; readonly name: string; readonly password: string };
  readonly death: Death | undefined;
  readonly jumps: readonly Jump[];
  /** How its outbox writes. */
  readonly mode: 'asTheyCome' | 'whole';
  readonly isBroken: Break | undefined;
}

/** What a bot tells, a line of JSON each. */
export type Told =
  | { readonly kind: 'ready' }
  /** An action is handed to its sink; and it is over, and noted. */
  | { readonly kind: 'send'; readonly action: string }
  | { readonly kind: 'receipt'; readonly action: string; readonly status: string }
  /** Nobody knows whether an action had its effect, and why: `ended` when its process did. */
  | { readonly kind: 'doubt'; readonly action: string; readonly text: string; readonly cause: string }
  /** What waits in the queues, and what was parked in them: asked for by a line on its input. */
  | { readonly kind: 'counts'; readonly waiting: number }
  | { readonly kind: 'letters'; readonly letters: readonly Letter[] };

export interface Letter {
  readonly queue: string;
  readonly id: string;
  readonly text: string;
  readonly outcome: string;
  readonly reason: string;
}
