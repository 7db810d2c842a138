import { expect } from 'chai';
import fc from 'fast-check';
import type { Observable } from 'rxjs';
import {
  fluidtalkCore,
  type FluidtalkAnswer,
  type FluidtalkCoreConfig,
  type FluidtalkFault,
  type FluidtalkFaults,
  type FluidtalkForm,
  type FluidtalkTurn,
} from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';

/** The server in virtual time, and what came of each call. */
class Stage {
  readonly clock = virtualClock();
  readonly core;

  constructor(config: FluidtalkCoreConfig = {}) {
    this.core = fluidtalkCore({ scheduler: this.clock, ...config });
  }

  /** The answer so far: a status with its body, what broke, or nothing. */
  static result(answer$: Observable<FluidtalkAnswer>): { answer?: FluidtalkAnswer; error?: unknown } {
    const result: { answer?: FluidtalkAnswer; error?: unknown } = {};
    answer$.subscribe({
      next: (answer) => (result.answer = answer),
      error: (error: unknown) => (result.error = error),
    });
    return result;
  }

  chat(form: FluidtalkForm): Seen {
    return seen(Stage.result(this.core.chat(form)).answer);
  }

  action(action: string, form: FluidtalkForm): Seen {
    return seen(Stage.result(this.core.action({ action, ...form })).answer);
  }

  kinds(): readonly string[] {
    return this.core.journal.map(({ kind }) => kind);
  }

  problems(): readonly string[] {
    return this.core.journal.flatMap((entry) => (entry.kind === 'problem' ? [entry.problem] : []));
  }

  count(kind: string): number {
    return this.kinds().filter((one) => one === kind).length;
  }
}

type Seen = readonly [status: number, body: Readonly<Record<string, unknown>>];
const seen = (answer: FluidtalkAnswer | undefined): Seen =>
  answer === undefined
    ? [0, {}]
    : [answer.status, (answer.body === '' ? {} : JSON.parse(answer.body)) as Readonly<Record<string, unknown>>];

type OneOf = Exclude<FluidtalkFault, 'status'>;
/** The faults, and whether a call that they strike has its effect. */
const EFFECTIVE: Readonly<Record<OneOf, boolean>> = {
  drop: false,
  resetBefore: false,
  redirect: false,
  throttle: false,
  unavailable: false,
  fail: false,
  outOfTokens: false,
  sealed: false,
  ignored: false,
  failAfter: true,
  resetAfter: true,
  silent: true,
  badGateway: true,
  page: true,
  list: true,
  missing: true,
  nulls: true,
  cut: true,
};

const picture = { name: 'cup.png', type: 'image/png', bytes: new Uint8Array([1]) };
const done: Seen = [400, { detail: 'This session is DONE' }];

describe('fluidtalkCore', () => {
  it('opens a conversation with the first chat, opener or event, for one token, and goes on for none', () => {
    const stage = new Stage({ tokens: 3 });
    stage.chat({ target: 'a', message: 'x' });
    stage.action('OUTREACH', { target: 'b' });
    stage.action('ENTRY_POINT', { target: 'c', entry_type: 'cart' });
    for (const target of ['a', 'b', 'c']) {
      expect(stage.chat({ target, message: 'y' })[0]).to.equal(200);
      expect(stage.action('FOLLOW_UP', { target })[0]).to.equal(200);
    }
    expect(stage.core.tokensLeft()).to.equal(0);
    expect([stage.count('token'), stage.count('opened'), stage.count('replied')]).to.deep.equal([3, 3, 9]);
  });

  it('opens nothing without a token, while what was opened goes on', () => {
    const stage = new Stage({ tokens: 1 });
    stage.chat({ target: 'a', message: 'x' });
    for (const refused of [
      stage.chat({ target: 'b', message: 'x' }),
      stage.action('OUTREACH', { target: 'b' }),
      stage.action('ENTRY_POINT', { target: 'b', entry_type: 'cart' }),
    ])
      expect(refused).to.deep.equal([402, { detail: { error: 'insufficient_tokens' } }]);
    expect(stage.core.saidBy('b')).to.deep.equal([]);
    expect(stage.chat({ target: 'a', message: 'y' })[0]).to.equal(200);
    stage.core.grant(stage.core.key, 1);
    expect(stage.chat({ target: 'b', message: 'x' })[0]).to.equal(200);
  });

  it('takes every spelling of a target for another lead', () => {
    const stage = new Stage();
    for (const target of ['@ann', 'ann', '@Ann', ' @ann']) stage.chat({ target, message: 'x' });
    expect(stage.count('token')).to.equal(4);
  });

  it('has no follow-up for a target that is new', () => {
    const stage = new Stage();
    expect(stage.action('FOLLOW_UP', { target: 'a' })).to.deep.equal([404, { detail: 'No session for this target' }]);
    expect(stage.core.conversation('a')).to.equal(undefined);
  });

  it('is done with a sealed conversation: by script, by hand, or after some replies', () => {
    const stage = new Stage({ sealAfter: 2 });
    stage.core.script('script', { bubbles: ['bye'], seals: true });
    for (const target of ['script', 'hand', 'count']) stage.chat({ target, message: 'x' });
    stage.core.seal('hand');
    stage.chat({ target: 'count', message: 'y' });
    for (const target of ['script', 'hand', 'count']) {
      expect(stage.chat({ target, message: 'more' })).to.deep.equal(done);
      expect(stage.action('OUTREACH', { target })).to.deep.equal(done);
      expect(stage.core.conversation(target)?.state).to.equal('sealed');
      expect(stage.core.saidBy(target)).not.to.include('more');
    }
    expect(() => {
      stage.core.seal('hand');
    }).to.throw('hand has no active conversation');
  });

  it('ignores another account of the owner, and nobody who does not say who it is', () => {
    const stage = new Stage();
    stage.chat({ target: 'a', message: 'x', own_username: 'tea' });
    const [status, body] = stage.chat({ target: 'a', message: 'not this', own_username: 'coffee' });
    expect([status, body['ignored'], body['replies'], body['session_id']]).to.deep.equal([200, true, [], 's-1001']);
    expect(stage.action('FOLLOW_UP', { target: 'a' })[1]['ignored']).to.equal(false);
    expect(stage.core.saidBy('a')).to.deep.equal(['x']);
    expect(stage.core.tokensLeft()).to.equal(99);

    const generous = new Stage({ oneOwner: false });
    generous.chat({ target: 'a', message: 'x', own_username: 'tea' });
    expect(generous.chat({ target: 'a', message: 'y', own_username: 'coffee' })[1]['ignored']).to.equal(false);
  });

  it('lets the first account that says its name own what was opened without one', () => {
    const stage = new Stage();
    stage.chat({ target: 'a', message: 'x' });
    stage.chat({ target: 'a', message: 'y', own_username: 'tea' });
    expect(stage.core.conversation('a')?.owner).to.equal('tea');
  });

  it('answers an event that it does not know with 404, or with silence', () => {
    const event = { target: 'a', entry_type: 'unknown' };
    const strict = new Stage({ entryTypes: ['cart'] });
    expect(strict.action('ENTRY_POINT', event)[0]).to.equal(404);
    expect(strict.action('ENTRY_POINT', { ...event, entry_type: 'cart' })[0]).to.equal(200);
    const mild = new Stage({ entryTypes: ['cart'], onUnknownEntry: 'silence' });
    expect(mild.action('ENTRY_POINT', event)).to.deep.equal([
      200,
      { session_id: null, message: '', ignored: false, ignore_reason: null },
    ]);
    expect(mild.core.tokensLeft()).to.equal(100);
  });

  for (const [onSealedAction, status, ignored] of [
    ['refuse', 400, undefined],
    ['ignore', 200, true],
    ['silence', 200, false],
  ] as const) {
    it(`can ${onSealedAction} actions on a sealed target`, () => {
      const stage = new Stage({ onSealedAction, sealAfter: 1 });
      stage.chat({ target: 'a', message: 'x' });
      const [code, body] = stage.action('FOLLOW_UP', { target: 'a' });
      expect([code, body['ignored']]).to.deep.equal([status, ignored]);
      expect(stage.chat({ target: 'a', message: 'x' })).to.deep.equal(done);
    });
  }

  for (const [onSecondOpener, status, replies] of [
    ['answer', 200, 2],
    ['ignore', 200, 1],
    ['refuse', 400, 1],
  ] as const) {
    it(`can ${onSecondOpener} a second opener, for no token`, () => {
      const stage = new Stage({ onSecondOpener });
      stage.action('OUTREACH', { target: 'a' });
      expect(stage.action('OUTREACH', { target: 'a' })[0]).to.equal(status);
      expect([stage.count('replied'), stage.core.tokensLeft()]).to.deep.equal([replies, 99]);
    });
  }

  it('says what is wrong with the fields, in a list', () => {
    const stage = new Stage();
    const at = ([status, { detail }]: Seen): unknown => [
      status,
      ...(detail as readonly { loc: readonly string[]; type: string }[]).map(({ loc, type }) => `${loc[1]}: ${type}`),
    ];
    expect(at(stage.chat({}))).to.deep.equal([422, 'target: missing', 'message: missing']);
    expect(at(stage.action('', { target: 'a' }))).to.deep.equal([422, 'action: missing']);
    expect(at(stage.action('DANCE', { target: 'a' }))).to.deep.equal([422, 'action: enum']);
    expect(at(stage.action('ENTRY_POINT', { target: 'a' }))).to.deep.equal([422, 'entry_type: missing']);
    for (const entry_context of ['{', '[]', 'null', '"text"'])
      expect(at(stage.action('ENTRY_POINT', { target: 'a', entry_type: 'cart', entry_context }))).to.deep.equal([
        422,
        'entry_context: json_invalid',
      ]);
    expect(at(seen(Stage.result(stage.core.upload({})).answer))).to.deep.equal([422, 'file: missing']);
    const empty = { file: { ...picture, bytes: new Uint8Array() } };
    expect(at(seen(Stage.result(stage.core.upload(empty)).answer))).to.deep.equal([422, 'file: value_error']);
    expect(stage.core.tokensLeft()).to.equal(100);
  });

  it('takes a picture without a text, unless a text is required', () => {
    expect(new Stage().chat({ target: 'a', file: picture })[0]).to.equal(200);
    expect(new Stage().chat({ target: 'a', image_url: 'https://cdn.test/u/1.jpg' })[0]).to.equal(200);
    expect(new Stage({ textRequired: true }).chat({ target: 'a', file: picture })[0]).to.equal(422);
  });

  it('refuses a file that is too large, or no picture', () => {
    const stage = new Stage({ maxFileBytes: 1 });
    const upload = (file: object): number =>
      Stage.result(stage.core.upload({ file: { ...picture, ...file } })).answer?.status ?? 0;
    expect(upload({ bytes: new Uint8Array(2) })).to.equal(413);
    expect(upload({ type: 'application/pdf' })).to.equal(415);
    for (const type of ['', 'text/plain', 'application/octet-stream', 'image/webp'])
      expect(upload({ type })).to.equal(200);
    expect(stage.count('uploaded')).to.equal(4);
  });

  it('writes down what a client should not send, and bears it', () => {
    const stage = new Stage();
    const { key } = stage.core;
    stage.chat({ target: 'a', message: key, own_username: '' });
    stage.chat({ target: 'a', message: 'x', file: picture, image_url: 'https://cdn.test/u/1.jpg' });
    stage.action('FOLLOW_UP', { target: 'a', file: picture });
    const url = `/api/v1/bot/chat?key=${key}`;
    expect(Stage.result(stage.core.call({ url, key, form: { target: 'a', message: 'x' } })).answer?.status).to.equal(
      200,
    );
    expect(stage.problems()).to.deep.equal([
      'own_username is empty; leave it out',
      'the key is in the body',
      'image_url and file are both there',
      'file on FOLLOW_UP',
      'the key is in the address',
    ]);
  });

  it('knows each key with its own tokens and conversations', () => {
    const stage = new Stage({ tokens: 1 });
    stage.core.grant('second', 1);
    const chat = (key: string): number =>
      Stage.result(stage.core.chat({ target: 'a', message: 'x' }, key)).answer?.status ?? 0;
    expect([chat(stage.core.key), chat('second'), chat('third'), chat('')]).to.deep.equal([200, 200, 401, 401]);
    stage.core.revoke('second');
    expect([chat('second'), stage.core.tokensLeft('second')]).to.deep.equal([401, 0]);
    stage.core.grant('second', 1);
    expect(chat('second')).to.equal(200);
    expect(stage.count('opened')).to.equal(2);
  });

  it('refuses a key that is empty, and tokens that cannot be counted', () => {
    expect(() => fluidtalkCore({ key: '' })).to.throw(TypeError, 'key must not be empty');
    for (const tokens of [-1, 0.5, NaN])
      expect(() => fluidtalkCore({ tokens })).to.throw(RangeError, 'tokens must be a whole number from 0');
  });

  it('asks its persona what the call was about, and puts odd keys on the wire', () => {
    const turns: FluidtalkTurn[] = [];
    const persona = (turn: FluidtalkTurn) => {
      turns.push(turn);
      return { bubbles: ['one', 'two'], photo: 'p', wire: { replies: null, reply: undefined } };
    };
    const stage = new Stage({ persona });
    const form = { target: 'a', entry_type: 'cart', entry_context: '{"n":1}', own_username: 'tea' };
    expect(stage.action('ENTRY_POINT', form)[1]['message']).to.equal('one ||| two');
    const [, body] = stage.chat({ target: 'a', message: 'x', file: picture });
    expect(body).to.deep.include({ replies: null, should_send_photo: true, photo_url: 'p' });
    expect(body).not.to.have.property('reply');
    expect(turns.map(({ act, turn, entryContext, picture: name }) => [act, turn, entryContext, name])).to.deep.equal([
      ['ENTRY_POINT', 1, { n: 1 }, undefined],
      ['chat', 2, undefined, 'cup.png'],
    ]);
    expect(stage.core.seenBy('a')).to.deep.equal(['one', 'two', 'p', 'one', 'two', 'p']);
  });

  it('answers 500 when its persona fails, with the token gone', () => {
    const stage = new Stage({
      persona: () => {
        throw new Error('boom');
      },
    });
    expect(stage.chat({ target: 'a', message: 'x' })[0]).to.equal(500);
    expect([stage.core.tokensLeft(), stage.core.seenBy('a').length]).to.deep.equal([99, 0]);
  });

  it('thinks for a while, and writes down when two calls of a target overlap', () => {
    const stage = new Stage({ thinkMs: ({ message }) => Number(message) });
    const slow = Stage.result(stage.core.chat({ target: 'a', message: '20' }));
    const fast = Stage.result(stage.core.chat({ target: 'a', message: '10' }));
    Stage.result(stage.core.chat({ target: 'b', message: '10' }));
    stage.clock.advance(10);
    expect([slow.answer, fast.answer?.status]).to.deep.equal([undefined, 200]);
    stage.clock.advance(10);
    expect(slow.answer?.status).to.equal(200);
    Stage.result(stage.core.chat({ target: 'a', message: '10' }));
    expect(stage.problems()).to.deep.equal(['an earlier call of this target is still running']);
  });

  it('goes on with a call whose caller is gone', () => {
    const stage = new Stage({ thinkMs: 10 });
    stage.core.chat({ target: 'a', message: 'x' }).subscribe().unsubscribe();
    stage.clock.advance(10);
    expect(stage.kinds()).to.deep.equal(['called', 'token', 'opened', 'said', 'left', 'replied', 'lost']);
    expect(stage.core.seenBy('a')).to.deep.equal([]);
  });

  it('makes each subscription a call of its own, and stops its timers', () => {
    const stage = new Stage({ thinkMs: 10 });
    const call = stage.core.chat({ target: 'a', message: 'x' });
    expect(stage.kinds()).to.deep.equal([]);
    const results = [Stage.result(call), Stage.result(call)];
    stage.core.stop();
    stage.clock.advance(10);
    expect(stage.core.saidBy('a')).to.deep.equal(['x', 'x']);
    expect(results).to.deep.equal([{}, {}]);
  });

  it('keeps a key closed for as long as `Retry-After` says', () => {
    const stage = new Stage();
    Object.assign(stage.core.faults, { throttle: 1, retryAfter: 2 } satisfies FluidtalkFaults);
    const ask = (): unknown => {
      const { answer } = Stage.result(stage.core.chat({ target: 'a', message: 'x' }));
      return [answer?.status, answer?.headers['retry-after']];
    };
    expect([ask(), ask()]).to.deep.equal([
      [429, '2'],
      [429, '2'],
    ]);
    stage.clock.advance(1_500);
    expect(ask()).to.deep.equal([429, '1']);
    stage.clock.advance(500);
    expect(ask()).to.deep.equal([200, undefined]);
    for (const retryAfter of ['Wed, 21 Oct 2026 07:28:00 GMT', null]) {
      Object.assign(stage.core.faults, { throttle: 1, retryAfter });
      expect(ask()).to.deep.equal([429, retryAfter ?? undefined]);
      expect(ask()).to.deep.equal([200, undefined]);
    }
  });

  it('has every fault with its effect, or without', () => {
    for (const [fault, effective] of Object.entries(EFFECTIVE)) {
      const stage = new Stage();
      stage.core.faults[fault as OneOf] = 1;
      Stage.result(stage.core.chat({ target: 'a', message: 'x' }));
      expect([stage.core.saidBy('a').length, stage.core.tokensLeft()]).to.deep.equal(
        effective ? [1, 99] : [0, 100],
        fault,
      );
      expect(stage.chat({ target: 'a', message: 'y' })[0]).to.equal(200, fault);
    }
  });

  it('lets a delayed call be overtaken', () => {
    const stage = new Stage();
    Object.assign(stage.core.faults, { delay: 1, delayMs: 5 } satisfies FluidtalkFaults);
    Stage.result(stage.core.chat({ target: 'a', message: 'first' }));
    Stage.result(stage.core.chat({ target: 'a', message: 'second' }));
    stage.clock.advance(5);
    expect(stage.core.saidBy('a')).to.deep.equal(['second', 'first']);
  });

  it('takes a duplicate for two calls: one token, two messages, one answer', () => {
    const stage = new Stage();
    stage.core.faults.duplicate = 1;
    expect(stage.chat({ target: 'a', message: 'x' })[0]).to.equal(200);
    expect([stage.count('token'), stage.count('said'), stage.count('answered'), stage.count('lost')]).to.deep.equal([
      1, 2, 1, 1,
    ]);
    expect(stage.core.seenBy('a')).to.have.length(1);
  });

  it('lets only some calls go wrong', () => {
    const stage = new Stage();
    const { faults } = stage.core;
    faults.only = ({ form }) => form['target'] === 'b';
    faults.fail = 1;
    faults.statuses = [403];
    expect(['a', 'b', 'b', 'a'].map((target) => stage.chat({ target, message: 'x' })[0])).to.deep.equal([
      200, 500, 403, 200,
    ]);
  });

  it('reads a request as it is on the wire', () => {
    const stage = new Stage();
    const { key } = stage.core;
    const ask = (contentType: string, text: string): unknown => {
      const body = new TextEncoder().encode(text);
      return Stage.result(stage.core.request({ url: '/api/v1/bot/chat', key, contentType, body })).answer?.status;
    };
    const form = 'application/x-www-form-urlencoded';
    expect(ask(`${form};charset=UTF-8`, 'target=%40mira&message=one%0D%0Atwo+three')).to.equal(200);
    expect(stage.core.saidBy('@mira')).to.deep.equal(['one\ntwo three']);
    expect([ask('application/json', '{}'), ask('', ''), ask(form, '')]).to.deep.equal([415, 415, 422]);
  });

  it('takes one token for each conversation it opens and no other, whatever goes wrong', () => {
    const target = fc.constantFrom('a', 'b', 'c');
    const act = fc.constantFrom('chat', 'OUTREACH', 'ENTRY_POINT', 'FOLLOW_UP');
    const fault = fc.constantFrom(undefined, ...(Object.keys(EFFECTIVE) as OneOf[]));
    const call = fc.record({ target, act, fault, own: fc.constantFrom('', 'tea', 'coffee'), gap: fc.nat(30) });
    const calls = fc.array(call, { maxLength: 40 });
    fc.assert(
      fc.property(calls, fc.nat(3), fc.nat(20), fc.integer({ min: 1, max: 8 }), (list, tokens, thinkMs, sealAfter) => {
        const stage = new Stage({ tokens, thinkMs, sealAfter });
        const answers = list.map(({ target, act, fault, own, gap }) => {
          if (fault !== undefined) stage.core.faults[fault] = 1;
          const form = { target, ...(own !== '' && { own_username: own }) };
          const result = Stage.result(
            act === 'chat'
              ? stage.core.chat({ ...form, message: 'x' })
              : stage.core.action({ ...form, action: act, ...(act === 'ENTRY_POINT' && { entry_type: 'cart' }) }),
          );
          stage.clock.advance(gap);
          return result;
        });
        stage.clock.flush();
        const { core } = stage;

        const opened = core.journal.flatMap((entry) => (entry.kind === 'opened' ? [entry.target] : []));
        expect(new Set(opened).size).to.equal(opened.length);
        expect(stage.count('token')).to.equal(opened.length);
        expect(core.tokensLeft()).to.equal(tokens - opened.length);
        expect(opened.length).to.be.at.most(tokens);
        for (const one of ['a', 'b', 'c'])
          expect(core.conversation(one) !== undefined).to.equal(opened.includes(one), `${one} was opened`);
        // Every call that arrives is answered or lost, once, and what has no effect leaves no trace of one.
        const calls = [...new Set(core.journal.map((entry) => entry.call))].map((n) =>
          core.journal.filter((entry) => entry.call === n),
        );
        for (const entries of calls) {
          const kinds = entries.map(({ kind }) => kind);
          const ends = kinds.filter((kind) => kind === 'answered' || kind === 'lost').length;
          const struck = entries.find((entry) => entry.kind === 'fault');
          expect(ends).to.equal(struck?.kind === 'fault' && struck.fault === 'drop' ? 0 : 1);
          if (struck?.kind === 'fault' && !EFFECTIVE[struck.fault as OneOf]) expect(kinds).not.to.include('said');
          if (kinds.includes('replied'))
            expect(kinds.some((kind) => kind === 'said' || kind === 'asked')).to.equal(true);
        }
        expect(answers.filter(({ answer }) => answer !== undefined && !answer.cut)).to.have.length(
          stage.count('answered'),
        );
      }),
    );
  });
});
