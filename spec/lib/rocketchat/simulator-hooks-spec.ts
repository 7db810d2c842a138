import { expect } from 'chai';
import fc from 'fast-check';
import type { RocketchatCoreConfig } from 'tidewire/simulators';
import { ask, HOOK, Receiver, rest, stage, type Payload } from './simulated-desk.js';

const hooked = (config: RocketchatCoreConfig = {}) => stage({ webhook: HOOK, ...config });
const only = (...events: NonNullable<RocketchatCoreConfig['webhook']>['events'] & object) => ({
  webhook: { ...HOOK, events },
});
const tries = ({ core }: ReturnType<typeof stage>): readonly (readonly number[])[] =>
  core.journal.flatMap((entry) => (entry.kind === 'hooked' ? [[entry.attempt, entry.status]] : []));

/** Which answers a version tries again, and how often. */
const RULES = {
  '7.10.0': { tries: 10, isRetried: (status: number) => status !== 200 },
  '8.8.0': { tries: 5, isRetried: (status: number) => status <= 0 || status === 429 || status >= 500 },
} as const;

describe('webhooks of rocketchatCore', () => {
  it('tell the life of a room', () => {
    const { core, receiver, bot, mira } = hooked();
    const kim = core.visitor('Kim', { department: 'Sales' });
    const id = kim.say('Hello?');
    const rid = kim.open();
    bot.take(rid);
    bot.say(rid, 'Hello!');
    kim.edit(id, 'Hello');
    bot.forward(rid, { department: 'Second line' });
    mira.take(rid);
    mira.close(rid, 'bye');
    expect(receiver.types).to.deep.equal([
      'LivechatSessionStart',
      'LivechatSessionQueued',
      'Message',
      'LivechatSessionTaken',
      'Message',
      'Message',
      'LivechatSessionForwarded',
      'LivechatSessionTaken',
      'LivechatSession',
    ]);
    const [, , first, , answer, edit, forwarded] = receiver.posts.map(({ body }) => body);
    const message = (body: Payload | undefined) => (body?.['messages'] as Payload[])[0];
    expect(message(first)).to.include({ _id: id, msg: 'Hello?' }).and.not.to.have.property('agentId');
    expect(message(answer)).to.include({ agentId: bot.id });
    expect(message(edit)).to.include({ _id: id, msg: 'Hello' }).and.to.have.property('editedAt');
    expect(forwarded)
      .to.include({ departmentId: 'second', oldDepartmentId: 'sales' })
      .and.not.to.have.property('agent');
    const { messages } = receiver.posts.at(-1)?.body as { messages: Payload[] };
    expect(messages.map(({ msg, closingMessage }) => closingMessage ?? msg)).to.deep.equal(['Hello', 'Hello!', true]);
  });

  it('say what is on', () => {
    const { core, receiver, bot } = hooked(only('agentMessage', 'close'));
    const kim = core.visitor('Kim');
    kim.say('x');
    bot.take(kim.rid);
    bot.say(kim.open(), 'y');
    kim.close();
    expect(receiver.types).to.deep.equal(['Message', 'LivechatSession']);
    const { core: silent, receiver: nobody } = stage();
    silent.visitor('Kim').say('x');
    expect(nobody.posts).to.deep.equal([]);
  });

  it('leave out the text of a file without words, and give blocks as text', () => {
    const { core, receiver, bot } = hooked(only('visitorMessage', 'agentMessage'));
    const kim = core.visitor('Kim');
    kim.upload({ name: 'a.pdf', type: 'application/pdf', bytes: new Uint8Array([1]) });
    const rid = kim.open();
    bot.take(rid);
    const blocks = [{ type: 'section' }];
    rest(core, 'POST', 'chat.sendMessage', { as: 'helper.bot', body: { message: { rid, msg: '', blocks } } });
    const [file, block] = receiver.posts.map(({ body }) => (body['messages'] as Payload[])[0]);
    expect(file).to.have.property('fileUpload').and.to.have.property('publicFilePath');
    expect(file).not.to.have.property('msg');
    expect(block).to.include({ msg: JSON.stringify(blocks) });
  });

  it('notice leads, edits of closed rooms, and offline messages', () => {
    const { core, receiver, mira } = hooked(only('capture', 'offline'));
    const kim = core.visitor('Kim');
    kim.say('write to kim@mail.example');
    kim.say('or call +49 30 5550100');
    kim.say('order 7');
    const rid = kim.open();
    mira.take(rid);
    kim.close();
    const body = { guestData: { _id: kim.id }, roomData: { _id: rid, topic: 'x' } };
    rest(core, 'POST', 'livechat/room.saveInfo', { as: 'mira', body });
    rest(core, 'POST', 'livechat/offline.message', { body: { name: 'x', email: 'a@b.example', message: 'y' } });
    expect(receiver.types).to.deep.equal(['LeadCapture', 'LeadCapture', 'LivechatEdit', 'LivechatOfflineMessage']);
  });

  it('bring the answer of an earlier one', () => {
    const { core, receiver } = hooked(only('visitorMessage'));
    const kim = core.visitor('Kim');
    kim.say('a');
    kim.say('b');
    expect(receiver.posts.map(({ body }) => body['crmData'])).to.deep.equal([undefined, 'ok']);
  });

  it('have what was true when they were made', () => {
    const { core, receiver, clock } = hooked(only('visitorMessage'));
    receiver.statuses = [500];
    const kim = core.visitor('Kim');
    kim.edit(kim.say('a'), 'b');
    clock.advance(20_000);
    expect(receiver.posts.map(({ body }) => (body['messages'] as Payload[])[0]?.['msg'])).to.deep.equal([
      'a',
      'b',
      'a',
    ]);
  });

  for (const [version, { tries: most, isRetried }] of Object.entries(RULES))
    describe(`of ${version}`, () => {
      it(`are tried until 200, ${most} times at most, 20 s apart`, () => {
        const statuses = fc.array(fc.constantFrom(0, -1, 200, 201, 204, 302, 400, 404, 429, 500, 503), {
          maxLength: 12,
        });
        fc.assert(
          fc.property(statuses, (given) => {
            const desk = hooked({ version, ...only('start') });
            desk.receiver.statuses = [...given];
            desk.core.visitor('Kim').open();
            desk.clock.advance(600_000);
            const all = [...given, 200];
            const end = all.findIndex((status, n) => !isRetried(status) || n === most - 1);
            const wanted = all.slice(0, end + 1).map((status, n) => [n + 1, Math.max(0, status)]);
            expect(tries(desk)).to.deep.equal(wanted);
            const hasArrived = all[end] === 200;
            expect(desk.core.journal.filter(({ kind }) => kind === 'gaveUp')).to.have.length(hasArrived ? 0 : 1);
          }),
        );
      });

      it('wait four times as long as they wait for an answer', () => {
        const desk = hooked({ version, ...only('start') });
        desk.receiver.statuses = [500, -1];
        desk.core.visitor('Kim').open();
        desk.clock.advance(19_999);
        expect(desk.receiver.posts).to.have.length(1);
        desk.clock.advance(1);
        expect(desk.receiver.posts).to.have.length(2);
        desk.clock.advance(24_999);
        expect(desk.receiver.posts).to.have.length(2);
        desk.clock.advance(1);
        expect(desk.receiver.posts).to.have.length(3);
      });

      it('are forgotten by a restart', () => {
        const desk = hooked({ version, ...only('start') });
        desk.receiver.statuses = [500];
        desk.core.visitor('Kim').open();
        desk.core.restart();
        desk.clock.advance(600_000);
        expect(desk.receiver.posts).to.have.length(1);
      });
    });

  it('hold the answer to a message in older versions, until the first try has ended', () => {
    for (const [version, isHeld] of [
      ['7.10.0', true],
      ['8.8.0', false],
    ] as const) {
      const { core, receiver, clock } = hooked({ version, ...only('visitorMessage') });
      const kim = core.visitor('Kim');
      const rid = kim.open();
      receiver.statuses = [-1];
      const waiting = ask(core, 'POST', 'livechat/message', { body: { token: kim.token, rid, msg: 'x' } });
      expect(core.seenIn(rid)).to.deep.equal(['x']);
      expect(waiting.reply === undefined).to.equal(isHeld);
      clock.advance(5_000);
      expect(waiting.reply).to.include({ status: 200 });
    }
  });

  describe('go wrong', () => {
    const say = (...faults: readonly object[]) => {
      const desk = hooked(only('visitorMessage'));
      Object.assign(desk.core.faults.hook, ...faults);
      const kim = desk.core.visitor('Kim');
      for (const text of ['a', 'b']) kim.say(text);
      const arrived = () => desk.receiver.posts.map(({ body }) => (body['messages'] as Payload[])[0]?.['msg']).join('');
      return { ...desk, arrived };
    };

    it('lost, doubled, late, or in another order', () => {
      expect(say({ lose: 1 }).arrived()).to.equal('b');
      expect(say({ duplicate: 1, copies: 10 }).arrived()).to.equal(`${'a'.repeat(10)}b`);
      expect(say({ reorder: 1 }).arrived()).to.equal('ba');
      const late = say({ delay: 1, delayMs: 50 });
      expect(late.arrived()).to.equal('b');
      late.clock.advance(50);
      expect(late.arrived()).to.equal('ba');
    });

    it('or arrive, and are tried again all the same', () => {
      const desk = say({ deaf: 1 });
      desk.clock.advance(20_000);
      expect(desk.arrived()).to.equal('aba');
      expect(tries(desk)).to.deep.equal([
        [1, 0],
        [1, 200],
        [2, 200],
      ]);
    });

    it('where they are meant', () => {
      const desk = say({ lose: 9, only: ({ body }: { body: Payload }) => JSON.stringify(body).includes('"msg":"b"') });
      expect(desk.arrived()).to.equal('a');
    });
  });

  it('go nowhere without a way out', () => {
    const receiver = new Receiver();
    const desk = hooked({ ...only('start'), post: receiver.post });
    desk.core.setWebhook();
    desk.core.visitor('Kim').open();
    expect(receiver.posts).to.deep.equal([]);
  });
});
