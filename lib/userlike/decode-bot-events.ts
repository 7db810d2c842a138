import { either as E } from 'fp-ts';
import * as t from 'io-ts';
import { ChatError } from '../errors.js';
import type { Channel, Conversation, Header, Json, JsonObject, OutboundAction, Reply } from '../model/index.js';
import { problemsOf } from '../problems.js';
import { userlikeDialect, type UserlikeDialect } from './dialect.js';
import { encodeAction, MAX_BODY, MAX_CONTEXT_BYTES } from './encode.js';
import { given, isRecord, kept, list, may, need, object, orNull, reader, type Reader } from './reader.js';

/** What the wire does not say about the events of a bot. */
export interface DecodeBotEventsConfig {
  /** Makes the ids of the actions. */
  readonly makeId: () => string;
  /** Which bot triggered them, when a program serves several. */
  readonly account?: string;
  /** What the customer sits at. Default: `unknown`. */
  readonly channel?: Channel;
  /** Keys of the wire that are spelled otherwise in your account. Default: none. */
  readonly dialect?: Partial<UserlikeDialect>;
}

type Draft = Reply | undefined;

// Not too deep, since it is compared and written again by functions that call themselves.
const isJson = (value: unknown, depth = 0): value is Json => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'object' && depth <= 100 && Object.values(value).every((inner) => isJson(inner, depth + 1));
};
const isJsonObject = (value: unknown): value is JsonObject => isRecord(value) && isJson(value);
const isString = (value: unknown): value is string => typeof value === 'string';
const bytes = new TextEncoder();

const jsonObject = kept('a JSON object', isJsonObject);
const body = kept(
  `a string of up to ${MAX_BODY} characters`,
  (value): value is string => isString(value) && value.length <= MAX_BODY,
);
const contextObject = kept(
  `a JSON object of up to ${MAX_CONTEXT_BYTES} bytes`,
  (value): value is JsonObject =>
    isJsonObject(value) && bytes.encode(JSON.stringify(value)).length <= MAX_CONTEXT_BYTES,
);
const cid = kept('a string that is not empty', (value): value is string => isString(value) && value !== '');
const url = kept('an absolute url', (value): value is string => isString(value) && URL.canParse(value));
const webAddress = kept(
  'an absolute web address',
  (value): value is string => isString(value) && /^https?:\/\/[^\s/]/i.test(value),
);
const whole = kept('a whole number', (value): value is number => Number.isInteger(value));
const seconds = kept('a number above 0', (value): value is number => typeof value === 'number' && value > 0);
const idOf = kept(
  'a string or a number',
  (value): value is string | number => isString(value) || typeof value === 'number',
);
const recipient = kept(
  'operator or contact',
  (value): value is 'operator' | 'contact' => value === 'operator' || value === 'contact',
);
const header = kept(
  'a string or an object',
  (value): value is string | Readonly<Record<string, unknown>> => isString(value) || isRecord(value),
);

const unless = <T>(usual: T, value: T): T | undefined => (value === usual ? undefined : value);

/** Whether `null` clears a field is not documented, so it is passed on. */
const mayBeCleared = <T>(key: string, type: Reader<T>): ReturnType<typeof may<T | undefined>> => may(key, orNull(type));

const option = object({ id: need('id', t.string), label: need('label', t.string) }, (choice) => choice);
const question = { text: need('body', t.string), fallback: need('fallback', t.string) };

const headerOf = (value: unknown): Header | undefined => {
  if (!isRecord(value)) return undefined;
  const { type, text, link } = value;
  if (type === 'text') return isString(text) ? { text } : undefined;
  if (!isString(link)) return undefined;
  // What follows the slash is not on the wire.
  return { media: { url: link, ...((type === 'image' || type === 'video') && { mimeType: `${type}/*` }) } };
};

const onFailureOf = (value: string | undefined): 'unassign' | undefined =>
  value === 'feedback' ? undefined : 'unassign';

/** What each event must have. What is merely inferred about Userlike is not demanded. */
const READERS: Readonly<Record<string, (say: UserlikeDialect) => Reader<Draft>>> = {
  message: () =>
    object({ text: need('body', body), format: may('text_format', t.string) }, ({ text, format }) => ({
      kind: 'text',
      text,
      ...(format === 'markdown_v1' && { format: 'markdown' }),
    })),
  bubbles: () =>
    object({ ...question, choices: need('options', list(option)) }, ({ text, fallback, choices }) => ({
      kind: 'choices',
      text,
      choices,
      ...given({ fallback: unless(text, fallback) }),
    })),
  carousel: () => {
    const card = object(
      {
        id: may('id', t.string),
        title: need('headline', t.string),
        text: may('subheadline', t.string),
        image: may('media', t.string),
      },
      ({ title, ...rest }) => ({ title, ...given(rest) }),
    );
    return object({ ...question, cards: need('options', list(card)) }, ({ text, fallback, cards }) => ({
      kind: 'cards',
      cards,
      ...given({ text: unless('', text), fallback: unless(text, fallback) }),
    }));
  },
  button_template: (say) =>
    object(
      {
        ...question,
        choices: need('options', list(option, 3)),
        above: may(say['button_template.header'], header),
        footer: may(say['button_template.footer'], t.string),
      },
      ({ text, fallback, choices, above, footer }) => ({
        kind: 'choices',
        text,
        choices,
        layout: 'buttons',
        ...given({ fallback: unless(text, fallback), header: headerOf(above), footer }),
      }),
    ),
  list_template: (say) => {
    const row = object(
      {
        id: need('id', t.string),
        label: need('label', t.string),
        description: may(say['list_template.options.description'], t.string),
      },
      ({ id, label, description }) => ({ id, label, ...given({ description }) }),
    );
    return object(
      {
        ...question,
        choices: need('options', list(row, 10)),
        above: may(say['list_template.header'], t.string),
        footer: may(say['list_template.footer'], t.string),
        openLabel: may(say['list_template.button'], t.string),
        listTitle: may(say['list_template.headline'], t.string),
      },
      ({ text, fallback, choices, above, footer, openLabel, listTitle }) => ({
        kind: 'choices',
        text,
        choices,
        layout: 'list',
        ...given({
          fallback: unless(text, fallback),
          header: above === undefined ? undefined : { text: above },
          footer,
          openLabel,
          listTitle,
        }),
      }),
    );
  },
  // Deprecated, and no action of ours: a lonely link is written as `buttons`.
  button: (say) =>
    object({ text: need('body', t.string), link: need(say['button.link'], url) }, (): Draft => undefined),
  buttons: (say) => {
    const link = object(
      { label: may(say['buttons.label'], t.string), url: need(say['buttons.link'], url) },
      ({ label, url: to }) => (label === undefined ? undefined : { label, url: to }),
    );
    return object(
      { text: need('body', t.string), links: may(say['buttons.buttons'], list(link)) },
      ({ text, links }): Draft => {
        const known = links?.filter((to) => to !== undefined);
        return known === undefined || known.length !== links?.length
          ? undefined
          : { kind: 'links', text, links: known };
      },
    );
  },
  media: () => object({ link: need('link', webAddress) }, ({ link }) => ({ kind: 'media', media: { url: link } })),
  navigate: (say) => object({ to: need(say['navigate.link'], url) }, ({ to }) => ({ kind: 'navigate', url: to })),
  abort: () => object({}, () => ({ kind: 'release' })),
  end: () => object({}, () => ({ kind: 'end' })),
  forward_any: (say) =>
    object({ onFailure: may(say['forward.on_failure'], t.string) }, ({ onFailure }) => ({
      kind: 'handoff',
      to: { kind: 'any' },
      ...given({ onFailure: onFailureOf(onFailure) }),
    })),
  forward_group: (say) =>
    object(
      { id: need(say['forward_group.group_id'], whole), onFailure: may(say['forward.on_failure'], t.string) },
      ({ id, onFailure }) => ({
        kind: 'handoff',
        to: { kind: 'group', id },
        ...given({ onFailure: onFailureOf(onFailure) }),
      }),
    ),
  forward_skills: (say) =>
    object(
      {
        skills: need(say['forward_skills.skills'], list(idOf, Infinity, 0)),
        onFailure: may(say['forward.on_failure'], t.string),
      },
      ({ skills, onFailure }) => ({
        kind: 'handoff',
        to: { kind: 'skills', skills },
        ...given({ onFailure: onFailureOf(onFailure) }),
      }),
    ),
  contact_update: () =>
    update(
      object(
        {
          name: mayBeCleared('name', t.string),
          email: mayBeCleared('email', t.string),
          phone: mayBeCleared('mobile_number', t.string),
          externalId: mayBeCleared('external_customer_id', t.string),
          customFields: mayBeCleared('custom_fields', jsonObject),
          subscribed: mayBeCleared('campaigns', t.boolean),
        },
        (changes) => ({ kind: 'updateContact', ...given(changes) }),
      ),
    ),
  conversation_update: () =>
    update(
      object(
        {
          subject: mayBeCleared('subject', t.string),
          topics: mayBeCleared('topics', t.UnknownArray),
          locale: mayBeCleared('locale', t.string),
          customFields: mayBeCleared('custom_fields', jsonObject),
        },
        ({ topics, ...changes }) => ({
          kind: 'updateConversation',
          ...(topics?.every(isString) === true && { topics: topics.filter(isString) }),
          ...given(changes),
        }),
      ),
    ),
  delay: (say) =>
    object(
      { duration: need(say['delay.duration'], seconds), visible: may(say['delay.typing'], t.boolean) },
      ({ duration, visible }): Draft => {
        const rounded = Math.round(duration * 1_000);
        const forMs = rounded / 1_000 === duration ? rounded : duration * 1_000;
        return Number.isFinite(forMs) ? { kind: 'typing', forMs, ...given({ visible }) } : undefined;
      },
    ),
  note_create: (say) =>
    object(
      { text: need(say['note_create.body'], t.string), contactId: may('contact_identity_id', idOf) },
      ({ text, contactId }) => ({ kind: 'note', text, ...given({ contactId }) }),
    ),
  addon_dispatch: (say) =>
    object({ name: need(say['addon_dispatch.type'], t.string) }, ({ name }) => ({
      kind: 'dispatch',
      to: { kind: 'addon', name },
    })),
  email_dispatch: (say) =>
    object(
      { kind: need(say['email_dispatch.type'], recipient), id: may(say['email_dispatch.id'], idOf) },
      ({ kind, id }): Draft => {
        if (kind === 'contact') return { kind: 'dispatch', to: { kind } };
        return id === undefined ? undefined : { kind: 'dispatch', to: { kind, id } };
      },
    ),
};

const update = (changes: Reader<Draft>): Reader<Draft> =>
  reader('an object with at least one field', (value, context) =>
    isRecord(value) && Object.keys(value).length === 0 ? t.failure(value, context) : changes.validate(value, context),
  );

const envelope = object(
  {
    info: need(
      'info',
      object({ cid: need('cid', cid), context: may('context', orNull(contextObject)) }, (info) => info),
    ),
    packet: need(
      'packet',
      object({ name: need('name', t.string), payload: may('payload', orNull(jsonObject)) }, (packet) => packet),
    ),
  },
  (event) => event,
);

/** Whether two JSON values are the same, in whatever order their keys stand. */
const same = (one: Json | undefined, other: Json | undefined): boolean => {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const [keys, otherKeys] = [Object.keys(one), Object.keys(other)];
  const [left, right] = [one as JsonObject, other as JsonObject];
  return (
    Array.isArray(one) === Array.isArray(other) &&
    keys.length === otherKeys.length &&
    keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
  );
};

/** The action with what it does not say itself as `extra`; none when it cannot be encoded. */
const completed = (
  action: OutboundAction,
  payload: JsonObject,
  dialect: UserlikeDialect,
): OutboundAction | undefined => {
  // With something extra, an update that sets no field that we know is one too.
  const encoded = encodeAction({ extra: {}, ...action }, dialect);
  const said = E.isRight(encoded) ? encoded.right[0]?.packet.payload : undefined;
  if (said === undefined) return undefined;
  const more = Object.entries(payload).filter(([key, value]) => !Object.hasOwn(said, key) || !same(said[key], value));
  return more.length === 0 ? action : { extra: Object.fromEntries(more), ...action };
};

const decodeOne = (
  json: unknown,
  context: t.Context,
  config: DecodeBotEventsConfig,
  dialect: UserlikeDialect,
): t.Validation<OutboundAction> => {
  const event = envelope.validate(json, context);
  if (E.isLeft(event)) return event;
  const { info, packet } = event.right;
  const { name, payload = {} } = packet;
  const { account, channel = 'unknown' } = config;
  const conversation: Conversation =
    account === undefined
      ? { platform: 'userlike', id: info.cid, channel }
      : { platform: 'userlike', account, id: info.cid, channel };
  const address = { id: config.makeId(), conversation, ...given({ context: info.context }) };

  const type = Object.hasOwn(READERS, name) ? READERS[name]?.(dialect) : undefined;
  if (type !== undefined) {
    const at = t.appendContext(t.appendContext(context, 'packet', type), 'payload', type, payload);
    const draft = type.validate(payload, at);
    if (E.isLeft(draft)) return draft;
    const action = draft.right === undefined ? undefined : completed({ ...address, ...draft.right }, payload, dialect);
    if (action !== undefined) return t.success(action);
  }
  return t.success({ kind: 'platform', name, payload, ...address });
};

/**
 * The body of a webhook's answer or of an API request, one event or a list, as the actions that it was made from: the
 * other direction of `encodeAction`.
 *
 * Encoding the actions again gives the same events. What an action has no field for is in its `extra`, and an event that
 * none of our actions can say, or whose name we do not know, is a `platform` action. What is not on the wire is not here
 * either: `cause`, `replyTo`, `comment`, the channel, a file's type, name and size, descriptions of options outside a list.
 * A file with a caption went out as two events and comes back as a text and a file; what is a default is left out.
 *
 * Left: an `undecodable` `ChatError`, when one of the events lacks what Userlike documents as needed, or is beyond one of
 * its limits. Its `problems` hold paths and expectations, never values.
 */
export const decodeBotEvents = (
  json: unknown,
  config: DecodeBotEventsConfig,
): E.Either<ChatError, readonly OutboundAction[]> => {
  const dialect = config.dialect === undefined ? userlikeDialect : { ...userlikeDialect, ...config.dialect };
  const isList = Array.isArray(json);
  const events: readonly unknown[] = isList ? json : [json];
  const actions: OutboundAction[] = [];
  for (const [index, event] of events.entries()) {
    const context: t.Context = [{ key: isList ? String(index) : '', type: envelope, actual: event }];
    const decoded = decodeOne(event, context, config, dialect);
    if (E.isLeft(decoded)) {
      const problems = problemsOf(decoded.left);
      return E.left(
        new ChatError('undecodable', 'userlike', `an event of a bot breaks the protocol: ${problems.join('; ')}`, {
          problems,
        }),
      );
    }
    actions.push(decoded.right);
  }
  return E.right(actions);
};
