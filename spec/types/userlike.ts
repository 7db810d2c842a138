import type { Observable, OperatorFunction } from 'rxjs';
import type { InboundEvent, OutboundAction, Receipt } from 'tidewire';
import {
  fromUserlike,
  toUserlike,
  userlikeClient,
  userlikeWebhook,
  type UserlikeClient,
  type UserlikeStatus,
} from 'tidewire/userlike';
import type { Equal, Expect } from '../support/types.js';

declare const client: UserlikeClient;

export type InAndOut = [
  Expect<Equal<ReturnType<typeof fromUserlike>, Observable<InboundEvent>>>,
  Expect<Equal<ReturnType<typeof toUserlike>, OperatorFunction<OutboundAction, Receipt>>>,
  Expect<Equal<ReturnType<UserlikeClient['send']>, Observable<void>>>,
  // A Subject in a public type would let everybody emit.
  Expect<Equal<UserlikeClient['status$'], Observable<UserlikeStatus>>>,
  // Neither shows its token.
  Expect<Equal<Extract<keyof UserlikeClient, 'token' | 'url'>, never>>,
  Expect<Equal<Extract<keyof ReturnType<typeof userlikeWebhook>, 'headers'>, never>>,
];

export const configsRefuseWrongFields = (): void => {
  // @ts-expect-error a client needs its token
  userlikeClient({ url: 'https://example.org' });
  // @ts-expect-error the environment may hold none: check it before
  userlikeClient({ url: 'https://example.org', token: process.env['USERLIKE_TOKEN'] });
  // @ts-expect-error it is timeoutMs
  userlikeClient({ url: 'https://example.org', token: 't', timeout: 5 });
  // @ts-expect-error a webhook needs its secret headers
  userlikeWebhook({});
  // @ts-expect-error it is directAnswerMs
  userlikeWebhook({ headers: { a: 'b' }, answerMs: 5 });
  // @ts-expect-error a sink needs a client
  toUserlike({});
  // @ts-expect-error the webhook is inside an object
  fromUserlike(userlikeWebhook({ headers: { a: 'b' } }));
  // @ts-expect-error a webhook is made with userlikeWebhook()
  toUserlike({ client, webhook: {} });
};
