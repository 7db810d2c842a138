/**
 * What went wrong, in the words every platform shares. Programs switch on `kind`; people read `message`.
 *
 * | kind | when |
 * | --- | --- |
 * | `unreachable` | no connection, or the connection was lost |
 * | `timeout` | no answer within the time limit |
 * | `throttled` | the platform says "slow down" |
 * | `refused` | the platform says "no" to this request |
 * | `unauthorized` | the platform does not accept our credentials |
 * | `undecodable` | an answer or event has a shape we do not know |
 * | `unsupported` | this cannot be expressed on that platform or channel; nothing was sent |
 * | `overflow` | a limit of ours was reached (size, queue); nothing was sent |
 * | `conflict` | somebody else was faster |
 */
export type ChatErrorKind =
  | 'unreachable'
  | 'timeout'
  | 'throttled'
  | 'refused'
  | 'unauthorized'
  | 'undecodable'
  | 'unsupported'
  | 'overflow'
  | 'conflict';

export interface ChatErrorDetails {
  /** Whether the same request may succeed later. Default: true for `unreachable`, `timeout` and `throttled`. */
  readonly retryable?: boolean | undefined;
  /** Whether the request may have had its effect although it failed. Default: false. */
  readonly inDoubt?: boolean | undefined;
  /** How long the platform asks us to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** HTTP status, where there was one. */
  readonly status?: number | undefined;
  /** The platform's own word for it: `sealed`, `outOfTokens`, `304`. An open set. */
  readonly reason?: string | undefined;
  /** Paths and expectations of a value that could not be decoded, never the value itself. */
  readonly problems?: readonly string[] | undefined;
  /** What caused it. Must not carry secrets: hand on only what was redacted. */
  readonly cause?: unknown;
}

const RETRYABLE: ReadonlySet<ChatErrorKind> = new Set<ChatErrorKind>(['unreachable', 'timeout', 'throttled']);

/**
 * An error of a chat platform. Its message reads as a sentence that begins with the platform; it holds no secrets and
 * no message texts. `JSON.stringify` gives all fields but the cause.
 */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  readonly kind: ChatErrorKind;
  readonly platform: string;
  readonly retryable: boolean;
  readonly inDoubt: boolean;
  readonly retryAfterMs?: number;
  readonly status?: number;
  readonly reason?: string;
  readonly problems?: readonly string[];

  constructor(kind: ChatErrorKind, platform: string, sentence: string, details: ChatErrorDetails = {}) {
    const { cause, retryable, inDoubt, retryAfterMs, status, reason, problems } = details;
    super(`${platform}: ${sentence}`, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.platform = platform;
    this.retryable = retryable ?? RETRYABLE.has(kind);
    this.inDoubt = inDoubt ?? false;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
    if (status !== undefined) this.status = status;
    if (reason !== undefined) this.reason = reason;
    if (problems !== undefined) this.problems = problems;
  }

  toJSON(): Record<string, unknown> {
    const { name, message, kind, platform, retryable, inDoubt, retryAfterMs, status, reason, problems } = this;
    return { name, message, kind, platform, retryable, inDoubt, retryAfterMs, status, reason, problems };
  }
}

/** Whatever was thrown, as a `ChatError`: itself, or `refused` with its message when it is none. */
export const toChatError = (platform: string, thrown: unknown): ChatError =>
  thrown instanceof ChatError
    ? thrown
    : new ChatError(
        'refused',
        platform,
        thrown instanceof Error ? thrown.message : 'something that is no Error was thrown',
        {
          cause: thrown,
          reason: 'exception',
        },
      );
