import { either as E } from 'fp-ts';
import { ChatError } from '../errors.js';
import type { Choice, Header, Json, JsonObject, OutboundAction } from '../model/index.js';
import { userlikeDialect, type UserlikeDialect } from './dialect.js';
import type { WireEvent } from './wire.js';

/** UTF-16 units in a message. */
export const MAX_BODY = 5_000;
/** Bytes of a context as compact JSON. The documentation says 10 KB, and this holds in both readings of it. */
export const MAX_CONTEXT_BYTES = 10_000;

type Encoded = E.Either<ChatError, readonly (readonly [name: string, payload: JsonObject])[]>;

const refuse = (kind: 'unsupported' | 'overflow', sentence: string): E.Either<ChatError, never> =>
  E.left(new ChatError(kind, 'userlike', sentence));
const one = (name: string, payload: JsonObject = {}): Encoded => E.right([[name, payload]]);
const given = (key: string, value: Json | undefined): JsonObject => (value === undefined ? {} : { [key]: value });
const bytes = new TextEncoder();

const isWebAddress = (url: string | undefined): url is string => url !== undefined && /^https?:\/\/[^\s/]/i.test(url);

const headerOf = (header: Header | undefined): JsonObject | undefined => {
  if (header?.media?.url !== undefined) {
    const [type = ''] = (header.media.mimeType ?? '').split('/');
    return { type: type === 'image' || type === 'video' ? type : 'document', link: header.media.url };
  }
  return header?.text === undefined ? undefined : { type: 'text', text: header.text };
};

const optionsOf = (choices: readonly Choice[]): Json => choices.map(({ id, label }) => ({ id, label }));

const LIMITS = { bubbles: Infinity, buttons: 3, list: 10 } as const;

/**
 * An action as the events that Userlike knows. One, except for a file with a caption.
 *
 * Refuses, before the wire, what cannot be expressed there (`unsupported`) and what is too large (`overflow`).
 */
export const encodeAction = (
  action: OutboundAction,
  dialect: UserlikeDialect = userlikeDialect,
): E.Either<ChatError, readonly WireEvent[]> => {
  const { context, extra, conversation } = action;
  if (context !== undefined && bytes.encode(JSON.stringify(context)).length > MAX_CONTEXT_BYTES) {
    return refuse('overflow', `the context of ${action.kind} is larger than ${MAX_CONTEXT_BYTES} bytes`);
  }
  const encoded = packets(action, dialect);
  if (E.isLeft(encoded)) return encoded;
  const last = encoded.right.length - 1;
  return E.right(
    encoded.right.map(([name, payload], index) => ({
      info: { cid: conversation.id, ...(context !== undefined && index === last && { context }) },
      packet: { name, payload: extra === undefined || index !== last ? payload : { ...payload, ...extra } },
    })),
  );
};

const packets = (action: OutboundAction, dialect: UserlikeDialect): Encoded => {
  switch (action.kind) {
    case 'text': {
      const { text, format } = action;
      if (text.length > MAX_BODY)
        return refuse('overflow', `a text has ${text.length} characters, ${MAX_BODY} are allowed`);
      return one('message', format === 'markdown' ? { body: text, text_format: 'markdown_v1' } : { body: text });
    }
    case 'choices':
      return choicePackets(action, dialect);
    case 'cards': {
      const { text = '', fallback, cards } = action;
      if (cards.length === 0) return refuse('unsupported', 'a carousel needs at least one card');
      const plain = cards.find(({ id, choices, links }) => id === undefined || choices?.length || links?.length);
      if (plain !== undefined)
        return refuse('unsupported', 'a card of a carousel needs an id, and has no choices or links of its own');
      const options = cards.map(({ id = '', title, text: subheadline, image }) => ({
        id,
        headline: title,
        ...given('subheadline', subheadline),
        ...given('media', image),
      }));
      return one('carousel', { body: text, fallback: fallback ?? text, options });
    }
    case 'links': {
      const { text, links } = action;
      if (links.length === 0) return refuse('unsupported', 'links needs at least one link');
      const bad = links.find(({ url }) => !isWebAddress(url));
      if (bad !== undefined) return refuse('unsupported', 'a link is no absolute web address');
      const [label, link] = [dialect['buttons.label'], dialect['buttons.link']];
      return one('buttons', {
        body: text,
        [dialect['buttons.buttons']]: links.map((to) => ({ [label]: to.label, [link]: to.url })),
      });
    }
    case 'media': {
      const { url } = action.media;
      if (!isWebAddress(url))
        return refuse('unsupported', 'media needs an absolute web address that the platform can reach');
      const file = ['media', { link: url }] as const;
      return E.right(action.caption === undefined ? [file] : [['message', { body: action.caption }], file]);
    }
    case 'navigate':
      return one('navigate', { [dialect['navigate.link']]: action.url });
    case 'typing': {
      const { forMs, visible } = action;
      if (forMs === undefined || !(forMs > 0))
        return refuse('unsupported', 'typing needs a time, as a pause before what follows');
      return one('delay', { [dialect['delay.duration']]: forMs / 1_000, ...given(dialect['delay.typing'], visible) });
    }
    case 'handoff':
      return handoffPackets(action, dialect);
    case 'release':
      return one('abort');
    case 'end':
      return one('end');
    case 'updateContact': {
      const { name, email, phone, externalId, customFields, subscribed } = action;
      const payload = {
        ...given('name', name),
        ...given('email', email),
        ...given('mobile_number', phone),
        ...given('external_customer_id', externalId),
        ...given('custom_fields', customFields),
        ...given('campaigns', subscribed),
      };
      return Object.keys(payload).length === 0 && action.extra === undefined
        ? refuse('unsupported', 'updateContact needs at least one field')
        : one('contact_update', payload);
    }
    case 'updateConversation': {
      const { subject, topics, locale, customFields } = action;
      const payload = {
        ...given('subject', subject),
        ...given('topics', topics),
        ...given('locale', locale),
        ...given('custom_fields', customFields),
      };
      return Object.keys(payload).length === 0 && action.extra === undefined
        ? refuse('unsupported', 'updateConversation needs at least one field')
        : one('conversation_update', payload);
    }
    case 'note':
      return one('note_create', {
        [dialect['note_create.body']]: action.text,
        ...given('contact_identity_id', action.contactId),
      });
    case 'dispatch': {
      const { to } = action;
      if (to.kind === 'addon') return one('addon_dispatch', { [dialect['addon_dispatch.type']]: to.name });
      const type = { [dialect['email_dispatch.type']]: to.kind };
      return one('email_dispatch', to.kind === 'contact' ? type : { ...type, [dialect['email_dispatch.id']]: to.id });
    }
    case 'platform': {
      const { name, payload } = action;
      if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
        return refuse('unsupported', 'the payload of a platform action is an object');
      }
      return one(name, payload as JsonObject);
    }
    default:
      return refuse('unsupported', `${action.kind} has no meaning there`);
  }
};

const choicePackets = (
  action: Extract<OutboundAction, { readonly kind: 'choices' }>,
  dialect: UserlikeDialect,
): Encoded => {
  const { text, choices, fallback = text, layout = 'bubbles', footer, openLabel, listTitle } = action;
  const most = LIMITS[layout];
  if (choices.length === 0) return refuse('unsupported', 'choices needs at least one option');
  if (choices.length > most)
    return refuse('unsupported', `a ${layout} layout has room for ${most} options, not ${choices.length}`);
  if (choices.some(({ id, label }) => id === '' || label === ''))
    return refuse('unsupported', 'an option needs an id and a label');
  const common = { body: text, fallback };
  switch (layout) {
    case 'bubbles':
      return one('bubbles', { ...common, options: optionsOf(choices) });
    case 'buttons':
      return one('button_template', {
        ...given(dialect['button_template.header'], headerOf(action.header)),
        ...common,
        ...given(dialect['button_template.footer'], footer),
        options: optionsOf(choices),
      });
    case 'list':
      return one('list_template', {
        ...given(dialect['list_template.header'], action.header?.text),
        ...common,
        ...given(dialect['list_template.footer'], footer),
        ...given(dialect['list_template.button'], openLabel),
        ...given(dialect['list_template.headline'], listTitle),
        options: choices.map(({ id, label, description }) => ({
          id,
          label,
          ...given(dialect['list_template.options.description'], description),
        })),
      });
  }
};

const handoffPackets = (
  { to, onFailure = 'report' }: Extract<OutboundAction, { readonly kind: 'handoff' }>,
  dialect: UserlikeDialect,
): Encoded => {
  const feedback = onFailure === 'report' ? { [dialect['forward.on_failure']]: 'feedback' } : {};
  switch (to.kind) {
    case 'any':
      return one('forward_any', feedback);
    case 'group': {
      const id = Number(to.id);
      if (!Number.isInteger(id)) return refuse('unsupported', 'a group is named by a whole number');
      return one('forward_group', { [dialect['forward_group.group_id']]: id, ...feedback });
    }
    case 'skills':
      return to.skills.length === 0
        ? refuse('unsupported', 'a handoff by skills needs at least one')
        : one('forward_skills', { [dialect['forward_skills.skills']]: to.skills, ...feedback });
    default:
      return refuse('unsupported', `a handoff to one ${to.kind} has no meaning there: to any, a group or skills`);
  }
};

const TERMINATORS: ReadonlySet<string> = new Set(['abort', 'end', 'forward_group', 'forward_skills', 'forward_any']);

/**
 * Events of one session in the order that a list needs: what ends the session last, since the fate of what stands behind
 * it is unknown, and no delay at the end, where it delays nothing.
 */
export const listOrder = (events: readonly WireEvent[]): readonly WireEvent[] => {
  const ends = events.filter(({ packet }) => TERMINATORS.has(packet.name));
  const rest = ends.length === 0 ? events : events.filter(({ packet }) => !TERMINATORS.has(packet.name));
  let length = rest.length;
  if (ends.length === 0) while (length > 0 && rest[length - 1]?.packet.name === 'delay') length--;
  return ends.length === 0 && length === events.length ? events : [...rest.slice(0, length), ...ends];
};

/** The body of an answer or request: nothing for no event, the event itself for one, a list for more. */
export const encodeBody = (events: readonly WireEvent[], alwaysList = false): string => {
  if (events.length === 0) return '';
  return JSON.stringify(events.length === 1 && !alwaysList ? events[0] : events);
};
