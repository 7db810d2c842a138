import type { Observable, OperatorFunction } from 'rxjs';
import {
  followUpAfter,
  memoryStore,
  type FollowUpAfterConfig,
  type InboundEvent,
  type OutboundAction,
  type Receipt,
} from 'tidewire';
import {
  fluidtalkClient,
  fluidtalkLedger,
  fromFluidTalk,
  toFluidTalk,
  type FluidtalkClient,
  type FluidtalkLedger,
  type FluidtalkResult,
  type FluidtalkStatus,
  type LedgerClaim,
} from 'tidewire/fluidtalk';
import type { Equal, Expect } from '../support/types.js';

declare const client: FluidtalkClient;
declare const ledger: FluidtalkLedger;
declare const responder: OperatorFunction<InboundEvent, OutboundAction>;

export type InAndOut = [
  Expect<Equal<ReturnType<typeof fromFluidTalk>, Observable<InboundEvent>>>,
  Expect<Equal<ReturnType<typeof toFluidTalk>, OperatorFunction<OutboundAction, Receipt>>>,
  Expect<Equal<ReturnType<typeof followUpAfter>, OperatorFunction<InboundEvent, OutboundAction>>>,
  Expect<Equal<ReturnType<FluidtalkClient['inboundChat']>, Observable<FluidtalkResult>>>,
  Expect<Equal<ReturnType<FluidtalkLedger['begin']>, Observable<LedgerClaim>>>,
  Expect<Equal<FluidtalkClient['status$'], Observable<FluidtalkStatus>>>,
  // It does not show its key.
  Expect<Equal<Extract<keyof FluidtalkClient, 'apiKey' | 'baseUrl'>, never>>,
];

export const configsRefuseWrongFields = (): void => {
  // @ts-expect-error a client needs its key, or a relay that adds it
  fluidtalkClient({});
  // @ts-expect-error the environment may hold none: check it before
  fluidtalkClient({ apiKey: process.env['FLUIDTALK_API_KEY'] });
  fluidtalkClient({ apiKey: () => 'ft_sk_1' });
  fluidtalkClient({ baseUrl: 'https://example.org/persona' });
  // @ts-expect-error it is timeoutMs
  fluidtalkClient({ apiKey: 'ft_sk_1', timeout: 5 });
  // @ts-expect-error a chat has a message, if only an empty one
  client.inboundChat({ target: '@a' });
  // @ts-expect-error a follow-up has no picture
  client.followUp({ target: '@a', imageUrl: 'https://example.org/a.png' });
  // @ts-expect-error a photo is fetched without credentials
  client.photo('https://example.org/a.png', { credentials: { hosts: [], headers: {} } });
  // @ts-expect-error a ledger needs a store that outlives the process
  fluidtalkLedger({});
  // @ts-expect-error it is followUpPauseMs
  fluidtalkLedger({ store: memoryStore(), pauseMs: 5 });
  // @ts-expect-error a source needs the client that the sink calls
  fromFluidTalk({});
  // @ts-expect-error it is maxInFlight
  fromFluidTalk({ client, maxOpen: 5 });
  // @ts-expect-error a sink needs its client
  toFluidTalk({ ledger });
  // @ts-expect-error a key is no client
  toFluidTalk({ client: 'ft_sk_1' });
  // @ts-expect-error it is allowOpeners
  toFluidTalk({ client, openers: true });
  const config: FollowUpAfterConfig = { persona: client, quietMs: 5, ledger, mayContact: () => true };
  followUpAfter({ ...config, mayContact: async () => Promise.resolve(true) }, responder);
  // @ts-expect-error no follow-up without a ledger
  followUpAfter({ persona: client, quietMs: 5, mayContact: () => true }, responder);
  // @ts-expect-error nor without a stop list
  followUpAfter({ persona: client, quietMs: 5, ledger }, responder);
  // @ts-expect-error it wraps a responder
  followUpAfter(config);
};
