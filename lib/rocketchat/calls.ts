import { defer, map, switchMap, throwError, catchError, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import { isVersion, type RocketchatRequest } from './codec-request.js';
import type { RocketchatClient, RocketchatVisitorClient } from './client.js';
import { Ddp } from './ddp.js';
import { Files, type RocketchatFileToSend, type RocketchatUploadOptions } from './files.js';
import { checkedId, checkedText, newMessageId } from './ids.js';
import type { Logins } from './login.js';
import * as requests from './requests-agent.js';
import type {
  RocketchatCloseOptions,
  RocketchatForwardTo,
  RocketchatPaging,
  RocketchatRoomFilter,
  RocketchatRoomInfo,
  RocketchatSendOptions,
  RocketchatStaff,
} from './requests-agent.js';
import { configOf, offlineMessage } from './requests-visitor.js';
import type { RocketchatOfflineMessage, RocketchatVisitorDraft } from './requests-visitor.js';
import { Rest } from './rest.js';
import type { Settings } from './settings.js';
import {
  checkedCount,
  checkedInstant,
  closedAlready,
  once,
  register,
  sharedBy,
  VisitorCalls,
  type Shared,
} from './visitor-calls.js';

/** What `inspect` of Node asks for: it would call getters, if it is told to. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** @throws RangeError when a number is out of range. */
const checkedPage = <P extends RocketchatPaging>(page: P): P => {
  if (page.count !== undefined) checkedCount('count', page.count);
  if (page.offset !== undefined && !(Number.isInteger(page.offset) && page.offset >= 0))
    throw new RangeError(`rocketchatClient: offset must be a whole number from 0, got ${page.offset}`);
  return page;
};
const nothing = (): undefined => undefined;
const blank = (what: string, reason: string): ChatError =>
  new ChatError('unsupported', 'rocketchat', `${what} is empty`, { reason });

/** @internal The calls of a client. Its state is private, so that nothing shows a token. */
export class Calls implements RocketchatClient {
  readonly #settings: Settings;
  readonly #logins: Logins;
  readonly #rest: Rest;
  readonly #ddp: Ddp;
  readonly #files: Files;
  readonly #shared: Shared;

  constructor(settings: Settings, logins: Logins) {
    this.#settings = settings;
    this.#logins = logins;
    this.#rest = new Rest(settings, logins);
    this.#ddp = new Ddp(settings, logins);
    this.#files = new Files(settings, this.#rest, logins);
    this.#shared = sharedBy(settings, this.#rest, this.#ddp, this.#files);
  }

  get account() {
    return this.#settings.account;
  }
  get version$() {
    return this.#rest.version$;
  }
  get status$() {
    return this.#ddp.status$;
  }
  get strays$() {
    return this.#ddp.strays$;
  }

  [INSPECT](): string {
    return `RocketchatClient(${this.#settings.baseUrl})`;
  }

  disconnect(): void {
    this.#ddp.close();
  }

  registerVisitor(visitor: RocketchatVisitorDraft) {
    return register(this.#shared, visitor);
  }
  asVisitor(token: string): RocketchatVisitorClient {
    return new VisitorCalls(this.#shared, token);
  }
  config(department?: string) {
    return this.#rest.ask('config', configOf(undefined, department));
  }
  leaveMessage(message: RocketchatOfflineMessage) {
    return defer(() => {
      checkedText(message.message, Infinity);
      return this.#rest.ask('done', offlineMessage(message));
    });
  }

  login() {
    return this.#logins
      .get()
      .pipe(map(({ userId, username }) => (username === undefined ? { userId } : { userId, username })));
  }
  send(rid: string, text: string, options: RocketchatSendOptions = {}) {
    const { maxTextLength, randomId } = this.#settings;
    return this.#in(rid, () => {
      // What has attachments needs no text.
      if (options.attachments === undefined || text !== '') checkedText(text, maxTextLength);
      const _id = options.id === undefined ? newMessageId(randomId) : checkedId('id', options.id);
      const sent = this.#rest.ask('message', requests.sendMessage(rid, _id, text, options));
      return once(sent, () => this.message(_id), rid, 'agent');
    });
  }
  message(id: string) {
    return defer(() => this.#rest.ask('message', requests.getMessage(checkedId('id', id))));
  }
  edit(rid: string, id: string, text: string) {
    const { maxTextLength } = this.#settings;
    return this.#in(rid, () =>
      this.#rest.ask('message', requests.updateMessage(rid, checkedId('id', id), checkedText(text, maxTextLength))),
    );
  }
  remove(rid: string, id: string) {
    return this.#in(rid, () => this.#rest.ask('done', requests.deleteMessage(rid, checkedId('id', id))));
  }
  react(id: string, emoji: string, on = true) {
    return defer(() => {
      if (emoji.trim() === '') throw blank('an emoji', 'noEmoji');
      return this.#rest.ask('done', requests.react(checkedId('id', id), emoji, on));
    });
  }
  upload(rid: string, file: RocketchatFileToSend, options: RocketchatUploadOptions = {}) {
    return this.#in(rid, () => this.#files.ofAgent(rid, file, options));
  }
  uploadMedia(rid: string, file: RocketchatFileToSend) {
    return this.#in(rid, () => this.#files.media(rid, file));
  }
  download(url: string) {
    return this.#files.get(url, 'user');
  }
  typing(rid: string, active = true, { name }: { readonly name?: string } = {}) {
    return this.#in(rid, () => {
      const paramsOf = (username: string) => requests.agentTyping(rid, username, active).params;
      const { call, method } = requests.agentTyping(rid, '', active);
      const params = name === undefined ? paramsOf : paramsOf(name);
      return this.#ddp.call({ call, method, params, isRepeatable: true }).pipe(map(nothing));
    });
  }
  markRead(rid: string) {
    return this.#in(rid, () => this.#rest.ask('done', requests.markRead(rid)));
  }
  receipts(id: string) {
    return defer(() => this.#rest.ask('receipts', requests.readReceipts(checkedId('id', id))));
  }
  sync(rid: string, since: string) {
    checkedInstant('since', since);
    return this.#in(rid, () => this.#rest.ask('sync', requests.syncMessages(rid, since)));
  }

  join(rid: string) {
    return this.#in(rid, () => this.#rest.ask('done', requests.joinRoom(rid)));
  }
  close(rid: string, options: RocketchatCloseOptions = {}) {
    return this.#in(rid, () =>
      this.#rest.ask('done', requests.closeRoom(rid, options)).pipe(catchError(closedAlready)),
    );
  }
  forward(rid: string, to: RocketchatForwardTo) {
    return this.#in(rid, () => {
      const { agent, department } = to;
      if (agent === undefined && department === undefined) {
        const sentence = 'forward needs an agent or a department';
        throw new ChatError('unsupported', 'rocketchat', sentence, { reason: 'noTarget' });
      }
      if (agent !== undefined) checkedId('agent', agent);
      if (department !== undefined) checkedId('department', department);
      return this.#rest.ask('done', requests.forwardRoom(rid, to));
    });
  }
  returnToQueue(rid: string, department?: string) {
    return this.#in(rid, () => {
      if (department !== undefined) checkedId('department', department);
      return this.version$.pipe(
        switchMap((version) => {
          if (isVersion(version, 7, 12)) return this.#rest.ask('result', requests.returnInquiry(rid, department));
          const sentence = 'returnToQueue needs a server from 7.12';
          return throwError(() => new ChatError('unsupported', 'rocketchat', sentence, { reason: 'version' }));
        }),
      );
    });
  }
  transfers(rid: string, page: RocketchatPaging = {}) {
    checkedPage(page);
    return this.#in(rid, () => this.#rest.ask('transfers', requests.listTransfers(rid, page)));
  }
  saveInfo(info: RocketchatRoomInfo) {
    return this.#in(info.roomId, () => {
      checkedId('visitorId', info.visitorId);
      return this.#rest.ask('done', requests.saveInfo(info));
    });
  }
  room(rid: string) {
    return this.#in(rid, () => this.#rest.ask('room', requests.getRoom(rid)).pipe(map(({ room }) => room)));
  }
  rooms(filter: RocketchatRoomFilter = {}) {
    const { createdAfter, createdBefore, closedAfter, closedBefore } = filter;
    for (const [name, instant] of Object.entries({ createdAfter, createdBefore, closedAfter, closedBefore }))
      if (instant !== undefined) checkedInstant(name, instant);
    return this.#rest.ask('rooms', requests.listRooms(checkedPage(filter)));
  }
  subscriptions(since?: string) {
    if (since !== undefined) checkedInstant('since', since);
    return this.#rest.ask('subscriptions', requests.getSubscriptions(since));
  }

  inquiries(page: RocketchatPaging & { readonly department?: string } = {}) {
    const { department } = page;
    return this.#rest.ask('inquiries', requests.listInquiries('list', department, checkedPage(page))).pipe(
      map((found) => {
        if (department === undefined) return found;
        return { ...found, items: found.items.filter((inquiry) => inquiry.department === department) };
      }),
    );
  }
  queue(page: RocketchatPaging & { readonly department?: string } = {}) {
    return this.#rest.ask('inquiries', requests.listInquiries('queuedForUser', page.department, checkedPage(page)));
  }
  inquiry(rid: string) {
    return this.#in(rid, () => this.#rest.ask('inquiry', requests.getInquiry(rid)));
  }
  take(inquiryId: string, { agent }: { readonly agent?: string } = {}) {
    return defer(() => {
      checkedId('inquiryId', inquiryId);
      if (agent !== undefined) checkedId('agent', agent);
      return this.version$.pipe(
        switchMap((version) => this.#rest.ask('done', requests.takeInquiry(inquiryId, agent, version))),
      );
    });
  }

  staff(type: RocketchatStaff, page: RocketchatPaging & { readonly text?: string } = {}) {
    return this.#rest.ask('agents', requests.listStaff(type, page.text, checkedPage(page)));
  }
  addStaff(type: RocketchatStaff, username: string) {
    return defer(() => {
      if (username.trim() === '') throw blank('a user name', 'noName');
      return this.#rest.ask('addAgent', requests.addStaff(type, username));
    });
  }
  staffMember(type: RocketchatStaff, id: string) {
    return defer(() => this.#rest.ask('agent', requests.getStaff(type, checkedId('id', id))));
  }
  removeStaff(type: RocketchatStaff, id: string) {
    return defer(() => this.#rest.ask('done', requests.removeStaff(type, checkedId('id', id))));
  }
  departments(page: RocketchatPaging & { readonly text?: string; readonly enabled?: boolean } = {}) {
    return this.#rest.ask('departments', requests.listDepartments(page.text, page.enabled, checkedPage(page)));
  }
  department(id: string) {
    return defer(() => this.#rest.ask('department', requests.getDepartment(checkedId('id', id))));
  }
  routing() {
    return this.#rest.ask('routing', requests.routingConfig());
  }
  setAvailable(isAvailable: boolean, agent?: string) {
    const status = isAvailable ? 'available' : 'not-available';
    return defer(() => {
      if (agent !== undefined) checkedId('agent', agent);
      return this.#rest.ask('done', requests.agentStatus(status, agent));
    });
  }
  setStatus(status: 'online' | 'away' | 'busy' | 'offline', message?: string) {
    return this.#rest.ask('done', requests.userStatus(status, message));
  }

  request(request: RocketchatRequest): Observable<unknown> {
    return this.#rest.send(request);
  }
  call(method: string, params: readonly unknown[], { repeatable = false }: { readonly repeatable?: boolean } = {}) {
    return this.#ddp.call({ call: method, method, params, isRepeatable: repeatable });
  }
  stream(stream: string, eventName: string) {
    return this.#ddp.stream(stream, eventName);
  }

  #in<T>(rid: string, call: () => Observable<T>): Observable<T> {
    return defer(() => {
      checkedId('rid', rid);
      return call();
    });
  }
}
