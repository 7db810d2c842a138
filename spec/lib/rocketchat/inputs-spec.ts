import { expect } from 'chai';
import fc from 'fast-check';
import { either as E } from 'fp-ts';
import { of } from 'rxjs';
import type { ChatError, InboundEvent } from 'tidewire';
import {
  decodeFrame,
  decodeMessage,
  decodeRoom,
  decodeStreamEvent,
  decodeWebhook,
  type RocketchatStreamEvent,
} from 'tidewire/rocketchat';
import { rocketchatCore, type RocketchatPost } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { Client, rest } from './simulated-desk.js';

const SALES = '66fa01c7d2a9b3e4f5061728';
const SECOND = '66fa01c7d2a9b3e4f5061999';
const ROLES = ['user', 'bot', 'livechat-agent', 'livechat-manager'];
const arrival = { id: 'made', at: '2026-01-01T00:00:00.000Z', self: '' };

const right = <T>(decoded: E.Either<ChatError, T>): T =>
  E.isRight(decoded) ? decoded.right : expect.fail(decoded.left.message);

type Step = readonly [who: number, what: number];
const STEPS = fc.array(fc.tuple(fc.nat(2), fc.nat(9)), { minLength: 30, maxLength: 80 });

/** A day at the desk, as three inputs tell it. */
const day = (version: string, steps: readonly Step[]) => {
  const clock = virtualClock();
  clock.advance(Date.UTC(2026, 10, 20));
  const posts: RocketchatPost[] = [];
  const core = rocketchatCore({
    scheduler: clock,
    version,
    accounts: [
      { username: 'helper.bot', roles: ROLES, permissions: ['transfer-livechat-guest'], status: 'online' },
      { username: 'mira', roles: ROLES, status: 'online' },
    ],
    departments: [
      { id: SALES, name: 'Sales', agents: ['helper.bot', 'mira'] },
      { id: SECOND, name: 'Second line', agents: ['helper.bot', 'mira'] },
    ],
    rateLimits: false,
    // Nobody answers pings here.
    pingMs: 86_400_000,
    webhook: { url: 'https://desk.example/hook' },
    post: (post) => {
      posts.push(post);
      return of({ status: 200, body: '' });
    },
  });
  const socket = Client.in(core, 'helper.bot');
  socket.sub('stream-room-messages', '__my_messages__');
  const [bot, mira] = [core.agent('helper.bot'), core.agent('mira')];
  const visitors = ['Dana', 'Lev', 'Ida'].map((name) => core.visitor(name, { department: SALES }));
  const said = new Map<string, string>();
  const rids = new Set<string>();
  /** What the rules of the server forbid is no step. */
  const attempt = (act: () => void): void => {
    try {
      act();
    } catch {
      return;
    }
  };
  for (const [who, what] of steps) {
    clock.advance(1_000);
    const visitor = visitors[who]!;
    const { rid } = visitor;
    if (rid !== undefined) rids.add(rid);
    const room = rid ?? '';
    attempt(() => {
      if (what <= 2) said.set(visitor.token, visitor.say(`v${clock.now()}`));
      else if (what === 3) visitor.edit(said.get(visitor.token) ?? '', `e${clock.now()}`);
      else if (what === 4) visitor.upload({ name: 'a.png', type: 'image/png', bytes: Uint8Array.of(1) });
      else if (what === 5) bot.take(room);
      else if (what === 6) mira.say(room, `a${clock.now()}`);
      else if (what === 7) bot.forward(room, { agent: 'mira' });
      else if (what === 8) bot.forward(room, { department: SECOND });
      else if (clock.now() % 2_000 === 0) visitor.close();
      else bot.close(room, 'solved');
    });
  }
  clock.advance(60_000);
  for (const { rid } of visitors) if (rid !== undefined) rids.add(rid);

  const self = bot.id;
  const webhook = posts.flatMap(({ body }) => right(decodeWebhook(JSON.parse(body), { ...arrival, self })).events);
  const realtime = socket.texts.flatMap((text) => {
    const frame = right(decodeFrame(text));
    if (frame.msg !== 'changed' || frame.fields.eventName !== '__my_messages__') return [];
    const event: RocketchatStreamEvent = { stream: frame.collection.slice(7), ...frame.fields };
    return right(decodeStreamEvent(event, { ...arrival, self }));
  });
  const poll = [...rids].flatMap((rid) => {
    const { body } = rest(core, 'GET', `chat.syncMessages?roomId=${rid}&lastUpdate=2020-01-01T00:00:00.000Z`, {
      as: 'helper.bot',
    });
    const { updated } = body['result'] as { readonly updated: readonly unknown[] };
    return [...updated].flatMap((wire) => right(decodeMessage(wire, { ...arrival, self })));
  });
  const rooms = (
    rest(core, 'GET', 'livechat/rooms?count=100', { as: 'helper.bot' }).body['rooms'] as unknown[]
  ).flatMap((wire) => right(decodeRoom(wire, { ...arrival, self })));
  return { webhook, realtime, poll, rooms };
};

const idsOf = (events: readonly InboundEvent[], isAsked: (event: InboundEvent) => boolean): readonly string[] =>
  [...new Set(events.filter(isAsked).map(({ id }) => id))].sort();
const isMessage = ({ kind }: InboundEvent): boolean => kind === 'message' || kind === 'media';
const isEdit = ({ kind }: InboundEvent): boolean => kind === 'edited';
const isLife = (what: string) => (event: InboundEvent) => event.id.includes(`~${what}`);
/** Of each room, which event of its life came when. */
const orderOf = (events: readonly InboundEvent[]): Readonly<Record<string, readonly string[]>> => {
  const rooms: Record<string, string[]> = {};
  for (const { id, conversation } of events) {
    if (!/~(started|forwarded|taken|ended)/.test(id)) continue;
    const room = (rooms[conversation.id] ??= []);
    if (!room.includes(id)) room.push(id);
  }
  return rooms;
};

for (const version of ['8.8.0', '7.10.0'])
  describe(`the inputs of a Rocket.Chat server of version ${version}`, () => {
    it('tell of a day the same messages, edits, and life of rooms, under the same ids', () => {
      fc.assert(
        fc.property(STEPS, (steps) => {
          const { webhook, realtime, poll, rooms } = day(version, steps);
          const messages = idsOf(webhook, isMessage);
          expect(idsOf(realtime, isMessage)).to.deep.equal(messages);
          expect(idsOf(poll, isMessage)).to.deep.equal(messages);
          // History knows the last edit of each message alone.
          const edits = idsOf(webhook, isEdit);
          expect(idsOf(realtime, isEdit)).to.deep.equal(edits);
          expect(edits).to.include.members([...idsOf(poll, isEdit)]);
          for (const what of ['started', 'ended', 'forwarded', 'taken']) {
            const life = idsOf(webhook, isLife(what));
            expect(idsOf(realtime, isLife(what)), what).to.deep.equal(life);
            expect(idsOf(poll, isLife(what)), what).to.deep.equal(life);
            // A room knows who serves it now.
            if (what === 'started' || what === 'ended') expect(idsOf(rooms, isLife(what)), what).to.deep.equal(life);
          }
          expect(orderOf(realtime)).to.deep.equal(orderOf(webhook));
        }),
        { numRuns: 40 },
      );
    });

    it('tell of each message the same', () => {
      const steps: readonly Step[] = [0, 5, 1, 6, 3, 4, 6, 7, 9].map((what) => [0, what]);
      const { webhook, realtime, poll } = day(version, steps);
      const told = (events: readonly InboundEvent[]) =>
        events
          .filter((event) => isMessage(event) || isEdit(event))
          .map(({ raw: _raw, ...told_ }) => told_)
          .sort((one, other) => (one.id < other.id ? -1 : 1));
      expect(told(realtime).length).to.be.greaterThan(5);
      // A webhook has a whole address of a file where the others have a path.
      const withoutUrl = (events: ReturnType<typeof told>) =>
        events.map((event) => ('media' in event ? { ...event, media: event.media.fileId } : event));
      const lastOf = (events: readonly InboundEvent[]) => [
        ...new Map(told(events).map((event) => [event.id, event])).values(),
      ];
      expect(withoutUrl(lastOf(webhook))).to.deep.equal(withoutUrl(lastOf(realtime)));
      expect(withoutUrl(lastOf(poll))).to.deep.equal(withoutUrl(lastOf(realtime)));
    });
  });
