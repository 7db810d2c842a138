import { expect } from 'chai';
import { asyncScheduler, firstValueFrom, of, Subject, take, toArray } from 'rxjs';
import { memoryStore, openAccounts, react, text, traceOf, type OutboundAction } from 'tidewire';
import { fluidtalkClient, fluidtalkLedger, fromFluidTalk, toFluidTalk } from 'tidewire/fluidtalk';
import { fluidtalkCore, fluidtalkSimulator } from 'tidewire/simulators';
import { marbles, virtualClock } from 'tidewire/testing';
import { FluidtalkPlatform, statusOf, wordsOf } from '../support/fluidtalk-platform.js';
import { virtualPersona } from '../support/virtual-persona.js';

const conversation = { platform: 'fluidtalk', id: '@ann', channel: 'web' };
const hello: OutboundAction = { kind: 'text', id: 'a', conversation, text: 'hello' };

describe('fromFluidTalk', () => {
  it(
    'emits the bubbles in order, then the photo, with the ids of the action',
    marbles(({ hot, expectObservable }) => {
      const core = fluidtalkCore({ thinkMs: 2 });
      core.script('@ann', { bubbles: ['hey', 'look'], photo: 'https://cdn.test/p/1.jpg' });
      const client = virtualPersona(core, asyncScheduler);
      const actions = hot<OutboundAction>('-a------|', { a: hello });
      const raw = {
        reply: 'hey look',
        replies: ['hey', 'look'],
        should_send_photo: true,
        photo_url: 'https://cdn.test/p/1.jpg',
        session_id: 's-1001',
        ignored: false,
        ignore_reason: null,
      };
      const common = { platform: 'fluidtalk', conversation, at: '1970-01-01T00:00:00.003Z', raw };
      const sender = { role: 'bot' };
      expectObservable(fromFluidTalk({ client, accounts: openAccounts() })).toBe('---(bcp)', {
        b: { kind: 'message', id: 'a:0', ...common, sender, text: 'hey' },
        c: { kind: 'message', id: 'a:1', ...common, sender, text: 'look' },
        p: { kind: 'media', id: 'a:2', ...common, sender, media: { url: 'https://cdn.test/p/1.jpg' } },
      });
      expectObservable(actions.pipe(toFluidTalk({ client }))).toBe('---r----|', {
        r: { status: 'delivered', action: hello, at: '1970-01-01T00:00:00.003Z', messageIds: [] },
      });
    }),
  );

  it('accounts for each event, and settles what nobody hears as failed', () => {
    const platform = new FluidtalkPlatform({}, {}, { persona: 'ann' });
    const listening = platform.listen();
    platform.say('one');
    platform.clock.advance(150);
    platform.say('two');
    platform.clock.advance(50);
    listening.unsubscribe();
    platform.clock.flush();
    expect(platform.heard).to.deep.equal(['100 You said: one']);
    expect(platform.told).to.deep.equal(['a1 delivered', 'a2 delivered']);
    expect(platform.accounts.bySource().get('fluidtalk:ann')?.outcomes).to.include({ handled: 1, failed: 1 });
    expect(platform.accounts.counts()).to.include({ inFlight: 0, received: 2 });
  });

  it('says once that a target is sealed', () => {
    const platform = new FluidtalkPlatform({}, { sealAfter: 1 });
    platform.listen();
    for (const said of ['one', 'two', 'three']) platform.say(said);
    platform.clock.flush();
    expect(platform.heard).to.deep.equal(['100 You said: one', '100 ended sealed']);
    expect(platform.events[1]).to.deep.include({ kind: 'ended', id: '@ann:sealed', by: 'bot', conversation });
    expect(platform.told).to.deep.equal(['a1 delivered', 'a2 failed sealed', 'a3 failed sealed']);
  });

  it('says it again with the next action where nobody has heard that a target is sealed', () => {
    const platform = new FluidtalkPlatform({}, { sealAfter: 1 });
    const listening = platform.listen();
    platform.say('one');
    platform.clock.flush();
    platform.outcome = 'failed';
    platform.say('two');
    listening.unsubscribe();
    platform.say('three');
    platform.outcome = 'handled';
    platform.listen();
    for (const said of ['four', 'five']) platform.say(said);
    platform.clock.flush();
    expect(platform.heard).to.deep.equal(['100 You said: one', '100 ended sealed', '100 ended sealed']);
    expect(platform.told.slice(1)).to.deep.equal(['a2', 'a3', 'a4', 'a5'].map((id) => `${id} failed sealed`));
    expect(platform.asked()).to.have.length(2);
    expect(platform.outcomes()).to.deep.equal({ handled: 2, failed: 1 });
  });

  it('has one subscriber, and may be subscribed again when it has gone', () => {
    const platform = new FluidtalkPlatform();
    const first = platform.listen();
    const told: unknown[] = [];
    fromFluidTalk({ client: platform.client }).subscribe({ error: (error: Error) => told.push(error.message) });
    expect(told).to.deep.equal(['fromFluidTalk: this client has a subscriber already; share() the stream']);
    first.unsubscribe();
    platform.listen();
    platform.say('again');
    platform.clock.flush();
    expect(platform.heard).to.deep.equal(['100 You said: again']);
  });

  it('takes no replies while nobody is subscribed, or too much is open: no call is made', () => {
    const platform = new FluidtalkPlatform({}, {}, { maxInFlight: 3, maxPerConversation: 2 });
    platform.outcome = undefined;
    platform.say('unheard');
    platform.listen();
    for (const [n, target] of ['@ann', '@ann', '@ann', '@bea', '@cia'].entries()) {
      platform.say(`${n}`, target);
      platform.clock.advance(100);
    }
    expect(platform.told).to.deep.equal([
      'a1 failed unheard, retryable',
      'a2 delivered',
      'a3 delivered',
      'a4 failed full, retryable',
      'a5 delivered',
      'a6 failed full, retryable',
    ]);
    expect(platform.asked()).to.have.length(3);
    expect(platform.accounts.counts()).to.include({ refused: 2, inFlight: 3 });
  });

  it('stops at take(1), and what is left of the reply is settled failed', () => {
    const platform = new FluidtalkPlatform();
    platform.core.script('@ann', { bubbles: ['one', 'two'] });
    const seen: string[] = [];
    fromFluidTalk({ client: platform.client, accounts: platform.accounts, scheduler: platform.clock })
      .pipe(take(1))
      .subscribe((event) => {
        seen.push(wordsOf(event));
        traceOf(event)?.conclude('handled');
      });
    platform.say('hi');
    platform.clock.flush();
    expect(seen).to.deep.equal(['one']);
    expect(platform.outcomes()).to.deep.equal({ handled: 1, failed: 1 });
  });

  it('with a ledger, tells after a crash what was not settled, under the same ids, and asks nothing', () => {
    const scheduler = virtualClock();
    const ledger = fluidtalkLedger({ store: memoryStore({ scheduler }), scheduler });
    const before = new FluidtalkPlatform({ ledger });
    before.core.script('@ann', { bubbles: ['one', 'two', 'three'] });
    before.outcome = undefined;
    before.listen();
    before.say('hi');
    before.clock.advance(100);
    traceOf(before.events[0])?.conclude('handled');
    const holders = before.events.map(({ id }) => id);
    expect(holders).to.deep.equal(['a1:0', 'a1:1', 'a1:2']);
    // The same action again while its reply is open: nothing is told twice.
    before.say('hi', '@ann', 'a1');
    expect(before.events).to.have.length(3);

    const after = new FluidtalkPlatform({ ledger });
    after.listen();
    after.say('hi');
    after.clock.flush();
    expect(after.events.map(({ id }) => id)).to.deep.equal(['a1:0', 'a1:1', 'a1:2']);
    after.say('hi', '@ann', 'a1');
    after.clock.flush();
    expect(after.events).to.have.length(3);
    expect(after.told).to.deep.equal(['a1 delivered', 'a1 delivered']);
    expect(after.asked()).to.deep.equal([]);
  });

  it('refuses numbers out of range', () => {
    const { client } = new FluidtalkPlatform();
    expect(() => fromFluidTalk({ client, maxInFlight: 0 })).to.throw(RangeError, 'maxInFlight must be at least 1');
    expect(() => fromFluidTalk({ client, maxPerConversation: 0 })).to.throw(RangeError, 'maxPerConversation must be');
  });

  it('talks with a persona over HTTP: replies come in, and an answer to them goes out', async () => {
    const simulator = await fluidtalkSimulator();
    const client = fluidtalkClient({ apiKey: simulator.key, baseUrl: simulator.url });
    const accounts = openAccounts();
    const actions = new Subject<OutboundAction>();
    const receipts = firstValueFrom(actions.pipe(toFluidTalk({ client }), take(2), toArray()));
    simulator.core.script(
      '@ann',
      { bubbles: ['who is there?'] },
      { bubbles: ['hi!'], photo: 'https://cdn.test/1.jpg' },
    );
    const seen: string[] = [];
    const heard = fromFluidTalk({ client, accounts })
      .pipe(
        react((event) => {
          seen.push(wordsOf(event));
          return event.id === 'a:0' ? text('a lead') : undefined;
        }),
      )
      .subscribe(actions);
    of(hello).subscribe((action) => actions.next(action));
    expect((await receipts).map(statusOf)).to.deep.equal(['delivered', 'delivered']);
    heard.unsubscribe();
    await simulator.close();
    expect(seen).to.deep.equal(['who is there?', 'hi!', 'https://cdn.test/1.jpg']);
    expect(simulator.core.saidBy('@ann')).to.deep.equal(['hello', 'a lead']);
    expect(accounts.counts()).to.include({ received: 3, inFlight: 0 });
  });
});
