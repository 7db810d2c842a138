import type { TypeOf, OutputOf } from 'io-ts';
import type {
  ActionKind,
  CapabilityProfile,
  ChatError,
  ChoiceEvent,
  Conversation,
  Delivered,
  EventKind,
  InboundEvent,
  MessageEvent,
  OutboundAction,
  Outcome,
  Receipt,
  Reply,
  TextAction,
} from 'tidewire';
import type {
  CapabilityProfileCodec,
  ChatErrorCodec,
  ConversationCodec,
  InboundEventCodec,
  OutboundActionCodec,
  OutcomeCodec,
  ReceiptCodec,
} from 'tidewire/model';
import type { Equal, Expect, Fits } from '../support/types.js';

export type CodecsAgree = [
  Expect<Equal<TypeOf<typeof InboundEventCodec>, InboundEvent>>,
  Expect<Equal<TypeOf<typeof OutboundActionCodec>, OutboundAction>>,
  Expect<Equal<TypeOf<typeof ReceiptCodec>, Receipt>>,
  Expect<Equal<TypeOf<typeof OutcomeCodec>, Outcome>>,
  Expect<Equal<TypeOf<typeof ConversationCodec>, Conversation>>,
  Expect<Equal<TypeOf<typeof CapabilityProfileCodec>, CapabilityProfile>>,
  Expect<Equal<TypeOf<typeof ChatErrorCodec>, ChatError>>,
  // What they encode to is outside data: nobody may rely on its shape.
  Expect<Equal<OutputOf<typeof InboundEventCodec>, unknown>>,
  Expect<Equal<OutputOf<typeof ReceiptCodec>, unknown>>,
];

export type KindsDiscriminate = [
  Expect<Equal<Extract<InboundEvent, { readonly kind: 'message' }>, MessageEvent>>,
  Expect<Equal<Extract<InboundEvent, { readonly kind: 'choice' }>, ChoiceEvent>>,
  Expect<Equal<Extract<OutboundAction, { readonly kind: 'text' }>, TextAction>>,
  Expect<Equal<Extract<Receipt, { readonly status: 'delivered' }>, Delivered>>,
  Expect<Equal<InboundEvent['kind'], EventKind>>,
  Expect<Equal<Reply['kind'], ActionKind>>,
];

/** A reply is an action without what `react` fills in, for each kind on its own. */
export type RepliesAreActions = [
  Expect<Equal<Extract<keyof Reply, 'id' | 'conversation' | 'cause'>, never>>,
  Expect<Equal<Extract<Reply, { readonly kind: 'text' }>, Omit<TextAction, 'id' | 'conversation' | 'cause'>>>,
  Expect<Equal<Fits<OutboundAction, Reply>, true>>,
  Expect<Equal<Fits<Reply, OutboundAction>, false>>,
];

/** The trace travels under a symbol that the types do not show. */
export type NoSymbols = [
  Expect<Equal<Extract<keyof InboundEvent, symbol>, never>>,
  Expect<Equal<Extract<keyof OutboundAction, symbol>, never>>,
  Expect<Equal<Extract<keyof Receipt, symbol>, never>>,
];

declare const event: MessageEvent;
declare const action: TextAction;
declare const receipt: Receipt;

export const readonlyData = (): unknown => {
  // @ts-expect-error data is readonly
  event.text = 'changed';
  // @ts-expect-error data is readonly, inside too
  event.conversation.id = 'changed';
  // @ts-expect-error data is readonly
  action.text = 'changed';
  // @ts-expect-error an error belongs to a receipt that failed
  const { error } = receipt;
  // @ts-expect-error an optional field is left out, never undefined
  ({ ...action, format: undefined }) satisfies TextAction;
  // @ts-expect-error there is no such format
  ({ ...action, format: 'latex' }) satisfies TextAction;
  // @ts-expect-error the bot's words are not marked
  ({ ...action, by: 'bot' }) satisfies TextAction;
  // @ts-expect-error there is no such kind
  ({ ...action, kind: 'shout' }) satisfies OutboundAction;
  return error;
};

/** A channel is any word, and editors know the usual ones. */
export const channels: readonly Conversation['channel'][] = ['web', 'whatsapp', 'a channel of your own'];
