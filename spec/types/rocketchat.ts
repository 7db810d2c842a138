import type { Observable, OperatorFunction } from 'rxjs';
import type { CapabilityProfile, InboundEvent, OutboundAction, Receipt, Reconcile } from 'tidewire';
import {
  fromRocketChat,
  rocketchatClient,
  type rocketchatReconcile,
  rocketchatWebhook,
  toRocketChat,
  type rocketchatButtons,
  type RocketchatClient,
  type RocketchatInbound,
  type RocketchatOutbound,
  type RocketchatSource,
  type RocketchatTrouble,
  type RocketchatWebhookReceiver,
} from 'tidewire/rocketchat';
import type { Equal, Expect, Fits } from '../support/types.js';

declare const client: RocketchatClient;
declare const webhook: RocketchatWebhookReceiver;

export type InAndOut = [
  Expect<Equal<ReturnType<typeof fromRocketChat>, RocketchatSource>>,
  Expect<Fits<RocketchatSource, Observable<InboundEvent>>>,
  Expect<Equal<RocketchatSource['troubles$'], Observable<RocketchatTrouble>>>,
  Expect<Equal<ReturnType<typeof toRocketChat>, OperatorFunction<OutboundAction, Receipt>>>,
  Expect<Equal<ReturnType<typeof rocketchatReconcile>, Reconcile>>,
  Expect<Equal<ReturnType<typeof rocketchatWebhook>, RocketchatWebhookReceiver>>,
  // A client is all that source and sink need, and less will do.
  Expect<Fits<RocketchatClient, RocketchatInbound>>,
  Expect<Fits<RocketchatClient, RocketchatOutbound>>,
  Expect<Equal<Extract<keyof RocketchatInbound, 'disconnect' | 'request'>, never>>,
  Expect<Equal<Extract<keyof RocketchatOutbound, 'disconnect' | 'stream'>, never>>,
  Expect<Equal<typeof rocketchatButtons, CapabilityProfile>>,
];

export const configsRefuseWrongFields = (): void => {
  // @ts-expect-error a name without a password
  rocketchatClient({ url: 'https://chat.shop.example', user: 'helper.bot' });
  // @ts-expect-error a webhook has a secret
  rocketchatWebhook({});
  // @ts-expect-error it is one of three
  fromRocketChat({ client, realtime: true, rooms: 'mine' });
  // @ts-expect-error it is in an object, with its unit
  fromRocketChat({ client, poll: 10_000 });
  // @ts-expect-error a webhook is made with rocketchatWebhook
  fromRocketChat({ webhook: {} });
  fromRocketChat({
    client,
    webhook,
    realtime: { departments: ['sales'], notices: ['user-activity'] },
    poll: { everyMs: 1 },
  });
  // @ts-expect-error somebody says it
  toRocketChat({ client });
  // @ts-expect-error of a visitor, who it is
  toRocketChat({ client, as: 'visitor' });
  // @ts-expect-error visitors do not comment
  toRocketChat({ client, as: 'visitor', tokenOf: () => 'token', closingComment: 'bye' });
  toRocketChat({ client, as: 'visitor', tokenOf: () => 'token', reopens: true, maxTextLength: 1_000 });
  // @ts-expect-error an agent opens no rooms
  toRocketChat({ client, as: 'agent', reopens: true });
  // @ts-expect-error an agent has no token
  toRocketChat({ client, as: 'agent', tokenOf: () => 'token' });
  toRocketChat({ client, as: 'visitor', tokenOf: () => ['token'], nameOf: ({ id }) => id });
  // @ts-expect-error a file has bytes
  toRocketChat({ client, as: 'agent', files: () => [{ name: 'plan.png' }] });
};
