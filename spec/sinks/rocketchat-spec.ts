import { inspect } from 'node:util';
import { expect } from 'chai';
import { from, lastValueFrom, of, Subject, tap, toArray } from 'rxjs';
import {
  ChatError,
  choiceBook,
  fallbackToText,
  ownership,
  profiles,
  retryDelivery,
  unknown,
  type Conversation,
  type OutboundAction,
  type Receipt,
  type Reply,
} from 'tidewire';
import {
  messageIdOf,
  rocketchatButtons,
  rocketchatClient,
  rocketchatReconcile,
  toRocketChat,
  type RocketchatClient,
  type ToRocketChatConfig,
} from 'tidewire/rocketchat';
import { rocketchatSimulator, type RocketchatSimulator, type RocketchatSimulatorConfig } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { eventually } from '../support/eventually.js';
import { sampleActions } from '../support/sample-actions.js';

const SALES = '66fa01c7d2a9b3e4f5061728';
const SECOND = '66fa01c7d2a9b3e4f5061999';
const TOKEN = 'visitor-Dana';
const PASSWORD = 'corr3ct-horse';
const TEXT = 'text-7be1f0';
const PNG = 'data:image/png;base64,iVBORw==';

const at = (id: string): Conversation => ({ platform: 'rocketchat', id, channel: 'livechat' });
const statusOf = (receipt: Receipt): string => (receipt.status === 'skipped' ? receipt.reason : receipt.status);
const errorOf = (receipt: Receipt | undefined): ChatError => {
  if (receipt?.status !== 'failed' && receipt?.status !== 'unknown') throw new Error('expected a failure');
  return receipt.error;
};

for (const version of ['8.8.0', '7.13.0'])
  describe(`toRocketChat, to a server of version ${version}`, () => {
    let simulator: RocketchatSimulator;
    let client: RocketchatClient;
    let dana: ReturnType<RocketchatSimulator['visitor']>;
    let rid = '';
    const isNew = version.startsWith('8');

    const start = async (
      config: RocketchatSimulatorConfig = {},
      roles: readonly string[] = ['user', 'bot', 'livechat-agent', 'livechat-manager'],
    ): Promise<void> => {
      simulator = await rocketchatSimulator({
        version,
        accounts: [
          {
            username: 'helper.bot',
            password: PASSWORD,
            roles,
            status: 'online',
          },
          { username: 'mira', name: 'Mira', status: 'online' },
        ],
        departments: [
          { id: SALES, name: 'Sales', agents: ['helper.bot', 'mira'] },
          { id: SECOND, name: 'Second line', agents: ['mira'] },
        ],
        rateLimits: false,
        ...config,
      });
      client = rocketchatClient({
        url: simulator.url,
        user: 'helper.bot',
        password: PASSWORD,
        lingerMs: 0,
        timeoutMs: 2_000,
        requestTimeoutMs: 2_000,
      });
      dana = simulator.visitor('Dana', { department: SALES });
      rid = dana.open();
      simulator.agent('helper.bot').take(rid);
    };
    const stop = async (): Promise<void> => {
      client.disconnect();
      await simulator.close();
    };
    beforeEach(async () => start());
    afterEach(async () => stop());

    let count = 0;
    const act = (reply: Reply, id = `a${++count}`, room = rid): OutboundAction => ({
      ...reply,
      id,
      conversation: at(room),
    });
    const send = async (
      actions: OutboundAction | readonly OutboundAction[],
      config: Partial<ToRocketChatConfig> = {},
    ): Promise<readonly Receipt[]> => {
      const whole = { client, as: 'agent', ...config } as ToRocketChatConfig;
      return lastValueFrom(from([actions].flat()).pipe(toRocketChat(whole), toArray()));
    };
    const one = async (reply: Reply, config?: Partial<ToRocketChatConfig>): Promise<Receipt> =>
      (await send(act(reply), config))[0]!;
    const asVisitor = { as: 'visitor', tokenOf: () => TOKEN, nameOf: () => 'guest' } as const;
    const messages = () => simulator.core.journal.filter((entry) => entry.kind === 'posted' && entry.rid === rid);
    const requests = (route: string) =>
      simulator.core.journal.filter((entry) => entry.kind === 'requested' && entry.route === route);

    it('says, changes and takes back, with ids that are made of those of the actions', async () => {
      const [said] = await send(act({ kind: 'text', text: 'one' }, 'e1#1'));
      expect(said).to.deep.include({ status: 'delivered', messageIds: [messageIdOf('e1#1')] });
      const messageId = messageIdOf('e1#1');
      const changed = await one({ kind: 'edit', messageId, text: 'two' });
      expect(changed).to.deep.include({ status: 'delivered', messageIds: [messageId] });
      expect(dana.shows(rid)).to.deep.equal(['two']);
      expect(await one({ kind: 'remove', messageId })).to.deep.include({ status: 'delivered', messageIds: [] });
      expect(dana.shows(rid)).to.deep.equal([]);
    });

    it('speaks as the visitor whose conversation it is', async () => {
      const [said] = await send(act({ kind: 'text', text: 'hello' }, 'e2#1'), asVisitor);
      expect(said).to.deep.include({ status: 'delivered', messageIds: [messageIdOf('e2#1')] });
      expect(simulator.agent('helper.bot').sees(rid)).to.deep.equal(['hello']);
      await one({ kind: 'media', media: { url: PNG, name: 'a.png' }, caption: 'see' }, asVisitor);
      expect(messages().at(-1)).to.include({ side: 'visitor', text: 'see' });
      expect(statusOf(await one({ kind: 'typing' }, asVisitor))).to.equal('delivered');
      expect(statusOf(await one({ kind: 'handoff', to: { kind: 'department', id: SECOND } }, asVisitor))).to.equal(
        'delivered',
      );
      expect(statusOf(await one({ kind: 'end' }, asVisitor))).to.equal('delivered');
      const foreign = await one({ kind: 'text', text: TEXT }, { as: 'visitor', tokenOf: () => 'somebody-else' });
      expect(errorOf(foreign)).to.include({ kind: 'refused', reason: 'invalid-token' });
      expect(statusOf(await one({ kind: 'text', text: 'x' }, { as: 'visitor', tokenOf: () => undefined }))).to.equal(
        'unsupported',
      );
      expect(statusOf(await one({ kind: 'text', text: 'x' }, { as: 'visitor', tokenOf: () => [] }))).to.equal(
        'unsupported',
      );
    });

    it('sends files: of an address, of the program, of the server', async () => {
      const [first] = await send(act({ kind: 'media', media: { url: PNG, name: 'map.png' }, caption: 'the way' }));
      expect(first).to.have.property('status', 'delivered');
      const [id] = first?.status === 'delivered' ? first.messageIds : [];
      const media = (await lastValueFrom(client.message(id ?? ''))).media[0];
      expect(media).to.include({ name: 'map.png', mimeType: 'image/png', sizeBytes: 4 });
      expect(dana.shows(rid)).to.deep.equal(['the way']);
      expect(statusOf(await one({ kind: 'media', media: media! }))).to.equal('delivered');
      const mine = { bytes: Uint8Array.of(1, 2), name: 'plan.pdf', mimeType: 'application/pdf' };
      const files = () => of(mine);
      expect(statusOf(await one({ kind: 'media', media: { url: 'urn:plan' } }, { files }))).to.equal('delivered');
      expect(messages().at(-1)).to.include({ text: 'plan.pdf' });
      const { fileId } = await lastValueFrom(client.uploadMedia(rid, mine));
      expect(statusOf(await one({ kind: 'media', media: { fileId } }))).to.equal('delivered');
      const tooLarge = await one({ kind: 'media', media: { url: PNG } }, { maxFileBytes: 3 });
      expect(errorOf(tooLarge)).to.include({ kind: 'overflow', retryable: false });
      expect(statusOf(await one({ kind: 'media', media: { url: 'http://127.0.0.1/a' } }))).to.equal('unsupported');
      expect(statusOf(await one({ kind: 'media', media: {} }))).to.equal('unsupported');
    });

    it('copies a message, or its file, into another room', async () => {
      const lev = simulator.visitor('Lev', { department: SALES });
      const to = at(lev.open());
      const [said] = await send(act({ kind: 'text', text: 'as I said' }));
      const messageId = said?.status === 'delivered' ? said.messageIds[0]! : '';
      expect(statusOf(await one({ kind: 'forward', messageId, to }))).to.equal('delivered');
      const [sent] = await send(act({ kind: 'media', media: { url: PNG, name: 'a.png' } }));
      const file = sent?.status === 'delivered' ? sent.messageIds[0]! : '';
      expect(statusOf(await one({ kind: 'forward', messageId: file, to }))).to.equal('delivered');
      expect(lev.sees()).to.deep.equal(['as I said', 'a.png']);
      expect(statusOf(await one({ kind: 'forward', messageId, to: { ...to, platform: 'userlike' } }))).to.equal(
        'unsupported',
      );
      expect(errorOf(await one({ kind: 'forward', messageId: 'nothing', to })).kind).to.equal('refused');
    });

    it('writes choices out, or shows buttons', async () => {
      const choices = sampleActions(at(rid)).choices;
      expect(await one(choices)).to.deep.include({ status: 'skipped', reason: 'unsupported' });
      const whole = { client, as: 'agent' } as const;
      const written = await lastValueFrom(of(act(choices)).pipe(fallbackToText(), toRocketChat(whole), toArray()));
      expect(written.map(statusOf)).to.deep.equal(['delivered']);
      expect(dana.shows(rid)[0]).to.match(/^When do you come\?\n+1.*Today\n2.*Later/s);
      const known = { profiles: [rocketchatButtons, ...profiles], book: choiceBook() };
      const shown = of(act(choices)).pipe(
        fallbackToText(known),
        toRocketChat({ ...whole, hasButtons: true }),
        toArray(),
      );
      expect((await lastValueFrom(shown)).map(statusOf)).to.deep.equal(['delivered']);
      const extra = messages().at(-1);
      expect(JSON.stringify(extra)).to.include('"msg_in_chat_window":true');
      const offer = await lastValueFrom(known.book.open(at(rid)));
      expect(offer?.options.map(({ label }) => label)).to.deep.equal(['Today', 'Later']);
    });

    describe('shows that somebody is typing', () => {
      const marks = () =>
        simulator.core.journal.flatMap((entry) => (entry.kind === 'typing' ? [entry.activities.length > 0] : []));

      it('until the message comes, also when that fails', async () => {
        const typing = () => act({ kind: 'typing' });
        await send([typing(), act({ kind: 'text', text: 'hello' }), typing()]);
        expect(marks()).to.deep.equal([true, false, true, false]);
        await send([typing(), act({ kind: 'text', text: ' ' }), typing()], asVisitor);
        expect(marks().slice(4)).to.deep.equal([true, false, true, false]);
      });

      it('for as long as it is told, and not beyond the end', async () => {
        const clock = virtualClock();
        const actions = new Subject<OutboundAction>();
        const receipts: Receipt[] = [];
        let isOver = false;
        actions.pipe(toRocketChat({ client, as: 'agent', scheduler: clock })).subscribe({
          next: (receipt) => receipts.push(receipt),
          error: (error: unknown) => expect.fail(String(error)),
          complete: () => (isOver = true),
        });
        const shown = async (...wanted: readonly boolean[]) =>
          eventually('it is shown', () => marks().join() === wanted.join(), { state: marks });
        actions.next(act({ kind: 'typing', forMs: 500 }));
        await shown(true);
        clock.advance(499);
        // What comes after it has a look at what was shown meanwhile.
        actions.next(act({ kind: 'note', text: 'x' }));
        await eventually('the note is kept', () => receipts.length === 2);
        expect(marks()).to.deep.equal([true]);
        clock.advance(1);
        await shown(true, false);
        actions.next(act({ kind: 'typing' }));
        await shown(true, false, true);
        clock.advance(60_000);
        await shown(true, false, true, false);
        actions.next(act({ kind: 'typing' }));
        await shown(true, false, true, false, true);
        actions.complete();
        await shown(true, false, true, false, true, false);
        await eventually('all is over', () => isOver);
        expect(receipts.map(statusOf)).to.deep.equal(receipts.map(() => 'delivered'));
      });

      it('unless that has to wait, which the message does not', async () => {
        const clock = virtualClock();
        simulator.faults.method.only = ({ method }) => method === 'stream-notify-room';
        simulator.faults.method.lose = 1;
        const receipts: Receipt[] = [];
        from([act({ kind: 'typing' }), act({ kind: 'text', text: 'hello' })])
          .pipe(toRocketChat({ client, as: 'agent', scheduler: clock }))
          .subscribe({
            next: (receipt) => receipts.push(receipt),
            error: (error: unknown) => expect.fail(String(error)),
          });
        await eventually('it is asked for', () => simulator.faults.method.lose === 0);
        clock.advance(2_999);
        expect(receipts).to.deep.equal([]);
        clock.advance(1);
        await eventually('all have a receipt', () => receipts.length === 2);
        expect(receipts.map(statusOf)).to.deep.equal(['superseded', 'delivered']);
      });
    });

    it('keeps a note, and what is known of visitor and room', async () => {
      expect(statusOf(await one({ kind: 'note', text: 'comes often' }))).to.equal('delivered');
      expect(statusOf(await one({ kind: 'updateContact', name: 'Dana Okoro' }))).to.equal('delivered');
      expect(statusOf(await one({ kind: 'updateConversation', topics: ['parcel'] }))).to.equal('delivered');
      const known = async () => lastValueFrom(client.room(rid));
      expect(await known()).to.deep.include({ topic: 'comes often', tags: ['parcel'] });
      // The server takes away the tags that are not named.
      expect(statusOf(await one({ kind: 'note', text: 'in a hurry' }))).to.equal('delivered');
      expect(statusOf(await one({ kind: 'updateContact', email: 'dana@mail.example' }))).to.equal('delivered');
      expect(await known()).to.deep.include({ topic: 'in a hurry', tags: ['parcel'] });
      expect(statusOf(await one({ kind: 'updateConversation', topics: [] }))).to.equal('delivered');
      expect(await known()).to.deep.include({ topic: 'in a hurry', tags: [] });
      simulator.agent('helper.bot').close(rid);
      expect(statusOf(await one({ kind: 'note', text: 'late' }))).to.equal('delivered');
      expect(await known()).to.deep.include({ topic: 'late', isOpen: false });
      const nowhere = await send(act({ kind: 'note', text: 'x' }, undefined, 'noRoom'));
      expect(errorOf(nowhere[0])).to.include({ kind: 'refused', reason: 'error-room-not-found' });
    });

    it('makes any other request, and none that it does not know', async () => {
      const read = await one({ kind: 'platform', name: 'subscriptions.read', payload: { rid } });
      expect(statusOf(read)).to.equal('delivered');
      expect(errorOf(await one({ kind: 'platform', name: 'nothing', payload: {} })).kind).to.equal('refused');
      for (const name of ['../logout', 'livechat/../../logout', '/livechat/rooms', 'a?b'])
        expect(statusOf(await one({ kind: 'platform', name, payload: {} })), name).to.equal('unsupported');
      const all = sampleActions(at(rid));
      for (const kind of ['cards', 'links', 'navigate', 'survey', 'release', 'openConversation', 'dispatch'] as const)
        expect(statusOf(await one(all[kind])), kind).to.equal('unsupported');
      const elsewhere = { ...act({ kind: 'text', text: 'x' }), conversation: { ...at(rid), platform: 'userlike' } };
      expect((await send(elsewhere)).map(statusOf)).to.deep.equal(['unsupported']);
    });

    it('refuses before the wire what is empty, too long, or goes nowhere', async () => {
      const before = requests('chat.sendMessage').length;
      expect(statusOf(await one({ kind: 'text', text: ' \n' }))).to.equal('unsupported');
      const long = await one({ kind: 'text', text: 'x'.repeat(5_001) });
      expect(errorOf(long)).to.include({ kind: 'overflow', retryable: false });
      // Servers leave it to visitors how much they write, unless they are told otherwise.
      expect(statusOf(await one({ kind: 'text', text: 'x'.repeat(5_001) }, asVisitor))).to.equal('delivered');
      const short = await one({ kind: 'text', text: 'long' }, { ...asVisitor, maxTextLength: 3 });
      expect(errorOf(short)).to.include({ kind: 'overflow' });
      expect((await send(act({ kind: 'text', text: 'x' }, 'n1', ''))).map(statusOf)).to.deep.equal(['unsupported']);
      expect(requests('chat.sendMessage')).to.have.length(before);
    });

    it('sends nothing to a conversation that somebody else has', async () => {
      const desk = ownership();
      await lastValueFrom(desk.handOver(at(rid), 'h1'));
      await lastValueFrom(desk.taken(at(rid)), { defaultValue: undefined });
      expect(statusOf(await one({ kind: 'text', text: 'x' }, { desk }))).to.equal('muted');
      expect(statusOf(await one({ kind: 'note', text: 'x' }, { desk }))).to.equal('delivered');
    });

    describe('gives a room away', () => {
      const handoff = async (to: Extract<Reply, { readonly kind: 'handoff' }>['to']): Promise<Receipt> =>
        one({ kind: 'handoff', to, comment: 'needs a person' });

      it('to an agent, to a department, and back to the queue, and looks whether it is there', async () => {
        const mira = simulator.agent('mira');
        expect(statusOf(await handoff({ kind: 'agent', id: mira.id }))).to.equal('delivered');
        expect(mira.serves).to.deep.equal([rid]);
        expect(statusOf(await handoff({ kind: 'agent', id: mira.id })), 'again').to.equal('delivered');
        expect(statusOf(await handoff({ kind: 'department', id: SECOND }))).to.equal('delivered');
        expect(statusOf(await handoff({ kind: 'department', id: SECOND })), 'again').to.equal('delivered');
        expect(mira.serves).to.deep.equal([]);
        mira.take(rid);
        expect(statusOf(await handoff({ kind: 'any' }))).to.equal('delivered');
        expect(mira.serves).to.deep.equal([]);
        expect(statusOf(await handoff({ kind: 'any' })), 'again').to.equal('delivered');
        // A room that waits is taken for the agent.
        expect(statusOf(await handoff({ kind: 'agent', id: mira.id }))).to.equal('delivered');
        expect(mira.serves).to.deep.equal([rid]);
        expect(statusOf(await handoff({ kind: 'skills', skills: [1] }))).to.equal('unsupported');
      });

      it('back to the queue, where somebody else may take it at once', async () => {
        const mira = simulator.agent('mira');
        const takes = (by: typeof mira): RocketchatClient =>
          new Proxy(client, {
            get: (target, name) => {
              if (name === 'returnToQueue')
                return (id: string) => target.returnToQueue(id).pipe(tap(() => by.take(id)));
              const found: unknown = Reflect.get(target, name, target);
              return typeof found === 'function' ? (found.bind(target) as unknown) : found;
            },
          });
        const any: Reply = { kind: 'handoff', to: { kind: 'any' } };
        expect(statusOf(await one(any, { client: takes(mira) }))).to.equal('delivered');
        expect(mira.serves).to.deep.equal([rid]);
        // In doubt, it is not taken away from whoever has it by now.
        const read = rocketchatReconcile({ client, as: 'agent' });
        const error = new ChatError('unreachable', 'rocketchat', 'lost', { inDoubt: true });
        const found = await lastValueFrom(from(read(unknown(act(any), new Date().toISOString(), error))));
        expect(found).to.have.property('status', 'delivered');
        const ours = await one(any, { client: takes(simulator.agent('helper.bot')) });
        expect(errorOf(ours)).to.include({ kind: 'conflict', reason: 'backToUs' });
      });

      it('unless there is nobody of that name, or the room is closed', async () => {
        expect(errorOf(await handoff({ kind: 'agent', id: 'nobody' }))).to.include({
          kind: 'refused',
          retryable: false,
        });
        expect(errorOf(await handoff({ kind: 'department', id: 'nowhere' }))).to.include({ kind: 'refused' });
        dana.close();
        for (const to of [{ kind: 'agent', id: simulator.agent('mira').id }, { kind: 'any' }] as const)
          expect(errorOf(await handoff(to))).to.include({ kind: 'refused' });
      });

      it('inquiry taken by someone else at the same moment: it is a conflict, whether or not the server says so', async () => {
        const { race } = simulator.faults;
        const lev = simulator.visitor('Lev', { department: SALES });
        const room = lev.open();
        const us = simulator.agent('helper.bot').id;
        const take = async () =>
          (await send(act({ kind: 'handoff', to: { kind: 'agent', id: us } }, undefined, room)))[0];
        race.take = 1;
        expect(errorOf(await take())).to.include({ kind: 'conflict', reason: 'error-inquiry-taken', inDoubt: false });
        const ida = simulator.visitor('Ida', { department: SALES });
        const other = ida.open();
        race.snatch = 1;
        const [receipt] = await send(act({ kind: 'handoff', to: { kind: 'agent', id: us } }, undefined, other));
        expect(errorOf(receipt)).to.include({ kind: 'conflict', reason: 'takenByOther' });
        // Who was faster is who was meant.
        const kim = simulator.visitor('Kim', { department: SALES });
        const third = kim.open();
        race.take = 1;
        race.by = 'mira';
        const meant = { kind: 'agent', id: simulator.agent('mira').id } as const;
        expect((await send(act({ kind: 'handoff', to: meant }, undefined, third))).map(statusOf)).to.deep.equal([
          'delivered',
        ]);
      });
    });

    describe('ends a room', () => {
      it('with the comment that servers ask for, once', async () => {
        expect(statusOf(await one({ kind: 'end', comment: 'solved' }))).to.equal('delivered');
        expect(simulator.journal.find(({ kind }) => kind === 'closed')).to.include({ comment: 'solved' });
        expect(statusOf(await one({ kind: 'end' })), 'again').to.equal('delivered');
        const lev = simulator.visitor('Lev', { department: SALES });
        simulator.agent('helper.bot').take(lev.open());
        await send(act({ kind: 'end' }, undefined, lev.rid), { closingComment: 'bye' });
        expect(simulator.journal.filter(({ kind }) => kind === 'closed').at(-1)).to.include({ comment: 'bye' });
      });

      it('room closed while a reply is on its way: it says so', async () => {
        for (const config of [{ as: 'agent' }, asVisitor] as const) {
          simulator.faults.race.close = 1;
          const [receipt, ...others] = await send([act({ kind: 'text', text: TEXT })], config);
          expect(others).to.deep.equal([]);
          expect(errorOf(receipt)).to.include({
            kind: 'refused',
            reason: 'room-closed',
            retryable: false,
            inDoubt: false,
          });
          rid = dana.open();
          simulator.agent('helper.bot').take(rid);
        }
      });
    });

    describe('of which it opens a new one for a visitor, when it is asked to,', () => {
      const reopening = { ...asVisitor, reopens: true } as const;
      const opened = () => simulator.journal.filter(({ kind }) => kind === 'opened').length;

      it('says there what comes, and the same again', async () => {
        dana.close();
        const [first, file, second] = await send(
          [
            act({ kind: 'text', text: 'still there?' }),
            act({ kind: 'media', media: { url: PNG, name: 'a.png' } }),
            act({ kind: 'text', text: 'hello?' }),
          ],
          reopening,
        );
        expect([first, file, second].map((receipt) => statusOf(receipt!))).to.deep.equal(Array(3).fill('delivered'));
        expect(dana.rid).not.to.equal(rid);
        expect(simulator.agent('mira').sees(dana.rid ?? '')).to.deep.equal(['still there?', 'a.png', 'hello?']);
        expect(opened()).to.equal(2);
        // It is asked for once.
        expect(requests('livechat/room')).to.have.length(1);
        dana.close();
        expect(statusOf(await one({ kind: 'media', media: { url: PNG, name: 'b.png' } }, reopening))).to.equal(
          'delivered',
        );
        expect(opened()).to.equal(3);
      });

      it('unless the room is of somebody else', async () => {
        const lev = simulator.visitor('Lev', { department: SALES });
        const room = lev.open();
        dana.close();
        for (const reply of [
          { kind: 'text', text: TEXT },
          { kind: 'media', media: { url: PNG, name: 'a.png' } },
        ] as const) {
          const [receipt] = await send(act(reply, undefined, room), reopening);
          expect(errorOf(receipt)).to.have.property('kind', 'refused');
        }
        expect(opened()).to.equal(2);
      });

      it('and finds what is in doubt there', async () => {
        dana.close();
        simulator.faults.rest.only = ({ route, body }) => route === 'livechat/message' && body['rid'] !== rid;
        simulator.faults.rest.resetAfter = 1;
        const whole = { client, ...reopening };
        const careful = retryDelivery(
          { reconcile: rocketchatReconcile(whole), delayMs: 1, maxDelayMs: 5 },
          toRocketChat(whole),
        );
        const receipts = await lastValueFrom(of(act({ kind: 'text', text: 'once' })).pipe(careful, toArray()));
        expect(receipts.map(statusOf)).to.deep.equal(['delivered']);
        expect(simulator.agent('mira').sees(dana.rid ?? '')).to.deep.equal(['once']);
      });
    });

    describe('when something goes wrong', () => {
      const only = (route: string) => (call: { readonly route: string }) => call.route === route;

      it('says that it is unknown, and finds out when it is asked to', async () => {
        const whole = { client, as: 'agent' } as const;
        const lost = { only: only('chat.sendMessage'), resetAfter: 1 };
        Object.assign(simulator.faults.rest, lost);
        expect(statusOf(await one({ kind: 'text', text: 'maybe' }))).to.equal('unknown');
        const careful = retryDelivery(
          { reconcile: rocketchatReconcile(whole), delayMs: 1, maxDelayMs: 5 },
          toRocketChat(whole),
        );
        for (const fault of ['resetAfter', 'resetBefore'] as const) {
          Object.assign(simulator.faults.rest, {
            only: only('chat.sendMessage'),
            resetAfter: 0,
            resetBefore: 0,
            [fault]: 1,
          });
          const action = act({ kind: 'text', text: fault });
          const receipts = await lastValueFrom(of(action).pipe(careful, toArray()));
          expect(receipts, fault).to.have.length(1);
          expect(receipts[0]).to.deep.include({ status: 'delivered', messageIds: [messageIdOf(action.id)] });
        }
        expect(dana.shows(rid)).to.deep.equal(['maybe', 'resetAfter', 'resetBefore']);
      });

      it('reads back edits, removals, handoffs and ends too, as the visitor as well', async () => {
        const said = await send(act({ kind: 'text', text: 'one' }));
        const messageId = said[0]?.status === 'delivered' ? said[0].messageIds[0]! : '';
        const careful = (config: ToRocketChatConfig) =>
          retryDelivery({ reconcile: rocketchatReconcile(config), delayMs: 1, maxDelayMs: 5 }, toRocketChat(config));
        const mira = simulator.agent('mira');
        const agent = { client, as: 'agent' } as const;
        const cases: readonly [ToRocketChatConfig, string, Reply][] = [
          [agent, 'chat.update', { kind: 'edit', messageId, text: 'two' }],
          [agent, 'chat.delete', { kind: 'remove', messageId }],
          [{ client, ...asVisitor }, 'livechat/message', { kind: 'text', text: 'hello' }],
          [agent, 'livechat/room.forward', { kind: 'handoff', to: { kind: 'agent', id: mira.id } }],
          [agent, 'livechat/room.closeByUser', { kind: 'end' }],
        ];
        const transfer = isNew ? 'livechat/visitor/department.transfer' : 'livechat/room.transfer';
        const asked: readonly [ToRocketChatConfig, string, Reply][] = [
          [{ client, ...asVisitor }, transfer, { kind: 'handoff', to: { kind: 'department', id: SECOND } }],
          [{ client, ...asVisitor }, transfer, { kind: 'handoff', to: { kind: 'department', id: SALES } }],
          [{ client, ...asVisitor }, 'livechat/room.close', { kind: 'end' }],
        ];
        for (const [config, route, reply] of cases)
          for (const fault of ['resetBefore', 'resetAfter'] as const) {
            Object.assign(simulator.faults.rest, { only: only(route), resetBefore: 0, resetAfter: 0, [fault]: 1 });
            const receipts = await lastValueFrom(of(act(reply)).pipe(careful(config), toArray()));
            expect(receipts.map(statusOf), `${route} ${fault}`).to.deep.equal(['delivered']);
          }
        expect(simulator.journal.filter(({ kind }) => kind === 'closed')).to.have.length(1);
        rid = dana.open();
        for (const [n, [config, route, reply]] of asked.entries()) {
          const fault = n === 0 ? 'resetBefore' : 'resetAfter';
          Object.assign(simulator.faults.rest, { only: only(route), resetBefore: 0, resetAfter: 0, [fault]: 1 });
          const receipts = await lastValueFrom(of(act(reply)).pipe(careful(config), toArray()));
          expect(receipts.map(statusOf), `${route} ${fault}`).to.deep.equal(['delivered']);
        }
        expect(simulator.journal.filter(({ kind }) => kind === 'closed')).to.have.length(2);
      });

      it('HTML error page from a proxy, server answers 200 with `success: false`: they are taken for what they are', async () => {
        const { rest } = simulator.faults;
        rest.only = only('chat.sendMessage');
        rest.page = 1;
        expect(errorOf(await one({ kind: 'text', text: TEXT }))).to.include({ reason: 'notRocketChat', status: 502 });
        rest.pageAfter = 1;
        expect(statusOf(await one({ kind: 'text', text: TEXT }))).to.equal('unknown');
        Object.assign(rest, { refuse: 1, refuseWith: 'error-not-allowed' });
        expect(errorOf(await one({ kind: 'text', text: TEXT }))).to.include({
          kind: 'refused',
          reason: 'error-not-allowed',
        });
      });

      it('login token expired: it is renewed once, and each action is sent once', async () => {
        expect(statusOf(await one({ kind: 'text', text: 'one' }))).to.equal('delivered');
        simulator.faults.rest.expire = 1;
        const receipts = await send(['two', 'three', 'four'].map((words) => act({ kind: 'text', text: words })));
        expect(receipts.map(statusOf)).to.deep.equal(['delivered', 'delivered', 'delivered']);
        expect(dana.shows(rid)).to.deep.equal(['one', 'two', 'three', 'four']);
      });

      it('rate limit hit on every route: the order of a room is kept meanwhile', async () => {
        await stop();
        const clock = virtualClock();
        await start({ scheduler: clock, callLimit: 2, rateLimits: true }, [
          'user',
          'livechat-agent',
          'livechat-manager',
        ]);
        client.disconnect();
        const FOREVER = 2 ** 31 - 1;
        const login = { user: 'helper.bot', password: PASSWORD } as const;
        const limits = { timeoutMs: FOREVER, requestTimeoutMs: FOREVER, maxWaitMs: FOREVER };
        client = rocketchatClient({ url: simulator.url, ...login, ...limits, scheduler: clock });
        const texts = ['one', 'two', 'three', 'four', 'five', 'six'];
        const said = texts.map((words) => act({ kind: 'text', text: words }));
        const edits = said.map(({ id }, n) => act({ kind: 'edit', messageId: messageIdOf(id), text: `${n}` }));
        const notes = [1, 2, 3].map((n) => act({ kind: 'note', text: `note ${n}` }));
        const all = [...said, ...edits, ...notes, act({ kind: 'end' })];
        const receipts: Receipt[] = [];
        from(all)
          .pipe(toRocketChat({ client, as: 'agent', scheduler: clock }))
          .subscribe({
            next: (receipt) => receipts.push(receipt),
            error: (error: unknown) => expect.fail(String(error)),
          });
        const meanwhile = (): void => {
          clock.advance(1_000);
        };
        await eventually('all have a receipt', () => receipts.length === all.length, { meanwhile });
        expect(receipts.map(statusOf)).to.deep.equal(receipts.map(() => 'delivered'));
        expect(receipts.map(({ action }) => action.id)).to.deep.equal(all.map(({ id }) => id));
        expect(dana.shows(rid)).to.deep.equal(['0', '1', '2', '3', '4', '5']);
        expect(clock.now()).to.be.above(60_000);
      });

      it('shows no token, password or text', async () => {
        const { rest } = simulator.faults;
        const receipts: Receipt[] = [];
        for (const config of [{ as: 'agent' }, asVisitor] as const)
          for (const fault of ['resetBefore', 'resetAfter', 'page', 'empty', 'refuse'] as const) {
            Object.assign(rest, { [fault]: 1 });
            receipts.push(
              ...(await send(
                [act({ kind: 'text', text: TEXT }), act({ kind: 'handoff', to: { kind: 'any' } })],
                config,
              )),
            );
            rest[fault] = 0;
          }
        expect(receipts.filter((receipt) => 'error' in receipt).length).to.be.above(5);
        for (const receipt of receipts) {
          if (!('error' in receipt)) continue;
          const shown = inspect(receipt.error, { depth: 9, showHidden: true }) + JSON.stringify(receipt.error);
          for (const secret of [TOKEN, PASSWORD, TEXT]) expect(shown).not.to.include(secret);
        }
      });
    });

    it('refuses wrong arguments at the call', () => {
      expect(() => toRocketChat({ client } as never)).to.throw(TypeError, 'as must be agent or visitor');
      expect(() => toRocketChat({ client, as: 'visitor' } as never)).to.throw(TypeError, 'tokenOf');
      expect(() => toRocketChat({ client, as: 'agent', maxFileBytes: 0 })).to.throw(RangeError, 'maxFileBytes');
      expect(() => toRocketChat({ client, as: 'agent', maxTextLength: NaN })).to.throw(RangeError, 'maxTextLength');
      expect(() => toRocketChat({ client, as: 'agent', concurrency: 0 })).to.throw(RangeError, 'concurrency');
      expect(() => rocketchatReconcile({ client } as never)).to.throw(TypeError, 'rocketchatReconcile');
    });
  });
