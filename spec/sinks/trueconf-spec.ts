import { expect } from 'chai';
import { defer, lastValueFrom, of, toArray } from 'rxjs';
import {
  type ChatError,
  fallbackToText,
  openAccounts,
  profiles,
  trueconfButtons,
  type Conversation,
  type InboundEvent,
  type OutboundAction,
  type Receipt,
  type Reply,
} from 'tidewire';
import { trueconfSimulator, type TrueconfSimulator, type TrueconfSimulatorConfig } from 'tidewire/simulators';
import {
  fromTrueConf,
  toTrueConf,
  trueconfClient,
  type ToTrueConfConfig,
  type TrueconfClient,
} from 'tidewire/trueconf';

const PASSWORD = 's3cret-42';
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
  });

  let number = 0;
  const action = (reply: Reply, conversation = at(chat)): OutboundAction =>
    ({ ...reply, id: `a${++number}`, conversation });
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
        fromTrueConf({ client, accounts: openAccounts() }).subscribe((event) => {
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
});
