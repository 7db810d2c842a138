// The source, the sink, and what Parley can show.
import {
  asyncScheduler,
  concatWith,
  defer,
  filter,
  map,
  retry,
  throwError,
  timer,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import {
  accounted,
  ChatError,
  deliver,
  delivered,
  skipped,
  type CapabilityProfile,
  type DeliverConfig,
  type InboundEvent,
  type OutboundAction,
  type Receipt,
} from 'tidewire';
import type { ParleyClient } from './client.js';
import { decode } from './codec.js';

/** For `fallbackToText({ profiles: [parleyProfile, …] })`: nothing to click, and short texts. */
export const parleyProfile: CapabilityProfile = {
  platform: 'parley',
  channel: '*',
  actions: { text: 'native', choices: 'fallback', cards: 'fallback', links: 'fallback', media: 'fallback' },
  maxTextLength: 280,
  formats: ['plain'],
};

const PAUSE_MS = 200;
const MAX_PAUSE_MS = 30_000;

/**
 * What customers do. Reconnects with a growing pause, and goes on after the last event that was taken: Parley keeps a day of
 * them. Put `dedupe()` behind it, since what was on its way when a socket was cut may come twice.
 */
export const fromParley = ({ client }: { readonly client: ParleyClient }): Observable<InboundEvent> =>
  defer(() => {
    const { scheduler } = client;
    let after: string | undefined;
    let strays = 0;
    const closed = throwError(() => new ChatError('unreachable', 'parley', 'the socket was closed'));
    return defer(() => client.frames(after)).pipe(
      // A server that closes in an orderly way is restarting: not the end of the stream.
      concatWith(closed),
      filter((news) => news.kind === 'frame'),
      map(({ text }) => {
        const event = decode(text, `stray-${++strays}`, new Date(scheduler.now()).toISOString());
        if (event.kind !== 'undecodable') after = event.id;
        return event;
      }),
      retry({
        delay: (_error, attempt) => timer(Math.min(PAUSE_MS * 2 ** (attempt - 1), MAX_PAUSE_MS), scheduler),
        resetOnSuccess: true,
      }),
      accounted('parley'),
    );
  });

/** Says texts; `fallbackToText` in front makes texts of the rest. Errors are receipts: one failure never ends the stream. */
export const toParley = ({
  client,
  ...config
}: Omit<DeliverConfig, 'name'> & { readonly client: ParleyClient }): OperatorFunction<OutboundAction, Receipt> =>
  deliver({ name: 'toParley', ...config }, (action) => {
    const now = (): string => new Date((config.scheduler ?? asyncScheduler).now()).toISOString();
    if (action.kind !== 'text')
      return skipped(action, now(), 'unsupported', 'Parley has texts only: put fallbackToText() in front');
    return client
      .say(action.conversation.id, action.text, action.id)
      .pipe(map((messageId) => delivered(action, now(), [messageId])));
  });
