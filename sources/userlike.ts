import type { Observable } from 'rxjs';
import type { InboundEvent } from '../lib/model/index.js';
import { receiverOf, type UserlikeWebhook } from '../lib/userlike/webhook.js';

/**
 * What comes in through a Userlike webhook, as events. Each carries its account.
 *
 * Cold, for one subscriber: `share()` it for more, a second one gets an error. While nobody is subscribed the webhook
 * answers 503. Completes when the webhook is drained; never errors for what a request contains.
 */
export const fromUserlike = ({ webhook }: { readonly webhook: UserlikeWebhook }): Observable<InboundEvent> =>
  receiverOf(webhook).events;
