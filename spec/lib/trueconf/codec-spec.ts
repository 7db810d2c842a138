import { expect } from 'chai';
import { either as E } from 'fp-ts';
import type { ChatError, InboundEvent, OutboundAction } from 'tidewire';
import { InboundEventCodec } from 'tidewire/model';
import {
  bareId,
  completeId,
  decodeAnswer,
  decodeContent,
  decodeEvent,
  decodeFrame,
  decodeRequest,
  encodeAction,
  encodeFrame,
  isMentioned,
  isSameUser,
  mentionsIn,
  trueconfError,
  trueconfEscape,
  trueconfMention,
  visibleLength,
  type TrueconfFrame,
  type TrueconfMethod,
  type TrueconfRequest,
  type TrueconfRequestFrame,
} from 'tidewire/trueconf';
import { fixtures } from '../../support/fixtures.js';
import { mutate, random } from '../../support/mutations.js';

const events = fixtures('trueconf/events') as ReadonlyMap<string, TrueconfRequestFrame>;
const requests = fixtures('trueconf/requests') as ReadonlyMap<string, TrueconfRequest>;
const answers = fixtures('trueconf/answers') as ReadonlyMap<string, { readonly payload?: unknown }>;

const arrival = { id: 'made-1', at: '2026-01-01T00:00:00.000Z', self: 'opsbot@tc.example.org/4c9d20aa' };
const SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f001122334';
const dialect = { server: 'tc.example.org', hasButtons: true, secret: () => SECRET };
const P2P = '7d1c0f5e9a3b48c2a6e4d0b1f29387c5e6a1b0d4';
const GROUP = '2f9d8c7b6a5948372615f4e3d2c1b0a998877665';
const conversation = { platform: 'trueconf', id: P2P, channel: 'trueconf' } as const;
const mira = { role: 'customer', id: 'mira@tc.example.org' };
const lev = { role: 'customer', id: 'lev@tc.example.org' };
const self = { role: 'bot', id: 'opsbot@tc.example.org', self: true };

const right = <T>(decoded: E.Either<ChatError, T>): T =>
  E.isRight(decoded) ? decoded.right : expect.fail(decoded.left.message);
const left = (decoded: E.Either<ChatError, unknown>): ChatError =>
  E.isLeft(decoded) ? decoded.left : expect.fail('expected an error');
const plain = (event: InboundEvent): Partial<InboundEvent> => {
  const { raw: _raw, fingerprint: _fingerprint, platform: _platform, ...rest } = event;
  return rest;
};
const told = (method: string, payload: unknown): TrueconfRequestFrame => ({ type: 1, id: 1, method, payload });
const posted = (type: number, content: unknown, more: object = {}): TrueconfRequestFrame =>
  told('sendMessage', {
    messageId: 'm',
    chatId: P2P,
    timestamp: 1_000,
    author: { id: 'mira@tc.example.org', type: 1 },
    type,
    content,
    ...more,
  });
const frame = (name: string): TrueconfRequestFrame => events.get(name) ?? expect.fail(`no fixture ${name}`);

describe('decodeEvent of TrueConf', () => {
  const expected: Readonly<Record<string, object>> = {
    'sendMessage-text': {
      kind: 'message',
      id: '5b0e6c1a-3f7d-4c58-9f0e-2a7b91c4d311',
      text: 'ping <a href="trueconf:opsbot@tc.example.org&do=profile">opsbot</a>',
      format: 'html',
      at: '2026-09-10T00:26:41.234Z',
      sender: mira,
    },
    'sendMessage-file': {
      kind: 'media',
      id: '9a5d3c1e-1b7f-4b1e-8d8a-54f0c9d2e3a6',
      media: {
        fileId: 'e3a9c0b8d7f64512a0b1c2d3e4f5061728394a5b',
        name: 'floor plan.png',
        mimeType: 'image/png',
        sizeBytes: 48_213,
      },
      at: '2026-09-10T00:26:50.500Z',
      sender: mira,
    },
    'sendMessage-forwarded': {
      kind: 'message',
      id: 'b8d7e6f5-0c1b-4a29-9384-75665748392a',
      text: 'deploy is at six',
      format: 'plain',
      at: '2026-09-10T00:27:00.001Z',
      sender: mira,
    },
    'sendMessage-location': {
      kind: 'location',
      id: '70d1c2b3-a495-4867-8778-695a4b3c2d1e',
      latitude: 59.4372,
      longitude: 24.7454,
      name: 'Harbour gate 3',
      at: '2026-09-10T00:27:10.001Z',
      sender: mira,
    },
    'sendMessage-survey': {
      kind: 'other',
      name: 'survey',
      id: '81e2d3c4-b5a6-4978-8889-7a6b5c4d3e2f',
      at: '2026-09-10T00:27:11.001Z',
      sender: mira,
    },
    'sendMessage-title-changed': {
      kind: 'other',
      name: 'editChatTitle',
      id: '92f3e4d5-c6b7-4a89-999a-8b7c6d5e4f30',
      at: '2026-09-10T00:27:20.001Z',
      sender: { role: 'system', id: 'lev' },
    },
    createP2PChat: { kind: 'started' },
    createGroupChat: { kind: 'started' },
    addChatParticipant: {
      kind: 'membership',
      change: 'joined',
      members: [self],
      sender: lev,
      at: '2026-09-10T00:27:30.001Z',
    },
    removeChatParticipant: {
      kind: 'membership',
      change: 'left',
      members: [mira],
      sender: lev,
      at: '2026-09-10T00:27:31.001Z',
    },
    changeParticipantRole: {
      kind: 'membership',
      change: 'role',
      members: [self],
      at: '2026-09-10T00:27:32.001Z',
    },
    editMessage: {
      kind: 'edited',
      messageId: '5b0e6c1a-3f7d-4c58-9f0e-2a7b91c4d311',
      text: 'ping!',
      format: 'html',
      at: '2026-09-10T00:27:41.001Z',
    },
    removeMessage: { kind: 'removed', messageId: '5b0e6c1a-3f7d-4c58-9f0e-2a7b91c4d311', sender: mira },
    uploadFileProgress: { kind: 'progress', what: 'upload', active: true },
    editChatTitle: { kind: 'other', name: 'editChatTitle' },
    editChatAvatar: { kind: 'other', name: 'editChatAvatar' },
    clearHistory: { kind: 'other', name: 'clearHistory' },
    removeChat: { kind: 'ended' },
    getFileUploadLimits: { kind: 'other', name: 'getFileUploadLimits' },
  };

  it('has an expectation for every fixture', () => {
    expect([...events.keys()].sort()).to.deep.equal(Object.keys(expected).sort());
  });

  for (const [name, event] of events) {
    it(`reads ${name}`, () => {
      const decoded = right(decodeEvent(event, arrival));
      const { chatId = '' } = event.payload as { chatId?: string };
      const at = 'at' in (expected[name] ?? {}) ? {} : { at: arrival.at };
      const made = decoded.id === arrival.id;
      expect(plain(decoded)).to.deep.equal({
        ...(made && { id: arrival.id }),
        ...at,
        conversation: { platform: 'trueconf', id: chatId, channel: 'trueconf' },
        ...expected[name],
      });
      expect(decoded.raw).to.equal(event);
      expect(decoded.fingerprint !== undefined).to.equal(made);
      expect(E.isRight(InboundEventCodec.decode(JSON.parse(JSON.stringify(decoded)) as unknown))).to.equal(true);
    });
  }

  const contents: readonly (readonly [type: number, content: object, event: object])[] = [
    [200, { text: 'x', parseMode: 'markdown' }, { kind: 'message', text: 'x', format: 'markdown' }],
    [200, { text: 'x', parseMode: 'bbcode' }, { kind: 'message', text: 'x', format: 'plain' }],
    [201, { text: 'flat', parseMode: 'text' }, { kind: 'message', text: 'flat', format: 'plain' }],
    [
      202,
      { fileId: 'f', name: 'n', size: 1, mimeType: 'a/b', caption: { text: 'c', parseMode: 'text' } },
      { kind: 'media', media: { fileId: 'f', name: 'n', sizeBytes: 1, mimeType: 'a/b' }, caption: 'c' },
    ],
    [203, { latitude: 1, longitude: 2, description: 'd' }, { kind: 'location', latitude: 1, longitude: 2, name: 'd' }],
    [203, { latitude: 1, longitude: 2 }, { kind: 'location', latitude: 1, longitude: 2 }],
    [204, { url: 'u', title: 't' }, { kind: 'other', name: 'survey' }],
    [
      205,
      { fileId: 'f', size: 1, mimeType: 'audio/ogg', duration: 3 },
      { kind: 'media', media: { fileId: 'f', sizeBytes: 1, mimeType: 'audio/ogg' } },
    ],
    [1, { userId: 'lev@tc.example.org/1', role: 'user' }, { kind: 'membership', change: 'joined', members: [lev] }],
    [2, { userId: 'lev@tc.example.org' }, { kind: 'membership', change: 'left', members: [lev] }],
    [110, { userId: 'OPSBOT@tc.example.org', role: 1 }, { kind: 'membership', change: 'role' }],
    [21, { title: 't' }, { kind: 'other', name: 'editChatTitle' }],
    [22, { avatarUrl: null }, { kind: 'other', name: 'editChatAvatar' }],
    [23, { forAll: 'true' }, { kind: 'other', name: 'clearHistory' }],
    [77, { anything: 1 }, { kind: 'other', name: 'message of type 77' }],
  ];
  for (const [type, content, event] of contents) {
    it(`reads a message of type ${type}: ${JSON.stringify(content).slice(0, 60)}`, () => {
      expect(right(decodeEvent(posted(type, content), arrival))).to.deep.include(event);
    });
  }

  it('reads what else there is', () => {
    for (const [type, content] of contents) {
      if (type < 200 || type === 204) continue;
      const answer = right(decodeEvent(posted(type, content, { replyMessageId: 'r' }), arrival));
      expect(answer, String(type)).to.deep.include({ replyTo: 'r' });
    }
    expect(right(decodeEvent(posted(200, { text: 'x' }, { replyMessageId: null }), arrival))).not.to.have.property(
      'replyTo',
    );
    const message = posted(200, { text: 'Coffee?' }).payload as object;
    const press = {
      commandSource: { type: 'inlineKeyboard', message },
      commandPayload: { type: 'userCommand', command: 'yes' },
    };
    expect(right(decodeEvent(told('command', press), arrival))).to.deep.include({
      choice: { id: 'yes' },
      conversation,
    });
    const { commandPayload } = press;
    expect(right(decodeEvent(told('command', { commandPayload }), arrival)).conversation.id).to.equal('');
    for (const method of ['createChannel', 'createFavoritesChat'])
      expect(right(decodeEvent(told(method, { chatId: P2P, chatType: 6, title: null }), arrival)).kind).to.equal(
        'started',
      );
    const edit = { chatId: P2P, timestamp: 1, content: { text: 'x', parseMode: 'text' } };
    expect(right(decodeEvent(told('editMessage', edit), arrival))).to.include({ kind: 'other', name: 'editMessage' });
    expect(right(decodeEvent(told('dance', { chatId: P2P, x: 1 }), arrival))).to.deep.include({
      kind: 'other',
      name: 'dance',
      conversation,
    });
    expect(right(decodeEvent(told('dance', null), arrival)).conversation.id).to.equal('');
    expect(right(decodeEvent(frame('removeChat'), { ...arrival, account: 'a' })).conversation.account).to.equal('a');
    expect(right(decodeEvent(told('uploadingProgress', { fileId: 'f', progress: 1 }), arrival)).kind).to.equal(
      'progress',
    );
  });

  it('knows its own messages, with and without an instance', () => {
    for (const id of ['opsbot@tc.example.org', 'OpsBot@tc.example.org/77']) {
      const own = posted(200, { text: 'x' }, { author: { id, type: 1 } });
      expect(right(decodeEvent(own, arrival)).sender).to.deep.equal({ ...self, id: bareId(id) });
      expect(right(decodeEvent(own, { id: 'i', at: '' })).sender?.self).to.equal(undefined);
    }
    const federated = posted(200, { text: 'x' }, { author: { id: 'ann@other.org/9f', type: 1 } });
    expect(right(decodeEvent(federated, arrival)).sender).to.deep.equal({ role: 'customer', id: 'ann@other.org' });
  });

  it('refuses what breaks the protocol, with paths and never values', () => {
    const broken: readonly (readonly [TrueconfRequestFrame, string])[] = [
      [posted(200, { text: 5, secret: 'hush' }), 'text is not string'],
      [posted(200, 'hush'), 'content is not'],
      [posted(200, { text: 'hush' }, { timestamp: 1e300 }), 'timestamp is not milliseconds'],
      [posted(203, { latitude: 'hush', longitude: 1 }), 'latitude is not number'],
      [posted(201, { messageId: 'hush' }), 'chatId is not string'],
      [told('removeMessage', { chatId: 'hush' }), 'messageId is not string'],
      [told('sendMessage', 'hush'), 'the body is not'],
    ];
    for (const [event, problem] of broken) {
      const error = left(decodeEvent(event, arrival));
      expect(error.kind).to.equal('undecodable');
      expect(error.problems?.join('; ')).to.include(problem);
      expect(JSON.stringify(error)).not.to.include('hush');
    }
  });

  it('follows forwarded messages only so deep', () => {
    let content: object = { text: 'x' };
    for (let depth = 0; depth < 5_000; depth++) content = posted(depth === 0 ? 200 : 201, content).payload as object;
    expect(right(decodeEvent(posted(201, content), arrival))).to.include({ kind: 'other' });
  });
});

describe('frames of TrueConf', () => {
  it('come back as they were', () => {
    for (const wire of [...events.values(), ...requests.values(), ...answers.values()] as TrueconfFrame[])
      expect(right(decodeFrame(encodeFrame(wire)))).to.deep.equal(wire);
  });

  it('are refused when they are none', () => {
    for (const text of [
      '',
      'hush',
      '[]',
      'null',
      '{"type":0,"id":1}',
      '{"type":1,"id":-1,"method":"x"}',
      '{"type":1,"id":1}',
      '{"type":2,"id":4294967296}',
    ])
      expect(left(decodeFrame(text)).kind).to.equal('undecodable');
  });

  it('are refused when they are nested deeper than anything can walk through', () => {
    const nested = (depth: number): string =>
      `{"type":1,"id":1,"method":"dance","payload":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(left(decodeFrame(nested(1_001))).problems).to.deep.equal(['the frame is nested too deep']);
    expect(left(decodeFrame(nested(100_000))).kind).to.equal('undecodable');
    const frame = right(decodeFrame(nested(1_000)));
    expect(frame).to.include({ method: 'dance' });
    expect(right(decodeEvent(frame as TrueconfRequestFrame, arrival)).kind).to.equal('other');
    // What stands in texts opens nothing, and lists of lists are no deeper for being long.
    for (const payload of ['[{"'.repeat(5_000), `\\"${'['.repeat(5_000)}`, Array.from({ length: 5_000 }, () => [{}])])
      expect(right(decodeFrame(JSON.stringify(told('dance', payload))))).to.deep.include({ payload });
  });
});

describe('decodeAnswer of TrueConf', () => {
  const answer = (name: string): unknown => answers.get(name)?.payload;
  const of = <M extends TrueconfMethod>(method: M, name: string) => right(decodeAnswer(method, answer(name)));

  it('reads every fixture', () => {
    expect(of('auth', 'auth')).to.deep.equal({
      userId: 'opsbot@tc.example.org/4c9d20aa',
      connectionId: '0f7a3c52-6a0e-4f4c-8a5b-9b1d4b6f2c11',
    });
    expect(of('sendMessage', 'sendMessage')).to.deep.equal({
      chatId: P2P,
      messageId: 'c2f1b7f0-93c4-4e58-8f6c-0a1c6d0f9b77',
      at: '2026-09-10T00:26:42.050Z',
    });
    expect(of('createP2PChat', 'createP2PChat')).to.deep.equal({ chatId: P2P });
    const [group, person] = of('getChats', 'getChats');
    expect(group).to.deep.include({ chatId: GROUP, kind: 'group', title: 'Night shift', unread: 0 });
    expect(group?.lastMessage).to.deep.include({
      chatId: GROUP,
      content: { kind: 'avatar' },
      author: { id: 'lev', isSystem: true },
    });
    expect(person).to.deep.equal({ chatId: P2P, kind: 'personal', title: 'Mira', unread: 0 });
    const [file, text] = of('getChatHistory', 'getChatHistory');
    expect(file).to.deep.include({ box: { id: 43, position: '0' }, isEdited: false });
    expect(text).to.deep.include({
      replyTo: '5b0e6c1a-3f7d-4c58-9f0e-2a7b91c4d311',
      content: { kind: 'text', text: '<b>pong</b>', format: 'html' },
    });
    expect(of('getChatParticipants', 'getChatParticipants')).to.deep.equal([
      { userId: 'lev@tc.example.org', role: 'owner' },
      { userId: 'opsbot@tc.example.org', role: 'user' },
    ]);
    expect(of('editMessage', 'editMessage')).to.have.keys('messageId', 'at');
    expect(decodeAnswer('removeMessage', answer('removeMessage'))).to.deep.equal(E.right(undefined));
    expect(of('forwardMessage', 'forwardMessage').chatId).to.equal(GROUP);
    expect(of('uploadFile', 'uploadFile').uploadTaskId).to.equal('3e2d1c0b-a998-4776-8554-433221100ffe');
    expect(of('sendFile', 'sendFile').fileId).to.equal('aa11bb22cc33dd44ee55ff6600778899aabbccdd');
    expect(of('getFileInfo', 'getFileInfo-uploading')).to.deep.include({ state: 'uploading', previews: [] });
    const ready = of('getFileInfo', 'getFileInfo-ready');
    expect(ready).to.include({ state: 'ready', sizeBytes: 48_213, mimeType: 'image/png' });
    expect(ready.previews).to.have.length(1);
    expect(of('subscribeFileProgress', 'subscribeFileProgress')).to.equal(true);
    expect(of('sendSurvey', 'sendSurvey').messageId).to.equal('f6e5d4c3-2b1a-4f0e-9d8c-7b6a59483726');
    expect(of('getUserDisplayName', 'getUserDisplayName')).to.equal('Mira Sample');
    expect(of('hasChatParticipant', 'hasChatParticipant')).to.equal(true);
  });

  it('reads the fixtures of refusals', () => {
    const codes = {
      'auth-expired': '203',
      'sendMessage-chat-not-found': '304',
      'addChatParticipant-not-enough-rights': '303',
      'getMessageById-removed': '306',
    };
    for (const [name, reason] of Object.entries(codes)) {
      const error = left(decodeAnswer('sendMessage', answer(name)));
      expect(error).to.include({ reason, inDoubt: false, kind: reason === '203' ? 'unauthorized' : 'refused' });
    }
  });

  it('reads the odd ones', () => {
    for (const payload of [undefined, null, {}, { errorCode: 0 }])
      expect(decodeAnswer('removeChat', payload)).to.deep.equal(E.right(undefined));
    expect(right(decodeAnswer('getChats', { chats: [] }))).to.deep.equal([]);
    expect(
      right(
        decodeAnswer('getChatParticipants', {
          participants: [
            { userId: 'u', role: 6 },
            { userId: 'v', role: 99 },
          ],
        }),
      ),
    ).to.deep.equal([
      { userId: 'u', role: 'writer' },
      { userId: 'v', role: '99' },
    ]);
    expect(right(decodeAnswer('getFileInfo', { infoHash: 'h', readyState: 0 }))).to.deep.equal({
      fileId: 'h',
      state: 'unavailable',
      previews: [],
    });
    expect(right(decodeAnswer('getFileUploadLimits', { maxSize: null, extensions: null }))).to.deep.equal({});
    expect(
      right(decodeAnswer('getFileUploadLimits', { maxSize: 5, extensions: { mode: 'block', list: ['exe'] } })),
    ).to.deep.equal({ maxBytes: 5, extensions: { mode: 'block', list: ['exe'] } });
    expect(
      right(
        decodeAnswer('getChatByID', {
          chatId: 'c',
          chatType: 99,
          title: null,
          lastMessage: { messageId: 'm', timestamp: 1, author: { id: 'a' }, type: 200, content: {} },
        }),
      ),
    ).to.deep.include({ kind: 'unknown' });
    expect(right(decodeAnswer('unsubscribeFileProgress', undefined))).to.equal(true);
    expect(right(decodeAnswer('sendChatActivity', { retryAfter: 5 }))).to.deep.equal({ repeatAfterMs: 5_000 });
    expect(right(decodeAnswer('getChatParticipant', { userId: 'u', role: 'user', type: 1 }))).to.deep.equal({
      userId: 'u',
      role: 'user',
    });
  });

  it('is no worse for one of many that cannot be read, and takes null for what is not there', () => {
    const message = (messageId: string, type: number, content: unknown) => ({ ...envelope, messageId, type, content });
    const envelope = { chatId: 'c', timestamp: 1, author: { id: 'a', type: null }, isEdited: null, box: null };
    const messages = [message('m1', 200, { text: 'a' }), message('m2', 204, { url: 'u' }), message('m3', 22, null)];
    expect(
      right(decodeAnswer('getChatHistory', { messages })).map(({ messageId, type, content }) => [
        messageId,
        type,
        content.kind,
      ]),
    ).to.deep.equal([
      ['m1', 200, 'text'],
      ['m2', 204, 'other'],
      ['m3', 22, 'other'],
    ]);
    // What has not even an id is no message.
    expect(left(decodeAnswer('getChatHistory', { messages: [{}] })).kind).to.equal('undecodable');
    expect(left(decodeAnswer('getChatHistory', { messages: [null] })).kind).to.equal('undecodable');
    // Alone, one that cannot be read is worth an error.
    expect(left(decodeAnswer('getMessageById', messages[1])).problems).to.deep.equal(['title is not string']);

    const last = { messageId: 'm', timestamp: 1, author: { id: 'a' }, type: 22, content: null };
    const chats = [
      { chatId: 'c', chatType: 2, unreadMessages: null, title: null, avatarUrl: null, lastMessage: null },
      { chatId: 'd', chatType: 2, unreadMessages: 2, lastMessage: last },
      { chatId: 'e', chatType: 2, lastMessage: { messageId: 7 } },
    ];
    expect(
      right(decodeAnswer('getChats', chats)).map(({ chatId, unread, lastMessage }) => [
        chatId,
        unread,
        lastMessage?.content,
      ]),
    ).to.deep.equal([
      ['c', 0, undefined],
      ['d', 2, { kind: 'other' }],
      ['e', 0, undefined],
    ]);
    for (const extensions of [{ mode: 'allow' }, { mode: 'perhaps', list: [] }, 'exe', { mode: 'block', list: [7] }])
      expect(right(decodeAnswer('getFileUploadLimits', { maxSize: 5, extensions }))).to.deep.equal({ maxBytes: 5 });
    const file = { fileId: 'f', readyState: 0, name: null, size: null, mimeType: null, downloadUrl: null };
    for (const previews of [null, [null], [{ name: 'x' }]])
      expect(right(decodeAnswer('getFileInfo', { ...file, infoHash: null, previews }))).to.deep.equal({
        fileId: 'f',
        state: 'unavailable',
        previews: [],
      });
    const previews = [{ downloadUrl: 'u', name: null, size: 3, mimeType: null }];
    expect(right(decodeAnswer('getFileInfo', { ...file, previews })).previews).to.deep.equal([
      { downloadUrl: 'u', sizeBytes: 3 },
    ]);
    const participants = [{ userId: 'a' }, { userId: 'b', role: null }];
    expect(right(decodeAnswer('getChatParticipants', { participants }))).to.deep.equal([
      { userId: 'a', role: '' },
      { userId: 'b', role: '' },
    ]);
  });

  it('refuses the number of an upload that no header can hold', () => {
    for (const uploadTaskId of ['задача', '', 'a b', 'a\r\nb'])
      expect(left(decodeAnswer('uploadFile', { uploadTaskId })).problems).to.deep.equal([
        'uploadTaskId is not visible ASCII signs',
      ]);
    expect(right(decodeAnswer('uploadFile', { uploadTaskId: 't-1' }))).to.deep.equal({ uploadTaskId: 't-1' });
  });

  it('refuses a shape that it does not know, in doubt where something was done', () => {
    expect(left(decodeAnswer('sendMessage', {}))).to.include({ kind: 'undecodable', inDoubt: true });
    expect(left(decodeAnswer('getChats', {}))).to.include({ kind: 'undecodable', inDoubt: false });
    expect(left(decodeAnswer('getFileInfo', { readyState: 2 })).problems).to.deep.equal(['fileId is not string']);
  });

  const kinds: Readonly<Record<string, readonly number[]>> = {
    conflict: [2, 309],
    unreachable: [100, 300],
    timeout: [101, 301],
    unsupported: [104],
    unauthorized: [200, 201, 202, 203, 204],
    refused: [102, 103, 302, 303, 304, 305, 306, 307, 308, 310, 311, 312, 999, -1],
  };
  for (const [kind, codes] of Object.entries(kinds)) {
    it(`makes ${kind} of ${codes.join(', ')}`, () => {
      for (const code of codes) {
        const error = trueconfError('sendMessage', code);
        expect(error).to.include({ kind, reason: String(code), inDoubt: ['unreachable', 'timeout'].includes(kind) });
        expect(error.retryable).to.equal(code === 311 || ['unreachable', 'timeout'].includes(kind));
        expect(trueconfError('getChats', code, false).inDoubt).to.equal(false);
      }
    });
  }
});

describe('encodeAction of TrueConf', () => {
  const to = (action: object): OutboundAction => ({ id: 'a', conversation, ...action }) as OutboundAction;
  const encoded = (action: object): TrueconfRequest => right(encodeAction(to(action), dialect));

  it('makes the fixtures again from what it reads in them', () => {
    for (const { method, payload } of requests.values()) {
      const action = right(decodeRequest({ method, payload }, { id: 'a', chatId: P2P }));
      expect(right(encodeAction(action, dialect)), method).to.deep.equal({ method, payload });
    }
  });

  const actions: readonly object[] = [
    { kind: 'text', text: 'x' },
    { kind: 'text', text: '<b>x</b>', format: 'html', replyTo: 'm' },
    { kind: 'text', text: '**x**', format: 'markdown' },
    {
      kind: 'choices',
      text: '?',
      choices: [
        { id: 'a', label: 'A' },
        { id: 'b', label: 'B' },
      ],
    },
    { kind: 'links', text: '?', links: [{ label: 'A', url: 'https://example.org/a' }] },
    { kind: 'media', media: { fileId: 'tmp-1' }, caption: 'c', replyTo: 'm' },
    { kind: 'media', media: { fileId: 'tmp-1' } },
    { kind: 'survey', title: 'Lunch <3', survey: 'lunch' },
    { kind: 'survey', title: 'Lunch', survey: 'lunch', anonymous: true },
    { kind: 'edit', messageId: 'm', text: 'x', format: 'html' },
    { kind: 'edit', messageId: 'm', text: 'x' },
    { kind: 'remove', messageId: 'm' },
    { kind: 'forward', messageId: 'm', to: { platform: 'trueconf', id: GROUP, channel: 'trueconf' } },
    { kind: 'typing' },
    { kind: 'openConversation', with: 'mira' },
    { kind: 'platform', name: 'editChatTitle', payload: { chatId: P2P, title: 't' } },
  ];
  for (const action of actions)
    it(`is undone by decodeRequest: ${JSON.stringify(action)}`, () => {
      expect(right(decodeRequest(encoded(action), { id: 'a', chatId: P2P }))).to.deep.equal(to(action));
    });

  it('writes what the server expects', () => {
    expect(encoded({ kind: 'text', text: 'x', extra: { later: true } })).to.deep.equal({
      method: 'sendMessage',
      payload: { chatId: P2P, content: { text: 'x', parseMode: 'text' }, later: true },
    });
    const many = Array.from({ length: 20 }, (_, n) => ({ id: `i${n}`, label: `L${n}` }));
    const { buttons } = encoded({ kind: 'choices', text: '?', choices: many }).payload['content'] as {
      buttons: object[][];
    };
    expect(buttons.map(({ length }) => length)).to.deep.equal([3, 3, 3, 3, 3, 3, 2]);
    expect(buttons[0]?.[0]).to.deep.equal({ label: 'L0', type: 'command', command: 'i0' });
    const survey = right(encodeAction(to({ kind: 'survey', title: 't', survey: 's' }), { server: 's' }));
    expect((survey.payload['content'] as { secret: string }).secret).to.match(/^[0-9a-f]{40}$/);
  });

  it('refuses what the server does not know, or would cut', () => {
    const unsupported: readonly object[] = [
      { kind: 'cards', cards: [] },
      { kind: 'navigate', url: 'https://example.org' },
      { kind: 'handoff', to: { kind: 'any' } },
      { kind: 'end' },
      { kind: 'media', media: { url: 'https://example.org/a.png' } },
      { kind: 'choices', text: '?', choices: [] },
      { kind: 'choices', text: '?', choices: [{ id: 'ä', label: 'A' }] },
      { kind: 'choices', text: '?', choices: [{ id: 'a', label: 'A'.repeat(33) }] },
      { kind: 'links', text: '?', links: [{ label: 'A', url: 'javascript:alert(1)' }] },
      { kind: 'typing', visible: false },
      { kind: 'platform', name: 'x', payload: [] },
    ];
    for (const action of unsupported) expect(left(encodeAction(to(action), dialect)).kind).to.equal('unsupported');
    for (const action of [{ kind: 'typing' }, { kind: 'choices', text: '?', choices: [{ id: 'a', label: 'A' }] }])
      expect(left(encodeAction(to(action), { server: 's' })).kind).to.equal('unsupported');
    const long = '🔥'.repeat(4_097);
    for (const action of [
      { kind: 'text', text: long },
      { kind: 'edit', messageId: 'm', text: long },
      { kind: 'media', media: { fileId: 'f' }, caption: long },
    ])
      expect(left(encodeAction(to(action), dialect))).to.include({ kind: 'overflow' });
    expect(encoded({ kind: 'text', text: '🔥'.repeat(4_096) }).method).to.equal('sendMessage');
  });
});

describe('texts and ids of TrueConf', () => {
  it('compares users without instances, in any case', () => {
    expect(isSameUser('A@b.c/1', 'a@B.c/2')).to.equal(true);
    expect(isSameUser('a@b.c', 'a')).to.equal(false);
    expect(completeId('a', 's')).to.equal('a@s');
    expect(completeId('a/1', 's')).to.equal('a@s/1');
    expect(completeId('a@b', 's')).to.equal('a@b');
  });

  it('mentions people, and sees who is mentioned', () => {
    for (const format of ['html', 'markdown'] as const) {
      const text = `Hi ${trueconfMention('mira@tc.example.org/1', 'M <i>_*', format)}!`;
      expect(mentionsIn(text, format)).to.deep.equal(['mira@tc.example.org']);
      expect(isMentioned('MIRA@tc.example.org', text, format)).to.equal(true);
    }
    expect(trueconfMention('a@b', 'A', 'plain')).to.equal('A');
    expect(mentionsIn('<a href="trueconf:a@b">A</a>', 'plain')).to.deep.equal([]);
    expect(isMentioned('x@y', ' @all ', 'plain')).to.equal(true);
    const { text } = (frame('sendMessage-text').payload as { content: { text: string } }).content;
    expect(mentionsIn(text)).to.deep.equal(['opsbot@tc.example.org']);
  });

  it('makes no markup of what a stranger wrote', () => {
    expect(trueconfEscape('<b>"&', 'html')).to.equal('&lt;b&gt;&quot;&amp;');
    expect(trueconfEscape('*a*', 'markdown')).to.equal('\\*a\\*');
    expect(trueconfEscape('*<', 'plain')).to.equal('*<');
  });

  it('counts what can be seen', () => {
    expect(visibleLength('<b>🔥</b>')).to.equal(8);
    expect(visibleLength('<b>🔥</b>', 'html')).to.equal(1);
    expect(visibleLength('<a href="https://a.b">hi</a>', 'html')).to.equal('hi https://a.b'.length);
    expect(visibleLength('[hi](https://a.b)', 'markdown')).to.equal('hi https://a.b'.length);
    expect(visibleLength('**a** snake_case', 'markdown')).to.equal('a snake_case'.length);
  });
});

describe('the codec of TrueConf', () => {
  it('survives 20 000 mutations of the fixtures', () => {
    const next = random(7);
    const wire = [...events.values(), ...requests.values(), ...answers.values()];
    const methods = [
      'auth',
      'getChats',
      'getChatByID',
      'getChatHistory',
      'getFileInfo',
      'sendFile',
      'getFileUploadLimits',
      'getChatParticipants',
    ] as const;
    let broken = 0;
    for (let n = 0; n < 20_000; n++) {
      const decoded = decodeFrame(mutate(wire[n % wire.length], next));
      if (E.isLeft(decoded)) {
        broken++;
        continue;
      }
      const { right: got } = decoded;
      if (got.type === 2) {
        for (const method of methods) decodeAnswer(method, got.payload);
        decodeContent(201, got.payload);
        continue;
      }
      const event = decodeEvent(got, arrival);
      if (E.isRight(event)) expect(E.isRight(InboundEventCodec.decode(event.right))).to.equal(true);
      const action = decodeRequest(got as TrueconfRequest, { id: 'a' });
      if (E.isRight(action)) encodeAction(action.right, dialect);
    }
    expect(broken).to.be.within(1_000, 15_000);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });
});
