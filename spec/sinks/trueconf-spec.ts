import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { defer, EMPTY, lastValueFrom, of, Subject, throwError, toArray } from 'rxjs';
import {
  type ChatError,
  fallbackToText,
  openAccounts,
  ownership,
  react,
  text,
  profiles,
  type Conversation,
  type InboundEvent,
  type Media,
  type OutboundAction,
  type Receipt,
  type Reply,
} from 'tidewire';
import { trueconfSimulator, type TrueconfSimulator, type TrueconfSimulatorConfig } from 'tidewire/simulators';
import {
  fromTrueConf,
  toTrueConf,
  trueconfButtons,
  trueconfBreaks,
  trueconfClient,
  trueconfMention,
  type Seat,
  type ToTrueConfConfig,
  type TrueconfClient,
} from 'tidewire/trueconf';

const PASSWORD = 's3cret-42';
const PNG = Uint8Array.of(137, 80, 78, 71);
const TEXT = 'text-7be1f0';
const LONG = 'x'.repeat(4_097);

const at = (id: string): Conversation => ({ platform: 'trueconf', id, channel: 'trueconf' });
const statusOf = (receipt: Receipt): string => (receipt.status === 'skipped' ? receipt.reason : receipt.status);
const errorOf = (receipt: Receipt | undefined): ChatError => {
  if (receipt?.status !== 'failed' && receipt?.status !== 'unknown') throw new Error('expected a failure');
  return receipt.error;
};

describe('toTrueConf', () => {
  let simulator: TrueconfSimulator;
  let client: TrueconfClient;
  let mira: ReturnType<TrueconfSimulator['user']>;
  let chat = '';
  const servers: Server[] = [];

  const start = async (config: TrueconfSimulatorConfig = {}): Promise<void> => {
    simulator = await trueconfSimulator(config);
    client = trueconfClient({
      server: '127.0.0.1',
      port: simulator.port,
      secure: false,
      username: 'opsbot',
      password: PASSWORD,
      lingerMs: 0,
      reconnectMs: 1,
      maxReconnectMs: 5,
      jitterMs: 0,
      requestTimeoutMs: 2_000,
      receiveUnread: true,
    });
    mira = simulator.user('mira', { displayName: 'Mira Sample' });
    chat = mira.open();
  };
  const stop = async (): Promise<void> => {
    client.close();
    await simulator.close();
  };
  const restart = async (config: TrueconfSimulatorConfig): Promise<void> => {
    await stop();
    await start(config);
  };
  beforeEach(async () => start());
  afterEach(async () => {
    await stop();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  let number = 0;
  const action = (reply: Reply, conversation = at(chat)): OutboundAction => ({
    ...reply,
    id: `a${++number}`,
    conversation,
  });
  const sendAll = async (
    actions: readonly OutboundAction[],
    config: Partial<ToTrueConfConfig> = {},
  ): Promise<readonly Receipt[]> =>
    lastValueFrom(defer(() => actions).pipe(toTrueConf({ client, ...config }), toArray()));
  const send = async (
    reply: Reply,
    config: Partial<ToTrueConfConfig> = {},
    conversation = at(chat),
  ): Promise<Receipt> => {
    const [receipt] = await sendAll([action(reply, conversation)], config);
    if (receipt === undefined) throw new Error('there is no receipt');
    return receipt;
  };
  const called = (method: string) =>
    simulator.journal.flatMap((entry) => (entry.kind === 'called' && entry.method === method ? [entry.payload] : []));
  /** What each upload consisted of. */
  const uploads = (): readonly string[] =>
    simulator.journal.flatMap((entry) =>
      entry.kind === 'requested' && entry.route === 'upload'
        ? [entry.parts.map(({ name, fileName, type }) => `${name} ${fileName} ${type}`).join(', ')]
        : [],
    );
  /** A web server with one file. */
  const serve = async (body: Uint8Array, headers: Record<string, string> = {}): Promise<string> => {
    const server = createServer((_, response) => response.writeHead(200, headers).end(body));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const downloads = { allowHttpLoopback: true };

  describe('what it says', () => {
    it('is text in each format, answers, surveys, edits, removals and copies, with the ids of messages', async () => {
      const asked = mira.say('ping');
      const receipts = await sendAll([
        action({ kind: 'text', text: '<b>pong</b>', format: 'html', replyTo: asked }),
        action({ kind: 'text', text: '*pong*', format: 'markdown' }),
        action({ kind: 'survey', title: 'Lunch', survey: 'lunch_2026' }),
      ]);
      expect(receipts.map(statusOf)).to.deep.equal(['delivered', 'delivered', 'delivered']);
      const [first] = receipts;
      const [messageId = ''] = first?.status === 'delivered' ? first.messageIds : [];
      expect(called('sendMessage')[0]).to.deep.equal({
        chatId: chat,
        replyMessageId: asked,
        content: { text: '<b>pong</b>', parseMode: 'html' },
      });
      const group = mira.createGroup('Night shift', 'opsbot');
      mira.setRole(group, 'opsbot', 'admin');
      const more = await sendAll([
        action({ kind: 'edit', messageId, text: 'pong!' }),
        action({ kind: 'forward', messageId, to: at(group) }),
        action({ kind: 'remove', messageId }),
        action({ kind: 'platform', name: 'editChatTitle', payload: { chatId: group, title: 'Day shift' } }),
      ]);
      expect(more.map(statusOf)).to.deep.equal(['delivered', 'delivered', 'delivered', 'delivered']);
      expect(more.map((receipt) => (receipt.status === 'delivered' ? receipt.messageIds.length : -1))).to.deep.equal([
        1, 1, 0, 0,
      ]);
      expect(mira.sees(group)).to.have.length(1);
      expect(mira.shows(chat).join()).not.to.include('pong!');
    });

    it('is in order within a chat, whatever the order of the answers', async () => {
      const lev = simulator.user('lev').open();
      simulator.faults.request.only = ({ method, payload }) => method === 'sendMessage' && payload['chatId'] === chat;
      simulator.faults.request.delay = 1;
      simulator.faults.request.delayMs = 30;
      const receipts = await sendAll([
        action({ kind: 'text', text: '1' }),
        action({ kind: 'text', text: '2' }),
        action({ kind: 'text', text: 'other' }, at(lev)),
      ]);
      expect(receipts.map(({ action: { conversation } }) => conversation.id)).to.deep.equal([lev, chat, chat]);
      expect(mira.sees(chat)).to.deep.equal(['1', '2']);
    });

    it('is a personal chat, with what is said in it', async () => {
      const lev = simulator.user('lev');
      const receipt = await send({ kind: 'openConversation', with: 'lev', text: 'Hello' }, {}, at(''));
      expect(receipt.status === 'delivered' && receipt.messageIds.length).to.equal(1);
      expect(lev.sees()).to.deep.equal(['Hello']);
      expect(await send({ kind: 'openConversation', with: 'lev' }, {}, at(''))).to.deep.include({ messageIds: [] });
      const overflow = await send({ kind: 'openConversation', with: 'nora', text: LONG }, {}, at(''));
      expect(errorOf(overflow).kind).to.equal('overflow');
      expect(called('createP2PChat')).to.have.length(2);
    });

    it('is buttons and typing where the server has them, and a click is a choice', async () => {
      await restart({ version: '5.5.6.1' });
      const clicked = new Promise<InboundEvent>((resolve) => {
        fromTrueConf({ client, accounts: openAccounts({ unattendedMs: 50 }) }).subscribe((event) => {
          if (event.kind === 'choice') resolve(event);
        });
      });
      const offer: Reply = { kind: 'choices', text: 'Tea?', choices: [{ id: 'y', label: 'Yes' }] };
      const show = fallbackToText({ profiles: [trueconfButtons, ...profiles] });
      const receipts = await lastValueFrom(
        of(action({ kind: 'typing' }), action(offer)).pipe(show, toTrueConf({ client, hasButtons: true }), toArray()),
      );
      expect(receipts.map(statusOf)).to.deep.equal(['delivered', 'delivered']);
      const [, asked] = receipts;
      expect(called('sendMessage')).to.deep.equal([
        {
          chatId: chat,
          content: { text: 'Tea?', parseMode: 'text', buttons: [[{ label: 'Yes', type: 'command', command: 'y' }]] },
        },
      ]);
      mira.press(asked?.status === 'delivered' ? (asked.messageIds[0] ?? '') : '', 'y');
      expect(await clicked).to.deep.include({ choice: { id: 'y' }, conversation: at(chat) });
    });

    it('is numbered text where it has none', async () => {
      const offer: Reply = { kind: 'choices', text: 'Tea?', choices: [{ id: 'y', label: 'Yes' }] };
      const bare = await send(offer);
      expect(bare).to.deep.include({ status: 'skipped', reason: 'unsupported' });
      expect(bare.status === 'skipped' && bare.detail).to.include('fallbackToText()');
      const written = await lastValueFrom(of(action(offer)).pipe(fallbackToText(), toTrueConf({ client })));
      expect(written.status).to.equal('delivered');
      expect(mira.sees(chat)).to.deep.equal(['Tea?\n\n1. Yes\n\nPlease reply with a number.']);
    });

    it('is split by fallbackToText at the limit of its profile, and refused before the wire when it is not', async () => {
      expect(errorOf(await send({ kind: 'text', text: LONG }))).to.include({ kind: 'overflow', inDoubt: false });
      expect(called('sendMessage')).to.deep.equal([]);
      const parts = await lastValueFrom(
        of(action({ kind: 'text', text: 'word '.repeat(900).trim() })).pipe(
          fallbackToText(),
          toTrueConf({ client }),
          toArray(),
        ),
      );
      expect(parts.map(statusOf)).to.deep.equal(['delivered', 'delivered']);
    });
  });

  describe('its files', () => {
    const media = (given: Media, more: object = {}): Reply => ({ kind: 'media', media: given, ...more });

    it('are pictures with a preview, stickers, and documents', async () => {
      const url = await serve(PNG, { 'content-type': 'image/png' });
      const receipts = await sendAll(
        [
          action(media({ url: `${url}/a/pl%C3%A4n.png` }, { caption: 'Look' })),
          action(media({ url: `${url}/a`, mimeType: 'sticker/webp' })),
          action(media({ url, mimeType: 'application/pdf', name: 'plan.pdf' })),
          action(media({ url: `data:image/png;base64,${Buffer.from(PNG).toString('base64')}` })),
          action(media({ url: 'data:,hello%20there', name: 'a.txt' })),
        ],
        { downloads },
      );
      expect(receipts.map(statusOf)).to.deep.equal(Array(5).fill('delivered'));
      expect(uploads()).to.deep.equal([
        'file plän.png image/png, preview plän.png image/png',
        'file a sticker/webp, preview a image/webp',
        'file plan.pdf application/pdf',
        'file file.png image/png, preview file.png image/png',
        'file a.txt application/octet-stream',
      ]);
      expect(called('sendFile')[0]).to.have.deep.nested.property('content.caption', {
        text: 'Look',
        parseMode: 'text',
      });
    });

    it('that are too large for a preview are documents', async () => {
      const url = await serve(PNG, { 'content-type': 'image/png' });
      await send(media({ url }), { downloads, maxPreviewBytes: 3 });
      expect(uploads()).to.deep.equal(['file file.png image/png']);
    });

    it('come from where the program says, and from the server itself', async () => {
      const { fileId } = mira.upload({ name: 'plan.png', mimeType: 'image/png', bytes: PNG });
      const files = ({ url }: Media) =>
        url === 'store:1' ? [{ bytes: PNG, name: 'chart.png', preview: { bytes: PNG, name: 'small.png' } }] : undefined;
      const receipts = await sendAll([action(media({ url: 'store:1' })), action(media({ fileId }))], { files });
      expect(receipts.map(statusOf)).to.deep.equal(['delivered', 'delivered']);
      expect(uploads()).to.deep.equal([
        'file chart.png image/png, preview small.png image/png',
        'file plan.png image/png, preview plan.png image/png',
      ]);
    });

    it('come only from public places, whole, and not too large', async () => {
      const url = await serve(PNG);
      for (const [given, status] of [
        [{ url }, 'unsupported'],
        [{ url: 'file:///etc/passwd' }, 'unsupported'],
        [{ url: 'data:image/png;base64,%%' }, 'unsupported'],
        [{}, 'unsupported'],
        [{ url: `data:,${'x'.repeat(9)}` }, 'failed'],
        [{ url: `data:;base64,${'A'.repeat(16)}` }, 'failed'],
        [{ url: `data:,${'x'.repeat(99)}` }, 'failed'],
      ] as const)
        expect(statusOf(await send(media(given), { maxFileBytes: 8 })), JSON.stringify(given)).to.equal(status);
      const large = await send(media({ url }), { maxFileBytes: 3, downloads });
      expect(errorOf(large).kind).to.equal('overflow');
      const failing = await send(media({ url: 'store:1' }), { files: () => throwError(() => new Error('no store')) });
      expect(errorOf(failing)).to.include({ kind: 'refused', reason: 'exception' });
      expect(uploads()).to.deep.equal([]);
    });

    it('follow a caption that is too long for one', async () => {
      const receipt = await send(media({ url: 'data:,x', name: 'a.txt' }, { caption: `${'word '.repeat(900)}end` }));
      expect(receipt.status === 'delivered' && receipt.messageIds.length).to.equal(3);
      expect(mira.sees(chat).map((line) => line.slice(0, 4))).to.deep.equal([
        'word',
        'word',
        mira.sees(chat)[2]?.slice(0, 4),
      ]);
      expect(mira.sees(chat).slice(0, 2).join('')).to.equal(`${'word '.repeat(900)}end`);
    });

    it('that fail behind such a caption are in doubt, since it can be seen; before it they are not', async () => {
      const action = media({ url: 'data:,x', name: 'a.txt' }, { caption: LONG });
      simulator.faults.request.only = ({ method }) => method === 'sendFile';
      simulator.faults.request.errorCodes = [302];
      const partly = await send(action);
      expect(partly.status).to.equal('unknown');
      expect(errorOf(partly)).to.include({ reason: '302', inDoubt: true });
      simulator.faults.upload.statuses = [503];
      const before = await send(action);
      expect(before.status).to.equal('failed');
      expect(errorOf(before).inDoubt).to.equal(false);
      expect(mira.sees(chat)).to.have.length(2);
    });

    it('keep the limits of the server, as it told them last: size first, then the ending', async () => {
      await restart({ limits: { maxSize: 6, extensions: { mode: 'allow', list: ['.TXT', 'pdf', '.'] } } });
      const file = (name: string, bytes: number): Reply => media({ url: `data:,${'x'.repeat(bytes)}`, name });
      expect(errorOf(await send(file('a.exe', 7)))).to.include({ kind: 'overflow', reason: '310' });
      expect(statusOf(await send(file('a.exe', 6)))).to.equal('unsupported');
      expect(statusOf(await send(file('noending', 6)))).to.equal('unsupported');
      expect(called('uploadFile')).to.deep.equal([]);
      const listening = client.deliveries$.subscribe();
      expect(statusOf(await send(file('a.Txt', 6)))).to.equal('delivered');
      expect(statusOf(await send(file('b.pdf', 6)))).to.equal('delivered');
      expect(called('getFileUploadLimits').length).to.be.at.most(4);
      simulator.core.setLimits({ maxSize: null, extensions: { mode: 'block', list: ['txt'] } });
      await lastValueFrom(client.chats());
      expect(statusOf(await send(file('a.txt', 6)))).to.equal('unsupported');
      expect(statusOf(await send(file('noending', 60)))).to.equal('delivered');
      listening.unsubscribe();
    });

    it('are not kept from an older server that tells no limits', async () => {
      await restart({ version: '5.5.1.1' });
      expect(statusOf(await send(media({ url: 'data:,x', name: 'a.txt' })))).to.equal('delivered');
    });
  });

  describe('what it does not say', () => {
    it('is skipped, with a sentence', async () => {
      const replies: readonly Reply[] = [
        { kind: 'cards', cards: [{ title: 'A' }] },
        { kind: 'links', text: 'Look', links: [{ label: 'a', url: 'https://example.org' }] },
        { kind: 'navigate', url: 'https://example.org' },
        { kind: 'typing' },
        { kind: 'end' },
        { kind: 'release' },
        { kind: 'handoff', to: { kind: 'any' } },
        { kind: 'note', text: 'x' },
        { kind: 'updateContact', name: 'x' },
        { kind: 'platform', name: 'dance', payload: [] },
        { kind: 'platform', name: 'dance', payload: {} },
        { kind: 'forward', messageId: 'm', to: { platform: 'userlike', id: 'u', channel: 'web' } },
      ];
      const receipts = await sendAll(replies.map((reply) => action(reply)));
      expect(receipts.map(statusOf)).to.deep.equal(Array(replies.length).fill('unsupported'));
      for (const receipt of receipts) expect(receipt.status === 'skipped' && receipt.detail).to.match(/^trueconf: \w+/);
      expect(statusOf(await send(text('x'), {}, { platform: 'userlike', id: 'u', channel: 'web' }))).to.equal(
        'unsupported',
      );
      expect(mira.sees()).to.deep.equal([]);
    });

    it('is muted where somebody else answers', async () => {
      const desk = ownership();
      await lastValueFrom(desk.taken(at(chat)));
      expect(statusOf(await send(text('x'), { desk }))).to.equal('muted');
      expect(mira.sees()).to.deep.equal([]);
    });
  });

  describe('what goes wrong', () => {
    it('is a failed receipt when it is refused, an unknown one when nobody knows', async () => {
      const { request } = simulator.faults;
      request.only = ({ method }) => method === 'sendMessage';
      request.errorCodes = [303];
      expect(errorOf(await send(text(TEXT)))).to.include({ kind: 'refused', reason: '303' });
      request.cutAfter = 1;
      const cut = await send(text(TEXT));
      expect(cut.status).to.equal('unknown');
      request.errorCodes = [300];
      expect((await send(text(TEXT))).status).to.equal('unknown');
      const errors = [cut].map(errorOf);
      expect(`${JSON.stringify(errors)}${inspect(errors, { depth: Infinity })}`).not.to.include(TEXT);
    });

    it('is a personal chat that is gone: it is made again, once, where it is known whose it is', async () => {
      const other = mira.createGroup('Night shift', 'opsbot');
      mira.deleteChat(other);
      mira.deleteChat(chat);
      expect(errorOf(await send(text('lost')))).to.include({ reason: '304' });
      const userOf = ({ id }: Conversation): string | undefined => (id === chat ? 'mira' : undefined);
      const asked = await send({ kind: 'text', text: 'hello', replyTo: 'gone' }, { userOf });
      expect(statusOf(asked)).to.equal('delivered');
      const file = await send({ kind: 'media', media: { url: 'data:,x', name: 'a.txt' } }, { userOf });
      expect(statusOf(file)).to.equal('delivered');
      expect(statusOf(await send(text('nobody'), { userOf }, at(other)))).to.equal('failed');
      expect(mira.shows(mira.open())[0]).to.equal('hello');
      simulator.faults.request.only = ({ method }) => method === 'sendMessage';
      simulator.faults.request.errorCodes = [304, 304];
      expect(errorOf(await send(text('twice'), { userOf }))).to.include({ reason: '304' });
    });

    it('is made good with what the source heard, and what was opened here', async () => {
      const source = fromTrueConf({ client, accounts: openAccounts({ unattendedMs: 50 }) });
      const started = new Promise<InboundEvent>((resolve) => {
        source.subscribe((event) => {
          if (event.kind === 'started') resolve(event);
        });
      });
      await lastValueFrom(client.chats());
      const lev = simulator.user('lev');
      const id = lev.open();
      expect((await started).conversation.id).to.equal(id);
      lev.deleteChat(id);
      expect(statusOf(await send(text('hello'), {}, at(id)))).to.equal('delivered');
      expect(lev.sees()).to.deep.equal(['hello']);
      const nora = simulator.user('nora');
      await send({ kind: 'openConversation', with: 'nora' }, {}, at(''));
      const opened = nora.open();
      nora.deleteChat(opened);
      expect(statusOf(await send(text('hello'), {}, at(opened)))).to.equal('delivered');
    });

    it('is refused at the call when a number is out of range', () => {
      for (const wrong of [
        { transcript: -1 },
        { maxFileBytes: 0 },
        { maxPreviewBytes: NaN },
        { concurrency: 0 },
        { maxQueued: -1 },
      ])
        expect(() => toTrueConf({ client, ...wrong })).to.throw(RangeError, Object.keys(wrong)[0]);
    });
  });

  describe('a handoff', () => {
    const links: (readonly [readonly string[], string])[] = [];
    let operators = '';
    let seat: Seat;
    let lev: ReturnType<TrueconfSimulator['user']>;
    const handoff: Reply = { kind: 'handoff', to: { kind: 'any' }, comment: 'is in a hurry' };

    beforeEach(() => {
      links.length = 0;
      lev = simulator.user('lev');
      operators = lev.createGroup('Operators', 'opsbot');
      seat = {
        conversation: at(operators),
        link: (ids, customer) =>
          defer(() => {
            links.push([ids, customer.id]);
            return EMPTY;
          }),
      };
    });

    it('puts the customer before the operators: a heading, then what was said, in order, all linked', async () => {
      mira.say('hello');
      await send(text('How can I help?'));
      mira.say('my printer');
      const receipt = await send(handoff, { seat });
      const ids = receipt.status === 'delivered' ? receipt.messageIds : [];
      expect(ids).to.have.length(4);
      expect(links).to.deep.equal(ids.map((id) => [[id], chat]));
      expect(lev.sees(operators)[0]).to.match(/^mira.* asks for a person\.\nis in a hurry\nTo answer, reply/i);
      expect(lev.sees(operators).slice(1).join('|')).to.match(/hello.*How can I help\?.*my printer/);
    });

    it('forwards the last messages only, and none of what changed the chat', async () => {
      const group = mira.createGroup('Project', 'opsbot');
      for (const n of [1, 2, 3]) mira.say(`${n}`, { chat: group });
      mira.setTitle(group, 'Plan');
      const receipt = await send(handoff, { seat, transcript: 3 }, at(group));
      expect(receipt.status === 'delivered' && receipt.messageIds.length).to.equal(3);
      expect(lev.sees(operators)[0]).to.match(/^Plan asks/);
      const bare = await send(handoff, { seat, transcript: 0 }, at(group));
      expect(bare.status === 'delivered' && bare.messageIds.length).to.equal(1);
    });

    it('keeps customers apart who ask at once', async () => {
      const nora = simulator.user('nora');
      mira.say('m1');
      nora.say('n1');
      const receipts = await sendAll([action(handoff), action(handoff, at(nora.open()))], { seat });
      expect(receipts.map(statusOf)).to.deep.equal(['delivered', 'delivered']);
      expect(lev.sees(operators).map((line) => /^(mira|nora).* asks|[mn]1/i.exec(line)?.[0].slice(0, 2))).to.deep.equal(
        ['Mi', 'm1', 'no', 'n1'],
      );
    });

    it('uses the words of the program', async () => {
      mira.say('hello');
      simulator.faults.request.only = ({ method }) => method === 'forwardMessage';
      simulator.faults.request.errorCodes = [306];
      const texts = {
        heading: ({ name, to, comment = '' }: { name: string; to: { kind: string }; comment?: string }) =>
          `${name}|${to.kind}|${comment}`,
        missing: (count: number) => `${count} fehlt`,
        note: (name: string, words: string) => `${name}!${words}`,
      };
      const receipts = await sendAll([action(handoff), action({ kind: 'note', text: 'VIP' })], { seat, texts });
      expect(receipts.map(statusOf)).to.deep.equal(['delivered', 'delivered']);
      expect(
        lev.sees(operators).map((line) => line.replace('mira@tc.example.org', 'm').replace('Mira Sample', 'm')),
      ).to.deep.equal(['m|any|is in a hurry', '1 fehlt', 'm!VIP']);
      expect(links).to.have.length(2);
      expect(
        statusOf(await send({ kind: 'handoff', to: { kind: 'agent', id: 'lev' } }, { seat, transcript: 0 })),
      ).to.equal('delivered');
      expect(lev.sees(operators).at(-1)).to.include('asks for a person: lev.');
    });

    it('is delivered without the messages that cannot be forwarded, and with none after a lost connection', async () => {
      for (const n of [1, 2, 3]) mira.say(`${n}`);
      const { request } = simulator.faults;
      request.only = ({ method }) => method === 'forwardMessage';
      request.errorCodes = [306];
      const first = await send(handoff, { seat });
      expect(first.status === 'delivered' && first.messageIds.length).to.equal(3);
      expect(lev.sees(operators).at(-1)).to.equal('One message is missing here.');
      request.cutAfter = 1;
      const second = await send(handoff, { seat });
      expect(second.status === 'delivered' && second.messageIds.length).to.equal(1);
      expect(lev.sees(operators).at(-1)).to.equal('3 messages are missing here.');
    });

    it('fails as its heading does, and needs no history or title', async () => {
      mira.say('hello');
      const { request } = simulator.faults;
      request.only = ({ method }) => method === 'sendMessage';
      request.errorCodes = [303];
      expect(errorOf(await send(handoff, { seat }))).to.include({ reason: '303', inDoubt: false });
      request.cutAfter = 1;
      expect((await send(handoff, { seat })).status).to.equal('unknown');
      request.only = ({ method }) => method === 'getChatHistory' || method === 'getChatByID';
      request.errorCodes = [302, 302];
      const receipt = await send(handoff, { seat });
      expect(receipt.status === 'delivered' && receipt.messageIds.length).to.equal(1);
      request.errorCodes = [300, 300];
      expect(errorOf(await send(handoff, { seat }))).to.include({ kind: 'unreachable', inDoubt: false });
    });

    it('is in doubt when the way back could not be written down', async () => {
      const broken = { ...seat, link: () => throwError(() => new Error('the store is away')) };
      for (const reply of [handoff, { kind: 'note', text: 'x' } as const]) {
        const receipt = await send(reply, { seat: broken });
        expect(receipt.status).to.equal('unknown');
        expect(errorOf(receipt)).to.include({ kind: 'refused', inDoubt: true });
      }
    });
  });

  it('accounts for what it sends, and settles the event', async () => {
    const accounts = openAccounts({ unattendedMs: 50 });
    const source = fromTrueConf({ client, accounts });
    const receipts = new Subject<Receipt>();
    const two = lastValueFrom(receipts.pipe(toArray()));
    let left = 2;
    source
      .pipe(
        react((event) => (event.kind === 'message' ? text(`You said ${event.text}`) : undefined)),
        toTrueConf({ client }),
      )
      .subscribe((receipt) => {
        receipts.next(receipt);
        if (--left === 0) receipts.complete();
      });
    await lastValueFrom(client.chats());
    mira.say('one');
    mira.say('two');
    expect((await two).map(statusOf)).to.deep.equal(['delivered', 'delivered']);
    const counts = await source.drain(1_000);
    expect(counts).to.deep.include({ received: 2, inFlight: 0 });
    expect(counts.outcomes.handled).to.equal(2);
    expect(mira.sees(chat)).to.deep.equal(['You said one', 'You said two']);
    expect(simulator.core.unread()).to.deep.equal([]);
  });

  it('helps with mentions and line breaks', async () => {
    const said = `${trueconfMention(mira.id, 'Mira', 'html')}, look${trueconfBreaks('\nhere\r\nand there')}`;
    expect(statusOf(await send({ kind: 'text', text: said, format: 'html' }))).to.equal('delivered');
    expect(said).to.equal('<a href="trueconf:mira@tc.example.org">Mira</a>, look<br>here<br>and there');
  });
});
