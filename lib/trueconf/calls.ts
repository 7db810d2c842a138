import { either as E } from 'fp-ts';
import { defer, map, switchMap, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import type { JsonObject } from '../model/index.js';
import { above } from '../range.js';
import type { Download } from '../transport/download.js';
import type { TrueconfAnswers, TrueconfMethod, TrueconfSent, TrueconfSentFile } from './answers.js';
import type { TrueconfClient, TrueconfFileOptions, TrueconfSendOptions, TrueconfTextOptions } from './client.js';
import { encodeText, type TrueconfRequest } from './codec-action.js';
import { decodeAnswer, errorCodeOf, isRepeatable } from './codec-answer.js';
import type { TrueconfMessage } from './codec-content.js';
import { trueconfError } from './codec-error.js';
import { surveyContent, surveyEdit, type TrueconfSurvey } from './codec-survey.js';
import { checkFile, checkPicture, checkSticker, type TrueconfFileToSend } from './file-to-send.js';
import { Transfers, type TrueconfDownloaded, type TrueconfTarget, type TrueconfUploadOptions } from './files.js';
import { Link } from './link.js';
import { MAX_TITLE } from './markup.js';
import { ServerName } from './server-name.js';
import type { Settings } from './settings.js';
import type { Tokens } from './token.js';
import { completeId } from './user-id.js';

const right = <T>(decoded: E.Either<ChatError, T>): T => {
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
const posting = (chatId: string, content: JsonObject, replyTo: string | undefined): JsonObject =>
  replyTo === undefined ? { chatId, content } : { chatId, replyMessageId: replyTo, content };
/** @throws RangeError unless it is a whole number from 1. */
const counted = (name: string, value: number): number => {
  above(`trueconfClient: ${name}`, value, 0);
  if (!Number.isInteger(value)) throw new RangeError(`trueconfClient: ${name} must be a whole number, got ${value}`);
  return value;
};
const inOrder = (one: TrueconfMessage, other: TrueconfMessage): number =>
  one.box === undefined || other.box === undefined
    ? Date.parse(one.at) - Date.parse(other.at)
    : one.box.id - other.box.id || Number(one.box.position) - Number(other.box.position);

/** What `inspect` of Node asks for: it would call getters, if it is told to. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** @internal The calls of a client. Its state is private, so that nothing shows a token. */
export class Calls implements TrueconfClient {
  readonly #settings: Settings;
  readonly #tokens: Tokens;
  readonly #link: Link;
  readonly #transfers: Transfers;
  readonly #serverName: ServerName;

  constructor(settings: Settings, tokens: Tokens) {
    this.#settings = settings;
    this.#tokens = tokens;
    this.#link = new Link(settings, tokens);
    this.#serverName = new ServerName(settings, this.#link);
    this.#transfers = new Transfers(settings, this.#link, (method, payload) => this.#ask(method, payload));
  }

  get token() {
    return this.#tokens.current;
  }
  get status$() {
    return this.#link.status$;
  }
  get deliveries$() {
    return this.#link.deliveries$;
  }
  get server() {
    return this.#settings.server;
  }
  get account() {
    return this.#settings.account;
  }
  get receivesUnread() {
    return this.#settings.receiveUnread;
  }
  get serverName$(): Observable<string> {
    return this.#serverName.name$;
  }

  [INSPECT](): string {
    return `TrueconfClient(${this.#settings.server})`;
  }

  pause(): boolean {
    return this.#link.pause();
  }
  resume(): void {
    this.#link.resume();
  }
  reconnect(): void {
    this.#link.reconnect();
  }
  close(): void {
    this.#link.close();
  }

  sendText(chatId: string, text: string, options: TrueconfTextOptions & TrueconfSendOptions = {}) {
    const { format, buttons, replyTo } = options;
    checkText('text', text);
    return defer(() => {
      const content = right(encodeText(text, format, buttons));
      return this.#ask('sendMessage', posting(chatId, content, replyTo));
    });
  }
  reply(chatId: string, messageId: string, text: string, { format, buttons }: TrueconfTextOptions = {}) {
    return this.sendText(chatId, text, {
      replyTo: messageId,
      ...(format !== undefined && { format }),
      ...(buttons !== undefined && { buttons }),
    });
  }
  editText(messageId: string, text: string, { format, buttons }: TrueconfTextOptions = {}) {
    checkText('text', text);
    return defer(() => this.#ask('editMessage', { messageId, content: right(encodeText(text, format, buttons)) }));
  }
  forward(chatId: string, messageId: string) {
    return this.#ask('forwardMessage', { chatId, messageId });
  }
  removeMessage(messageId: string, { forAll = false }: { readonly forAll?: boolean } = {}) {
    return this.#ask('removeMessage', { messageId, forAll });
  }
  message(messageId: string) {
    return this.#ask('getMessageById', { messageId });
  }
  history(chatId: string, { count = 50, from }: { readonly count?: number; readonly from?: string } = {}) {
    const payload = { chatId, count: counted('count', count) };
    return this.#ask('getChatHistory', from === undefined ? payload : { ...payload, fromMessageId: from }).pipe(
      map((messages) => [...messages].sort(inOrder)),
    );
  }

  sendDocument(chatId: string, file: TrueconfFileToSend, options: TrueconfFileOptions = {}) {
    checkFile('file', file);
    return this.#sendFile(chatId, file, undefined, options);
  }
  sendPhoto(
    chatId: string,
    file: TrueconfFileToSend,
    preview: TrueconfFileToSend | undefined,
    options: TrueconfFileOptions = {},
  ) {
    checkFile('file', file);
    checkPicture('file', file);
    if (preview !== undefined) {
      checkFile('preview', preview);
      checkPicture('preview', preview);
    }
    return this.#sendFile(chatId, file, preview, options);
  }
  sendSticker(chatId: string, file: TrueconfFileToSend, options: TrueconfSendOptions & TrueconfUploadOptions = {}) {
    checkFile('file', file);
    checkSticker('file', file);
    return this.#sendFile(chatId, file, { ...file, mimeType: 'image/webp' }, { ...options, mimeType: 'sticker/webp' });
  }
  upload(
    file: TrueconfFileToSend,
    options: TrueconfUploadOptions & { readonly preview?: TrueconfFileToSend } = {},
  ): Observable<string> {
    checkFile('file', file);
    if (options.preview !== undefined) checkFile('preview', options.preview);
    return this.#transfers.upload(file, options.preview, options);
  }
  fileInfo(fileId: string) {
    return this.#ask('getFileInfo', { fileId });
  }
  download(fileId: string): Observable<Download> {
    return this.#transfers.download(fileId);
  }
  downloadTo(fileId: string, target: TrueconfTarget): Observable<TrueconfDownloaded> {
    return this.#transfers.downloadTo(fileId, target);
  }
  subscribeFileProgress(fileId: string) {
    return this.#ask('subscribeFileProgress', { fileId });
  }
  unsubscribeFileProgress(fileId: string) {
    return this.#ask('unsubscribeFileProgress', { fileId });
  }
  uploadLimits() {
    return this.#ask('getFileUploadLimits', {});
  }

  sendSurvey(chatId: string, survey: TrueconfSurvey, { replyTo }: TrueconfSendOptions = {}): Observable<TrueconfSent> {
    return defer(() => {
      const content = surveyContent(survey, this.#settings.server);
      return this.#ask('sendSurvey', posting(chatId, content, replyTo));
    });
  }
  editSurvey(messageId: string, survey: TrueconfSurvey) {
    return this.#ask('editSurvey', { messageId, content: surveyEdit(survey, this.#settings.server) });
  }
  typing(chatId: string) {
    return this.#ask('sendChatActivity', { chatId, activityType: 'typing' });
  }

  chats({ count = 100, page = 1 }: { readonly count?: number; readonly page?: number } = {}) {
    return this.#ask('getChats', { count: counted('count', count), page: counted('page', page) });
  }
  chat(chatId: string) {
    return this.#ask('getChatByID', { chatId });
  }
  createPersonalChat(userId: string) {
    return this.#askOf('createP2PChat', userId, {});
  }
  createGroup(title: string) {
    return defer(() => this.#ask('createGroupChat', { title: checkedTitle(title) }));
  }
  createChannel(title: string) {
    return defer(() => this.#ask('createChannel', { title: checkedTitle(title) }));
  }
  favorites() {
    return this.#ask('createFavoritesChat', {});
  }
  deleteChat(chatId: string) {
    return this.#ask('removeChat', { chatId });
  }
  setTitle(chatId: string, title: string) {
    return defer(() => this.#ask('editChatTitle', { chatId, title: checkedTitle(title) }));
  }
  setAvatar(chatId: string, file: TrueconfFileToSend) {
    return this.upload(file).pipe(
      switchMap((temporalFileId) => this.#ask('editChatAvatar', { chatId, temporalFileId })),
    );
  }
  clearHistory(chatId: string, { forAll = false }: { readonly forAll?: boolean } = {}) {
    return this.#ask('clearHistory', { chatId, forAll });
  }

  participants(chatId: string, { count = 200, page = 1 }: { readonly count?: number; readonly page?: number } = {}) {
    const payload = { chatId, pageSize: counted('count', count), pageNumber: counted('page', page) };
    return this.#ask('getChatParticipants', payload);
  }
  participant(chatId: string, userId: string) {
    return this.#askOf('getChatParticipant', userId, { chatId });
  }
  hasParticipant(chatId: string, userId: string) {
    return this.#askOf('hasChatParticipant', userId, { chatId });
  }
  addParticipant(chatId: string, userId: string, { showHistory = false }: { readonly showHistory?: boolean } = {}) {
    return this.#askOf('addChatParticipant', userId, { chatId, displayHistory: showHistory });
  }
  removeParticipant(
    chatId: string,
    userId: string,
    { clearHistory = false }: { readonly clearHistory?: boolean } = {},
  ) {
    return this.#askOf('removeChatParticipant', userId, { chatId, clearHistory });
  }
  setRole(chatId: string, userId: string, role: string) {
    return this.#askOf('changeParticipantRole', userId, { chatId, role });
  }
  displayName(userId: string) {
    return this.#askOf('getUserDisplayName', userId, {});
  }

  request({ method, payload }: TrueconfRequest): Observable<unknown> {
    if (typeof method !== 'string' || method === '')
      throw new TypeError('trueconfClient: method must be the name of a request');
    return this.#link.call(method, payload).pipe(
      map((answer) => {
        const code = errorCodeOf(answer);
        if (code !== 0) throw trueconfError(method, code, !isRepeatable(method));
        return answer;
      }),
    );
  }

  #ask<M extends TrueconfMethod>(method: M, payload: JsonObject): Observable<TrueconfAnswers[M]> {
    return this.#link.call(method, payload).pipe(map((answer) => right(decodeAnswer(method, answer))));
  }

  /** A call about a user, whose id is completed. */
  #askOf<M extends TrueconfMethod>(method: M, userId: string, more: JsonObject): Observable<TrueconfAnswers[M]> {
    const ask = (id: string): Observable<TrueconfAnswers[M]> => this.#ask(method, { ...more, userId: id });
    return userId.includes('@')
      ? ask(userId)
      : this.serverName$.pipe(switchMap((server) => ask(completeId(userId, server))));
  }

  #sendFile(
    chatId: string,
    file: TrueconfFileToSend,
    preview: TrueconfFileToSend | undefined,
    { caption = '', format, replyTo, onProgress, mimeType }: TrueconfFileOptions & { readonly mimeType?: string },
  ): Observable<TrueconfSentFile> {
    checkText('caption', caption);
    return defer(() => {
      const said = caption === '' ? undefined : right(encodeText(caption, format));
      const followed = { ...(onProgress !== undefined && { onProgress }), ...(mimeType !== undefined && { mimeType }) };
      return this.#transfers.upload(file, preview, followed).pipe(
        switchMap((temporalFileId) => {
          const content = said === undefined ? { temporalFileId } : { temporalFileId, caption: said };
          return this.#ask('sendFile', posting(chatId, content, replyTo));
        }),
      );
    });
  }
}

/** @throws TypeError unless it is a text. */
const checkText = (argument: string, text: unknown): void => {
  if (typeof text !== 'string') throw new TypeError(`trueconfClient: ${argument} must be a text`);
};
/** @throws ChatError `overflow` when it is too long. */
const checkedTitle = (title: string): string => {
  const length = Array.from(title).length;
  if (length > MAX_TITLE) {
    throw new ChatError('overflow', 'trueconf', `a title has ${length} characters, ${MAX_TITLE} are allowed`);
  }
  return title;
};
