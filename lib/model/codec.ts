import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError, type ChatErrorKind } from '../errors.js';
import { problemsOf } from '../problems.js';
import type { OutboundAction } from './action.js';
import type { CapabilityProfile } from './capabilities.js';
import type { Conversation } from './conversation.js';
import type { InboundEvent } from './event.js';
import type { Json, JsonObject } from './json.js';
import { OUTCOMES, type Outcome } from './outcome.js';
import type { Receipt } from './receipt.js';

const words = <T extends string>(name: string, ...allowed: readonly T[]): t.Type<T> => {
  const set = new Set<string>(allowed);
  const is = (value: unknown): value is T => typeof value === 'string' && set.has(value);
  return new t.Type(
    name,
    is,
    (value, context) => (is(value) ? t.success(value) : t.failure(value, context)),
    t.identity,
  );
};

/** A tagged union that looks at the tag first: a union of twenty shapes would try, and report, every one of them. */
const tagged = <T>(name: string, tag: string, shapes: Readonly<Record<string, t.Mixed>>): t.Type<T, unknown> => {
  const shapeOf = (value: unknown): t.Mixed | undefined => {
    const kind =
      typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[tag] : undefined;
    return typeof kind === 'string' && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
  };
  return new t.Type<T, unknown>(
    name,
    (value): value is T => shapeOf(value)?.is(value) ?? false,
    (value, context) => {
      const found = shapeOf(value);
      if (found === undefined) return t.failure(value, context);
      // The shape takes the place of the union in the path, so that problems are told as if there were no union.
      const here = context.map((entry, index) => (index === context.length - 1 ? { ...entry, type: found } : entry));
      return found.validate(value, here) as t.Validation<T>;
    },
    (value) => shapeOf(value)?.encode(value) as unknown,
  );
};

const isJson = (value: unknown, depth = 0): value is Json => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth > 100) return false;
  return Object.values(value).every((inner) => isJson(inner, depth + 1));
};
const json = new t.Type<Json>(
  'JSON',
  (value): value is Json => isJson(value),
  (value, context) => (isJson(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && isJson(value);
const jsonObject = new t.Type<JsonObject>(
  'a JSON object',
  isObject,
  (value, context) => (isObject(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);

const { string, number, boolean, array, type, partial, intersection } = t;
const id = t.union([string, number]);
const shape = (required: t.Props, optional: t.Props): t.Mixed => intersection([type(required), partial(optional)]);

export const ConversationCodec = intersection([
  type({ platform: string, id: string, channel: string }),
  partial({ account: string }),
]) as t.Type<Conversation, unknown>;
export const OutcomeCodec: t.Type<Outcome> = words('an outcome', ...OUTCOMES);

const sender = shape(
  { role: words('a role', 'customer', 'agent', 'bot', 'system') },
  { id: string, name: string, email: string, phone: string, locale: string, self: boolean },
);
const media = partial({ url: string, fileId: string, mimeType: string, name: string, sizeBytes: number });
const format = words('a format', 'plain', 'markdown', 'html');

const event = (required: t.Props = {}, optional: t.Props = {}): t.Mixed =>
  shape(
    {
      kind: string,
      id: string,
      platform: string,
      conversation: ConversationCodec,
      at: string,
      raw: t.unknown,
      ...required,
    },
    { fingerprint: string, sender, context: jsonObject, ...optional },
  );

/** Inbound events as JSON. Fields that are not known are kept. */
export const InboundEventCodec = tagged<InboundEvent>('an event', 'kind', {
  started: event({}, { proactive: boolean }),
  message: event({ text: string }, { format, replyTo: string, attachments: array(media) }),
  choice: event({ choice: shape({ id: string }, { label: string }) }, { offer: string }),
  media: event({ media }, { caption: string, replyTo: string }),
  location: event(
    { latitude: number, longitude: number },
    { name: string, address: string, url: string, replyTo: string },
  ),
  edited: event({ messageId: string, text: string }, { format }),
  removed: event({ messageId: string }),
  membership: event({ change: words('a change', 'joined', 'left', 'role'), members: array(sender) }),
  command: event({ name: string }, { text: string }),
  progress: event(
    { what: words('progress', 'typing', 'delivered', 'read', 'upload') },
    { active: boolean, messageId: string },
  ),
  handoffFailed: event({}, { reason: string }),
  handoffTaken: event({}, { agent: sender }),
  unsubscribed: event({}, { list: string }),
  ended: event({}, { by: words('who', 'customer', 'agent', 'bot', 'system', 'timeout'), reason: string }),
  other: event({ name: string }),
  undecodable: event({ problems: array(string) }),
});

const action = (required: t.Props = {}, optional: t.Props = {}): t.Mixed =>
  shape(
    { kind: string, id: string, conversation: ConversationCodec, ...required },
    { cause: string, by: words('whose words they are', 'human'), context: jsonObject, extra: jsonObject, ...optional },
  );
const choice = shape({ id: string, label: string }, { description: string });
const link = type({ label: string, url: string });
const card = shape(
  { title: string },
  { id: string, text: string, image: string, links: array(link), choices: array(choice) },
);
const target = tagged('a target', 'kind', {
  any: type({ kind: string }),
  group: type({ kind: string, id }),
  skills: type({ kind: string, skills: array(id) }),
  department: type({ kind: string, id: string }),
  agent: type({ kind: string, id: string }),
});
const dispatch = tagged('a recipient', 'kind', {
  contact: type({ kind: string }),
  operator: type({ kind: string, id }),
  addon: type({ kind: string, name: string }),
});

/** Outbound actions as JSON. Fields that are not known are kept. */
export const OutboundActionCodec = tagged<OutboundAction>('an action', 'kind', {
  text: action({ text: string }, { format, replyTo: string }),
  choices: action(
    { text: string, choices: array(choice) },
    {
      fallback: string,
      layout: words('a layout', 'bubbles', 'buttons', 'list'),
      header: partial({ text: string, media }),
      footer: string,
      openLabel: string,
      listTitle: string,
    },
  ),
  cards: action({ cards: array(card) }, { text: string, fallback: string }),
  links: action({ text: string, links: array(link) }),
  media: action({ media }, { caption: string, replyTo: string }),
  survey: action({ title: string, survey: string }, { anonymous: boolean, url: string }),
  navigate: action({ url: string }),
  typing: action({}, { forMs: number, visible: boolean }),
  edit: action({ messageId: string, text: string }, { format }),
  remove: action({ messageId: string }),
  forward: action({ messageId: string, to: ConversationCodec }),
  handoff: action({ to: target }, { onFailure: words('a policy', 'report', 'unassign'), comment: string }),
  release: action(),
  end: action({}, { comment: string }),
  openConversation: action({ with: string }, { text: string }),
  updateContact: action(
    {},
    { name: string, email: string, phone: string, externalId: string, customFields: jsonObject, subscribed: boolean },
  ),
  updateConversation: action({}, { subject: string, topics: array(string), locale: string, customFields: jsonObject }),
  note: action({ text: string }, { contactId: id }),
  dispatch: action({ to: dispatch }),
  platform: action({ name: string, payload: json }),
});

const errorFields = shape(
  {
    kind: words<ChatErrorKind>(
      'an error kind',
      'unreachable',
      'timeout',
      'throttled',
      'refused',
      'unauthorized',
      'undecodable',
      'unsupported',
      'overflow',
      'conflict',
    ),
    platform: string,
    message: string,
    retryable: boolean,
    inDoubt: boolean,
  },
  { retryAfterMs: number, status: number, reason: string, problems: array(string) },
) as t.Type<
  ConstructorParameters<typeof ChatError>[3] & { kind: ChatErrorKind; platform: string; message: string },
  unknown
>;

/** A `ChatError` as JSON: without its cause. */
export const ChatErrorCodec = new t.Type<ChatError, unknown>(
  'an error',
  (value): value is ChatError => value instanceof ChatError,
  (value, context) => {
    if (value instanceof ChatError) return t.success(value);
    const decoded = errorFields.validate(value, context);
    if (E.isLeft(decoded)) return decoded;
    const { kind, platform, message, ...details } = decoded.right;
    const sentence = message.startsWith(`${platform}: `) ? message.slice(platform.length + 2) : message;
    return t.success(new ChatError(kind, platform, sentence, details));
  },
  (error) => JSON.parse(JSON.stringify(error)) as unknown,
);

const receipt = (required: t.Props, optional: t.Props = {}): t.Mixed =>
  shape({ status: string, action: OutboundActionCodec, at: string, ...required }, optional);

/** Receipts as JSON. */
export const ReceiptCodec = tagged<Receipt>('a receipt', 'status', {
  delivered: receipt({ messageIds: array(string) }, { via: string }),
  failed: receipt({ error: ChatErrorCodec, retryable: boolean }),
  unknown: receipt({ error: ChatErrorCodec }),
  skipped: receipt(
    { reason: words('a reason', 'superseded', 'muted', 'shed', 'unsupported', 'expired') },
    { detail: string },
  ),
});

const rendering = words('a rendering', 'native', 'converted', 'fallback', 'rejected');
/** Capability profiles as JSON. */
export const CapabilityProfileCodec = type({
  platform: string,
  channel: string,
  actions: t.record(
    string,
    t.union([rendering, shape({ as: rendering }, { maxOptions: number, maxLabelLength: number, beyond: rendering })]),
  ),
  maxTextLength: number,
  formats: array(format),
}) as unknown as t.Type<CapabilityProfile, unknown>;

/** Decodes outside data: the value, or what is wrong with it as paths and expectations, never values. */
export const decodeWith = <T>(codec: t.Type<T, unknown>, value: unknown): E.Either<readonly string[], T> =>
  E.mapLeft(problemsOf)(codec.decode(value));
