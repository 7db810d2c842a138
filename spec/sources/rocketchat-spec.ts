import { inspect } from 'node:util';
import { expect } from 'chai';
import type { SchedulerLike } from 'rxjs';
import { ChatError, dropEcho, openAccounts, traceOf, type InboundEvent } from 'tidewire';
import { fromRocketChat, rocketchatWebhook, type FromRocketChatConfig } from 'tidewire/rocketchat';
import { virtualClock } from 'tidewire/testing';
import { rest } from '../lib/rocketchat/simulated-desk.js';
import { postedTo } from '../support/posted.js';
import { RocketchatPort } from '../support/rocketchat-port.js';
import { Bench, HOOK_SECRET, SALES, SECOND, world, type BenchConfig } from '../support/rocketchat-bench.js';
import type { RocketchatCoreConfig } from 'tidewire/simulators';

/** A source, and visitors that a bot serves. */
const talk = (config: BenchConfig = {}, server: RocketchatCoreConfig = {}) => {
  const stage = world(server);
  const bench = new Bench(stage, { realtime: true, ...config });
  const { core, clock } = stage;
  const [bot, mira] = [core.agent('helper.bot'), core.agent('mira')];
  const open = (name: string) => {
    const visitor = core.visitor(name, { department: SALES });
    const rid = visitor.open();
    bot.take(rid);
    clock.advance(1_000);
    return { visitor, rid };
  };
  const now = (): string => new Date(clock.now()).toISOString();
  // At first it is asked for what was there.
  bench.port.calls.length = 0;
  return { ...stage, bench, bot, mira, open, now };
};
const SINCE = '2026-11-20T09:00:00.000Z';
const kinds = (events: readonly InboundEvent[]): readonly string[] => events.map(({ kind }) => kind);

describe('fromRocketChat', () => {
  it('emits each event once, with its account, whichever way it came first', () => {
    const { bench, open, clock } = talk({ hooked: true });
    const { visitor, rid } = open('Dana');
    visitor.say('one');
    visitor.edit(visitor.say('two'), 'three');
    clock.advance(1_000);
    expect(bench.said(rid)).to.deep.equal(['one', 'two', '*three']);
    expect(bench.life(rid).filter((it) => !it.startsWith('queued'))).to.deep.equal([
      'started',
      `taken~${bench.core.agent('helper.bot').id}`,
    ]);
    expect([...bench.accounts.bySource().keys()]).to.deep.equal(['rocketchat']);
    const { handled, duplicate } = bench.counts as Record<string, number>;
    expect(handled).to.equal(bench.events.length);
    // Of each, the other input told, too: started, queued, taken, two messages and an edit.
    expect(duplicate).to.be.at.least(6);
  });

  it('drops a webhook that comes ten times, at once or again and again, and counts it', () => {
    const { bench, open, clock, core } = talk({ hooked: true, realtime: false });
    const { visitor, rid } = open('Dana');
    const before = bench.counts as Record<string, number>;
    Object.assign(core.faults.hook, { duplicate: 1, copies: 10 });
    visitor.say('one');
    core.faults.hook.deaf = 4;
    visitor.say('two');
    clock.advance(200_000);
    expect(bench.said(rid)).to.deep.equal(['one', 'two']);
    const { handled, duplicate } = bench.counts as Record<string, number>;
    expect([handled! - before['handled']!, duplicate! - (before['duplicate'] ?? 0)]).to.deep.equal([2, 9 + 4]);
  });

  it('tells that a room was taken, forwarded, and closed, with whom and by whom', () => {
    const { bench, bot, mira, core, clock } = talk();
    const dana = core.visitor('Dana', { department: SALES });
    const rid = dana.open();
    clock.advance(1_000);
    bot.take(rid);
    clock.advance(1_000);
    bot.forward(rid, { agent: 'mira' });
    clock.advance(1_000);
    mira.say(rid, 'I am Mira.');
    clock.advance(1_000);
    mira.forward(rid, { agent: 'helper.bot' });
    clock.advance(1_000);
    bot.close(rid, 'solved');
    clock.advance(1_000);
    const told = bench.events.filter(({ id }) => !id.includes('~queued'));
    const life = told.flatMap((event) => {
      if (event.kind === 'handoffTaken') return [`taken by ${event.agent?.name ?? ''}`];
      if (event.kind === 'membership') return event.id.startsWith(rid) ? ['taken by us'] : [];
      if (event.kind === 'ended') return [`ended by ${event.by ?? ''}: ${event.reason ?? ''}`];
      return [event.kind === 'other' ? event.name : event.kind];
    });
    expect(life).to.deep.equal([
      'started',
      'taken by us',
      'forwarded',
      'taken by Mira',
      'message',
      'forwarded',
      'taken by us',
      'ended by bot: solved',
    ]);
    expect(told.find(({ kind }) => kind === 'message')?.sender).to.include({ role: 'agent', name: 'Mira' });
  });

  it('tells of each time that a room is taken, where the second is told by one input alone', () => {
    const { bench, bot, mira, core, clock, now } = talk({ hooked: true, rooms: 'ours' });
    const rid = core.visitor('Dana', { department: SALES }).open();
    bot.take(rid);
    clock.advance(1_000);
    bot.forward(rid, { agent: 'mira' });
    clock.advance(1_000);
    bench.port.cut(now());
    mira.forward(rid, { agent: 'helper.bot' });
    clock.advance(1_000);
    const ofUs = () => bench.life(rid).filter((it) => it.startsWith(`taken~${bot.id}`));
    expect(ofUs()).to.deep.equal([`taken~${bot.id}`, `taken~${bot.id}~2`]);
    bench.port.connect();
    clock.advance(1_000);
    expect(ofUs()).to.have.length(2);
  });

  it('tells when it was taken, each time, where what was missed becomes known last', () => {
    const { bench, mira, core, clock, now } = talk({ hooked: true });
    const rid = core.visitor('Dana', { department: SALES }).open();
    bench.port.cut(now());
    const times = [now()];
    mira.take(rid);
    clock.advance(10_000);
    mira.forward(rid, { department: SECOND });
    clock.advance(10_000);
    // The second time is told by the socket, then the first by history, and at last the second by the webhook.
    bench.port.answerMs = 70;
    Object.assign(core.faults.hook, { delay: 1, delayMs: 500 });
    bench.port.connect();
    times.push(now());
    mira.take(rid);
    clock.advance(1_000);
    const taken = bench.events.filter(({ id }) => id.startsWith(`${rid}~taken`));
    expect(taken.map(({ id, at }) => [id.slice(rid.length + 1), at])).to.deep.equal([
      [`taken~${mira.id}`, times[0]],
      [`taken~${mira.id}~2`, times[1]],
    ]);
  });

  it('tells of who waits, and of each time that a room does', () => {
    const { bench, bot, core, clock } = talk({ rooms: 'queue', realtime: { departments: [SALES, SECOND] } });
    const rid = core.visitor('Dana', { department: SALES }).open();
    clock.advance(1_000);
    bot.take(rid);
    clock.advance(1_000);
    bot.forward(rid, { department: SECOND });
    clock.advance(1_000);
    bot.take(rid);
    clock.advance(1_000);
    const us = `taken~${bot.id}`;
    expect(bench.life(rid)).to.deep.equal([
      'started',
      'queued~66fa01c7d2a9b3e4f5061728',
      us,
      'forwarded~department:66fa01c7d2a9b3e4f5061999',
      'queued~66fa01c7d2a9b3e4f5061999',
      // Another time has another id, or `dedupe` would drop it.
      `${us}~2`,
    ]);
  });

  it('leaves out what we say, unless it is asked for', () => {
    const { bench, open, bot, clock } = talk();
    const { rid } = open('Dana');
    bot.say(rid, 'Hello.');
    clock.advance(1_000);
    expect(bench.said()).to.deep.equal([]);
    expect(bench.counts).to.deep.include({ ignored: 1 });
    const other = talk({ echoes: true, hooked: true });
    const heard: InboundEvent[] = [];
    other.bench.emitted.pipe(dropEcho()).subscribe((event) => heard.push(event));
    const { rid: room } = other.open('Dana');
    other.bot.say(room, 'Hello.');
    other.clock.advance(1_000);
    expect(other.bench.said()).to.deep.equal(['Hello.']);
    expect(kinds(heard)).not.to.include('message');
  });

  it('knows what is told again without being new: previews of links, emojis', () => {
    const { bench, open, clock, core } = talk({ remember: 3 }, { previewMs: 20_000 });
    const { visitor, rid } = open('Dana');
    const { visitor: other } = open('Lev');
    visitor.say('see https://shop.example');
    clock.advance(15_000);
    for (const words of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) other.say(words);
    clock.advance(20_000);
    expect(bench.said(rid)).to.deep.equal(['see https://shop.example']);
    expect(core.journal.filter(({ kind }) => kind === 'told')).to.have.length.above(10);
  });

  it('knows what it reads again, however much others said since', () => {
    for (const ways of [{}, { realtime: false, poll: { everyMs: 1_000 }, since: SINCE }]) {
      const { bench, open, clock, now } = talk({ remember: 3, ...ways });
      const [dana, lev] = [open('Dana'), open('Lev')];
      dana.visitor.edit(dana.visitor.say('one'), 'two');
      clock.advance(60_000);
      for (let n = 0; n < 20; n++) lev.visitor.say(`${n}`);
      clock.advance(60_000);
      bench.port.cut(now());
      dana.visitor.say('three');
      clock.advance(1_000);
      bench.port.connect();
      clock.advance(60_000);
      expect(bench.said(dana.rid).filter((words) => words !== '*two')).to.have.length(2);
      const ids = bench.events.map(({ id }) => id);
      expect(new Set(ids).size, 'none twice').to.equal(ids.length);
    }
  });

  it('orders what comes within `reorderMs`, and never leaves out what comes later', () => {
    const { bench, open, clock, core } = talk({ reorderMs: 50 });
    const { visitor, rid } = open('Dana');
    const say = (words: string, delayMs: number): void => {
      Object.assign(core.faults.event, { delay: delayMs === 0 ? 0 : 1, delayMs });
      visitor.say(words);
      clock.advance(1);
    };
    say('one', 30);
    say('two', 0);
    say('three', 45);
    say('four', 0);
    clock.advance(1_000);
    expect(bench.said(rid)).to.deep.equal(['one', 'two', 'three', 'four']);
    say('five', 300);
    say('six', 0);
    clock.advance(1_000);
    expect(bench.said(rid).slice(4)).to.deep.equal(['six', 'five']);
  });

  it('lets no more than `maxWaiting` wait: the one that came first goes out', () => {
    const { bench, open, clock } = talk({ reorderMs: 50, maxWaiting: 2 });
    const { visitor } = open('Dana');
    clock.advance(1_000);
    for (const words of ['one', 'two', 'three', 'four', 'five']) visitor.say(words);
    expect(bench.said()).to.deep.equal(['one', 'two', 'three']);
    clock.advance(50);
    expect(bench.said()).to.deep.equal(['one', 'two', 'three', 'four', 'five']);
    visitor.say('six');
    expect(bench.said()).to.have.length(5);
    clock.advance(50);
    expect(bench.said()).to.have.length(6);
  });

  it('tells first that a room began, and last that it ended, however much happened in one millisecond', () => {
    for (const ways of [{}, { hooked: true, realtime: false }, { realtime: false, poll: true, since: SINCE }]) {
      const { bench, core, clock } = talk(ways);
      clock.advance(20_000);
      for (let n = 0; n < 12; n++) {
        const dana = core.visitor(`Dana ${n}`, { department: SALES });
        const rid = dana.open();
        core.agent('helper.bot').take(rid);
        dana.say('one');
        dana.say('two');
        dana.close();
        clock.advance(20_000);
        const told = kinds(bench.events.filter(({ conversation }) => conversation.id === rid));
        expect([told[0], told.at(-1)]).to.deep.equal(['started', 'ended']);
        expect(bench.said(rid)).to.have.members(['one', 'two']);
      }
    }
  });

  it('emits at once where nothing is to be ordered', () => {
    const { bench, open } = talk({ reorderMs: 0 });
    const { visitor } = open('Dana');
    visitor.say('one');
    expect(bench.said()).to.deep.equal(['one']);
  });

  describe('after the socket was lost', () => {
    it('makes good what it missed, edits, removals and the life of rooms too, in order', () => {
      const { bench, open, bot, clock, now } = talk();
      const { visitor, rid } = open('Dana');
      const first = visitor.say('one');
      clock.advance(1_000);
      bench.port.cut(now());
      visitor.edit(first, 'One');
      clock.advance(1_000);
      visitor.say('two');
      const gone = visitor.say('oops');
      clock.advance(1_000);
      visitor.remove(gone);
      clock.advance(1_000);
      visitor.close();
      clock.advance(1_000);
      bench.port.connect();
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['one', '*One', 'two']);
      const removed = bench.events.find(({ kind }) => kind === 'removed');
      expect(removed).to.include({ messageId: gone });
      expect(bench.life(rid).at(-1)).to.equal('ended');
      expect(bench.port.calls).to.deep.equal(['rooms', 'queue', `sync ${rid}`]);
      expect(bot.serves).to.deep.equal([]);
    });

    it('lets a room wait for its own gap only', () => {
      const { bench, open, clock, now } = talk();
      const [dana, lev] = [open('Dana'), open('Lev')];
      bench.port.cut(now());
      dana.visitor.say('missed');
      clock.advance(1_000);
      bench.port.connect();
      // The list is there, the history is not yet.
      bench.port.holdUp();
      clock.advance(1_000);
      dana.visitor.say('live');
      lev.visitor.say('hello');
      clock.advance(1_000);
      expect(bench.said(lev.rid)).to.deep.equal(['hello']);
      bench.port.goOn();
      clock.advance(1_000);
      expect(bench.said(dana.rid)).to.deep.equal(['missed', 'live']);
    });

    it('reads a room that speaks up before it is known which rooms missed something', () => {
      const { bench, open, clock, now } = talk();
      const [dana, lev] = [open('Dana'), open('Lev')];
      bench.port.cut(now());
      dana.visitor.say('missed');
      clock.advance(1_000);
      bench.port.holdUp();
      bench.port.connect();
      lev.visitor.say('hello');
      dana.visitor.say('live');
      clock.advance(1_000);
      expect(bench.said()).to.deep.equal([]);
      expect(bench.port.calls).to.deep.equal(['rooms', 'queue', `sync ${lev.rid}`, `sync ${dana.rid}`]);
      bench.port.goOn();
      clock.advance(1_000);
      expect(bench.said(dana.rid)).to.deep.equal(['missed', 'live']);
      expect(bench.said(lev.rid)).to.deep.equal(['hello']);
    });

    it('holds back what comes at once, too, where nothing else is waited for', () => {
      const { bench, open, clock, now } = talk({ reorderMs: 0 });
      const { visitor, rid } = open('Dana');
      bench.port.cut(now());
      visitor.say('missed');
      clock.advance(1_000);
      bench.port.holdUp();
      bench.port.connect();
      visitor.say('live');
      expect(bench.said(rid)).to.deep.equal([]);
      bench.port.goOn();
      expect(bench.said(rid)).to.deep.equal(['missed', 'live']);
    });

    it('leaves places to what is in a gap, however much comes meanwhile', () => {
      const { bench, open, clock, now } = talk({ maxInFlight: 8, maxPerConversation: 4 });
      const { visitor, rid } = open('Dana');
      bench.port.cut(now());
      for (const words of ['a', 'b', 'c']) visitor.say(words);
      clock.advance(1_000);
      bench.port.holdUp();
      bench.port.connect();
      for (const words of ['d', 'e', 'f', 'g', 'h', 'i']) {
        visitor.say(words);
        clock.advance(1);
      }
      bench.port.goOn();
      clock.advance(10_000);
      expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);
      expect(bench.counts).not.to.have.any.keys('inFlight');
    });

    for (const aheadMs of [3_600_000, -3_600_000])
      it(`makes good what it missed where our clock is ${aheadMs / 60_000} minutes ahead, and nothing from before`, () => {
        const stage = world();
        const { clock, core } = stage;
        const dana = core.visitor('Dana', { department: SALES });
        dana.say('before');
        clock.advance(600_000);
        const ours: SchedulerLike = { now: () => clock.now() + aheadMs, schedule: clock.schedule.bind(clock) };
        const bench = new Bench(stage, { realtime: true, scheduler: ours });
        clock.advance(1_000);
        bench.port.cut(new Date(ours.now()).toISOString());
        clock.advance(1_000);
        dana.say('missed');
        clock.advance(1_000);
        bench.port.connect();
        clock.advance(1_000);
        expect(bench.said()).to.deep.equal(['missed']);
      });

    it('looks again as long as it takes until it knows which rooms missed something', () => {
      const { bench, open, clock, now } = talk();
      const { visitor, rid } = open('Dana');
      bench.port.cut(now());
      visitor.say('missed');
      clock.advance(1_000);
      for (let n = 0; n < 12; n++) bench.port.failures.push(new ChatError('unreachable', 'rocketchat', 'no'));
      bench.port.connect();
      clock.advance(600_000);
      expect(bench.said(rid)).to.deep.equal(['missed']);
      expect(bench.troubles.map(({ kind }) => kind)).to.deep.equal(['look', 'look']);
    });

    it('reads rooms as they speak up where it may not look', () => {
      const { bench, open, clock, now } = talk();
      const { visitor, rid } = open('Dana');
      bench.port.cut(now());
      visitor.say('missed');
      clock.advance(1_000);
      for (let n = 0; n < 4; n++) bench.port.failures.push(new ChatError('refused', 'rocketchat', 'no'));
      bench.port.connect();
      clock.advance(600_000);
      expect(bench.said(rid)).to.deep.equal([]);
      visitor.say('live');
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['missed', 'live']);
    });

    it('does not look for a history of what belongs to no room', () => {
      const { bench, core, now } = talk({ settles: false, maxPerConversation: 1 });
      bench.port.cut(now());
      bench.port.holdUp();
      bench.port.connect();
      for (const words of ['no json', 'none either']) core.raw(words);
      bench.port.goOn();
      bench.clock.advance(60_000);
      expect(kinds(bench.events)).to.deep.equal(['undecodable']);
      expect(bench.counts).to.deep.include({ refused: 1 });
      expect([bench.troubles, bench.port.calls]).to.deep.equal([[], ['rooms', 'queue']]);
    });

    it('keeps to its budget of calls', () => {
      const { bench, open, clock, now } = talk({ callsPerMinute: 4 });
      const guests = ['Dana', 'Lev', 'Ida', 'Kim'].map(open);
      clock.advance(60_000);
      bench.port.cut(now());
      for (const { visitor } of guests) visitor.say('missed');
      clock.advance(1_000);
      bench.port.connect();
      clock.advance(1_000);
      expect(bench.port.calls).to.have.length(4);
      expect(bench.said()).to.have.length(2);
      clock.advance(58_000);
      expect(bench.said()).to.have.length(2);
      clock.advance(2_000);
      expect(bench.said()).to.have.length(4);
    });

    it('waits as long as it is throttled, and gives a room up that cannot be read, and says so', () => {
      const { bench, open, clock, now } = talk();
      const { visitor, rid } = open('Dana');
      const fail = (kind: 'throttled' | 'unreachable' | 'refused', retryAfterMs?: number): void => {
        bench.port.failures.push(new ChatError(kind, 'rocketchat', 'no', { retryAfterMs }));
      };
      const missed = (words: string): void => {
        bench.port.cut(now());
        visitor.say(words);
        clock.advance(1_000);
        bench.port.connect();
      };
      fail('throttled', 7_000);
      missed('one');
      clock.advance(6_900);
      expect(bench.said(rid)).to.deep.equal([]);
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['one']);
      bench.port.holdUp();
      missed('two');
      for (let n = 0; n < 5; n++) fail('unreachable');
      bench.port.goOn();
      clock.advance(60_000);
      expect(bench.troubles.map(({ kind }) => kind)).to.deep.equal(['gap']);
      visitor.say('three');
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['one', 'three']);
    });
  });

  describe('under pressure', () => {
    const full = { maxInFlight: 8, maxPerConversation: 4, settles: false, reorderMs: 0 } as const;

    it('answers a webhook 503, and takes it when it is posted again', () => {
      const { bench, open, clock, statuses } = talk({ ...full, hooked: true, realtime: false });
      const { visitor, rid } = open('Dana');
      bench.finishAll();
      for (const words of ['a', 'b', 'c', 'd', 'e']) visitor.say(words);
      expect(statuses.slice(-5)).to.deep.equal([200, 200, 200, 200, 503]);
      expect(bench.counts).to.deep.include({ inFlight: 4, refused: 1 });
      bench.finishAll();
      clock.advance(20_000);
      expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    });

    it('reads a room before anything later of it goes out, where one of its posts was turned away', () => {
      for (const more of [{}, { self: 'known.before' }, { poll: { everyMs: 300_000 } }]) {
        const { bench, open, clock } = talk({ ...full, hooked: true, realtime: false, ...more });
        const { visitor, rid } = open('Dana');
        bench.finishAll();
        for (const words of ['a', 'b', 'c', 'd', 'e', 'f']) {
          visitor.say(words);
          clock.advance(1_000);
        }
        expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd']);
        bench.finish(bench.events.at(-1)?.id ?? '');
        visitor.say('g');
        bench.finishAll();
        visitor.say('h');
        for (let n = 0; n < 30; n++) {
          bench.finishAll();
          clock.advance(1_000);
        }
        expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
        expect(bench.troubles).to.deep.equal([]);
      }
    });

    it('keeps that a room waits, where the post was turned away, and knows it when it is posted again', () => {
      const { bench, clock, core } = talk({ ...full, maxInFlight: 2, hooked: true, realtime: false });
      const rids = ['Dana', 'Lev', 'Ida'].map((name) => core.visitor(name, { department: SALES }).open());
      for (let n = 0; n < 9; n++) {
        bench.finishAll();
        clock.advance(1_000);
      }
      for (const rid of rids) expect(bench.life(rid)).to.deep.equal(['started', `queued~${SALES}`]);
      clock.advance(60_000);
      expect(bench.counts).to.deep.equal({ refused: 4, handled: 6, duplicate: 4 });
    });

    it('tells nothing again that was told long ago, where nothing but a webhook tells of rooms', () => {
      const { bench, open, clock, core } = talk({ ...full, hooked: true, realtime: false, remember: 2 });
      const { visitor, rid } = open('Dana');
      const other = core.visitor('Lev');
      for (let n = 0; n < 300; n++) {
        visitor.say(`old ${n}`);
        other.say(`old ${n}`);
        bench.finishAll();
        clock.advance(1_000);
      }
      for (const words of ['a', 'b', 'c', 'd', 'e']) visitor.say(words);
      bench.finishAll();
      clock.advance(60_000);
      bench.finishAll();
      expect(bench.said(rid).slice(300)).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    });

    it('tells what was turned away since it began, by the time that it is there, whatever our clock says', () => {
      for (const aheadMs of [-3_600_000, 3_600_000]) {
        const stage = world();
        const { clock, core } = stage;
        const dana = core.visitor('Dana');
        dana.say('before');
        clock.advance(1_000);
        const scheduler: SchedulerLike = { now: () => clock.now() + aheadMs, schedule: clock.schedule.bind(clock) };
        const bench = new Bench(stage, { ...full, hooked: true, scheduler });
        clock.advance(1_000);
        for (const words of ['a', 'b', 'c', 'd', 'e']) dana.say(words);
        bench.finishAll();
        clock.advance(1_000);
        expect(bench.said()).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
      }
    });

    it('reads from history what it turned away, in order, when half of the places are free', () => {
      const { bench, open, clock } = talk(full);
      const { visitor, rid } = open('Dana');
      bench.finishAll();
      for (const words of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
        visitor.say(words);
        clock.advance(1_000);
      }
      expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd']);
      for (const { id } of bench.events.slice(-4, -2)) bench.finish(id);
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f']);
      bench.finishAll();
      clock.advance(1_000);
      expect(bench.said(rid)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
      visitor.say('h');
      expect(bench.said(rid).at(-1)).to.equal('h');
    });

    it('tells that rooms wait, also where there was no place for that, and no message says it', () => {
      const { bench, clock, core } = talk({ ...full, maxInFlight: 2, realtime: { departments: [SALES] } });
      const rids = ['Dana', 'Lev', 'Ida'].map((name) => core.visitor(name, { department: SALES }).open());
      expect(bench.events.map(({ id }) => id)).to.deep.equal([`${rids[0]}~started`, `${rids[0]}~queued~${SALES}`]);
      for (let n = 0; n < 9; n++) {
        bench.finishAll();
        clock.advance(1_000);
      }
      for (const rid of rids) expect(bench.life(rid)).to.deep.equal(['started', `queued~${SALES}`]);
      expect(bench.counts).to.deep.equal({ refused: 4, handled: 6 });
    });

    it('goes on with other rooms when one is full, and with all of them after it was full itself', () => {
      const { bench, open, clock } = talk({ ...full, maxInFlight: 6 });
      const [dana, lev] = [open('Dana'), open('Lev')];
      bench.finishAll();
      for (let n = 1; n <= 6; n++) {
        dana.visitor.say(`d${n}`);
        lev.visitor.say(`l${n}`);
        clock.advance(1_000);
      }
      for (let n = 0; n < 20; n++) {
        bench.finishAll();
        clock.advance(1_000);
      }
      const all = (name: string) => [1, 2, 3, 4, 5, 6].map((n) => `${name}${n}`);
      expect(bench.said(dana.rid)).to.deep.equal(all('d'));
      expect(bench.said(lev.rid)).to.deep.equal(all('l'));
    });

    it('tells of the same time again, where that failed', () => {
      const { bench, bot, core, clock } = talk({ settles: false, reorderMs: 0 });
      const rid = core.visitor('Dana', { department: SALES }).open();
      bot.take(rid);
      const id = `${rid}~taken~${bot.id}`;
      bench.finish(id, 'failed');
      bench.port.cut(new Date(clock.now()).toISOString());
      clock.advance(1_000);
      bench.port.connect();
      core.visitor('Dana').say('hello');
      expect(bench.events.filter((event) => event.id === id)).to.have.length(2);
    });

    it('takes again what failed before anything of it was delivered, when it comes again', () => {
      const { bench, open, clock, core } = talk({ settles: false, hooked: true, realtime: false });
      const { visitor, rid } = open('Dana');
      core.faults.hook.deaf = 1;
      const id = visitor.say('one');
      clock.advance(1_000);
      bench.finish(id, 'failed');
      clock.advance(30_000);
      expect(bench.said(rid)).to.deep.equal(['one', 'one']);
    });
  });

  describe('which rooms', () => {
    const stranger = (rooms: FromRocketChatConfig['rooms'], hooked: boolean) => {
      const { bench, mira, bot, core, clock } = talk(
        { rooms: rooms ?? 'all', ...(hooked ? { hooked, realtime: false } : { realtime: { departments: [SALES] } }) },
        {},
      );
      const [ours, theirs, nobodys] = ['Dana', 'Lev', 'Ida'].map((name) => core.visitor(name, { department: SALES }));
      bot.take(ours!.open());
      mira.take(theirs!.open());
      nobodys!.open();
      clock.advance(1_000);
      for (const [n, visitor] of [ours, theirs, nobodys].entries()) visitor!.say(['ours', 'theirs', 'nobodys'][n]!);
      clock.advance(1_000);
      bot.close(ours!.rid!, 'solved');
      clock.advance(1_000);
      expect(bench.events.filter(({ kind }) => kind === 'ended')).to.have.length(1);
      return bench.said();
    };
    for (const hooked of [true, false])
      it(`are ours, those of the queue, or all that are told, by ${hooked ? 'webhook' : 'socket'}`, () => {
        expect(stranger('ours', hooked)).to.deep.equal(['ours']);
        expect(stranger('queue', hooked)).to.deep.equal(['ours', 'nobodys']);
        expect(stranger('all', hooked)).to.deep.equal(['ours', 'theirs', 'nobodys']);
      });

    it('are ours no longer, once they were given away, but what becomes of them is told', () => {
      const told = [false, true].map((hooked) => {
        const { bench, open, bot, mira, clock } = talk({ rooms: 'ours', hooked, realtime: !hooked });
        const { visitor, rid } = open('Dana');
        bot.forward(rid, { agent: 'mira' });
        clock.advance(1_000);
        visitor.say('for Mira alone');
        clock.advance(1_000);
        mira.close(rid, 'solved');
        clock.advance(1_000);
        expect(bench.said()).to.deep.equal([]);
        return bench.life(rid);
      });
      expect(told[0]?.at(-1)).to.equal('ended');
      expect(told[1]).to.deep.equal(told[0]);
    });

    it('are those of the queue for who may not list all', () => {
      const stage = world();
      const bench = new Bench(stage, { poll: { everyMs: 1_000 }, username: 'plain' });
      const rid = stage.core.visitor('Dana', { department: SALES }).open();
      stage.clock.advance(2_000);
      expect(bench.life(rid)).to.include('started');
      expect(bench.troubles).to.deep.equal([]);
    });
  });

  describe('by polling', () => {
    it('tells what happened since it began, or since it was told to', () => {
      const stage = world();
      const dana = stage.core.visitor('Dana', { department: SALES });
      dana.say('before');
      stage.clock.advance(60_000);
      const since = new Date(stage.clock.now()).toISOString();
      const fresh = new Bench(stage, { poll: { everyMs: 1_000 } });
      const all = new Bench(stage, { poll: { everyMs: 1_000 }, since: '2026-11-20T00:00:00.000Z' });
      const late = new Bench(stage, { realtime: true, since });
      stage.clock.advance(2_000);
      dana.say('after');
      stage.clock.advance(2_000);
      expect(fresh.said()).to.deep.equal(['after']);
      expect(all.said()).to.deep.equal(['before', 'after']);
      expect(late.said()).to.deep.equal(['after']);
      expect(fresh.life(dana.rid!)).to.deep.equal([]);
    });

    it('tells what was said since then, however it was changed before we listened', () => {
      for (const ways of [{ poll: { everyMs: 1_000 } }, { realtime: true }]) {
        const stage = world();
        const dana = stage.core.visitor('Dana', { department: SALES });
        const id = dana.say('one');
        stage.clock.advance(30_000);
        dana.edit(id, 'two');
        stage.clock.advance(60_000);
        const bench = new Bench(stage, { ...ways, since: SINCE });
        stage.clock.advance(2_000);
        expect(bench.said()).to.deep.equal(['two', '*two']);
      }
    });

    it('looks for what happened since then when the socket tells, so that nothing falls between the two', () => {
      const stage = world();
      const dana = stage.core.visitor('Dana', { department: SALES });
      dana.say('before');
      stage.clock.advance(60_000);
      const bench = new Bench(stage, { realtime: true, since: SINCE, isAway: true });
      stage.clock.advance(5_000);
      dana.say('while it connects');
      stage.clock.advance(5_000);
      bench.port.connect();
      stage.clock.advance(5_000);
      expect(bench.said()).to.deep.equal(['before', 'while it connects']);
    });

    it('reads a room once for each change, and all pages of what was changed', () => {
      const stage = world({ maxCount: 3 });
      const visitors = Array.from({ length: 8 }, (_, n) => stage.core.visitor(`v${n}`, { department: SALES }));
      const bench = new Bench(stage, { poll: { everyMs: 1_000 } });
      stage.clock.advance(5_000);
      for (const visitor of visitors) visitor.say('hello');
      stage.clock.advance(5_000);
      expect(bench.said()).to.have.length(8);
      const reads = bench.port.calls.filter((call) => call.startsWith('sync'));
      expect(reads).to.have.length(8);
    });

    it('sees the life of rooms where system messages are hidden', () => {
      const hiddenTypes = ['livechat-started', 'uj', 'ul', 'command', 'livechat-close', 'livechat_transfer_history'];
      const stage = world({ hiddenTypes });
      const bench = new Bench(stage, { poll: { everyMs: 1_000 }, realtime: true, since: '2026-11-20T00:00:00.000Z' });
      const bot = stage.core.agent('helper.bot');
      const rid = stage.core.visitor('Dana', { department: SALES }).open();
      stage.clock.advance(2_000);
      bot.take(rid);
      stage.clock.advance(2_000);
      bot.close(rid, 'solved');
      stage.clock.advance(2_000);
      const life = bench.life(rid).filter((it) => !it.startsWith('queued'));
      expect(life).to.deep.equal(['started', `taken~${bot.id}`, 'ended']);
    });

    it('goes on after a round that failed', () => {
      const stage = world();
      const bench = new Bench(stage, { poll: { everyMs: 1_000 } });
      const dana = stage.core.visitor('Dana', { department: SALES });
      stage.clock.advance(3_000);
      bench.port.failures.push(new ChatError('conflict', 'rocketchat', 'no'));
      dana.say('one');
      stage.clock.advance(5_000);
      expect(bench.said()).to.deep.equal(['one']);
      expect(bench.troubles.map(({ kind }) => kind)).to.deep.equal(['look']);
    });
  });

  it('tells of typing, removals and receipts in rooms that we take part in, when asked to', () => {
    const { bench, open, bot, clock } = talk({
      realtime: { notices: ['user-activity', 'deleteMessage', 'messagesRead'] },
    });
    const { visitor, rid } = open('Dana');
    visitor.type();
    visitor.remove(visitor.say('oops'));
    clock.advance(1_000);
    expect(kinds(bench.events).slice(-3)).to.have.members(['progress', 'message', 'removed']);
    bot.close(rid, 'solved');
    clock.advance(1_000);
    const subscribed = bench.core.journal.filter((entry) => entry.kind === 'subscribed' && entry.event.startsWith(rid));
    const ended = bench.core.journal.filter(({ kind }) => kind === 'unsubscribed');
    expect([subscribed.length, ended.length]).to.deep.equal([3, 3]);
  });

  it('sees by each input what the others cannot: removals, those who come and go, offline forms, typing', () => {
    const told = (config: BenchConfig): readonly string[] => {
      const { bench, open, core, clock } = talk({ hooked: false, realtime: false, ...config });
      clock.advance(20_000);
      const { visitor, rid } = open('Dana');
      const gone = visitor.say('oops');
      clock.advance(20_000);
      visitor.type();
      visitor.remove(gone);
      clock.advance(1_000);
      visitor.say('something else');
      core.agent('mira').join(rid);
      clock.advance(1_000);
      const form = { name: 'Lev', email: 'lev@mail.example', message: 'Please call me.' };
      expect(rest(core, 'POST', 'livechat/offline.message', { body: form }).status).to.equal(200);
      clock.advance(60_000);
      const marks = bench.events.flatMap((event) => {
        if (event.kind === 'membership') return event.id.startsWith(rid) ? [] : ['membership'];
        if (event.kind === 'other') return event.name === 'LivechatOfflineMessage' ? ['offline'] : [];
        return event.kind === 'removed' || event.kind === 'progress' ? [event.kind] : [];
      });
      return [...new Set(marks)].sort();
    };
    expect(told({ hooked: true })).to.deep.equal(['offline']);
    expect(told({ realtime: true })).to.deep.equal(['membership']);
    expect(told({ realtime: { notices: ['user-activity', 'deleteMessage'] } })).to.deep.equal([
      'membership',
      'progress',
      'removed',
    ]);
    expect(told({ poll: { everyMs: 5_000 }, since: SINCE })).to.deep.equal(['membership', 'removed']);
  });

  it('listens to what else happens in a room as long as it is ours', () => {
    const { bench, open, bot, clock, now } = talk({ realtime: { notices: ['user-activity'] } });
    const notices = () => bench.port.subscribed.filter((name) => name.endsWith('/user-activity'));
    const [dana, lev, ida] = [open('Dana'), open('Lev'), open('Ida')];
    expect(notices()).to.have.length(3);
    bot.forward(dana.rid, { agent: 'mira' });
    bot.close(lev.rid, 'solved');
    clock.advance(1_000);
    expect(notices()).to.deep.equal([`${ida.rid}/user-activity`]);
    bench.port.cut(now());
    ida.visitor.close();
    clock.advance(1_000);
    bench.port.connect();
    clock.advance(1_000);
    expect(notices()).to.deep.equal([]);
  });

  it('subscribes to messages last, so that what is told before the others are ready is looked for', () => {
    const { core } = talk({ realtime: { departments: [SALES] } });
    const subscribed = core.journal.flatMap((entry) => (entry.kind === 'subscribed' ? [entry.event] : []));
    expect(subscribed.indexOf('__my_messages__')).to.equal(subscribed.length - 1);
    expect(subscribed).to.have.length(5);
  });

  it('hands on what it does not know, and what breaks the protocol', () => {
    const { bench, webhook, core, clock } = { ...talk(), webhook: undefined };
    core.raw('no json');
    const raw = { _id: 'm1', rid: 'r1', msg: 'my IBAN', ts: 'yesterday', u: { _id: 'u' } };
    const fields = { eventName: '__my_messages__', args: [raw, { roomType: 'l', roomParticipant: true }] };
    core.raw(JSON.stringify({ msg: 'changed', collection: 'stream-room-messages', id: 'id', fields }));
    clock.advance(1_000);
    expect(webhook).to.equal(undefined);
    expect(kinds(bench.events)).to.deep.equal(['undecodable', 'undecodable']);
    expect(bench.events[1]?.conversation.id).to.equal('r1');
    const problems = bench.events.flatMap((event) => (event.kind === 'undecodable' ? event.problems : []));
    expect(problems.join()).not.to.include('IBAN');
  });

  it('keeps apart rooms of other types', () => {
    const { bench, core, clock } = talk();
    const raw = { _id: 'm1', rid: 'r1', msg: 'general chatter', ts: { $date: clock.now() }, u: { _id: 'u' } };
    const fields = { eventName: '__my_messages__', args: [raw, { roomType: 'c', roomParticipant: true }] };
    core.raw(JSON.stringify({ msg: 'changed', collection: 'stream-room-messages', id: 'id', fields }));
    clock.advance(1_000);
    expect(bench.events).to.deep.equal([]);
    expect(bench.counts).to.deep.equal({});
  });

  it('shows no token, secret or text: in errors, counts, explanations, or when it is inspected', () => {
    const { bench, open, clock, core, now } = talk({ hooked: true });
    const { visitor, rid } = open('Dana');
    const text = 'text-7be1f0';
    visitor.say(text);
    core.raw(`{"msg":"changed","token":"${visitor.token}","said":"${text}"`);
    clock.advance(1_000);
    bench.port.cut(now());
    visitor.say(text);
    clock.advance(1_000);
    for (let n = 0; n < 40; n++) bench.port.failures.push(new ChatError('unreachable', 'rocketchat', 'no'));
    bench.port.connect();
    visitor.say(text);
    clock.advance(60_000);
    expect(bench.troubles).not.to.have.length(0);
    const { webhook, accounts, troubles, events } = bench;
    const explained = events.map(({ id }) => accounts.explain(id));
    const problems = events.flatMap((event) => (event.kind === 'undecodable' ? event.problems : []));
    const data = [troubles, explained, problems];
    const shown = [...data, webhook, accounts, events.map(traceOf)].map((it) => inspect(it, { depth: 12 })).join();
    expect(shown).to.include(rid);
    for (const secret of [visitor.token, HOOK_SECRET, text])
      expect(shown + JSON.stringify(data)).not.to.include(secret);
  });

  it('has one subscriber, and ends with the client, the webhook, or when it is drained', async () => {
    const { bench } = talk();
    let error: unknown;
    bench.source.subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(String(error)).to.include('share()');
    bench.port.status.complete();
    expect(bench.isComplete).to.equal(true);
    const hooked = talk({ hooked: true, realtime: false });
    const other = fromRocketChat({ webhook: hooked.bench.webhook, self: 'x' });
    other.subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(String(error)).to.include('this webhook has a subscriber already');
    const { visitor } = hooked.open('Dana');
    visitor.say('still waiting');
    const draining = hooked.bench.webhook.drain(1_000);
    expect(hooked.bench.isComplete).to.equal(true);
    expect(hooked.bench.said()).to.deep.equal(['still waiting']);
    expect((await draining).inFlight).to.equal(0);
    const drained = talk();
    const { visitor: lev } = drained.open('Lev');
    lev.say('hello');
    expect((await drained.bench.source.drain(0)).inFlight).to.equal(0);
    expect([drained.bench.isComplete, drained.bench.said()]).to.deep.equal([true, ['hello']]);
    let isOver = false;
    drained.bench.source.subscribe({ complete: () => (isOver = true) });
    expect(isOver).to.equal(true);
  });

  it('serves several accounts, which share nothing', () => {
    const [north, south] = ['north', 'south'].map((account) => {
      const stage = world();
      const port = new RocketchatPort(stage.core, 'helper.bot', account);
      const accounts = openAccounts({ scheduler: stage.clock });
      const webhook = rocketchatWebhook({ secret: HOOK_SECRET, account, accounts, scheduler: stage.clock });
      stage.hooks.push(webhook);
      const bench = new Bench(stage, { realtime: true, client: port, webhook, accounts });
      return { ...stage, bench, accounts };
    });
    // Made alike, the servers give the same ids.
    for (const { core, clock } of [north!, south!]) {
      core.visitor('Dana', { department: SALES }).say('hello');
      clock.advance(1_000);
    }
    const idsOf = ({ events }: Bench) => events.map(({ id }) => id);
    expect(idsOf(north!.bench)).to.deep.equal(idsOf(south!.bench));
    expect(new Set(north!.bench.events.map(({ conversation }) => conversation.account))).to.deep.equal(
      new Set(['north']),
    );
    expect([...north!.accounts.bySource().keys()]).to.deep.equal(['rocketchat:north']);
    expect([...south!.accounts.bySource().keys()]).to.deep.equal(['rocketchat:south']);
  });

  it('frees timers, sockets and calls when it is unsubscribed, whatever is under way', () => {
    const { bench, open, clock, now } = talk({ hooked: true, poll: { everyMs: 1_000 }, callsPerMinute: 3 });
    const { visitor } = open('Dana');
    bench.port.cut(now());
    visitor.say('missed');
    bench.port.holdUp();
    bench.port.connect();
    visitor.say('live');
    bench.port.failures.push(new ChatError('throttled', 'rocketchat', 'no', { retryAfterMs: 60_000 }));
    clock.advance(100);
    bench.subscription.unsubscribe();
    bench.port.goOn();
    const { calls } = bench.port;
    const before = calls.length;
    clock.advance(600_000);
    expect(bench.port.subscribed).to.deep.equal([]);
    expect(calls).to.have.length(before);
    expect(bench.counts).not.to.have.any.keys('inFlight');
  });

  it('settles what waits as failed when it is unsubscribed, and turns webhooks away from then on', () => {
    const { bench, open, statuses } = talk({ hooked: true, realtime: false });
    const { visitor } = open('Dana');
    visitor.say('one');
    bench.subscription.unsubscribe();
    expect(bench.said()).to.deep.equal([]);
    expect(bench.counts).to.deep.include({ failed: 1 });
    visitor.say('two');
    expect(statuses.at(-1)).to.equal(503);
    expect(bench.clock.actions.filter(({ delay }) => delay < 10_000).length, 'timers').to.be.at.most(2);
  });

  it('refuses wrong arguments at the call', () => {
    const { port: client } = new Bench(world(), { realtime: true });
    const webhook = rocketchatWebhook({ secret: 's' });
    expect(() => fromRocketChat({ client })).to.throw(TypeError, 'one of webhook, realtime and poll');
    expect(() => fromRocketChat({ webhook, poll: true })).to.throw(TypeError, 'need a client');
    expect(() => fromRocketChat({ client, webhook: rocketchatWebhook({ secret: 's', account: 'north' }) })).to.throw(
      TypeError,
      'the same account',
    );
    expect(() => fromRocketChat({ webhook: { ...webhook } })).to.throw(TypeError, 'rocketchatWebhook()');
    for (const [wrong, name] of [
      [{ maxInFlight: 0 }, 'maxInFlight'],
      [{ maxPerConversation: NaN }, 'maxPerConversation'],
      [{ remember: 0 }, 'remember'],
      [{ maxRooms: 0 }, 'maxRooms'],
      [{ reorderMs: -1 }, 'reorderMs'],
      [{ maxWaiting: 0 }, 'maxWaiting'],
      [{ overlapMs: -1 }, 'overlapMs'],
      [{ callsPerMinute: 0 }, 'callsPerMinute'],
      [{ poll: { everyMs: 0 } }, 'everyMs'],
      [{ since: 'yesterday' }, 'since'],
    ] as const)
      expect(() => fromRocketChat({ client, realtime: true, ...wrong })).to.throw(RangeError, name);
  });
});

describe('rocketchatWebhook', () => {
  const body = { type: 'LivechatOfflineMessage', sentAt: '2026-11-20T22:00:00.000Z', visitor: {}, message: 'call me' };
  const secret = { 'X-RocketChat-Livechat-Token': HOOK_SECRET };
  const opened = () => {
    const clock = virtualClock();
    const accounts = openAccounts({ scheduler: clock });
    const webhook = rocketchatWebhook({ secret: HOOK_SECRET, accounts, scheduler: clock });
    const events: InboundEvent[] = [];
    const source = fromRocketChat({ webhook, self: 'us', reorderMs: 0, scheduler: clock });
    const listen = () => source.subscribe((event) => events.push(event));
    return { webhook, accounts, events, listen };
  };

  it('answers exactly 200 with a tiny body when an event was accepted, and 503 when nobody listens', () => {
    const { webhook, events, listen, accounts } = opened();
    expect(postedTo(webhook, body, secret).status).to.equal(503);
    expect(accounts.counts()).to.include({ received: 0, refused: 1 });
    listen();
    expect(postedTo(webhook, body, secret)).to.deep.equal({ status: 200, body: '{}' });
    expect(kinds(events)).to.deep.equal(['other']);
  });

  it('refuses what comes without the secret, or with another', () => {
    const { webhook, events, listen } = opened();
    listen();
    for (const wrong of [
      {},
      { 'X-RocketChat-Livechat-Token': 'hook-secret-test-2' },
      { 'X-RocketChat-Livechat-Token': '' },
    ])
      expect(postedTo(webhook, body, wrong).status).to.equal(401);
    expect(events).to.deep.equal([]);
    expect(() => rocketchatWebhook({ secret: '' })).to.throw(TypeError, 'secret');
    expect(() => rocketchatWebhook({ secret: 's', maxBytes: 0 })).to.throw(RangeError, 'maxBytes');
    expect(() => rocketchatWebhook({ secret: 's', bodyTimeoutMs: 0 })).to.throw(RangeError, 'bodyTimeoutMs');
  });

  it('takes what breaks the protocol once, so that it is not posted again and again', () => {
    const { webhook, events, listen, accounts } = opened();
    listen();
    for (let n = 0; n < 10; n++) expect(postedTo(webhook, { type: 'Message', _id: 'r1' }, secret).status).to.equal(200);
    expect(kinds(events)).to.deep.equal(['undecodable']);
    expect(accounts.counts().outcomes.duplicate).to.equal(9);
  });

  it('speaks fetch, with limits of its own', async () => {
    const { webhook, events, listen } = opened();
    listen();
    const send = async (init: RequestInit) =>
      (await webhook.fetch(new Request('https://desk.example/hook', { headers: secret, ...init }))).status;
    // Some servers do not say that it is JSON.
    expect(await send({ method: 'POST', body: JSON.stringify(body) })).to.equal(200);
    expect(await send({ method: 'GET' })).to.equal(405);
    expect(await send({ method: 'POST', body: 'no json' })).to.equal(400);
    expect(await send({ method: 'POST', body: ' '.repeat(5_242_881) })).to.equal(413);
    expect(events).to.have.length(1);
  });

  it('tells what got lost on its way, by what comes with later ones', () => {
    const { bench, open, clock, core } = talk({ hooked: true, realtime: false });
    const { visitor, rid } = open('Dana');
    core.faults.hook.lose = 1;
    visitor.say('lost');
    clock.advance(1_000);
    core.agent('helper.bot').close(rid, 'solved');
    clock.advance(1_000);
    expect(bench.said(rid)).to.deep.equal(['lost']);
    const ended = bench.events.filter(({ kind }) => kind === 'ended');
    expect(ended).to.have.length(1);
    expect(ended[0]).to.include({ reason: 'solved' });
    expect(bench.counts).not.to.have.any.keys('duplicate');
  });
});
