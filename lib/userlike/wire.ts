import * as t from 'io-ts';
import type { JsonObject } from '../model/index.js';

/**
 * A webhook request. No id, no time, no sequence number: order is order of arrival, and equal requests cannot be told
 * apart. Unknown keys are normal. https://www.userlike.com/en/public/tutorial/um/api/chatbots (read 2025-03-01).
 */
export const WebhookRequest = t.type({
  info: t.intersection([
    t.type({ cid: t.string }),
    t.partial({ approach_mode: t.unknown, contact: t.unknown, context: t.unknown, conversation: t.unknown }),
  ]),
  packet: t.intersection([
    t.type({ name: t.string }),
    t.partial({ payload: t.union([t.UnknownRecord, t.null, t.undefined]) }),
  ]),
});
export type WebhookRequest = t.TypeOf<typeof WebhookRequest>;

/** An event that a bot triggers, in a webhook's answer or in a request to the API URL. */
export interface WireEvent {
  readonly info: { readonly cid: string; readonly context?: JsonObject };
  readonly packet: { readonly name: string; readonly payload: JsonObject };
}
