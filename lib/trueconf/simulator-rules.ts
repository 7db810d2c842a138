import type { TrueconfLimits } from './simulator-model.js';

/** How the server behaves where the documentation is silent, or where an administrator decides. */
export interface TrueconfRules {
  /** The name of the server, which completes ids without `@`. Default: `tc.example.org`. */
  readonly server?: string;
  /** The version of the server. Methods that came later are answered 104. Default: `5.5.4.10077`. */
  readonly version?: string;
  /** Logins of bots with their passwords. Default: `opsbot` with `s3cret-42`. */
  readonly bots?: Readonly<Record<string, string>>;
  /** What follows the id of a bot after a slash when it authorizes; empty for nothing. Default: `4c9d20aa`. */
  readonly instance?: string;
  /** Whether the instance follows the id also where a bot is the author of a message. Default: false. */
  readonly authorInstances?: boolean;
  /** How long a token is good. Default: 30 days. */
  readonly tokenLifeMs?: number;
  /** Whether a token comes with `expires_at`, `expires_in`, or neither. Default: `at`. */
  readonly tokenExpiry?: 'at' | 'in' | 'none';
  /** The administrator's limits for uploads. Default: none. */
  readonly limits?: TrueconfLimits;
  /** Whether the limits are told after every authorization. Default: false. */
  readonly pushLimits?: boolean;
  /** Whether what a bot does is told to the socket that asked for it too, and not only to the bot's others. Default: false. */
  readonly echo?: boolean;
  /** Whether the event of an edit names the message. Default: true. */
  readonly editedIds?: boolean;
  /** A person's caption is a text message before the file, or is inside its content. Default: `apart`. */
  readonly captions?: 'apart' | 'inside';
  /** How long a file is still uploading after its last progress. Default: 0. */
  readonly readyLagMs?: number;
  /** Scheme, host and port of download addresses. Default: those of the simulator. */
  readonly downloadOrigin?: string;
  /** Sockets above this number are refused with 503. Default: no limit. */
  readonly maxConnections?: number;
}

/** @internal */
export type Rules = Required<TrueconfRules>;

/** @internal */
export const DEFAULTS: Rules = {
  server: 'tc.example.org',
  version: '5.5.4.10077',
  bots: { opsbot: 's3cret-42' },
  instance: '4c9d20aa',
  authorInstances: false,
  tokenLifeMs: 30 * 86_400_000,
  tokenExpiry: 'at',
  limits: { maxSize: null, extensions: null },
  pushLimits: false,
  echo: false,
  editedIds: true,
  captions: 'apart',
  readyLagMs: 0,
  downloadOrigin: '',
  maxConnections: Infinity,
};

/** @internal Whether a version such as `5.5.4.10077` is at least another. */
export const isAtLeast = (version: string, least: string): boolean => {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number));
  for (const [place, number] of (want ?? []).entries()) {
    const difference = (have?.[place] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
};
