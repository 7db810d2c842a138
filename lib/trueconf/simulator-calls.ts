import type { Chats } from './simulator-chats.js';
import type { Desk } from './simulator-desk.js';
import type { Fields } from './simulator-fields.js';
import type { Files } from './simulator-files.js';
import type { Groups } from './simulator-groups.js';
import type { Messages } from './simulator-messages.js';
import { CHAT, STATE, TYPE } from './simulator-model.js';
import type { Account, Actor, Chat, Message, TrueconfContent } from './simulator-model.js';
import { Refusal } from './simulator-refusal.js';
import { isAtLeast } from './simulator-rules.js';
import { cutText } from './simulator-sight.js';
import type { Views } from './simulator-views.js';

/** @internal The parts of the server. */
export interface World {
  readonly desk: Desk;
  readonly chats: Chats;
  readonly messages: Messages;
  readonly groups: Groups;
  readonly files: Files;
  readonly views: Views;
}

/** @internal Who calls. */
export interface Caller extends Actor {
  readonly connection: number;
  /** The files whose progress this connection is told. */
  readonly subscriptions: Set<string>;
  /** Tells this connection alone of an event. */
  readonly tell: (method: string, payload: TrueconfContent) => void;
}

/** @internal A method: nothing is an answer without content. */
export type Call = (payload: Fields, by: Caller) => TrueconfContent | readonly TrueconfContent[] | undefined;

const SINCE: Readonly<Record<string, string>> = {
  createFavoritesChat: '5.5.2',
  changeParticipantRole: '5.5.2',
  editChatTitle: '5.5.3',
  editChatAvatar: '5.5.3',
  clearHistory: '5.5.3',
  getFileUploadLimits: '5.5.3',
  getChatParticipant: '5.5.4',
  sendChatActivity: '5.5.6',
};

const MODES = ['text', 'markdown', 'html'];
const SURVEY = ['path', 'title', 'description', 'buttonText', 'alt'];

const pageOf = <T>(all: readonly T[], size: number, page: number): readonly T[] =>
  all.slice((page - 1) * size, page * size);

/** @internal The methods that a server of this version has, `auth` apart. */
export const callsOf = ({ desk, chats, messages, groups, files, views }: World): ReadonlyMap<string, Call> => {
  const { version } = desk.rules;
  const hasButtons = isAtLeast(version, '5.5.6');

  const userIn = (payload: Fields): Account => {
    const user = desk.find(payload.text('userId'));
    if (user === undefined) throw new Refusal(305);
    return user;
  };
  const chatIn = (payload: Fields, by: Actor): Chat => chats.find(by.account, payload.text('chatId'));
  const titleIn = (payload: Fields, name = 'title'): string => {
    const title = payload.text(name);
    if (Array.from(title).length > 256) throw new Refusal(300, 'title must have at most 256 characters');
    return title;
  };
  const textIn = (content: Fields): TrueconfContent => ({
    text: cutText(content.text('text')),
    parseMode: content.oneOf('parseMode', MODES),
    ...(hasButtons && content.has('buttons') && { buttons: content.all['buttons'] }),
  });
  const sent = ({ chat, messageId, timestamp }: Message) => ({ chatId: chat.chatId, messageId, timestamp });
  const edited = ({ messageId }: Message) => ({ messageId, timestamp: desk.now() });
  const surveyIn = (content: Fields): TrueconfContent =>
    Object.fromEntries(SURVEY.map((name) => [name, content.text(name)]));

  const all: Readonly<Record<string, Call>> = {
    createP2PChat: (payload, by) => ({ chatId: groups.open(by, userIn(payload)).chatId }),
    createGroupChat: (payload, by) => {
      const title = titleIn(payload, payload.has('title') ? 'title' : 'name');
      return { chatId: groups.create(by, CHAT.group, title).chatId };
    },
    createChannel: (payload, by) => {
      const title = titleIn(payload, payload.has('title') ? 'title' : 'name');
      return { chatId: groups.create(by, CHAT.channel, title).chatId };
    },
    createFavoritesChat: (_, by) => ({ chatId: groups.open(by, by.account).chatId }),
    removeChat: (payload, by) => {
      groups.delete(chatIn(payload, by), by);
      return undefined;
    },
    getChats: (payload, { account }) => {
      const newest = [...chats.of(account)].sort(
        (one, other) => (other.messages.at(-1)?.order ?? 0) - (one.messages.at(-1)?.order ?? 0),
      );
      const page = pageOf(newest, payload.number('count', 1), payload.number('page', 1));
      return page.map((chat) => views.listed(chat, account));
    },
    getChatByID: (payload, by) => views.listed(chatIn(payload, by), by.account),

    addChatParticipant: (payload, by) => {
      const chat = chatIn(payload, by);
      groups.invite(chat, by, userIn(payload), payload.flag('displayHistory', false));
      return undefined;
    },
    removeChatParticipant: (payload, by) => {
      const chat = chatIn(payload, by);
      groups.dismiss(chat, by, userIn(payload), payload.flag('clearHistory', false));
      return undefined;
    },
    changeParticipantRole: (payload, by) => {
      const chat = chatIn(payload, by);
      groups.setRole(chat, by, userIn(payload), payload.text('role'));
      return undefined;
    },
    hasChatParticipant: (payload, by) => {
      const { members } = chatIn(payload, by);
      const user = desk.find(payload.text('userId'));
      return { result: user !== undefined && members.has(user) };
    },
    getChatParticipant: (payload, by) => {
      const { members } = chatIn(payload, by);
      const user = userIn(payload);
      const member = members.get(user);
      if (member === undefined) throw new Refusal(305);
      return { userId: user.id, role: member.role, type: 1 };
    },
    getChatParticipants: (payload, by) => {
      const members = [...chatIn(payload, by).members].map(([{ id }, { role }]) => ({ userId: id, role }));
      const page = Math.max(1, payload.number('pageNumber', 0));
      return { participants: pageOf(members, payload.number('pageSize', 1), page) };
    },
    editChatTitle: (payload, by) => {
      const chat = chatIn(payload, by);
      groups.setTitle(chat, by, titleIn(payload));
      return { chatId: chat.chatId, timestamp: desk.now() };
    },
    editChatAvatar: (payload, by) => {
      const temporalFileId = payload.text('temporalFileId');
      groups.setAvatar(chatIn(payload, by), by, () => files.addressOf(files.take(temporalFileId)));
      return undefined;
    },
    clearHistory: (payload, by) => {
      messages.clear(chatIn(payload, by), by, payload.flag('forAll'));
      return undefined;
    },

    sendMessage: (payload, by) => {
      const content = textIn(payload.fields('content'));
      const replyTo = payload.perhaps('replyMessageId');
      return sent(messages.say(chatIn(payload, by), by, TYPE.text, content, { replyTo }));
    },
    editMessage: (payload, by) =>
      edited(messages.edit(by, payload.text('messageId'), TYPE.text, textIn(payload.fields('content')))),
    forwardMessage: (payload, by) => sent(messages.forward(chatIn(payload, by), by, payload.text('messageId'))),
    removeMessage: (payload, by) => {
      messages.remove(by, payload.text('messageId'), payload.flag('forAll'));
      return undefined;
    },
    getMessageById: (payload, { account }) => views.envelope(messages.find(account, payload.text('messageId'))),
    getChatHistory: (payload, by) => {
      const chat = chatIn(payload, by);
      const anchor = payload.perhaps('fromMessageId');
      const found = messages.history(by.account, chat, payload.number('count', 1), anchor);
      return { chatId: chat.chatId, count: found.length, messages: found.map((one) => views.envelope(one)) };
    },
    sendChatActivity: (payload, by) => {
      const { chatId } = chatIn(payload, by);
      const activityType = payload.oneOf('activityType', ['typing', 'uploading_file', 'choosing_sticker']);
      desk.write({ kind: 'activity', chatId, by: by.account.id, activityType });
      return { retryAfter: 5 };
    },

    uploadFile: (payload) => {
      const isNamed = isAtLeast(version, '5.5.3') || payload.has('fileName');
      const name = isNamed ? payload.text('fileName') : '';
      return { uploadTaskId: files.announce(name, payload.number('fileSize', 0)) };
    },
    sendFile: (payload, by) => {
      const content = payload.fields('content');
      const caption = content.has('caption') ? { caption: textIn(content.fields('caption')) } : {};
      const chat = chatIn(payload, by);
      const replyTo = payload.perhaps('replyMessageId');
      const temporalFileId = content.text('temporalFileId');
      messages.check(chat, by, replyTo);
      const file = files.take(temporalFileId);
      const { fileId, name, size, mimeType } = file;
      const message = messages.post(
        chat,
        by,
        TYPE.file,
        { fileId, name, size, mimeType, ...caption },
        { replyTo, file },
      );
      return { ...sent(message), fileId };
    },
    getFileInfo: (payload) => files.info(files.find(payload.text('fileId'))),
    subscribeFileProgress: (payload, { subscriptions, tell }) => {
      const { fileId, progress, state } = files.find(payload.text('fileId'));
      subscriptions.add(fileId);
      if (state !== STATE.unavailable && progress > 0) tell('uploadFileProgress', { fileId, progress });
      return { result: true };
    },
    unsubscribeFileProgress: (payload, { subscriptions }) => ({
      result: subscriptions.delete(files.find(payload.text('fileId')).fileId),
    }),
    getFileUploadLimits: () => ({ ...files.limits }),

    sendSurvey: (payload, by) => {
      const content = payload.fields('content');
      const survey = {
        url: content.text('url'),
        appVersion: content.number('appVersion', 0),
        ...surveyIn(content),
        secret: content.text('secret'),
      };
      const replyTo = payload.perhaps('replyMessageId');
      return sent(messages.say(chatIn(payload, by), by, TYPE.survey, survey, { replyTo }));
    },
    editSurvey: (payload, by) => {
      const messageId = payload.text('messageId');
      const { content } = messages.find(by.account, messageId);
      const changes = surveyIn(payload.fields('content'));
      return edited(messages.edit(by, messageId, TYPE.survey, { ...content, ...changes }));
    },
    getUserDisplayName: (payload) => ({ displayName: userIn(payload).displayName }),
  };
  return new Map(Object.entries(all).filter(([method]) => isAtLeast(version, SINCE[method] ?? '0')));
};
