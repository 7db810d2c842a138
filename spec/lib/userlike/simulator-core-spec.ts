import { expect } from 'chai';
import { UserlikeCore, type CoreConfig, type SimulatedRequest } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';

/** The platform, and a bot that answers by hand. */
class Stage {
  readonly clock = virtualClock();
  readonly requests: SimulatedRequest[] = [];
  readonly core;

  constructor(config: Partial<CoreConfig> = {}) {
    this.core = new UserlikeCore({ scheduler: this.clock, ...config }, (request) => this.requests.push(request));
  }

  arrive(name: string, channel: string, first?: string): string {
    this.core.contact(name, channel);
    if (first === undefined) this.core.open(name);
    else this.core.say(name, first);
    return this.core.cidOf(name) ?? '';
  }

  last(): { readonly name: string; readonly payload: unknown; readonly context: unknown } {
    const { info, packet } = this.requests[this.requests.length - 1]?.body ?? {
      info: {},
      packet: { name: '', payload: {} },
    };
    return { ...packet, context: info['context'] };
  }

  answer(cid: string, ...events: readonly (readonly [name: string, payload?: object, context?: object])[]): void {
    this.core.answer(cid, 200, body(cid, ...events));
  }

  call(cid: string, ...events: readonly (readonly [name: string, payload?: object, context?: object])[]): number {
    return this.core.call(body(cid, ...events)).status;
  }

  kinds(): readonly string[] {
    return this.core.journal.map(({ kind }) => kind);
  }
}

const body = (
  cid: string,
  ...events: readonly (readonly [name: string, payload?: object, context?: object])[]
): string => {
  const list = events.map(([name, payload = {}, context]) => ({
    info: { cid, ...(context && { context }) },
    packet: { name, payload },
  }));
  return JSON.stringify(list.length === 1 ? list[0] : list);
};
const question = (n: number, length = 5, name = 'bubbles'): [string, object] => [
  name,
  {
    body: 'Q',
    fallback: 'F',
    options: Array.from({ length: n }, (_, i) => ({ id: `o${i}`, label: `L${i}`.padEnd(length, 'x') })),
  },
];

describe('the Userlike simulator', () => {
  it('starts a session empty on the web, and with the first message on a messaging channel', () => {
    const stage = new Stage();
    stage.arrive('web', 'web', 'hi');
    expect(stage.requests.map(({ body: { packet } }) => packet)).to.deep.equal([
      { name: 'start', payload: {} },
      { name: 'message', payload: { body: 'hi' } },
    ]);
    stage.arrive('wa', 'whatsapp_business', 'hi');
    expect(stage.last()).to.deep.include({ name: 'start', payload: { body: 'hi' } });
  });

  it('takes an empty answer, an object and a list; anything but 200 is written down as it is', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'web');
    stage.core.answer(cid, 200, '');
    stage.answer(cid, ['message', { body: 'one' }]);
    stage.answer(cid, ['message', { body: 'two' }], ['message', { body: 'three' }]);
    stage.core.answer(cid, 500, body(cid, ['message', { body: 'not this' }]));
    expect(stage.core.seenBy('kim')).to.deep.equal(['one', 'two', 'three']);
  });

  it('echoes the last context that was not empty, in list order', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'web');
    stage.answer(
      cid,
      ['message', { body: 'x' }, { a: 1 }],
      ['message', { body: 'y' }, { b: 2 }],
      ['message', { body: 'z' }, {}],
    );
    stage.core.say('kim', 'next');
    expect(stage.last().context).to.deep.equal({ b: 2 });
    expect(stage.call(cid, ['message', { body: 'x' }, { big: 'x'.repeat(11_000) }])).to.equal(400);
  });

  it('answers 429 beyond 20 calls in 60 seconds, for that session alone', () => {
    const stage = new Stage();
    const [a, b] = [stage.arrive('a', 'web'), stage.arrive('b', 'web')];
    const say = (cid: string): number => stage.call(cid, ['message', { body: 'x' }]);
    expect(Array.from({ length: 21 }, () => say(a))).to.deep.equal([...Array<number>(20).fill(200), 429]);
    expect(say(b)).to.equal(200);
    stage.clock.advance(60_000);
    expect(say(a)).to.equal(200);
  });

  const borders: readonly (readonly [channel: string, n: number, length: number, clickable: boolean])[] = [
    ['web', 60, 80, true],
    ['whatsapp_business', 3, 20, true],
    ['whatsapp_business', 4, 20, true],
    ['whatsapp_business', 10, 20, true],
    ['whatsapp_business', 11, 20, false],
    ['whatsapp_business', 3, 21, false],
    ['facebook', 13, 20, true],
    ['facebook', 14, 20, false],
    ['facebook', 13, 21, false],
    ['telegram', 2, 5, false],
    ['sms', 2, 5, false],
    ['instagram', 2, 5, false],
  ];
  for (const [channel, n, length, clickable] of borders) {
    it(`shows ${n} bubbles of ${length} characters on ${channel} ${clickable ? 'to click' : 'as text'}`, () => {
      const stage = new Stage();
      const cid = stage.arrive('kim', channel, 'hi');
      stage.answer(cid, question(n, length));
      const seen = stage.core.journal.find(({ kind }) => kind === 'seen');
      expect(seen?.kind === 'seen' && seen.buttons.length).to.equal(clickable ? n : 0);
      expect(stage.core.seenBy('kim')[0]).to.match(clickable ? /^Q$/ : /^F\n1\. L0/);
    });
  }

  it('makes a click of the next message alone, if it is a number of an option', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'sms', 'hi');
    stage.answer(cid, question(2));
    stage.core.say('kim', ' 2 ');
    expect(stage.last()).to.deep.include({ name: 'click', payload: { value: { id: 'o1', label: 'L1xxx' } } });
    stage.answer(cid, question(2));
    stage.core.say('kim', '3');
    stage.core.say('kim', '2');
    expect(stage.last()).to.deep.include({ name: 'message', payload: { body: '2' } });
  });

  it('makes a click of the first click alone, and a message of one after the session', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'whatsapp_business', 'hi');
    stage.answer(cid, question(2));
    stage.core.click('kim', 'o0');
    expect(stage.last().name).to.equal('click');
    stage.core.click('kim', 'o1');
    expect(stage.last()).to.deep.include({ name: 'message', payload: { body: 'L1xxx' } });
    stage.answer(cid, ['end']);
    stage.core.click('kim', 'L1xxx');
    expect(stage.last()).to.deep.include({ name: 'start', payload: { body: 'L1xxx' } });
  });

  it('hands off: taken, reported, or silent', () => {
    const stage = new Stage();
    const taken = stage.arrive('a', 'web');
    stage.answer(taken, ['forward_any', { on_failure: 'feedback' }]);
    expect(stage.kinds()).to.include('taken');
    stage.core.operatorsAvailable = false;
    stage.answer(stage.arrive('b', 'web'), ['forward_any', { on_failure: 'feedback' }]);
    expect(stage.last().name).to.equal('forward_failed');
    const before = stage.requests.length;
    stage.answer(stage.arrive('c', 'web'), ['forward_group', { group_id: 1 }]);
    expect(stage.requests.length).to.equal(before + 1);
    expect(stage.core.cidOf('c')).to.equal(undefined);
  });

  it('starts no timer any more when it was stopped, whatever still comes', () => {
    const stage = new Stage({ idleMs: 1_000 });
    const cid = stage.arrive('Ana', 'web', 'Hi');
    stage.core.stop();
    stage.answer(cid, ['message', { body: 'late' }]);
    stage.core.say('Ana', 'Hello?');
    stage.clock.flush();
    expect(stage.kinds()).not.to.include('ended');
  });

  it('ends a session by the bot or by silence; later calls fail, and the contact comes back with a new one', () => {
    const stage = new Stage({ idleMs: 1_000, onIdle: 'unassign' });
    const cid = stage.arrive('kim', 'web');
    stage.answer(cid, ['contact_update', { email: 'kim@example.org' }], ['message', { body: 'x' }, { a: 1 }]);
    stage.clock.advance(1_000);
    expect(stage.core.journal.some((entry) => entry.kind === 'ended' && entry.by === 'idle: unassign')).to.equal(true);
    expect(stage.call(cid, ['message', { body: 'x' }])).to.equal(404);
    stage.core.say('kim', 'again');
    const info = stage.requests[stage.requests.length - 1]?.body.info;
    expect(info?.['cid']).not.to.equal(cid);
    expect(info?.['context']).to.deep.equal({});
    expect(info?.['contact']).to.deep.include({ email: 'kim@example.org' });
  });

  it('holds back what stands behind a delay, while the contact can write', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'web');
    stage.answer(cid, ['message', { body: 'one' }], ['delay', { seconds: 2 }], ['message', { body: 'two' }]);
    stage.core.say('kim', 'meanwhile');
    stage.clock.advance(1_999);
    expect(stage.core.seenBy('kim')).to.deep.equal(['one']);
    stage.clock.advance(1);
    expect(stage.core.seenBy('kim')).to.deep.equal(['one', 'two']);
  });

  it('says by the API that a file cannot be downloaded, and nowhere in a direct answer; has no files on SMS', () => {
    const stage = new Stage({ reach: () => false });
    const cid = stage.arrive('kim', 'web');
    expect(stage.call(cid, ['media', { link: 'https://example.org/a.png' }])).to.equal(400);
    stage.answer(cid, ['media', { link: 'https://example.org/a.png' }]);
    expect(stage.core.seenBy('kim')).to.deep.equal([]);
    expect(stage.kinds()).to.include('problem');
    const reachable = new Stage();
    reachable.answer(reachable.arrive('sam', 'sms', 'hi'), ['media', { link: 'https://example.org/a.png' }]);
    expect(reachable.core.seenBy('sam')).to.deep.equal([]);
  });

  it('dispatches after the conversation ended, and no mail to a contact without an address', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'web');
    stage.answer(cid, ['email_dispatch', { type: 'contact' }], ['addon_dispatch', { type: 'crm' }]);
    expect(stage.kinds()).not.to.include('dispatched');
    stage.answer(cid, ['end']);
    expect(stage.core.journal.flatMap((entry) => (entry.kind === 'dispatched' ? [entry.name] : []))).to.deep.equal([
      'addon_dispatch',
    ]);
  });

  it('handles the unsubscribe keyword of a campaign itself', () => {
    const stage = new Stage();
    const cid = stage.arrive('kim', 'whatsapp_business', 'subscribe');
    stage.answer(cid, ['contact_update', { campaigns: true }]);
    stage.core.say('kim', 'STOP');
    expect(stage.last().name).to.equal('campaign_unsubscribe');
    stage.core.say('kim', 'STOP');
    expect(stage.last().name).to.equal('message');
  });

  it('ignores what stands behind the end, and refuses a request about two sessions', () => {
    const stage = new Stage();
    const [a, b] = [stage.arrive('a', 'web'), stage.arrive('b', 'web')];
    stage.answer(a, ['end'], ['message', { body: 'too late' }]);
    expect(stage.core.seenBy('a')).to.deep.equal([]);
    const mixed = [body(b, ['abort']), body(a, ['abort'])].map((text) => JSON.parse(text) as unknown);
    expect(stage.core.call(JSON.stringify(mixed)).status).to.equal(400);
    expect(stage.core.call('{').status).to.equal(400);
    expect(stage.call(b, ['future'])).to.equal(400);
  });
});
