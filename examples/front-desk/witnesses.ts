import { conversationKey, type Owner, type OwnerChange, type Ownership } from 'tidewire';
import type {
  ChatfirstSimulator,
  FluidtalkSimulator,
  RocketchatSimulator,
  TrueconfSimulator,
  UserlikeSimulator,
} from 'tidewire/simulators';
import type { Line, Witness } from './transcript.js';

/** Who sits in which conversation. */
export type Names = Map<string, string>;

/** Lines of what is new in a journal. */
const readerOf = <T>(journal: readonly T[], linesOf: (entry: T) => readonly Line[]): Witness => {
  let read = 0;
  return () => {
    const entries = journal.slice(read);
    read = journal.length;
    return entries.flatMap(linesOf);
  };
};

export const userlikeWitness = ({ journal }: Pick<UserlikeSimulator, 'journal'>, names: Names): Witness =>
  readerOf(journal, ({ at, cid, contact: who, ...entry }) => {
    const line = { at, platform: 'userlike', who };
    names.set(conversationKey({ platform: 'userlike', id: cid, channel: '' }), who);
    if (entry.kind === 'said') return [{ ...line, sign: '>', text: said(entry.name, entry.payload) }];
    if (entry.kind !== 'seen') return [];
    const buttons = entry.buttons.map(({ label }) => ` [${label}]`).join('');
    return [{ ...line, sign: '<', text: entry.text + buttons }];
  });

const said = (name: string, payload: unknown): string => {
  const { body, link, value } = payload as { body?: string; link?: string; value?: { label: string } };
  return value === undefined ? (body ?? link ?? `(${name})`) : `(picks ${value.label})`;
};

/** Below are changes of a chat. */
const FIRST_MESSAGE = 200;
const FORWARDED = 201;

export const trueconfWitness = ({ journal }: TrueconfSimulator, names: Names): Witness => {
  const bots = new Set<string>();
  const nameOf = (id: string): string => id.slice(0, 1).toUpperCase() + id.slice(1, id.indexOf('@'));
  return readerOf(journal, (entry): readonly Line[] => {
    const line = { at: entry.at, platform: 'trueconf', who: '' };
    switch (entry.kind) {
      case 'authorized':
        bots.add(entry.by);
        return [{ ...line, sign: '~', text: 'the bot is connected' }];
      case 'disconnected':
        return entry.side === 'server' ? [{ ...line, sign: '~', text: 'the connection is cut' }] : [];
      case 'posted':
      case 'edited': {
        const { kind, by, to, type, chatId } = entry;
        if (type < FIRST_MESSAGE) return [];
        const text = `${kind === 'edited' ? '(edits) ' : type === FORWARDED ? '(forwarded) ' : ''}${entry.text}`;
        if (!bots.has(by)) {
          names.set(conversationKey({ platform: 'trueconf', id: chatId, channel: '' }), nameOf(by));
          return [{ ...line, who: nameOf(by), sign: '>', text }];
        }
        return to.flatMap((id) => (bots.has(id) ? [] : [{ ...line, who: nameOf(id), sign: '<', text }]));
      }
      default:
        return [];
    }
  });
};

export const rocketchatWitness = ({ journal }: RocketchatSimulator, names: Names): Witness => {
  const visitors = new Map<string, string>();
  return readerOf(journal, (entry): readonly Line[] => {
    if (entry.kind === 'registered') visitors.set(entry.visitorId, String(entry.fields['name']));
    if (!('rid' in entry)) return [];
    const key = conversationKey({ platform: 'rocketchat', id: entry.rid, channel: '' });
    if (entry.kind === 'opened') names.set(key, visitors.get(entry.by) ?? '');
    const line = { at: entry.at, platform: 'rocketchat', who: names.get(key) ?? '' };
    switch (entry.kind) {
      case 'posted':
        if (entry.t !== undefined || entry.side === 'system') return [];
        return [{ ...line, sign: entry.side === 'visitor' ? '>' : '<', text: entry.text }];
      case 'forwarded':
        return [{ ...line, sign: '~', text: `the room goes to ${entry.departmentId ?? entry.userId ?? 'the queue'}` }];
      case 'closed':
        return [{ ...line, sign: '~', text: `the room is closed: ${entry.comment}` }];
      default:
        return [];
    }
  });
};

const TROUBLE: Readonly<Record<number, string>> = {
  400: 'the persona has ended this conversation',
  402: 'the persona has no tokens left',
  429: 'the persona wants to be asked again in a second',
};

/** What the persona does that customers do not see. */
export const personaWitness = ({ journal }: FluidtalkSimulator, desk: Ownership, names: Names): Witness => {
  const handedOverAt = new Map<string, number>();
  desk.changes$.subscribe(({ conversation, owner }) => {
    if (owner === 'queue') handedOverAt.set(conversationKey(conversation), Date.now());
  });
  return readerOf(journal, ({ at, target, ...entry }): readonly Line[] => {
    const line = { at, platform: 'fluidtalk', who: names.get(target) ?? '', sign: '~' } as const;
    if (entry.kind === 'replied' && at > (handedOverAt.get(target) ?? Infinity))
      return [{ ...line, text: `too late, nobody hears: ${entry.bubbles.join(' ')}` }];
    const trouble = entry.kind === 'answered' ? TROUBLE[entry.status] : undefined;
    return trouble === undefined ? [] : [{ ...line, text: trouble }];
  });
};

/** Where customers are in the scenario. */
export const scenarioWitness = ({ journal }: ChatfirstSimulator, names: Names): Witness =>
  readerOf(journal, ({ at, user, ...entry }) => {
    const line = { at, platform: 'chatfirst', who: names.get(user) ?? '', sign: '~' } as const;
    return entry.kind === 'moved' ? [{ ...line, text: `the scenario goes from ${entry.from} to ${entry.to}` }] : [];
  });

const OWNERS: Readonly<Record<Owner, string>> = {
  queue: 'is handed over to a person',
  human: 'is talking with a person',
  bot: 'is with the bot again',
};

/** Who has a customer now. */
export const ownerLine =
  (names: Names) =>
  ({ conversation, owner }: OwnerChange): Line => {
    const who = names.get(conversationKey(conversation)) ?? '';
    return { at: Date.now(), platform: conversation.platform, who, sign: '=', text: OWNERS[owner] };
  };
