import { expect } from 'chai';
import { either as E } from 'fp-ts';
import { EMPTY, NEVER, Observable, of, Subject } from 'rxjs';
import { openAccounts, traceOf, type ChatError, type InboundEvent } from 'tidewire';
import {
  decodeAnswer,
  fromRocketChat,
  rocketchatWebhook,
  type FromRocketChatConfig,
  type RocketchatInbound,
  type RocketchatStreamNews,
} from 'tidewire/rocketchat';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { fixtures } from '../support/fixtures.js';
import { postedTo } from '../support/posted.js';

type Wire = Readonly<Record<string, unknown>>;
/** A day of two visitors, as the server told of it, and as it answered when it was asked in between. */
interface Day {
  readonly version: string;
  readonly self: string;
  readonly webhooks: readonly { readonly at: string; readonly body: Wire }[];
  readonly frames: readonly {
    readonly at: string;
    readonly frame: {
      readonly collection: string;
      readonly fields: { readonly eventName: string; readonly args: readonly unknown[] };
    };
  }[];
  /** Of each room what was changed since the one before. */
  readonly snapshots: readonly {
    readonly at: string;
    readonly rooms: readonly Wire[];
    readonly inquiries: readonly Wire[];
    readonly histories: Readonly<
      Record<string, { readonly updated: readonly Wire[]; readonly deleted: readonly Wire[] }>
    >;
  }[];
}

const SECRET = 'hook-secret-test-1';
const SINCE = '2026-11-20T09:00:00.000Z';
const right = <T>(decoded: E.Either<ChatError, T>): T =>
  E.isRight(decoded) ? decoded.right : expect.fail(decoded.left.message);

/** Answers as the server did last. */
const answering = (day: Day, clock: VirtualClock): Pick<RocketchatInbound, 'rooms' | 'queue' | 'sync'> => {
  const taken = () => day.snapshots.filter(({ at }) => Date.parse(at) <= clock.now());
  const page = (name: string, items: readonly Wire[]) => ({
    [name]: items,
    count: items.length,
    offset: 0,
    total: items.length,
    success: true,
  });
  return {
    rooms: () => of(right(decodeAnswer('rooms', page('rooms', taken().at(-1)?.rooms ?? [])))),
    queue: () => of(right(decodeAnswer('inquiries', page('inquiries', taken().at(-1)?.inquiries ?? [])))),
    sync: (rid, since) => {
      const latest = new Map<unknown, Wire>();
      for (const { histories } of taken())
        for (const message of histories[rid]?.updated ?? []) latest.set(message['_id'], message);
      const updated = [...latest.values()].filter(
        ({ _updatedAt }) => Date.parse(String(_updatedAt)) > Date.parse(since),
      );
      return of(right(decodeAnswer('sync', { result: { updated, deleted: [] }, success: true })));
    },
  };
};

/** What a source tells of the day. */
const told = (
  day: Day,
  { isHooked = false, ...config }: Partial<FromRocketChatConfig> & { isHooked?: boolean },
): readonly InboundEvent[] => {
  const clock = virtualClock();
  clock.advance(Date.parse('2026-11-20T09:59:00.000Z'));
  const accounts = openAccounts({ scheduler: clock });
  const webhook = rocketchatWebhook({ secret: SECRET, accounts, scheduler: clock });
  const news = new Subject<{
    readonly stream: string;
    readonly eventName: string;
    readonly args: readonly unknown[];
  }>();
  const client: RocketchatInbound = {
    account: undefined,
    status$: NEVER,
    strays$: EMPTY,
    login: () => of({ userId: day.self }),
    stream: (stream, eventName) =>
      new Observable<RocketchatStreamNews>((subscriber) => {
        subscriber.next({ kind: 'ready' });
        return news.subscribe({
          next: (event) => {
            if (event.stream === stream && event.eventName === eventName) subscriber.next({ kind: 'event', event });
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
        });
      }),
    ...answering(day, clock),
  };
  for (const { at, body } of isHooked ? day.webhooks : [])
    clock.schedule(
      () => {
        expect(postedTo(webhook, body, { 'X-RocketChat-Livechat-Token': SECRET }).status).to.equal(200);
      },
      Date.parse(at) - clock.now(),
    );
  for (const { at, frame } of day.frames)
    clock.schedule(
      () => {
        news.next({ stream: frame.collection.slice('stream-'.length), ...frame.fields });
      },
      Date.parse(at) - clock.now(),
    );
  const events: InboundEvent[] = [];
  const source = fromRocketChat({ client, ...(isHooked && { webhook }), accounts, scheduler: clock, ...config });
  source.troubles$.subscribe((trouble) => expect.fail(trouble.error.message));
  source.subscribe({
    next: (event) => {
      events.push(event);
      traceOf(event)?.conclude('handled');
    },
    error: (error: unknown) => expect.fail(String(error)),
  });
  clock.advance(3_600_000);
  return events;
};

/** Of each room, in order. */
const byRoom = (events: readonly InboundEvent[], isAsked: (event: InboundEvent) => boolean): object => {
  const rooms: Record<string, string[]> = {};
  for (const event of events) if (isAsked(event)) (rooms[event.conversation.id] ??= []).push(event.id);
  return rooms;
};
const isMessage = ({ kind }: InboundEvent): boolean => kind === 'message' || kind === 'media';
const isEdit = ({ kind }: InboundEvent): boolean => kind === 'edited';
const isLife = ({ id }: InboundEvent): boolean => /~(started|taken|forwarded|ended)/.test(id);

for (const [name, wire] of fixtures('rocketchat/days'))
  describe(`fromRocketChat, of the recorded day ${name}`, () => {
    const day = wire as Day;
    const webhook = told(day, { isHooked: true, echoes: true });
    const realtime = told(day, { realtime: { departments: [] }, echoes: true });
    const poll = told(day, { poll: { everyMs: 30_000 }, since: SINCE, echoes: true });
    const all = told(day, { isHooked: true, realtime: true, poll: true, since: SINCE, echoes: true });

    it('tells the same messages by each input', () => {
      const texts = realtime.flatMap((event) => (event.kind === 'message' ? [event.text] : []));
      expect(texts).to.include.members(['Where is my parcel?', 'One moment please.', 'I am Mira.', 'Goodbye.']);
      for (const other of [webhook, poll, all])
        expect(byRoom(other, isMessage)).to.deep.equal(byRoom(realtime, isMessage));
    });

    it('tells the edits that both can see', () => {
      const edits = realtime.filter(isEdit).map(({ id }) => id);
      expect(edits).to.have.length(3);
      for (const other of [webhook, all]) expect(byRoom(other, isEdit)).to.deep.equal(byRoom(realtime, isEdit));
      // Of a message that was edited twice between two looks, the last.
      expect(poll.filter(isEdit).map(({ id }) => id)).to.deep.equal([edits[0], edits[2]]);
    });

    it('tells the same life of rooms in the same order', () => {
      const life = byRoom(realtime, isLife) as Record<string, readonly string[]>;
      const words = Object.values(life).map((ids) => ids.map((id) => id.split('~')[1]));
      expect(words).to.deep.equal([
        ['started', 'taken', 'forwarded', 'taken', 'forwarded', 'taken', 'ended'],
        ['started', 'taken', 'ended'],
      ]);
      for (const other of [webhook, poll, all]) expect(byRoom(other, isLife)).to.deep.equal(life);
    });

    it('tells each of it once', () => {
      for (const events of [webhook, realtime, poll, all]) {
        const ids = events.filter(({ fingerprint }) => fingerprint === undefined).map(({ id }) => id);
        expect(new Set(ids).size).to.equal(ids.length);
      }
    });
  });
