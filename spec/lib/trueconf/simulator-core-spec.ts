import { expect } from 'chai';
import fc from 'fast-check';
import { trueconfCore, type TrueconfRequestFaults } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { fixtures } from '../../support/fixtures.js';
import { askToken, Bot, http, multipart, stage, upload, uploaded, type Frame, type Payload } from './simulated-bot.js';

/** Keys and types, without values. */
const shape = (value: unknown): unknown => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
};
const file = (name = 'floor plan.png', text = 'bytes') => ({ name, mimeType: 'image/png', bytes: Buffer.from(text) });
const preview = { name: 'preview.webp', mimeType: 'image/webp', bytes: Buffer.from('p') };
const text = (words: string) => ({ text: words, parseMode: 'text' });
const campaign = {
  url: 'https://tc.example.org/webtools/survey',
  appVersion: 1,
  path: 'lunch_2026',
  title: 'Lunch menu',
  description: '{{Survey}}',
  buttonText: '{{Go to survey}}',
  secret: '0f1e',
  alt: 'Lunch menu',
};

describe('trueconfCore', () => {
  describe('speaks the wire', () => {
    it('with events of the shape of the samples', () => {
      const { core, mira } = stage();
      const bot = Bot.in(core, { receiveSystemMessageEnvelopes: true });
      const other = Bot.in(core);
      const lev = core.user('lev');
      const told = (act: () => void, at = -1): Frame | undefined => {
        act();
        return bot.events.at(at);
      };
      const chat = (other.call('createGroupChat', { title: 'Night shift' })['chatId'] ?? '') as string;
      other.call('addChatParticipant', { chatId: chat, userId: lev.id });
      const foreign = mira.createGroup('elsewhere');
      const there = mira.say('deploy is at six', { chat: foreign });
      const first = mira.say('ping');
      const upto = (method: string): Frame | undefined => bot.events.filter((frame) => frame.method === method).at(-1);
      const samples: Readonly<Record<string, () => Frame | undefined>> = {
        'sendMessage-text': () => told(() => mira.say('ping', { parseMode: 'html' })),
        'sendMessage-file': () => told(() => mira.upload(file(), { transferMs: 'manual' })),
        'sendMessage-forwarded': () => told(() => mira.forward(there)),
        'sendMessage-location': () => told(() => mira.locate(59.4372, 24.7454, 'Harbour gate 3')),
        'sendMessage-survey': () => told(() => mira.survey('Lunch menu', campaign)),
        'sendMessage-title-changed': () =>
          told(() => other.call('editChatTitle', { chatId: chat, title: 'Night shift' })),
        createP2PChat: () => upto('createP2PChat'),
        createGroupChat: () => upto('createGroupChat'),
        addChatParticipant: () => upto('addChatParticipant'),
        removeChatParticipant: () => told(() => lev.leave(chat), -2),
        changeParticipantRole: () =>
          told(() => {
            const group = lev.createGroup('lev', 'opsbot');
            lev.setRole(group, 'opsbot', 'admin');
          }, -2),
        editMessage: () => told(() => mira.edit(first, 'ping!', 'html')),
        removeMessage: () => told(() => mira.remove(first)),
        uploadFileProgress: () => {
          const { fileId } = mira.upload(file(), { transferMs: 'manual' });
          bot.call('subscribeFileProgress', { fileId });
          return told(() => {
            core.progress(fileId, 3);
          });
        },
        editChatTitle: () => told(() => other.call('editChatTitle', { chatId: chat, title: 'Day shift' }), -2),
        editChatAvatar: () => {
          const group = lev.createGroup('lev', 'opsbot');
          return told(() => lev.setAvatar(group, null), -2);
        },
        clearHistory: () => told(() => mira.clearHistory(mira.open()), -2),
        removeChat: () => told(() => other.call('removeChat', { chatId: chat })),
        getFileUploadLimits: () =>
          told(() => {
            core.setLimits({ maxSize: 25_000_000, extensions: { mode: 'block', list: ['exe', 'bat'] } });
          }),
      };
      const wanted = fixtures('trueconf/events');
      expect(Object.keys(samples)).to.have.members([...wanted.keys()]);
      for (const [name, sample] of wanted) expect(shape(samples[name]?.()), name).to.deep.equal(shape(sample));
      for (const { method, payload } of bot.events)
        if (method === 'createP2PChat') expect(payload).to.include({ title: mira.id, unreadMessages: 1 });
    });

    it('with answers of the shape of the samples', () => {
      const { bot, core, mira } = stage();
      const chatId = mira.open();
      const group = String(bot.call('createGroupChat', { title: 'Night shift' })['chatId']);
      bot.call('addChatParticipant', { chatId: group, userId: 'mira' });
      const messageId = bot.say(chatId, 'pong');
      const reply = { chatId, replyMessageId: messageId, content: text('pong') };
      const answering = String(bot.call('sendMessage', reply)['messageId']);
      const { fileId, messageId: anchor } = mira.upload({ ...file(), preview }, { transferMs: 'manual' });
      const temporalFileId = uploaded(bot, 'chart.png', 'image/png', 'bytes');
      const survey = bot.call('sendSurvey', { chatId, content: campaign });
      bot.call('removeMessage', { messageId, forAll: true });
      const calls: Readonly<Record<string, readonly [method: string, payload: Payload]>> = {
        auth: ['auth', { token: core.issueToken(), tokenType: 'JWT', receiveUnread: true }],
        'auth-expired': ['auth', { token: trueconfCore({ tokenLifeMs: 0 }).issueToken(), tokenType: 'JWT' }],
        sendMessage: ['sendMessage', { chatId, content: text('pong') }],
        'sendMessage-chat-not-found': ['sendMessage', { chatId: 'none', content: text('pong') }],
        createP2PChat: ['createP2PChat', { userId: 'mira@tc.example.org' }],
        getChatHistory: ['getChatHistory', { chatId, count: 2, fromMessageId: anchor }],
        getChatParticipants: ['getChatParticipants', { chatId: group, pageSize: 50, pageNumber: 1 }],
        'addChatParticipant-not-enough-rights': ['addChatParticipant', { chatId, userId: 'mira' }],
        editMessage: ['editMessage', { messageId: answering, content: text('pong (again)') }],
        forwardMessage: ['forwardMessage', { chatId: group, messageId: anchor }],
        uploadFile: ['uploadFile', { fileSize: 20480, fileName: 'отчёт.pdf' }],
        sendFile: ['sendFile', { chatId, content: { temporalFileId, caption: text('Load, last 24 h') } }],
        'getFileInfo-uploading': ['getFileInfo', { fileId }],
        subscribeFileProgress: ['subscribeFileProgress', { fileId }],
        sendSurvey: ['sendSurvey', { chatId, content: campaign }],
        'getMessageById-removed': ['getMessageById', { messageId }],
        getUserDisplayName: ['getUserDisplayName', { userId: 'mira' }],
        hasChatParticipant: ['hasChatParticipant', { chatId, userId: 'mira' }],
      };
      const wanted = fixtures('trueconf/answers') as ReadonlyMap<string, { readonly payload?: Payload }>;
      const codes: Readonly<Record<string, number>> = { 'auth-expired': 201 };
      for (const [name, [method, payload]] of Object.entries(calls)) {
        const sample = wanted.get(name)?.payload;
        const given = bot.call(method, payload);
        if (sample?.['errorCode'] !== undefined)
          expect(given['errorCode'], name).to.equal(codes[name] ?? sample['errorCode']);
        else expect(shape(given), name).to.deep.equal(shape(sample));
      }
      core.progress(fileId, 5);
      expect(shape(bot.call('getFileInfo', { fileId }))).to.deep.equal(shape(wanted.get('getFileInfo-ready')?.payload));
      expect(bot.call('editSurvey', { messageId: survey['messageId'], content: campaign })).to.have.keys(
        'messageId',
        'timestamp',
      );
    });

    it('with the chats as a bare array, newest first, and pages from 1', () => {
      const { bot, mira } = stage();
      const chatId = mira.open();
      const group = String(bot.call('createGroupChat', { name: 'Night shift' })['chatId']);
      bot.call('editChatTitle', { chatId: group, title: 'Day shift' });
      const chats = bot.call('getChats', { count: 2, page: 1 });
      const [first] = (fixtures('trueconf/answers').get('getChats') as { payload: Payload[] }).payload;
      expect(chats).to.be.an('array').with.length(2);
      expect(Object.keys((chats as unknown as Payload[])[0] ?? {})).to.deep.equal(Object.keys(first ?? {}));
      expect((chats as unknown as Payload[])[0]).to.deep.include({ chatId: group, title: 'Day shift', chatType: 2 });
      expect((chats as unknown as Payload[])[1]).to.deep.include({ chatId, title: 'Mira Sample', lastMessage: null });
      expect(bot.call('getChats', { count: 2, page: 2 })).to.deep.equal([]);
      expect(bot.call('getChatByID', { chatId })).to.deep.equal((chats as unknown as Payload[])[1]);
    });

    it('with voids that come without payload and with an empty one, by turns', () => {
      const { bot, mira } = stage();
      const chatId = mira.open();
      const voids = [1, 2, 3].map(() => bot.answerTo(bot.send('clearHistory', { chatId, forAll: false })));
      expect(voids.map((answer) => answer && 'payload' in answer)).to.deep.equal([false, true, false]);
    });

    it('with ids of its own that begin at 1 on every connection', () => {
      const { core, mira, bot } = stage();
      mira.say('one');
      const second = Bot.in(core);
      mira.say('two');
      expect(bot.events.map(({ id }) => id)).to.deep.equal([1, 2, 3]);
      expect(second.events.map(({ id }) => id)).to.deep.equal([1]);
    });
  });

  describe('answers errors', () => {
    const wrong: readonly (readonly [code: number, what: string, method: string, payload: unknown])[] = [
      [104, 'a method that nobody knows', 'dance', {}],
      [104, 'a method of a later version', 'sendChatActivity', { chatId: 'C', activityType: 'typing' }],
      [300, 'a payload that is none', 'getChats', []],
      [300, 'a missing field', 'getChats', { count: 1 }],
      [300, 'a number that is too small', 'getChats', { count: 0, page: 1 }],
      [300, 'a flag that is none', 'clearHistory', { chatId: 'C', forAll: 'true' }],
      [300, 'content that is none', 'sendMessage', { chatId: 'C', content: 'text' }],
      [
        300,
        'a parse mode that nobody knows',
        'sendMessage',
        { chatId: 'C', content: { text: 'x', parseMode: 'bold' } },
      ],
      [300, 'a title of 257', 'createChannel', { title: 'x'.repeat(257) }],
      [304, 'a chat that is not there', 'getChatByID', { chatId: 'none' }],
      [305, 'a user who is not there', 'createP2PChat', { userId: 'nobody' }],
      [306, 'a message that is not there', 'removeMessage', { messageId: 'none', forAll: true }],
      [306, 'an answer to nothing', 'sendMessage', { chatId: 'C', replyMessageId: 'none', content: text('x') }],
      [306, 'a history from nowhere', 'getChatHistory', { chatId: 'C', count: 1, fromMessageId: 'none' }],
      [308, 'a file that is not there', 'getFileInfo', { fileId: 'none' }],
      [308, 'a file that was not uploaded', 'sendFile', { chatId: 'C', content: { temporalFileId: 'none' } }],
      [305, 'no participant', 'getChatParticipant', { chatId: 'C', userId: 'lev' }],
      [303, 'a personal chat with a third', 'addChatParticipant', { chatId: 'C', userId: 'lev' }],
    ];
    for (const [code, what, method, payload] of wrong) {
      it(`${code} to ${what}`, () => {
        const { bot, core, mira } = stage();
        core.user('lev');
        const chatId = mira.open();
        const given = JSON.parse(JSON.stringify(payload).replaceAll('"C"', JSON.stringify(chatId))) as unknown;
        const answer = bot.call(method, given);
        expect(answer['errorCode']).to.equal(code);
        expect(answer['errorDescription']).to.be.a('string');
        expect(core.seenIn(chatId)).to.deep.equal([]);
      });
    }

    it('200 before authorization, and 201 to 204 to credentials that are no good', () => {
      const { core, clock } = stage({ tokenLifeMs: 1_000 });
      const bot = new Bot(core);
      expect(bot.code('getChats', { count: 1, page: 1 })).to.equal(200);
      expect(bot.code('auth', { token: 'none', tokenType: 'JWT' })).to.equal(201);
      const token = core.issueToken();
      expect(bot.code('auth', { token, tokenType: 'Basic' })).to.equal(204);
      core.disable('opsbot');
      expect(bot.code('auth', { token, tokenType: 'JWT' })).to.equal(202);
      core.disable('opsbot', false);
      clock.advance(1_000);
      expect(bot.code('auth', { token, tokenType: 'JWT' })).to.equal(203);
      const later = core.issueToken();
      core.expireTokens();
      expect(bot.code('auth', { token: later, tokenType: 'JWT' })).to.equal(203);
      expect(bot.code('auth', { tokenType: 'JWT' })).to.equal(300);
      expect(bot.code('auth', { token: core.issueToken(), tokenType: 'JWT' })).to.equal(0);
      core.expireTokens();
      expect(bot.code('getChats', { count: 1, page: 1 })).to.equal(0);
    });

    it('2 to an id that was used, per connection', () => {
      const { bot, core } = stage();
      bot.send('getFileUploadLimits', {}, 1);
      expect(bot.answerTo(1)?.payload?.['errorCode']).to.equal(2);
      const fresh = Bot.in(core);
      expect(fresh.answerTo(1)?.payload).not.to.have.property('errorCode');
    });

    it('and goes on after frames that are none', () => {
      const { bot, core } = stage();
      for (const frame of [
        '{',
        '[]',
        '{"type":1,"id":-1,"method":"getChats"}',
        '{"type":0,"id":1}',
        '{"type":2,"id":99}',
      ])
        bot.connection.receive(frame);
      expect(core.journal.filter(({ kind }) => kind === 'problem')).to.have.length(5);
      bot.connection.receive('{"type":1,"id":70}');
      expect(bot.answerTo(70)?.payload?.['errorCode']).to.equal(300);
      expect(bot.code('getFileUploadLimits')).to.equal(0);
    });
  });

  describe('keeps messages', () => {
    it('unread until they are acknowledged, and tells them again, oldest first, when it is asked to', () => {
      const { bot, core, mira } = stage();
      const ids = ['one', 'two', 'three'].map((words) => mira.say(words));
      expect(core.unread()).to.deep.equal(ids);
      bot.acknowledge(bot.events.at(2)?.id ?? 0);
      expect(core.journal.filter(({ kind }) => kind === 'read')).to.deep.equal([
        { at: 0, kind: 'read', chatId: mira.open(), by: 'opsbot@tc.example.org', messageId: ids[1] },
      ]);
      expect(Bot.in(core).events).to.deep.equal([]);
      const again = Bot.in(core, { receiveUnread: true });
      expect(again.frames[0]?.type).to.equal(2);
      expect(again.heard).to.deep.equal(['one', 'three']);
      again.acknowledgeAll();
      expect(core.unread()).to.deep.equal([]);
    });

    it('that came while nobody was connected, as they are by then', () => {
      const { bot, core, mira } = stage();
      bot.connection.closed(1000);
      const [edited = '', removed = ''] = ['a', 'b'].map((words) => mira.say(words));
      mira.edit(edited, 'c');
      mira.remove(removed);
      const again = Bot.in(core, { receiveUnread: true });
      expect(again.heard).to.deep.equal(['c']);
      expect(again.events[0]?.payload?.['isEdited']).to.equal(true);
      expect(bot.heard).to.deep.equal([]);
    });

    it('and tells a bot’s own to its other connections alone, or to all', () => {
      for (const echo of [false, true]) {
        const { bot, core, mira } = stage({ echo, authorInstances: true });
        const other = Bot.in(core);
        bot.say(mira.open(), 'mine');
        expect(bot.heard).to.deep.equal(echo ? ['mine'] : []);
        expect(other.heard).to.deep.equal(['mine']);
        expect(other.events.at(-1)?.payload?.['author']).to.deep.equal({
          id: 'opsbot@tc.example.org/4c9d20aa',
          type: 1,
        });
        expect(core.unread()).to.deep.equal([]);
        if (echo) expect(bot.frames.at(-2)?.type).to.equal(2);
      }
    });

    it('of people with an instance, or of another server', () => {
      const { bot, core } = stage();
      core.user('lev@other.example.org', { instance: 'ab12' }).say('hello');
      expect(bot.events.at(-1)?.payload?.['author']).to.deep.equal({ id: 'lev@other.example.org/ab12', type: 1 });
      expect(bot.call('getUserDisplayName', { userId: 'LEV@other.example.org/zz' })).to.deep.equal({
        displayName: 'lev@other.example.org',
      });
    });

    it('cut at 4096 characters, none of them in half', () => {
      const { bot, mira } = stage();
      bot.say(mira.open(), '😀'.repeat(5_000));
      expect(mira.sees()).to.deep.equal(['😀'.repeat(4_096)]);
    });

    it('and gives their history newest first, with the anchor in it', () => {
      const { bot, mira } = stage();
      const chatId = mira.open();
      const ids = ['1', '2', '3', '4'].map((words) => mira.say(words));
      const history = (more: Payload) => {
        const { messages, count } = bot.call('getChatHistory', { chatId, count: 2, ...more });
        expect(count).to.equal((messages as unknown[]).length);
        return (messages as Payload[]).map(({ messageId }) => messageId);
      };
      expect(history({ fromMessageId: null })).to.deep.equal([ids[3], ids[2]]);
      expect(history({ fromMessageId: ids[2] })).to.deep.equal([ids[2], ids[1]]);
      expect(history({ count: 9 })).to.deep.equal([...ids].reverse());
      const boxes = ids.map((messageId) => (bot.call('getMessageById', { messageId })['box'] as Payload)['id']);
      expect(boxes).to.deep.equal([1, 2, 3, 4]);
    });

    it('that are forwarded, whole, and again', () => {
      const { bot, mira } = stage();
      const group = mira.createGroup('elsewhere', 'opsbot');
      const messageId = mira.say('six', { chat: group });
      const once = bot.call('forwardMessage', { chatId: mira.open(), messageId });
      const twice = bot.call('forwardMessage', { chatId: group, messageId: once['messageId'] });
      const { type, content } = bot.call('getMessageById', { messageId: twice['messageId'] });
      expect([type, (content as Payload)['type']]).to.deep.equal([201, 201]);
      const inner = (content as { readonly content: Payload }).content;
      expect(inner).to.have.keys('messageId', 'chatId', 'timestamp', 'author', 'type', 'content');
      expect(inner).to.include({ messageId, chatId: group, type: 200 });
      expect(mira.sees()).to.deep.equal(['six', 'six']);
    });

    it('that are edited by their author alone, where they are text', () => {
      const { bot, core, mira } = stage({ editedIds: false });
      const chatId = mira.open();
      const theirs = mira.say('ping');
      const own = bot.say(chatId, 'pong');
      const { messageId: survey } = bot.call('sendSurvey', { chatId, content: campaign });
      expect(bot.code('editMessage', { messageId: theirs, content: text('x') })).to.equal(303);
      expect(bot.code('editMessage', { messageId: survey, content: text('x') })).to.equal(307);
      expect(bot.code('editSurvey', { messageId: own, content: campaign })).to.equal(307);
      expect(bot.code('editMessage', { messageId: own, content: text('pong!') })).to.equal(0);
      bot.call('editSurvey', { messageId: survey, content: { ...campaign, title: 'Dinner' } });
      expect(bot.call('getMessageById', { messageId: survey })['content']).to.deep.include({
        title: 'Dinner',
        secret: '0f1e',
      });
      mira.edit(theirs, 'pung');
      expect(bot.events.at(-1)?.payload).to.have.keys('chatId', 'timestamp', 'content');
      expect(mira.sees()).to.deep.equal(['pong', 'Lunch menu', 'pong!', 'Dinner']);
      expect(mira.shows()).to.deep.equal(['pung', 'pong!', 'Dinner']);
      expect(core.seenIn(chatId)).to.deep.equal(['ping', 'pong', 'Lunch menu', 'pong!', 'Dinner', 'pung']);
    });

    it('and removes them for one, or for all', () => {
      const { bot, core, mira } = stage();
      const other = Bot.in(core);
      const [one = '', two = ''] = ['one', 'two'].map((words) => mira.say(words));
      expect(bot.code('removeMessage', { messageId: one, forAll: false })).to.equal(0);
      expect(other.methods.at(-1)).to.equal('removeMessage');
      expect(bot.code('getMessageById', { messageId: one })).to.equal(306);
      expect(mira.shows()).to.deep.equal(['one', 'two']);
      expect(bot.code('removeMessage', { messageId: two, forAll: true })).to.equal(0);
      expect(mira.shows()).to.deep.equal(['one']);
      expect(core.unread()).to.deep.equal([]);
    });

    it('of every type, and of one that nobody knows', () => {
      const { bot, mira } = stage();
      mira.voice(Buffer.from('ogg'), 3);
      expect(bot.events.at(-1)?.payload).to.deep.include({ type: 205 });
      expect(bot.events.at(-1)?.payload?.['content']).to.have.keys('fileId', 'size', 'mimeType', 'duration');
      mira.post(999, { text: 'from the future' });
      expect(bot.events.at(-1)?.payload).to.deep.include({ type: 999, content: { text: 'from the future' } });
      expect(mira.shows()).to.deep.equal(['voice message', 'from the future']);
    });

    it('of the system, for those who ask for them', () => {
      const { bot, core, mira } = stage();
      const curious = Bot.in(core, { receiveSystemMessageEnvelopes: true });
      const chat = mira.createGroup('group', 'opsbot');
      mira.setTitle(chat, 'new');
      mira.setAvatar(chat, null);
      mira.setRole(chat, 'opsbot', 'admin');
      mira.clearHistory(chat);
      core.user('lev');
      mira.invite(chat, 'lev');
      mira.dismiss(chat, 'lev');
      const types = curious.events.flatMap(({ method, payload }) =>
        method === 'sendMessage' ? [payload?.['type']] : [],
      );
      expect(types).to.deep.equal([1, 21, 22, 110, 23, 1, 2]);
      expect(curious.events.at(-1)?.payload).to.deep.include({ author: { id: 'mira', type: 0 } });
      expect(bot.methods).not.to.include('sendMessage');
      expect(core.unread()).to.deep.equal([]);
    });
  });

  describe('keeps chats', () => {
    it('one for two people, Favorites for one, a new group for every call', () => {
      const { bot, core, mira } = stage();
      const second = Bot.in(core);
      const ids = ['createP2PChat', 'createFavoritesChat', 'createGroupChat', 'createChannel'].map((method) =>
        [1, 2].map(() => bot.call(method, { userId: mira.id, title: 'title' })['chatId']),
      );
      expect(ids.map(([one, two]) => one === two)).to.deep.equal([true, true, false, false]);
      expect(bot.events).to.deep.equal([]);
      expect(second.methods).to.deep.equal(
        'createP2PChat createFavoritesChat createGroupChat createGroupChat createChannel createChannel'.split(' '),
      );
      expect(second.events.map(({ payload }) => payload?.['chatType'])).to.deep.equal([1, 5, 2, 2, 6, 6]);
    });

    it('and tells a bot that it was invited, not that the group was made', () => {
      const { bot, mira } = stage();
      const chatId = mira.createGroup('group', 'opsbot');
      expect(bot.methods).to.deep.equal(['addChatParticipant']);
      expect(bot.events[0]?.payload).to.deep.include({ chatId, userId: 'opsbot@tc.example.org' });
      mira.dismiss(chatId, 'opsbot');
      mira.say('unheard', { chat: chatId });
      expect(bot.methods).to.deep.equal(['addChatParticipant', 'removeChatParticipant']);
      expect(bot.code('sendMessage', { chatId, content: text('x') })).to.equal(302);
    });

    it('whose history a new member sees when that is said', () => {
      const { bot, core, mira } = stage();
      const second = core.user('lev');
      const chatId = mira.createGroup('group', 'opsbot');
      mira.setRole(chatId, 'opsbot', 'admin');
      mira.say('before', { chat: chatId });
      for (const displayHistory of [false, true]) {
        bot.call('addChatParticipant', { chatId, userId: 'lev', displayHistory });
        expect(second.shows(chatId).includes('before')).to.equal(displayHistory);
        bot.call('removeChatParticipant', { chatId, userId: 'lev', clearHistory: displayHistory });
      }
      bot.call('addChatParticipant', { chatId, userId: 'lev', displayHistory: true });
      expect(second.shows(chatId)).to.deep.equal([]);
      expect(bot.code('addChatParticipant', { chatId, userId: 'lev' })).to.equal(309);
    });

    it('with pages of participants from 1, 0 being 1', () => {
      const { bot, mira } = stage();
      const chatId = mira.createGroup('group', 'opsbot');
      const page = (pageNumber: number) =>
        bot.call('getChatParticipants', { chatId, pageSize: 1, pageNumber })['participants'];
      expect([0, 1, 2, 3].map(page)).to.deep.equal([
        [{ userId: mira.id, role: 'owner' }],
        [{ userId: mira.id, role: 'owner' }],
        [{ userId: 'opsbot@tc.example.org', role: 'user' }],
        [],
      ]);
      expect(bot.call('getChatParticipant', { chatId, userId: 'opsbot' })).to.deep.equal({
        userId: 'opsbot@tc.example.org',
        role: 'user',
        type: 1,
      });
      expect(bot.call('hasChatParticipant', { chatId, userId: 'nobody' })).to.deep.equal({ result: false });
    });

    it('and gives each role its rights', () => {
      const may = (role: string, act: (bot: Bot, chatId: string, messageId: string) => number | undefined) => {
        const { bot, core, mira } = stage();
        core.user('lev');
        const chatId = mira.createGroup('group', 'opsbot');
        mira.setRole(chatId, 'opsbot', role);
        return act(bot, chatId, mira.say('theirs', { chat: chatId })) === 0;
      };
      const acts: Readonly<Record<string, (bot: Bot, chatId: string, messageId: string) => number | undefined>> = {
        send: (bot, chatId) => bot.code('sendMessage', { chatId, content: text('x') }),
        add: (bot, chatId) => bot.code('addChatParticipant', { chatId, userId: 'lev' }),
        leave: (bot, chatId) => bot.code('removeChatParticipant', { chatId, userId: 'opsbot' }),
        sendAway: (bot, chatId) => bot.code('removeChatParticipant', { chatId, userId: 'mira' }),
        hide: (bot, _, messageId) => bot.code('removeMessage', { messageId, forAll: false }),
        remove: (bot, _, messageId) => bot.code('removeMessage', { messageId, forAll: true }),
        clear: (bot, chatId) => bot.code('clearHistory', { chatId, forAll: true }),
        forget: (bot, chatId) => bot.code('clearHistory', { chatId, forAll: false }),
        title: (bot, chatId) => bot.code('editChatTitle', { chatId, title: 'x' }),
        avatar: (bot, chatId) =>
          bot.code('editChatAvatar', { chatId, temporalFileId: uploaded(bot, 'a', 'image/png', 'a') }),
        role: (bot, chatId) => bot.code('changeParticipantRole', { chatId, userId: 'mira', role: 'admin' }),
        delete: (bot, chatId) => bot.code('removeChat', { chatId }),
      };
      const allowed = (role: string) => Object.keys(acts).filter((name) => may(role, acts[name] ?? (() => 1)));
      const everybody = ['send', 'leave', 'hide', 'forget'];
      expect(allowed('user')).to.have.members(everybody);
      expect(allowed('admin')).to.have.members(Object.keys(acts).filter((name) => name !== 'delete'));
      expect(allowed('owner')).to.have.members(Object.keys(acts));
    });

    it('and knows the roles of groups and channels, where only authors write', () => {
      const { bot, mira } = stage();
      const group = mira.createGroup('group', 'opsbot');
      const channel = mira.createChannel('channel', 'opsbot');
      expect(() => mira.setRole(group, 'opsbot', 'writer')).to.throw('role not found');
      expect(() => mira.setRole(group, 'nobody', 'admin')).to.throw('there is no user nobody');
      expect(bot.code('sendMessage', { chatId: channel, content: text('x') })).to.equal(303);
      mira.setRole(channel, 'opsbot', 'writer');
      expect(bot.code('sendMessage', { chatId: channel, content: text('x') })).to.equal(0);
      mira.deleteChat(channel);
      expect(bot.methods.at(-1)).to.equal('removeChat');
      expect(bot.code('getChatByID', { chatId: channel })).to.equal(304);
    });

    it('and takes buttons and activities from 5.5.6', () => {
      const { bot, core, mira } = stage({ version: '5.5.6' });
      const chatId = mira.open();
      expect(bot.call('sendChatActivity', { chatId, activityType: 'typing' })).to.have.property('retryAfter');
      expect(core.journal.at(-2)).to.include({ kind: 'activity', activityType: 'typing' });
      const content = { ...text('which?'), buttons: [{ type: 'command' }] };
      const { messageId } = bot.call('sendMessage', { chatId, content });
      mira.press(String(messageId), '/yes', 'data');
      expect(bot.events.at(-1)).to.deep.include({ method: 'command' });
      expect(bot.events.at(-1)?.payload).to.deep.include({
        commandPayload: { type: 'userCommand', command: '/yes', customData: 'data' },
      });
    });

    it('as servers before 5.5.2 do', () => {
      const { bot, mira } = stage({ version: '5.5.1' });
      for (const method of 'createFavoritesChat changeParticipantRole editChatTitle editChatAvatar clearHistory getFileUploadLimits getChatParticipant'.split(
        ' ',
      ))
        expect(bot.code(method), method).to.equal(104);
      const { fileId } = mira.upload(file());
      expect(bot.call('getFileInfo', { fileId })).to.include({ infoHash: fileId }).and.not.to.have.property('fileId');
      expect(bot.call('uploadFile', { fileSize: 1 })).to.have.property('uploadTaskId');
    });
  });

  describe('keeps files', () => {
    it('that a bot sends in three steps, once', () => {
      const { bot, core, mira } = stage();
      const chatId = mira.open();
      const temporalFileId = uploaded(bot, 'отчёт.webp', 'sticker/webp', 'bytes', 'small');
      expect(core.journal.filter(({ kind }) => kind === 'requested'))
        .to.have.nested.property('[0].parts')
        .deep.equal([
          { name: 'file', fileName: 'отчёт.webp', type: 'sticker/webp', bytes: 5 },
          { name: 'preview', fileName: 'p.webp', type: 'image/webp', bytes: 5 },
        ]);
      const content = { temporalFileId, caption: text('look') };
      expect(bot.code('sendFile', { chatId, replyMessageId: 'none', content })).to.equal(306);
      const { fileId } = bot.call('sendFile', { chatId, content });
      expect(mira.sees()).to.deep.equal(['отчёт.webp: look']);
      expect(bot.code('sendFile', { chatId, content })).to.equal(308);
      const info = bot.call('getFileInfo', { fileId });
      expect(info).to.include({ name: 'отчёт.webp', mimeType: 'sticker/webp', size: 5, readyState: 2 });
      const [small] = info['previews'] as { readonly downloadUrl: string }[];
      for (const [address, body] of [
        [info['downloadUrl'], 'bytes'],
        [small?.downloadUrl, 'small'],
      ] as const) {
        const { pathname, search } = new URL(String(address));
        expect(http(core, 'GET', pathname + search).http).to.deep.include({ status: 200, body });
        expect(http(core, 'GET', `${pathname}?sig=wrong`).http?.status).to.equal(403);
      }
      expect(http(core, 'GET', '/dl/none?sig=x').http?.status).to.equal(404);
    });

    it('and refuses what was not announced', () => {
      const { bot, core } = stage();
      const part = (words: string, name = 'file') =>
        multipart([{ name, fileName: 'a.txt', type: 'text/plain', text: words }]);
      const task = () => bot.call('uploadFile', { fileSize: 3, fileName: 'a.txt' })['uploadTaskId'];
      const status = (id: unknown, body: string) => upload(core, id, body).http?.status;
      expect(status('none', part('abc'))).to.equal(404);
      expect(status(task(), part('abcd'))).to.equal(413);
      expect(status(task(), part('ab'))).to.equal(400);
      expect(status(task(), part('abc', 'other'))).to.equal(400);
      expect(status(task(), 'no parts')).to.equal(400);
      const id = task();
      expect([status(id, part('abc')), status(id, part('abc'))]).to.deep.equal([200, 404]);
    });

    it('within the limits of the administrator', () => {
      const { bot, core } = stage({ pushLimits: true });
      expect(bot.methods).to.deep.equal(['getFileUploadLimits']);
      const code = (fileName: string, fileSize = 1) => bot.code('uploadFile', { fileSize, fileName });
      core.setLimits({ maxSize: 10, extensions: { mode: 'allow', list: ['PDF', '.png'] } });
      expect(bot.call('getFileUploadLimits')).to.deep.equal(bot.events.at(-1)?.payload);
      expect(['a.pdf', 'a.PNG', 'a.exe', 'a'].map((name) => code(name))).to.deep.equal([0, 0, 310, 310]);
      expect(code('a.pdf', 11)).to.equal(310);
      core.setLimits({ maxSize: null, extensions: { mode: 'block', list: ['exe'] } });
      expect(['a.pdf', 'a.exe', 'a'].map((name) => code(name, 11))).to.deep.equal([0, 310, 0]);
    });

    it('that people send, on their way, with a lag, and lost', () => {
      const { bot, clock, core, mira } = stage({ readyLagMs: 500, downloadOrigin: 'http://10.0.0.1' });
      const { fileId } = mira.upload(file('a.png', '12345678'), { transferMs: 400 });
      const state = () => bot.call('getFileInfo', { fileId })['readyState'];
      const progress = () =>
        bot.events.flatMap(({ method, payload }) => (method === 'uploadFileProgress' ? [payload?.['progress']] : []));
      clock.advance(100);
      expect(bot.call('subscribeFileProgress', { fileId })).to.deep.equal({ result: true });
      expect(progress()).to.deep.equal([2]);
      clock.advance(300);
      expect([progress(), state()]).to.deep.equal([[2, 4, 6, 8], 1]);
      clock.advance(500);
      expect(state()).to.equal(2);
      expect(bot.call('getFileInfo', { fileId })['downloadUrl']).to.match(/^http:\/\/10\.0\.0\.1\/dl\//);
      expect(bot.call('unsubscribeFileProgress', { fileId })).to.deep.equal({ result: true });
      core.progress(fileId, 8);
      expect(progress()).to.have.length(4);
      core.loseFile(fileId);
      expect(bot.call('getFileInfo', { fileId })).to.deep.equal({ fileId, readyState: 0 });
    });

    it('with their caption before them, or inside', () => {
      for (const captions of ['apart', 'inside'] as const) {
        const { bot, mira } = stage({ captions });
        mira.open();
        mira.upload(file(), { caption: 'look' });
        const types = bot.events.slice(1).map(({ payload }) => payload?.['type']);
        expect(types).to.deep.equal(captions === 'apart' ? [200, 202] : [202]);
        const content = bot.events.at(-1)?.payload?.['content'];
        expect(content).to[captions === 'apart' ? 'not' : 'be'].have.property('caption');
      }
    });
  });

  describe('gives tokens', () => {
    const expected = fixtures('trueconf/http');
    it('with an expiry that is told in the way that is wanted', () => {
      for (const [tokenExpiry, field, value] of [
        ['at', 'expires_at', 60],
        ['in', 'expires_in', 60],
        ['none'],
      ] as const) {
        const { core } = stage({ tokenExpiry, tokenLifeMs: 60_000 });
        const { http: answer } = askToken(core);
        expect(answer?.status).to.equal(201);
        const body = answer?.body as Payload;
        if (tokenExpiry === 'at') expect(shape(body)).to.deep.equal(shape(expected.get('token-answer')));
        expect(Object.keys(body)).to.have.length(field === undefined ? 2 : 3);
        if (field !== undefined) expect(body[field]).to.equal(value);
        const [, claims = ''] = String(body['access_token']).split('.');
        expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).to.include({ exp: 60 });
        expect(new Bot(core).code('auth', { token: body['access_token'], tokenType: 'JWT' })).to.equal(0);
      }
    });

    it('to those who have a password here', () => {
      const { core } = stage();
      core.user('mira');
      const refused = (change: Payload) => {
        const { http: answer } = askToken(core, change);
        return [answer?.status, (answer?.body as Payload)['error']];
      };
      expect(refused({ password: 'wrong' })).to.deep.equal([401, 'invalid_grant']);
      expect(shape(askToken(core, { password: 'wrong' }).http?.body)).to.deep.equal(
        shape(expected.get('token-refusal')),
      );
      expect(refused({ username: 'mira' })).to.deep.equal([401, 'invalid_grant']);
      expect(refused({ username: 'opsbot@tc.example.org' })).to.deep.equal([401, 'invalid_grant']);
      expect(refused({ password: 42 })).to.deep.equal([400, 'invalid_request']);
      expect(refused({ grant_type: 'code' })).to.deep.equal([400, 'unsupported_grant_type']);
      expect(refused({ client_id: 'other' })).to.deep.equal([401, 'invalid_client']);
      core.disable('opsbot');
      expect(refused({})).to.deep.equal([403, 'invalid_grant']);
      const plain = http(core, 'POST', '/bridge/api/client/v1/oauth/token', { body: '{}' });
      expect(plain.http?.status).to.equal(400);
    });

    it('and its name and version', () => {
      const { core } = stage();
      expect(http(core, 'GET', '/api/v4/server').http?.body).to.deep.equal(expected.get('server'));
      expect(http(core, 'GET', '/nowhere').http?.status).to.equal(404);
    });

    it('with the bot’s id, its instance, and the connection', () => {
      for (const instance of ['', '4c9d20aa']) {
        const core = trueconfCore({ instance });
        const { userId, connectionId } = new Bot(core).call('auth', { token: core.issueToken(), tokenType: 'JWT' });
        expect(userId).to.equal(instance === '' ? 'opsbot@tc.example.org' : `opsbot@tc.example.org/${instance}`);
        expect(connectionId).to.be.a('string');
      }
    });

    it('to no bot without a login, nor without bots', () => {
      expect(() => trueconfCore({ bots: {} })).to.throw(TypeError, 'there must be a bot');
      expect(() => trueconfCore({ bots: { '': 'x' } })).to.throw(TypeError, 'a login must not be empty');
      expect(() => trueconfCore().issueToken('mira')).to.throw('there is no bot mira');
    });
  });

  describe('misbehaves', () => {
    const request: readonly (readonly [
      fault: keyof TrueconfRequestFaults,
      effects: number,
      answer: unknown,
      ends: number,
    ])[] = [
      ['lose', 0, undefined, 0],
      ['cutBefore', 0, undefined, 1],
      ['cutAfter', 1, undefined, 1],
      ['silent', 1, undefined, 0],
      ['malformed', 1, undefined, 0],
    ];
    for (const [fault, effects, answer, ends] of request) {
      it(`with a request, once: ${fault}`, () => {
        const { bot, core, mira } = stage();
        const chatId = mira.open();
        Object.assign(core.faults.request, { [fault]: 1 });
        expect(bot.code('sendMessage', { chatId, content: text('x') })).to.equal(answer);
        expect(mira.sees()).to.have.length(effects);
        expect(bot.ends).to.deep.equal(ends === 1 ? [undefined] : []);
        expect(core.journal).to.deep.include({ at: 0, kind: 'fault', fault: `request.${fault}` });
        expect(Bot.in(core).say(chatId, 'y')).to.be.a('string');
        expect(mira.sees()).to.have.length(effects + 1);
      });
    }

    it('with error codes, one for each request that is meant', () => {
      const { bot, core, mira } = stage();
      const chatId = mira.open();
      Object.assign(core.faults.request, {
        errorCodes: [203, 301],
        only: ({ method }: { readonly method: string }) => method === 'sendMessage',
      });
      expect(bot.code('getChatByID', { chatId })).to.equal(0);
      expect([1, 2, 3].map(() => bot.code('sendMessage', { chatId, content: text('x') }))).to.deep.equal([203, 301, 0]);
      expect(mira.sees()).to.deep.equal(['x']);
    });

    it('with answers that are late, or in another order', () => {
      const { bot, clock, core } = stage();
      const ids = () => bot.frames.filter(({ type }) => type === 2).map(({ id }) => id);
      core.faults.request.delay = 1;
      bot.send('getFileUploadLimits');
      bot.send('getFileUploadLimits');
      clock.advance(1_000);
      core.faults.request.reorder = 1;
      bot.send('getFileUploadLimits');
      bot.send('getFileUploadLimits');
      expect(ids()).to.deep.equal([1, 3, 2, 5, 4]);
    });

    it('with the event before the answer', () => {
      const { bot, core, mira } = stage();
      const { fileId } = mira.upload(file());
      for (const eventFirst of [0, 1]) {
        core.faults.request.eventFirst = eventFirst;
        bot.send('subscribeFileProgress', { fileId });
        expect(bot.frames.slice(-2).map(({ type }) => type)).to.deep.equal(eventFirst === 1 ? [1, 2] : [2, 1]);
      }
    });

    it('with events that are lost, twice, late, in another order, or behind something broken', () => {
      const { bot, clock, core, mira } = stage();
      mira.open();
      const { event } = core.faults;
      event.only = ({ payload }) => payload['type'] === 200;
      Object.assign(event, { lose: 1 });
      mira.say('lost');
      event.duplicate = 1;
      mira.say('twice');
      event.delay = 1;
      mira.say('late');
      event.reorder = 1;
      mira.say('second');
      mira.say('first');
      clock.advance(1_000);
      event.malformed = 1;
      mira.say('behind');
      expect(bot.heard).to.deep.equal(['twice', 'twice', 'first', 'second', 'late', 'behind']);
      expect(bot.texts.some((line) => line === '{"type":2,"id":')).to.equal(true);
      bot.acknowledgeAll();
      expect(core.unread()).to.have.length(1);
      expect(Bot.in(core, { receiveUnread: true }).heard).to.deep.equal(['lost']);
    });

    it('with connections: refused, too many, mute, half-open, at another address', () => {
      const { bot, core, mira } = stage({ maxConnections: 2 });
      core.faults.connection.refuse = 1;
      expect(() => new Bot(core)).to.throw('refused with 503');
      expect(() => new Bot(core, '/elsewhere')).to.throw('refused with 404');
      const second = new Bot(core, '/websocket/chat_bot');
      expect(() => new Bot(core)).to.throw('refused with 503');
      second.connection.closed();
      core.faults.connection.mute = 1;
      const mute = new Bot(core);
      expect([mute.code('auth'), mute.connection.answersPings]).to.deep.equal([undefined, true]);
      mute.connection.closed();
      core.freeze();
      mira.say('unheard');
      expect([bot.code('getFileUploadLimits'), bot.events, bot.connection.answersPings]).to.deep.equal([
        undefined,
        [],
        false,
      ]);
      core.faults.connection.freeze = 1;
      expect(new Bot(core).connection.isFrozen).to.equal(true);
      expect(core.unread()).to.have.length(1);
    });

    it('by a close code, by a cut, and by a restart that keeps what it knows', () => {
      const { bot, clock, core, mira } = stage();
      const chatId = mira.open();
      const token = core.issueToken();
      core.drop(1012);
      expect(bot.ends).to.deep.equal([1012]);
      const second = Bot.in(core);
      core.restart(1_000);
      expect(second.ends).to.deep.equal([undefined]);
      mira.say('while it was down');
      expect(() => new Bot(core)).to.throw('refused with 503');
      expect(askToken(core).http?.status).to.equal(503);
      clock.advance(1_000);
      const third = new Bot(core);
      expect(third.code('auth', { token, tokenType: 'JWT', receiveUnread: true })).to.equal(0);
      expect(third.heard).to.deep.equal(['while it was down']);
      expect(third.call('getChatByID', { chatId })).to.include({ unreadMessages: 1 });
    });

    it('with what nobody knows: events, frames', () => {
      const { bot, core } = stage();
      core.emit('danceStarted', { x: 1 });
      core.raw('<html>');
      expect(bot.events.at(-1)).to.deep.equal({ method: 'danceStarted', type: 1, id: 1, payload: { x: 1 } });
      expect(bot.texts.at(-1)).to.equal('<html>');
      bot.acknowledge(1);
      expect(core.journal.at(-1)).to.include({ kind: 'acknowledged', id: 1, method: 'danceStarted' });
    });

    it('over HTTP', () => {
      const { clock, core } = stage();
      const faults = core.faults.token;
      const status = () => askToken(core).http?.status;
      faults.statuses = [401, 502];
      expect([status(), askToken(core).http?.body, status()]).to.deep.equal([401, '<html>proxy</html>', 201]);
      for (const fault of ['resetBefore', 'resetAfter'] as const) {
        faults[fault] = 1;
        expect(askToken(core).error).to.have.property('code', 'ECONNRESET');
      }
      faults.silent = 1;
      expect(askToken(core)).to.deep.equal({});
      faults.page = 1;
      expect(askToken(core).http).to.deep.include({ status: 201, body: '<html>proxy</html>' });
      faults.empty = 1;
      expect(askToken(core).http).to.deep.include({ status: 201, body: {} });
      faults.cut = 1;
      expect(askToken(core).http?.answer.isCut).to.equal(true);
      faults.slow = 1;
      expect(askToken(core).http?.answer.restAfterMs).to.equal(1_000);
      Object.assign(faults, { delay: 2, delayMs: 50 });
      const [late, never] = [askToken(core), askToken(core)];
      clock.advance(49);
      expect(late).to.deep.equal({});
      clock.advance(1);
      expect([late.http?.status, never.http?.status]).to.deep.equal([201, 201]);
      faults.delay = 1;
      const stopped = askToken(core);
      core.stop();
      clock.advance(50);
      expect(stopped).to.deep.equal({});
    });
  });

  it('loses no message, whatever happens to the connections: each is told, in order, until it is acknowledged', () => {
    const act = fc.oneof(
      { weight: 5, arbitrary: fc.constant('say' as const) },
      { weight: 3, arbitrary: fc.constant('acknowledge' as const) },
      fc.constantFrom('cut', 'freeze', 'restart', 'connect', 'lose', 'duplicate', 'delay', 'reorder', 'wait'),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const clock = virtualClock();
        const core = trueconfCore({ scheduler: clock });
        const people = ['mira', 'lev'].map((name) => core.user(name));
        const said: string[] = [];
        const acknowledged = new Set<string>();
        const open = (): Bot | undefined => {
          try {
            return Bot.in(core, { receiveUnread: true });
          } catch {
            return undefined;
          }
        };
        let bot = open();
        const acknowledge = (count: number): void => {
          if (bot === undefined || bot.connection.isFrozen || bot.ends.length > 0) return;
          for (const { id, method, payload } of bot.events.slice(0, count)) {
            bot.acknowledge(id);
            if (method === 'sendMessage') acknowledged.add(String(payload?.['messageId']));
          }
        };
        for (const step of acts) {
          if (step === 'say') said.push(people[said.length % 2]?.say(`m${said.length}`) ?? '');
          else if (step === 'acknowledge') acknowledge(2);
          else if (step === 'cut') core.drop();
          else if (step === 'freeze') core.freeze();
          else if (step === 'restart') core.restart(500);
          else if (step === 'connect') bot = open();
          else if (step === 'wait') clock.advance(700);
          else core.faults.event[step] = 1;
          expect([...said].filter((id) => !acknowledged.has(id))).to.deep.equal(core.unread());
        }
        clock.advance(1_000);
        core.drop();
        Object.assign(core.faults.event, { lose: 0, duplicate: 0, delay: 0, reorder: 0 });
        const missing = core.unread();
        bot = Bot.in(core, { receiveUnread: true });
        expect(bot.events.map(({ payload }) => payload?.['messageId'])).to.deep.equal(missing);
        acknowledge(Infinity);
        expect([...acknowledged].sort()).to.deep.equal([...said].sort());
        expect(core.unread()).to.deep.equal([]);
      }),
    );
  });
});
