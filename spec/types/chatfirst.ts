import type { Observable, OperatorFunction } from 'rxjs';
import type { InboundEvent, OutboundAction, Receipt, Reply } from 'tidewire';
import {
  chatfirstAdapter,
  chatfirstChannel,
  chatfirstClient,
  fromChatfirstAdapter,
  fromChatfirstChannel,
  routeToChatfirst,
  scenarioBot,
  toChatfirst,
  type ChatfirstBot,
  type ChatfirstClient,
  type ChatfirstResponse,
  type ChatfirstStatus,
  type ScenarioAnswer,
  type ScenarioBot,
} from 'tidewire/chatfirst';
import type { Equal, Expect, Fits } from '../support/types.js';

declare const client: ChatfirstClient;
declare const bot: ScenarioBot;

export type InAndOut = [
  Expect<Equal<ReturnType<typeof fromChatfirstAdapter>, Observable<InboundEvent>>>,
  Expect<Equal<ReturnType<typeof fromChatfirstChannel>, Observable<InboundEvent>>>,
  Expect<Equal<ReturnType<typeof toChatfirst>, OperatorFunction<OutboundAction, Receipt>>>,
  Expect<Equal<ReturnType<typeof routeToChatfirst>, OperatorFunction<InboundEvent, OutboundAction>>>,
  Expect<Equal<ScenarioAnswer['replies'], readonly Reply[]>>,
  Expect<Equal<ReturnType<ChatfirstClient['bots']>, Observable<readonly ChatfirstBot[]>>>,
  Expect<Equal<ReturnType<ChatfirstClient['talk']>, Observable<ChatfirstResponse>>>,
  Expect<Equal<ReturnType<ChatfirstClient['push']>, Observable<void>>>,
  // A Subject in a public type would let everybody emit.
  Expect<Equal<ChatfirstClient['status$'], Observable<ChatfirstStatus>>>,
  // Nothing shows a token, or a path that nobody is to guess.
  Expect<Equal<Extract<keyof ChatfirstClient, 'token'>, never>>,
  Expect<Equal<keyof ReturnType<typeof chatfirstAdapter>, 'node' | 'fetch' | 'drain'>>,
  Expect<Equal<keyof ReturnType<typeof chatfirstChannel>, 'node' | 'fetch' | 'drain'>>,
  // Channels are an open set.
  Expect<Fits<'spark', Parameters<ChatfirstClient['broadcast']>[1]>>,
];

export const configsRefuseWrongFields = (): void => {
  // @ts-expect-error a client needs its token
  chatfirstClient({});
  // @ts-expect-error the environment may hold none: check it before
  chatfirstClient({ token: process.env['CHATFIRST_TOKEN'] });
  // @ts-expect-error an adapter needs its path
  chatfirstAdapter({ deadlineMs: 5 });
  // @ts-expect-error it is deadlineMs
  chatfirstAdapter({ path: '/', timeoutMs: 5 });
  // @ts-expect-error a channel needs its token
  chatfirstChannel({});
  // @ts-expect-error the adapter is inside an object
  fromChatfirstAdapter(chatfirstAdapter({ path: '/' }));
  // @ts-expect-error it is a channel
  fromChatfirstChannel({ channel: chatfirstAdapter({ path: '/' }).node });
  // @ts-expect-error an adapter is made with chatfirstAdapter()
  toChatfirst({ adapter: {} });
  // @ts-expect-error a broadcast reaches everybody: it is confirmed
  client.broadcast('teashop', 'telegram', 'hi');
  // @ts-expect-error and nothing else confirms it
  client.forceState('teashop', 'telegram', 'Menu', { confirm: false });
  // @ts-expect-error a client knows many bots: scenarioBot(client, name) is one
  routeToChatfirst(client);
  // @ts-expect-error it is onInDoubt
  routeToChatfirst(bot, { onDoubt: 'silent' });
  // @ts-expect-error a bot has a name
  scenarioBot(client);
};
