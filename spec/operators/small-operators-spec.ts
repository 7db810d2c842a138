import { expect } from 'chai';
import { map, of, type Observable } from 'rxjs';
import {
  accounted,
  cards,
  choices,
  deliver,
  dropEcho,
  end,
  fanOut,
  handoff,
  keep,
  links,
  media,
  note,
  onKind,
  onlyIn,
  openAccounts,
  platformAction,
  text,
  toPlatforms,
  traceOf,
  typing,
  type InboundEvent,
  type OutboundAction,
  type Sink,
} from 'tidewire';
import { marbles } from 'tidewire/testing';
import { delivered } from '../../lib/model/receipt.js';
import { itHandlesStreams } from '../support/backbone.js';
import { message } from '../support/events.js';

const at = (channel: string): InboundEvent => ({
  ...message(channel),
  conversation: { platform: 'desk', id: 'c', channel },
});
const ends = (
  stream: (events: Observable<InboundEvent>) => Observable<unknown>,
  ...events: readonly InboundEvent[]
) => {
  const accounts = openAccounts();
  stream(of(...events).pipe(accounted<InboundEvent>('desk', { accounts }))).subscribe();
  const { inFlight, outcomes } = accounts.counts();
  return { inFlight, ignored: outcomes.ignored };
};

describe('keep', () => {
  it(
    'lets pass what matches',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b-a--|');
      const expected = '    -a---a--|';
      expectObservable(source.pipe(keep((v) => v === 'a'))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe('^-------!');
      expectObservable(hot('-a-#').pipe(keep(() => true))).toBe('-a-#');
    }),
  );

  itHandlesStreams<string, string>(() => keep(() => true), 'a', 'a');

  it(
    'hands on what `predicate` throws',
    marbles(({ hot, expectObservable }) => {
      const predicate = (): never => {
        throw 'error';
      };
      expectObservable(hot('-a-').pipe(keep(predicate))).toBe('-#');
    }),
  );

  it('settles what it drops as ignored at once', () => {
    expect(
      ends(
        keep(() => false),
        message('1'),
        message('2'),
      ),
    ).to.deep.equal({ inFlight: 0, ignored: 2 });
  });
});

describe('onlyIn', () => {
  it(
    'lets pass what is of these channels',
    marbles(({ hot, expectObservable }) => {
      const values = { w: at('web'), s: at('sms'), x: at('threema') };
      expectObservable(hot('-w-s-x-|', values).pipe(onlyIn('web', 'threema'))).toBe('-w---x-|', values);
    }),
  );

  itHandlesStreams<InboundEvent, InboundEvent>(() => onlyIn('web'), at('web'), at('web'));

  it('settles the others as ignored, and refuses to be called without channels', () => {
    expect(ends(onlyIn('web'), at('sms'))).to.deep.equal({ inFlight: 0, ignored: 1 });
    expect(() => onlyIn()).to.throw(RangeError, 'at least one channel');
  });
});

describe('dropEcho', () => {
  it(
    'drops what our own account said',
    marbles(({ hot, expectObservable }) => {
      const values: Record<string, InboundEvent> = {
        c: { ...message('c'), sender: { role: 'customer' } },
        b: { ...message('b'), sender: { role: 'bot' } },
        s: { ...message('s'), sender: { role: 'bot', self: true } },
      };
      expectObservable(hot('-c-s-b-|', values).pipe(dropEcho())).toBe('-c---b-|', values);
    }),
  );

  itHandlesStreams<InboundEvent, InboundEvent>(() => dropEcho(), message('m'), message('m'));

  it('settles what it drops as ignored at once', () => {
    expect(ends(dropEcho(), { ...message('s'), sender: { role: 'bot', self: true } })).to.deep.equal({
      inFlight: 0,
      ignored: 1,
    });
  });
});

describe('onKind', () => {
  it(
    'changes one kind and passes the rest',
    marbles(({ hot, expectObservable }) => {
      const conversation = { platform: 'desk', id: 'c', channel: 'web' };
      const values: Record<string, OutboundAction> = {
        t: { kind: 'text', id: 't', conversation, text: 'hi' },
        T: { kind: 'text', id: 't', conversation, text: 'HI' },
        e: { kind: 'end', id: 'e', conversation },
      };
      const shout = onKind<OutboundAction, 'text'>('text', (action) => ({
        ...action,
        text: action.text.toUpperCase(),
      }));
      expectObservable(hot('-t-e-|', values).pipe(shout)).toBe('-T-e-|', values);
    }),
  );

  const passing: OutboundAction = { kind: 'end', id: 'e', conversation: message('m').conversation };
  itHandlesStreams<OutboundAction, OutboundAction>(() => onKind('text', (action) => action), passing, passing);

  it(
    'hands on what `project` throws',
    marbles(({ hot, expectObservable }) => {
      const project = (): OutboundAction => {
        throw 'error';
      };
      expectObservable(hot('-e-', { e: passing }).pipe(onKind('end', project))).toBe('-#');
    }),
  );

  it('keeps the account of what is changed by spread', () => {
    const accounts = openAccounts();
    of(message('m'))
      .pipe(
        accounted<InboundEvent>('desk', { accounts }),
        onKind('message', (event) => ({ ...event, text: event.text.trim() })),
      )
      .subscribe((event) => traceOf(event)?.conclude('handled'));
    expect(accounts.counts().outcomes.handled).to.equal(1);
  });
});

describe('fanOut', () => {
  it(
    'sends each item down every branch',
    marbles(({ hot, expectObservable }) => {
      const events = { a: message('a'), b: message('b') };
      const names = map(({ id }: InboundEvent) => id);
      const source = hot<InboundEvent>('  -a---b---|', events);
      const expected = '    -(AA)(BB)|';
      expectObservable(
        source.pipe(
          fanOut<InboundEvent, string>(
            (v) => v.pipe(names),
            (v) => v.pipe(names),
          ),
        ),
      ).toBe(expected, { A: 'a', B: 'b' });
    }),
  );

  it('refuses to be called without branches', () => {
    expect(() => fanOut()).to.throw(RangeError, 'at least one branch');
  });
});

describe('toPlatforms', () => {
  const sink = (name: string): Sink => deliver({ name }, (action) => delivered(action, '', [], name));

  it('sends each action to its platform, and skips what has none', () => {
    const accounts = openAccounts();
    const actions = ['u', 't', 'x', 'constructor'].map((platform): OutboundAction => ({
      kind: 'text',
      id: platform,
      conversation: { platform, id: 'c', channel: 'web' },
      text: '',
    }));
    const seen: string[] = [];
    of(...actions)
      .pipe(accounted<OutboundAction>('desk', { accounts }), toPlatforms({ u: sink('u'), t: sink('t') }))
      .subscribe((receipt) => {
        seen.push(
          receipt.status === 'delivered'
            ? `${receipt.action.id} ${receipt.via ?? ''}`
            : `${receipt.action.id} ${receipt.status}`,
        );
      });
    expect(seen).to.deep.equal(['u u', 't t', 'x skipped', 'constructor skipped']);
    expect(accounts.counts()).to.deep.include({ inFlight: 0 });
    expect(accounts.counts().outcomes).to.include({ handled: 2, ignored: 2 });
  });
});

describe('reply helpers', () => {
  it('write replies', () => {
    expect([
      text('hi', { format: 'markdown' }),
      choices('?', ['a', { id: 'b', label: 'B' }]),
      cards([{ title: 'x' }]),
      links('more', { a: 'https://example.org' }),
      links('more', [{ label: 'a', url: 'https://example.org' }]),
      media('https://example.org/a.png', 'look'),
      handoff(),
      handoff({ kind: 'group', id: 4 }, { onFailure: 'unassign' }),
      end(),
      typing(500),
      note('n'),
      platformAction('x'),
    ]).to.deep.equal([
      { kind: 'text', text: 'hi', format: 'markdown' },
      {
        kind: 'choices',
        text: '?',
        choices: [
          { id: 'a', label: 'a' },
          { id: 'b', label: 'B' },
        ],
      },
      { kind: 'cards', cards: [{ title: 'x' }] },
      { kind: 'links', text: 'more', links: [{ label: 'a', url: 'https://example.org' }] },
      { kind: 'links', text: 'more', links: [{ label: 'a', url: 'https://example.org' }] },
      { kind: 'media', media: { url: 'https://example.org/a.png' }, caption: 'look' },
      { kind: 'handoff', to: { kind: 'any' } },
      { kind: 'handoff', to: { kind: 'group', id: 4 }, onFailure: 'unassign' },
      { kind: 'end' },
      { kind: 'typing', forMs: 500 },
      { kind: 'note', text: 'n' },
      { kind: 'platform', name: 'x', payload: {} },
    ]);
  });
});
