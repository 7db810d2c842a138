import type { Observable, OperatorFunction } from 'rxjs';
import type { CapabilityProfile, InboundEvent, OutboundAction, Receipt } from 'tidewire';
import {
  fromTrueConf,
  toTrueConf,
  trueconfClient,
  type trueconfButtons,
  type Seat,
  type TrueconfClient,
  type TrueconfDelivery,
  type TrueconfInbound,
  type TrueconfOutbound,
  type TrueconfSource,
  type TrueconfStatus,
} from 'tidewire/trueconf';
import type { Equal, Expect, Fits } from '../support/types.js';

declare const client: TrueconfClient;
declare const seat: Seat;

export type InAndOut = [
  Expect<Equal<ReturnType<typeof fromTrueConf>, TrueconfSource>>,
  Expect<Fits<TrueconfSource, Observable<InboundEvent>>>,
  Expect<Equal<ReturnType<typeof toTrueConf>, OperatorFunction<OutboundAction, Receipt>>>,
  Expect<Equal<TrueconfClient['status$'], Observable<TrueconfStatus>>>,
  Expect<Equal<TrueconfClient['deliveries$'], Observable<TrueconfDelivery>>>,
  // A client is all that source and sink need, and less will do.
  Expect<Fits<TrueconfClient, TrueconfInbound>>,
  Expect<Fits<TrueconfClient, TrueconfOutbound>>,
  Expect<Equal<Extract<keyof TrueconfInbound, 'token' | 'close'>, never>>,
  Expect<Equal<Extract<keyof TrueconfOutbound, 'token' | 'close'>, never>>,
  Expect<Equal<typeof trueconfButtons, CapabilityProfile>>,
];

export const configsRefuseWrongFields = (): void => {
  // @ts-expect-error a client needs a token, or a name and a password
  trueconfClient({ server: 'tc.example.org' });
  // @ts-expect-error a name without a password
  trueconfClient({ server: 'tc.example.org', username: 'opsbot' });
  // @ts-expect-error a source needs its client
  fromTrueConf({});
  // @ts-expect-error it is accepted or settled
  fromTrueConf({ client, acknowledge: 'received' });
  // @ts-expect-error it is in an object, with its unit
  fromTrueConf({ client, joinFiles: 300 });
  // @ts-expect-error a sink needs its client
  toTrueConf({ seat });
  // @ts-expect-error it is hasButtons
  toTrueConf({ client, buttons: true });
  // @ts-expect-error a seat links what it gets
  toTrueConf({ client, seat: { conversation: seat.conversation } });
  toTrueConf({ client, seat, files: () => [{ path: '/srv/plan.png', preview: { path: '/srv/small.png' } }] });
  // @ts-expect-error a file is somewhere
  toTrueConf({ client, files: () => [{ name: 'plan.png' }] });
};

export const filesAreInOnePlace = (bytes: Uint8Array, stream: () => AsyncIterable<Uint8Array>): void => {
  client.upload({ bytes, name: 'a' });
  client.upload({ path: 'a' });
  client.upload({ url: 'https://files.example/a', mimeType: 'image/png' });
  client.upload({ stream, sizeBytes: 1, name: 'a' });
  // @ts-expect-error two places
  client.upload({ path: 'a', bytes, name: 'a' });
  // @ts-expect-error two places
  client.upload({ url: 'https://files.example/a', stream, sizeBytes: 1, name: 'a' });
  // @ts-expect-error bytes say themselves how many they are
  client.upload({ bytes, sizeBytes: 1, name: 'a' });
  // @ts-expect-error bytes have no name of their own
  client.upload({ bytes });
  // @ts-expect-error nobody knows how many it gives
  client.upload({ stream, name: 'a' });
  // @ts-expect-error it is called whenever the file is sent
  client.upload({ stream: stream(), sizeBytes: 1, name: 'a' });
};
