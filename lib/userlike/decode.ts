import { either as E } from 'fp-ts';
import { ChatError } from '../errors.js';
import type { Channel, Conversation, InboundEvent, JsonObject, Media, Sender } from '../model/index.js';
import { problemsOf } from '../problems.js';
import type { Writable } from '../writable.js';
import { WebhookRequest } from './wire.js';

/** What the wire does not say about a webhook request. */
export interface Arrival {
  /** An id for the event, made by the receiver. */
  readonly id: string;
  /** When it arrived: ISO 8601. */
  readonly at: string;
  /** Which bot it is for, when a program serves several. */
  readonly account?: string;
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const record = (value: unknown): Fields => (isRecord(value) ? value : {});
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const number = (value: unknown): number | undefined => {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
};
const idText = (value: unknown): string | undefined => (typeof value === 'number' ? String(value) : text(value));
const firstText = (fields: Fields, keys: readonly string[]): string | undefined => {
  for (const key of keys) {
    const found = text(fields[key]);
    if (found !== undefined) return found;
  }
  return undefined;
};

const undecodable = (problems: readonly string[]): E.Either<ChatError, never> =>
  E.left(
    new ChatError('undecodable', 'userlike', `a webhook request breaks the protocol: ${problems.join('; ')}`, {
      problems,
    }),
  );

const channelOf = (conversation: unknown): Channel => {
  const type = text(record(record(conversation)['contact_channel'])['type']);
  return type === 'whatsapp_business' ? 'whatsapp' : (type ?? 'unknown');
};

const senderOf = (contact: Fields): Sender => {
  const sender: Writable<Sender> = { role: 'customer' };
  const [id, name, email] = [idText(contact['id']), text(contact['name']), text(contact['email'])];
  const phone = firstText(contact, ['mobile_number', 'phone_number']);
  const locale = text(contact['locale']);
  if (id !== undefined) sender.id = id;
  if (name !== undefined) sender.name = name;
  if (email !== undefined) sender.email = email;
  if (phone !== undefined) sender.phone = phone;
  if (locale !== undefined) sender.locale = locale;
  return sender;
};

const LINK_KEYS = ['link', 'url', 'media', 'file', 'href'] as const;
const isWebAddress = (value: unknown): value is string =>
  typeof value === 'string' && /^https?:\/\/[^\s/]/i.test(value);

/** Where a file stands in a payload is not documented: the first absolute address, in it or one level below. */
const fileIn = (payload: Fields): (Fields & { readonly found: string }) | undefined => {
  for (const fields of [payload, ...Object.values(payload).filter(isRecord)]) {
    const keys = [...LINK_KEYS, ...Object.keys(fields)];
    const key = keys.find((candidate) => Object.hasOwn(fields, candidate) && isWebAddress(fields[candidate]));
    if (key !== undefined) return { ...fields, found: fields[key] as string };
  }
  return undefined;
};

const mediaOf = (file: Fields & { readonly found: string }): Media => {
  const [mimeType, name] = [
    firstText(file, ['mime_type', 'content_type', 'type']),
    firstText(file, ['name', 'filename']),
  ];
  const sizeBytes = number(file['size']);
  return {
    url: file.found,
    ...(mimeType !== undefined && { mimeType }),
    ...(name !== undefined && { name }),
    ...(sizeBytes !== undefined && { sizeBytes }),
  };
};

/** As JSON; nothing when it is nested so deeply that the stack has no room for it. */
const textOf = (payload: Fields): string | undefined => {
  try {
    return JSON.stringify(payload);
  } catch {
    return undefined;
  }
};

/**
 * A webhook request as events. Almost always one; a session that begins on a messaging channel carries the customer's
 * first message or file, which makes two: `started`, then `message` or `media`.
 *
 * `fingerprint` is equal for equal requests. Event names that we do not know become `other`.
 */
export const decodeWebhook = (
  json: unknown,
  { id, at, account }: Arrival,
): E.Either<ChatError, readonly InboundEvent[]> => {
  // Asked first, because decoding keeps a path for each value that it looks at.
  if (!WebhookRequest.is(json)) {
    const decoded = WebhookRequest.decode(json);
    return undecodable(E.isLeft(decoded) ? problemsOf(decoded.left) : []);
  }
  const { info, packet } = json;
  if (info.cid === '') return undecodable(['info.cid is empty']);
  const payload: Fields = packet.payload ?? {};
  const context =
    isRecord(info.context) && Object.keys(info.context).length > 0 ? (info.context as JsonObject) : undefined;
  const conversation: Conversation =
    account === undefined
      ? { platform: 'userlike', id: info.cid, channel: channelOf(info.conversation) }
      : { platform: 'userlike', account, id: info.cid, channel: channelOf(info.conversation) };
  const written = textOf(payload);
  if (written === undefined) return undecodable(['packet.payload is nested too deeply']);
  const fingerprint = `${packet.name} ${written}`;
  const base = {
    id,
    fingerprint,
    platform: 'userlike',
    conversation,
    at,
    sender: senderOf(record(info.contact)),
    raw: json,
    ...(context !== undefined && { context }),
  };
  const other = (): E.Either<ChatError, readonly InboundEvent[]> =>
    E.right([{ kind: 'other', name: packet.name, ...base }]);

  switch (packet.name) {
    case 'start': {
      const proactive = info.approach_mode === 'proactive';
      const started: InboundEvent = { kind: 'started', ...(proactive && { proactive }), ...base };
      const said = text(payload['body']);
      const file = fileIn(payload);
      const second = { ...base, id: `${id}.1`, fingerprint: `${fingerprint} 1` };
      if (file !== undefined) return E.right([started, { ...second, ...mediaEvent(file) }]);
      return E.right(said === undefined ? [started] : [started, { ...second, kind: 'message', text: said }]);
    }
    case 'message': {
      const said = payload['body'];
      if (typeof said !== 'string') return undecodable(['packet.payload.body is not string']);
      return E.right([{ kind: 'message', text: said, ...base }]);
    }
    case 'click': {
      const { value } = payload;
      const chosen = isRecord(value) ? idText(value['id']) : (idText(value) ?? idText(payload['id']));
      if (chosen === undefined) return other();
      const label = isRecord(value) ? firstText(value, ['label', 'headline']) : undefined;
      return E.right([{ kind: 'choice', choice: { id: chosen, ...(label !== undefined && { label }) }, ...base }]);
    }
    case 'media': {
      const file = fileIn(payload);
      return file === undefined
        ? undecodable(['packet.payload has no web address'])
        : E.right([{ ...mediaEvent(file), ...base }]);
    }
    case 'location': {
      for (const place of [payload, record(payload['location'])]) {
        const latitude = number(place['latitude'] ?? place['lat'] ?? place['loc_lat']);
        const longitude = number(place['longitude'] ?? place['lng'] ?? place['lon'] ?? place['loc_lon']);
        if (latitude === undefined || longitude === undefined) continue;
        const [name, address, url] = [text(place['name']), text(place['address']), text(place['url'])];
        const known = { ...(name && { name }), ...(address && { address }), ...(url && { url }) };
        return E.right([{ kind: 'location', latitude, longitude, ...known, ...base }]);
      }
      return undecodable(['packet.payload has no latitude and longitude']);
    }
    case 'forward_failed':
      return E.right([{ kind: 'handoffFailed', ...base }]);
    case 'campaign_unsubscribe':
      return E.right([{ kind: 'unsubscribed', ...base }]);
    default:
      return other();
  }
};

const mediaEvent = (
  file: Fields & { readonly found: string },
): { readonly kind: 'media'; readonly media: Media; readonly caption?: string } => {
  const caption = firstText(file, ['body', 'caption']);
  return { kind: 'media', media: mediaOf(file), ...(caption !== undefined && { caption }) };
};
