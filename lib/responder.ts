import { defer, mergeMap, type ObservableInput } from 'rxjs';
import { isReply } from './address.js';
import { toChatError } from './errors.js';
import type { ReplyPart } from './fluidtalk/result.js';
import type { InboundEvent, Outcome, Reply } from './model/index.js';

// What operators share that let somebody else answer.

/** The longest pause that the platform may ask for before a call is repeated. */
const LONGEST_PAUSE_MS = 30_000;
/** The pause before a call is repeated that found no connection. */
const UNREACHABLE_PAUSE_MS = 1_000;

/** @internal How long to wait before a call that had no effect is made again; not at all when nothing says that it would help. */
export const pauseBefore = (platform: string, thrown: unknown): number | undefined => {
  const { kind, inDoubt, retryable, retryAfterMs } = toChatError(platform, thrown);
  if (inDoubt || !retryable) return undefined;
  if (kind !== 'throttled') return UNREACHABLE_PAUSE_MS;
  return retryAfterMs === undefined || retryAfterMs > LONGEST_PAUSE_MS ? undefined : retryAfterMs;
};

/** @internal What became of an action that the customer has, or may have. */
export const ARRIVED: ReadonlySet<Outcome> = new Set<Outcome>(['handled', 'inDoubt']);

const SAID: ReadonlySet<InboundEvent['kind']> = new Set(['message', 'choice', 'location', 'command', 'media']);

/** @internal Whether a customer said it. */
export const isSaid = ({ kind, sender }: InboundEvent): boolean =>
  SAID.has(kind) && sender?.self !== true && (sender === undefined || sender.role === 'customer');

/** @internal What the customer said, in words. */
export const wordsOf = (event: InboundEvent): string => {
  switch (event.kind) {
    case 'message':
      return event.text;
    case 'choice':
      return event.choice.label ?? event.choice.id;
    case 'location': {
      const { name, address, latitude, longitude } = event;
      return [name, address, `${latitude}, ${longitude}`].filter((part) => part !== undefined).join(', ');
    }
    case 'command':
      return [event.name, event.text].filter((part) => part !== undefined).join(' ');
    case 'media':
      return event.caption ?? '';
    default:
      return '';
  }
};

/** @internal A part of what a persona says. */
export const replyOf = (part: ReplyPart): Reply =>
  part.kind === 'bubble' ? { kind: 'text', text: part.text } : { kind: 'media', media: { url: part.url } };

type SomeReplies = Reply | readonly Reply[] | undefined | void;

/** @internal The replies that a policy gave, one by one. */
export const eachReply = (replies: Reply | undefined | void | ObservableInput<SomeReplies>): ObservableInput<Reply> => {
  if (replies === undefined) return [];
  if (isReply(replies)) return [replies];
  return defer(() => replies).pipe(mergeMap((value) => (value === undefined ? [] : isReply(value) ? [value] : value)));
};
