import { expect } from 'chai';
import { map, NEVER, of, take, throwError } from 'rxjs';
import {
  ChatError,
  memoryStore,
  openAccounts,
  ownership,
  platformAction,
  type OutboundAction,
  type Reply,
  type Report,
} from 'tidewire';
import { fluidtalkClient, fluidtalkLedger, fromFluidTalk, toFluidTalk } from 'tidewire/fluidtalk';
import { fluidtalkSimulator } from 'tidewire/simulators';
import { marbles, virtualClock } from 'tidewire/testing';
import { FluidtalkPlatform, statusOf } from '../support/fluidtalk-platform.js';

const conversation = { platform: 'fluidtalk', id: '@ann', channel: 'web' };
const hello: OutboundAction = { kind: 'text', id: 'a', conversation, text: 'hello' };
const ledgerOf = (): ReturnType<typeof fluidtalkLedger> => {
  const scheduler = virtualClock();
  return fluidtalkLedger({ store: memoryStore({ scheduler }), scheduler });
};

describe('toFluidTalk', () => {
  it(
    'completes with an empty source, waits with a silent one, hands on an error and unsubscribes',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const { client } = new FluidtalkPlatform();
      expectObservable(cold<OutboundAction>('|').pipe(toFluidTalk({ client }))).toBe('|');
      expectObservable(cold<OutboundAction>('-').pipe(toFluidTalk({ client }))).toBe('-');
      expectObservable(cold<OutboundAction>('-#').pipe(toFluidTalk({ client }))).toBe('-#');
      const source = hot<OutboundAction>('----');
      expectObservable(source.pipe(toFluidTalk({ client })), '--!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it('makes one call at a time for a target, in order, however it is spelled, and others beside it', () => {
    const platform = new FluidtalkPlatform({ concurrency: 2 });
    platform.listen();
    platform.say('one', '@ann');
    platform.say('two', ' @ann ');
    platform.say('three', '@bea');
    platform.say('four', '@cia');
    platform.actions.complete();
    platform.clock.flush();
    expect(platform.heard).to.deep.equal([
      '100 You said: one',
      '100 You said: three',
      '200 You said: four',
      '200 You said: two',
    ]);
    expect(platform.core.journal.filter(({ kind }) => kind === 'problem')).to.deep.equal([]);
    expect(platform.isCompleted).to.equal(true);
  });

  it('says texts and pictures, under the account of the conversation, and nothing else', () => {
    const platform = new FluidtalkPlatform({ allowOpeners: true });
    platform.listen();
    const replies: readonly Reply[] = [
      { kind: 'media', media: { url: 'https://cdn.test/cup.png' }, caption: 'my cup' },
      { kind: 'media', media: { fileId: '7' } },
      { kind: 'media', media: { url: 'https://cdn.test/a.pdf', mimeType: 'application/pdf' } },
      { kind: 'text', text: ' ' },
      { kind: 'typing' },
      { kind: 'note', text: 'a note' },
      { kind: 'handoff', to: { kind: 'any' } },
      platformAction('uploadImage'),
      platformAction('eventTrigger', { context: {} }),
      platformAction('aiOpener', { imageUrl: 5 }),
    ];
    for (const reply of replies) platform.send(reply);
    platform.say('nobody', ' ');
    platform.actions.next({ ...hello, id: 'x', conversation: { ...conversation, platform: 'userlike' } });
    platform.actions.next({ ...hello, id: 'y', conversation: { ...conversation, account: '@tea' } });
    platform.clock.flush();
    const statuses = new Map(platform.told.map((line) => line.split(' ') as [string, string]));
    expect(statuses.get('a1')).to.equal('delivered');
    expect(statuses.get('y')).to.equal('delivered');
    expect([...statuses.values()].filter((status) => status === 'unsupported')).to.have.length(11);
    expect(platform.core.conversation('@ann')?.owner).to.equal('@tea');
    expect(platform.core.saidBy('@ann')).to.deep.equal(['my cup', 'hello']);
  });

  it('tells of silence, of another owner and of each refusal in the receipt', () => {
    const platform = new FluidtalkPlatform({}, { tokens: 1 });
    platform.listen();
    platform.core.script('@ann', { bubbles: [] });
    platform.say('silence');
    platform.clock.advance(100);
    platform.core.faults.ignored = 1;
    platform.say('owned');
    platform.say('new', '@bea');
    platform.clock.advance(100);
    platform.core.faults.throttle = 1;
    platform.say('slower');
    platform.core.faults.resetAfter = 1;
    platform.say('lost', '@ann');
    platform.core.faults.statuses = [422];
    platform.say('invalid', '@ann');
    platform.clock.flush();
    expect(platform.told).to.deep.equal([
      'a1 delivered',
      'a2 muted',
      'a3 failed outOfTokens',
      'a4 failed throttled, retryable',
      'a5 unknown',
      'a6 failed invalid',
    ]);
    expect(platform.receipts[1]).to.include({ detail: 'owned by another account' });
    expect(platform.heard).to.deep.equal([]);
  });

  it('asks the desk immediately before it calls', () => {
    const desk = ownership();
    const platform = new FluidtalkPlatform({ desk });
    platform.listen();
    platform.say('one');
    platform.say('two');
    desk.handOver(conversation, 'h').subscribe();
    platform.clock.flush();
    expect(platform.told).to.deep.equal(['a1 delivered', 'a2 muted']);
    expect(platform.asked()).to.have.length(1);
  });

  it('contacts nobody unasked, unless allowed', () => {
    const unasked = [platformAction('aiOpener'), platformAction('eventTrigger', { eventType: 'cart' })];
    const followUp = platformAction('followUp');
    const told = (config: ConstructorParameters<typeof FluidtalkPlatform>[0]): readonly string[] => {
      const platform = new FluidtalkPlatform(config);
      platform.listen();
      for (const reply of [...unasked, followUp]) platform.send(reply);
      platform.clock.flush();
      return [...platform.told.map((line) => line.split(' ')[1] ?? ''), ...platform.heard];
    };
    expect(told({})).to.deep.equal(['unsupported', 'unsupported', 'unsupported']);
    expect(told({ allowFollowUps: true })).to.deep.equal(['unsupported', 'unsupported', 'failed']);
    expect(told({ allowOpeners: true, allowFollowUps: true })).to.deep.equal([
      'delivered',
      'delivered',
      'delivered',
      '100 Hi @ann',
      '200 Hi @ann, about cart',
      '300 Are you still there, @ann?',
    ]);
  });

  it('with a ledger, opens once for all, follows up once in its pause, and triggers each event once', () => {
    const ledger = ledgerOf();
    const platform = new FluidtalkPlatform({ ledger, allowOpeners: true, allowFollowUps: true });
    platform.listen();
    platform.send(platformAction('aiOpener'));
    platform.send(platformAction('aiOpener'));
    platform.send(platformAction('eventTrigger', { eventType: 'cart', context: { item: 'tea' } }), '@ann', 'cart-1');
    platform.send(platformAction('eventTrigger', { eventType: 'cart' }), '@ann', 'cart-1');
    platform.send(platformAction('followUp'));
    platform.send(platformAction('followUp'));
    platform.say('hi', '@bea');
    platform.send(platformAction('aiOpener'), '@bea');
    platform.clock.flush();
    expect(platform.heard.map((line) => line.split(' ').slice(1).join(' '))).to.have.members([
      'Hi @ann',
      'You said: hi',
      'Hi @ann, about cart',
      'Are you still there, @ann?',
    ]);
    expect(platform.told.filter((line) => line.endsWith('superseded'))).to.have.members([
      'a2 superseded',
      'a4 superseded',
      'a6 superseded',
    ]);
    expect(platform.asked()).to.have.length(4);
  });

  it('with a ledger, never repeats a call that is in doubt, and repeats one that had no effect', () => {
    const ledger = ledgerOf();
    const platform = new FluidtalkPlatform({ ledger });
    platform.listen();
    platform.core.faults.resetAfter = 1;
    platform.say('lost', '@ann', 'x');
    platform.say('lost', '@ann', 'x');
    platform.clock.flush();
    platform.core.faults.statuses = [422];
    platform.say('refused', '@ann', 'y');
    platform.say('refused', '@ann', 'y');
    platform.clock.flush();
    expect(platform.told).to.deep.equal(['x unknown', 'x unknown', 'y failed invalid', 'y delivered']);
    expect(platform.asked()).to.have.length(3);
  });

  it('with a ledger, knows after a restart that a target is sealed', () => {
    const ledger = ledgerOf();
    const before = new FluidtalkPlatform({ ledger }, { sealAfter: 1 });
    before.listen();
    before.say('one');
    before.say('two');
    before.clock.flush();
    const after = new FluidtalkPlatform({ ledger });
    after.listen();
    after.say('three', '@ann', 'z');
    after.clock.flush();
    expect(after.told).to.deep.equal(['z failed sealed']);
    expect(after.heard).to.deep.equal(['0 ended sealed']);
    expect(after.asked()).to.deep.equal([]);
  });

  it('tells a reply that the ledger cannot keep, and reports it; makes no call that it cannot claim', () => {
    const works = ledgerOf();
    const full = throwError(() => new ChatError('overflow', 'store', 'it is full'));
    const keeps = new FluidtalkPlatform({ ledger: { ...works, replied: () => full, inDoubt: () => full } });
    const reports: Report[] = [];
    keeps.accounts.reports$.subscribe((report) => reports.push(report));
    keeps.listen();
    keeps.say('hi');
    keeps.clock.flush();
    keeps.core.faults.resetAfter = 1;
    keeps.say('lost');
    keeps.clock.flush();
    expect(keeps.heard).to.deep.equal(['100 You said: hi']);
    expect(keeps.told).to.deep.equal(['a1 delivered', 'a2 unknown']);
    // Neither could the part be marked.
    expect(reports.map(({ kind }) => kind)).to.deep.equal(['failed', 'failed', 'failed']);

    const claims = new FluidtalkPlatform({ ledger: { ...works, begin: () => full } });
    claims.listen();
    claims.say('hi');
    claims.clock.flush();
    expect(claims.told).to.deep.equal(['a1 failed overflow']);
    expect(claims.asked()).to.deep.equal([]);
  });

  it('aborts at unsubscription, and begins anew with the next', () => {
    const platform = new FluidtalkPlatform();
    platform.listen();
    const told: string[] = [];
    const stream = of(hello).pipe(
      toFluidTalk({ client: platform.client, scheduler: platform.clock }),
      map((receipt) => statusOf(receipt)),
    );
    const first = stream.subscribe((status) => told.push(status));
    platform.clock.advance(50);
    first.unsubscribe();
    stream.pipe(take(1)).subscribe((status) => told.push(status));
    platform.clock.flush();
    expect(told).to.deep.equal(['delivered']);
    expect(platform.core.journal.filter(({ kind }) => kind === 'left')).to.have.length(1);
    expect(platform.heard).to.have.length(1);
  });

  it('survives a client that throws or says nothing', () => {
    const told = (inboundChat: () => never | typeof NEVER): string => {
      const client = { ...new FluidtalkPlatform().client, inboundChat: inboundChat as never };
      const statuses: string[] = [];
      fromFluidTalk({ client, accounts: openAccounts() }).subscribe();
      of(hello)
        .pipe(toFluidTalk({ client }))
        .subscribe((receipt) => statuses.push(statusOf(receipt)));
      return statuses.join();
    };
    const broken = (): never => {
      throw new Error('broken');
    };
    expect(told(broken)).to.equal('failed exception');
    expect(told(() => of())).to.equal('unknown');
    expect(told(() => NEVER)).to.equal('');
  });

  it('refuses numbers out of range', () => {
    const { client } = new FluidtalkPlatform();
    expect(() => toFluidTalk({ client, concurrency: 0 })).to.throw(RangeError, 'toFluidTalk: concurrency');
    expect(() => toFluidTalk({ client, maxQueued: -1 })).to.throw(RangeError, 'toFluidTalk: maxQueued');
  });

  it('pays for nothing over HTTP while nobody hears, and says what the platform says', async () => {
    const simulator = await fluidtalkSimulator({ tokens: 1 });
    const client = fluidtalkClient({ apiKey: simulator.key, baseUrl: simulator.url });
    const statuses = async (action: OutboundAction): Promise<string> =>
      new Promise((resolve, reject) => {
        of(action)
          .pipe(toFluidTalk({ client }))
          .subscribe({ next: (receipt) => resolve(statusOf(receipt)), error: reject });
      });
    expect(await statuses(hello)).to.equal('failed unheard, retryable');
    expect(simulator.core.tokensLeft()).to.equal(1);
    const heard: string[] = [];
    const listening = fromFluidTalk({ client, accounts: openAccounts() }).subscribe(({ id }) => heard.push(id));
    expect(await statuses(hello)).to.equal('delivered');
    expect(await statuses({ ...hello, id: 'b', conversation: { ...conversation, id: '@bea' } })).to.equal(
      'failed outOfTokens',
    );
    const unseen: OutboundAction = { kind: 'media', id: 'c', conversation, media: { url: 'ftp://cdn.test/a.png' } };
    expect(await statuses(unseen)).to.equal('unsupported');
    expect(heard).to.deep.equal(['a:0']);
    listening.unsubscribe();
    await simulator.close();
    expect(simulator.core.seenBy('@ann')).to.deep.equal(['You said: hello']);
  });
});
