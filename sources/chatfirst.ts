import type { Observable } from 'rxjs';
import { adapterReceiver, type ChatfirstAdapter } from '../lib/chatfirst/adapter.js';
import { channelReceiver, type ChatfirstChannel } from '../lib/chatfirst/channel.js';
import type { InboundEvent } from '../lib/model/index.js';

/**
 * What scenarios ask of an adapter, as events: a `message` with what the user said, or a `command` where a call does not tell.
 * `adapterCallOf` has its action and parameters. Their actions are the answer, through `toChatfirst` with the same adapter.
 * Each carries its account.
 *
 * Cold, for one subscriber: `share()` it for more, a second one gets an error. While nobody is subscribed the adapter answers
 * 503. Completes when the adapter is drained; never errors for what a call contains.
 */
export const fromChatfirstAdapter = ({ adapter }: { readonly adapter: ChatfirstAdapter }): Observable<InboundEvent> =>
  adapterReceiver(adapter).events;

/**
 * What the platform pushes to the users of a messenger that you bridge, as `message` events of a bot, one for each message,
 * with the ids of the platform. `pushedReplies` says what to show them. Each carries its account.
 *
 * Cold, for one subscriber: `share()` it for more, a second one gets an error. While nobody is subscribed the channel answers
 * 503. Completes when the channel is drained; never errors for what a push contains.
 */
export const fromChatfirstChannel = ({ channel }: { readonly channel: ChatfirstChannel }): Observable<InboundEvent> =>
  channelReceiver(channel).events;
