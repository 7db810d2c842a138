import { catchError, defaultIfEmpty, defer, map, take, type Observable, type ObservableInput } from 'rxjs';
import type { Accounts } from '../../lib/accounts.js';
import { toChatError } from '../../lib/errors.js';
import { inTurn } from '../../lib/in-turn.js';
import type {
  ActionKind,
  CapabilityProfile,
  Conversation,
  InboundEvent,
  Media,
  Reply,
  TextFormat,
} from '../../lib/model/index.js';
import { profileFinder } from '../../lib/profiles/index.js';
import { plainText } from '../../lib/text/plain.js';
import type { Item } from './turns.js';

/**
 * Makes a file of one platform one that another can carry: the same with an address that the other can fetch, usually. Nothing
 * emitted: it cannot be carried.
 */
export type CarryMedia = (media: Media, event: InboundEvent, to: Conversation) => ObservableInput<Media>;

/** @internal The files of an event. */
export const filesIn = (event: InboundEvent): readonly Media[] =>
  event.kind === 'media' ? [event.media] : event.kind === 'message' ? (event.attachments ?? []) : [];

/** @internal What a message answers. */
export const quotedBy = (event: InboundEvent): string | undefined => ('replyTo' in event ? event.replyTo : undefined);

const MESSAGES: ReadonlySet<Item['kind']> = new Set<Item['kind']>(['message', 'media', 'location']);

/** @internal The platform's id of the message that an event tells of, where there is one. */
export const messageIdOf = (item: Item): string | undefined =>
  'at' in item && MESSAGES.has(item.kind) && item.fingerprint === undefined ? item.id : undefined;

/** A text as it stands in an action. */
interface Formatted {
  readonly text: string;
  readonly format?: TextFormat;
}

/** Says a reply; `lost` is told when it is not sure to arrive. */
type Put = (reply: Reply, lost?: () => void) => void;

/**
 * Knows what the other side can show.
 *
 * @internal
 */
export class Carrier {
  readonly #profileOf: (conversation: Conversation) => CapabilityProfile;
  readonly #carry: CarryMedia;
  readonly #accounts: Accounts;

  constructor(profiles: readonly CapabilityProfile[] | undefined, carry: CarryMedia, accounts: Accounts) {
    this.#profileOf = profileFinder(profiles);
    this.#carry = carry;
    this.#accounts = accounts;
  }

  knows(conversation: Conversation, kind: ActionKind): boolean {
    const capability = this.#profileOf(conversation).actions[kind];
    return (typeof capability === 'string' ? capability : capability?.as) === 'native';
  }

  /** In its format where that is known, else without markup. */
  formatted(text: string, format: TextFormat = 'plain', to: Conversation): Formatted {
    const isKnown = format !== 'plain' && this.#profileOf(to).formats.includes(format);
    return isKnown ? { text, format } : { text: plainText(text, format) };
  }

  /** The files of an event as the other side can have them; nothing in place of those that it cannot. */
  files(event: InboundEvent, to: Conversation): Observable<readonly (Media | undefined)[]> {
    const files: (Media | undefined)[] = [];
    const one = (media: Media): Observable<unknown> =>
      defer(() => this.#carry(media, event, to)).pipe(
        take(1),
        defaultIfEmpty(undefined),
        catchError((error: unknown) => {
          const { message: reason } = toChatError('bridge', error);
          this.#accounts.report({ kind: 'failed', id: event.id, source: 'bridge', lastHolder: 'bridge', reason });
          return [undefined];
        }),
        map((file) => files.push(file)),
      );
    return inTurn(filesIn(event).map(one)).pipe(map(() => files));
  }

  /** Changes the one message that stands for another, or says it anew. */
  correct(ids: readonly string[], to: Conversation, now: Formatted, put: Put, anew: () => void): void {
    const [messageId] = ids;
    if (ids.length !== 1 || messageId === undefined || !this.knows(to, 'edit')) anew();
    else put({ kind: 'edit', messageId, ...now }, anew);
  }
}

/** @internal Files with an address, and those of the same platform. */
export const asItIs: CarryMedia = (media, { platform }, to) =>
  media.url !== undefined || platform === to.platform ? [media] : [];
