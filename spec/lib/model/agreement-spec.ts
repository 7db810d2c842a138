import { expect } from 'chai';
import { either as E } from 'fp-ts';
import type { Type } from 'io-ts';
import {
  OUTCOMES,
  type ActionKind,
  type Card,
  type ChatErrorKind,
  type ChoicesAction,
  type EventKind,
  type HandoffAction,
  type HandoffTarget,
  type InboundEvent,
  type DispatchAction,
  type OutboundAction,
  type Outcome,
  type Receipt,
  type Sender,
  type SkipReason,
  type TextFormat,
} from 'tidewire';
import { InboundEventCodec, OutboundActionCodec, OutcomeCodec, ReceiptCodec } from 'tidewire/model';

/** Every field there is, at every depth. `T` is distributed over. */
type Full<T> = T extends readonly (infer Item)[]
  ? readonly [Full<Item>, ...Full<Item>[]]
  : T extends object
    ? { readonly [K in keyof T]-?: Full<T[K]> }
    : T;
type EventOf<K extends EventKind> = Extract<InboundEvent, { readonly kind: K }>;
type ActionOf<K extends ActionKind> = Extract<OutboundAction, { readonly kind: K }>;
/** What all have is checked once, on one of them. */
type Base =
  'id' | 'platform' | 'conversation' | 'at' | 'raw' | 'fingerprint' | 'sender' | 'context' | 'cause' | 'extra';
type Own<T> = T extends object ? Omit<T, Base> : never;
type OwnOfAction<T> = T extends object ? Omit<T, Base | 'by'> : never;

const sender: Full<Sender> = {
  role: 'customer',
  id: '1',
  name: 'n',
  email: 'e',
  phone: 'p',
  locale: 'de',
  self: true,
};
const media = { url: 'u', fileId: 'f', mimeType: 'm', name: 'n', sizeBytes: 1 };
const conversation = { platform: 'desk', account: 'a', id: 'c', channel: 'web' };
const card: Full<Card> = {
  id: 'i',
  title: 't',
  text: 'x',
  image: 'u',
  links: [{ label: 'l', url: 'u' }],
  choices: [{ id: 'i', label: 'l', description: 'd' }],
};

const fullEvents: { readonly [K in EventKind]: Full<Own<EventOf<K>>> } = {
  started: { kind: 'started', proactive: true },
  message: { kind: 'message', text: 't', format: 'plain', replyTo: 'm', attachments: [media] },
  choice: { kind: 'choice', choice: { id: 'i', label: 'l' }, offer: 'o' },
  media: { kind: 'media', media, caption: 'c', replyTo: 'm' },
  location: { kind: 'location', latitude: 1, longitude: 2, name: 'n', address: 'a', url: 'u', replyTo: 'm' },
  edited: { kind: 'edited', messageId: 'm', text: 't', format: 'plain' },
  removed: { kind: 'removed', messageId: 'm' },
  membership: { kind: 'membership', change: 'joined', members: [sender] },
  command: { kind: 'command', name: 'n', text: 't' },
  progress: { kind: 'progress', what: 'typing', active: true, messageId: 'm' },
  handoffFailed: { kind: 'handoffFailed', reason: 'r' },
  handoffTaken: { kind: 'handoffTaken', agent: sender },
  unsubscribed: { kind: 'unsubscribed', list: 'l' },
  ended: { kind: 'ended', by: 'customer', reason: 'r' },
  other: { kind: 'other', name: 'n' },
  undecodable: { kind: 'undecodable', problems: ['p'] },
};

const fullActions: { readonly [K in ActionKind]: Full<OwnOfAction<ActionOf<K>>> } = {
  text: { kind: 'text', text: 't', format: 'plain', replyTo: 'm' },
  choices: {
    kind: 'choices',
    text: 't',
    choices: [{ id: 'i', label: 'l', description: 'd' }],
    fallback: 'f',
    layout: 'list',
    header: { text: 't', media },
    footer: 'f',
    openLabel: 'o',
    listTitle: 'l',
  },
  cards: { kind: 'cards', text: 't', cards: [card], fallback: 'f' },
  links: { kind: 'links', text: 't', links: [{ label: 'l', url: 'u' }] },
  media: { kind: 'media', media, caption: 'c', replyTo: 'm' },
  survey: { kind: 'survey', title: 't', survey: 's', anonymous: true, url: 'u' },
  navigate: { kind: 'navigate', url: 'u' },
  typing: { kind: 'typing', forMs: 1, visible: true },
  edit: { kind: 'edit', messageId: 'm', text: 't', format: 'plain' },
  remove: { kind: 'remove', messageId: 'm' },
  forward: { kind: 'forward', messageId: 'm', to: conversation },
  handoff: { kind: 'handoff', to: { kind: 'group', id: 1 }, onFailure: 'report', comment: 'c' },
  release: { kind: 'release' },
  end: { kind: 'end', comment: 'c' },
  openConversation: { kind: 'openConversation', with: 'w', text: 't' },
  updateContact: {
    kind: 'updateContact',
    name: 'n',
    email: 'e',
    phone: 'p',
    externalId: 'x',
    customFields: {},
    subscribed: true,
  },
  updateConversation: { kind: 'updateConversation', subject: 's', topics: ['t'], locale: 'l', customFields: {} },
  note: { kind: 'note', text: 't', contactId: 1 },
  dispatch: { kind: 'dispatch', to: { kind: 'operator', id: 1 } },
  platform: { kind: 'platform', name: 'n', payload: {} },
};

const eventBase = {
  id: 'e',
  platform: 'desk',
  conversation,
  at: '2025-01-01T00:00:00.000Z',
  raw: null,
  fingerprint: 'f',
  sender,
  context: {},
};
const actionBase = { id: 'a', conversation, cause: 'e', by: 'human', context: {}, extra: {} };

/** Only what must be there: the compiler asks for it, and for nothing else. */
const minimalConversation = { platform: 'desk', id: 'c', channel: 'web' };
const minimalEventBase = {
  id: 'e',
  platform: 'desk',
  conversation: minimalConversation,
  at: '2025-01-01T00:00:00.000Z',
};
const minimalEvents: { readonly [K in EventKind]: Own<EventOf<K>> } = {
  started: { kind: 'started' },
  message: { kind: 'message', text: 't' },
  choice: { kind: 'choice', choice: { id: 'i' } },
  media: { kind: 'media', media: {} },
  location: { kind: 'location', latitude: 1, longitude: 2 },
  edited: { kind: 'edited', messageId: 'm', text: 't' },
  removed: { kind: 'removed', messageId: 'm' },
  membership: { kind: 'membership', change: 'joined', members: [{ role: 'agent' }] },
  command: { kind: 'command', name: 'n' },
  progress: { kind: 'progress', what: 'typing' },
  handoffFailed: { kind: 'handoffFailed' },
  handoffTaken: { kind: 'handoffTaken' },
  unsubscribed: { kind: 'unsubscribed' },
  ended: { kind: 'ended' },
  other: { kind: 'other', name: 'n' },
  undecodable: { kind: 'undecodable', problems: [] },
};
const minimalActionBase = { id: 'a', conversation: minimalConversation };
const minimalActions: { readonly [K in ActionKind]: OwnOfAction<ActionOf<K>> } = {
  text: { kind: 'text', text: 't' },
  choices: { kind: 'choices', text: 't', choices: [{ id: 'i', label: 'l' }] },
  cards: { kind: 'cards', cards: [{ title: 't' }] },
  links: { kind: 'links', text: 't', links: [{ label: 'l', url: 'u' }] },
  media: { kind: 'media', media: {} },
  survey: { kind: 'survey', title: 't', survey: 's' },
  navigate: { kind: 'navigate', url: 'u' },
  typing: { kind: 'typing' },
  edit: { kind: 'edit', messageId: 'm', text: 't' },
  remove: { kind: 'remove', messageId: 'm' },
  forward: { kind: 'forward', messageId: 'm', to: minimalConversation },
  handoff: { kind: 'handoff', to: { kind: 'any' } },
  release: { kind: 'release' },
  end: { kind: 'end' },
  openConversation: { kind: 'openConversation', with: 'w' },
  updateContact: { kind: 'updateContact' },
  updateConversation: { kind: 'updateConversation' },
  note: { kind: 'note', text: 't' },
  dispatch: { kind: 'dispatch', to: { kind: 'contact' } },
  platform: { kind: 'platform', name: 'n', payload: null },
};

const error = { kind: 'refused', platform: 'desk', message: 'desk: no', retryable: false, inDoubt: false };
const minimalReceipts: { readonly [S in Receipt['status']]: object } = {
  delivered: { messageIds: [] },
  failed: { error, retryable: false },
  unknown: { error },
  skipped: { reason: 'muted' },
};

type Tree = Readonly<Record<string, unknown>>;

/** The paths to everything in a tree, except through what may hold anything. */
const paths = (value: unknown, free: ReadonlySet<string>): readonly (readonly string[])[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value as Tree).flatMap(([key, inner]) =>
        free.has(key) ? [] : [[key], ...paths(inner, free).map((path) => [key, ...path])],
      )
    : [];

/** A copy in which the value at a path is another, or gone. */
const changed = (value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown => {
  if (key === undefined) return to;
  if (Array.isArray(value)) {
    return value.map((inner: unknown, n) => (String(n) === key ? changed(inner, rest, to) : inner));
  }
  const { [key]: old, ...others } = value as Tree;
  return rest.length === 0 && to === GONE ? others : { ...others, [key]: changed(old, rest, to) };
};
const GONE = Symbol('gone');

const accepts = (codec: Type<unknown>, value: unknown): boolean => E.isRight(codec.decode(value));
/** What fields accept nothing wrong, in a value that has them all. */
const unchecked = (codec: Type<unknown>, full: unknown, free: readonly string[]): readonly string[] => {
  expect(accepts(codec, full), 'the full value').to.equal(true);
  return paths(full, new Set(free))
    .filter((path) => accepts(codec, changed(full, path, Symbol('wrong'))))
    .map((path) => path.join('.'));
};
/** What fields may be left out of a value that has only what is required; items of lists do not count. */
const optional = (codec: Type<unknown>, minimal: unknown): readonly string[] => {
  expect(accepts(codec, minimal), 'the minimal value').to.equal(true);
  return paths(minimal, new Set(['raw']))
    .filter((path) => !/^\d+$/.test(path.at(-1) ?? '') && accepts(codec, changed(minimal, path, GONE)))
    .map((path) => path.join('.'));
};

const Events = InboundEventCodec as Type<unknown>;
const Actions = OutboundActionCodec as Type<unknown>;

describe('the codecs of the model, against its interfaces', () => {
  for (const kind of Object.keys(fullEvents) as EventKind[]) {
    it(`check every field of ${kind} events, and require what must be there`, () => {
      expect(unchecked(Events, { ...eventBase, ...fullEvents[kind] }, ['raw'])).to.deep.equal([]);
      expect(optional(Events, { ...minimalEventBase, raw: null, ...minimalEvents[kind] })).to.deep.equal([]);
    });
  }

  for (const kind of Object.keys(fullActions) as ActionKind[]) {
    it(`check every field of ${kind} actions, and require what must be there`, () => {
      expect(unchecked(Actions, { ...actionBase, ...fullActions[kind] }, [])).to.deep.equal([]);
      expect(optional(Actions, { ...minimalActionBase, ...minimalActions[kind] })).to.deep.equal([]);
    });
  }

  it('check every field of receipts, and require what must be there', () => {
    const action = { ...minimalActionBase, kind: 'release' };
    const codec = ReceiptCodec as Type<unknown>;
    for (const [status, fields] of Object.entries(minimalReceipts)) {
      const receipt = { status, action, at: 'now', ...fields };
      expect(optional(codec, receipt), status).to.deep.equal([]);
      expect(unchecked(codec, receipt, []), status).to.deep.equal([]);
    }
    const details = { ...error, retryAfterMs: 1, status: 429, reason: 'r', problems: ['p'] };
    const full = [
      { status: 'delivered', action, at: 'now', messageIds: ['m'], via: 'api' },
      { status: 'failed', action, at: 'now', error: details, retryable: true },
      { status: 'skipped', action, at: 'now', reason: 'muted', detail: 'd' },
    ];
    for (const receipt of full) expect(unchecked(codec, receipt, [])).to.deep.equal([]);
  });

  it('know every word of every closed list', () => {
    const every = <T extends string>(words: Readonly<Record<T, true>>): readonly string[] => Object.keys(words);
    const event = (fields: object): boolean => accepts(Events, { ...minimalEventBase, raw: null, ...fields });
    const action = (fields: object): boolean => accepts(Actions, { ...minimalActionBase, ...fields });
    const receipt = (fields: object): boolean =>
      accepts(ReceiptCodec as Type<unknown>, {
        action: { ...minimalActionBase, kind: 'end' },
        at: 'now',
        ...fields,
      });
    const formats = every<TextFormat>({ plain: true, markdown: true, html: true });
    const roles = every<Sender['role']>({ customer: true, agent: true, bot: true, system: true });
    const whats = every<EventOf<'progress'>['what']>({ typing: true, delivered: true, read: true, upload: true });
    const changes = every<EventOf<'membership'>['change']>({ joined: true, left: true, role: true });
    const by = every<NonNullable<EventOf<'ended'>['by']>>({
      customer: true,
      agent: true,
      bot: true,
      system: true,
      timeout: true,
    });
    const layouts = every<NonNullable<ChoicesAction['layout']>>({ bubbles: true, buttons: true, list: true });
    const policies = every<NonNullable<HandoffAction['onFailure']>>({ report: true, unassign: true });
    const reasons = every<SkipReason>({
      superseded: true,
      muted: true,
      shed: true,
      unsupported: true,
      expired: true,
    });
    const kinds = every<ChatErrorKind>({
      unreachable: true,
      timeout: true,
      throttled: true,
      refused: true,
      unauthorized: true,
      undecodable: true,
      unsupported: true,
      overflow: true,
      conflict: true,
    });
    const decoded: Readonly<Record<string, readonly boolean[]>> = {
      formats: formats.flatMap((format) => [
        event({ ...minimalEvents.message, format }),
        action({ ...minimalActions.text, format }),
        action({ ...minimalActions.edit, format }),
      ]),
      roles: roles.map((role) => event({ ...minimalEvents.started, sender: { role } })),
      whats: whats.map((what) => event({ kind: 'progress', what })),
      changes: changes.map((change) => event({ kind: 'membership', change, members: [] })),
      by: by.map((who) => event({ kind: 'ended', by: who })),
      layouts: layouts.map((layout) => action({ ...minimalActions.choices, layout })),
      policies: policies.map((onFailure) => action({ ...minimalActions.handoff, onFailure })),
      reasons: reasons.map((reason) => receipt({ status: 'skipped', reason })),
      kinds: kinds.map((kind) => receipt({ status: 'unknown', error: { ...error, kind } })),
      outcomes: OUTCOMES.map((outcome: Outcome) => accepts(OutcomeCodec as Type<unknown>, outcome)),
      targets: Object.values<HandoffTarget>({
        any: { kind: 'any' },
        group: { kind: 'group', id: 'g' },
        skills: { kind: 'skills', skills: [1, 'a'] },
        department: { kind: 'department', id: 'd' },
        agent: { kind: 'agent', id: 'a' },
      } satisfies Readonly<Record<HandoffTarget['kind'], HandoffTarget>>).map((to) => action({ kind: 'handoff', to })),
      recipients: Object.values<DispatchAction['to']>({
        contact: { kind: 'contact' },
        operator: { kind: 'operator', id: 'o' },
        addon: { kind: 'addon', name: 'n' },
      } satisfies Readonly<Record<DispatchAction['to']['kind'], DispatchAction['to']>>).map((to) =>
        action({ kind: 'dispatch', to }),
      ),
    };
    for (const [list, results] of Object.entries(decoded)) {
      expect(results, list).to.deep.equal(results.map(() => true));
    }
  });
});
