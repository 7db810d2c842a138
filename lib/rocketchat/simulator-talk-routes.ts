import { isRecord } from '../trueconf/simulator-fields.js';
import { schema } from './simulator-fields.js';
import { fileIn } from './simulator-files.js';
import type { Author, Message } from './simulator-model.js';
import { coded, plain, unauthorized } from './simulator-refusal.js';
import type { Asked, Route, World } from './simulator-routes.js';

const HISTORY = 'token* limit:any offset:any end ls count:any sort:any searchText';

/** @internal Calls with a visitor's token, about the room: messages, files, the end of it, another department. */
export const talkRoutes = (world: World): readonly Route[] => {
  const { desk, visitors, rooms, views, messages, sending, closing, transfers, files, accounts } = world;
  const { rules } = desk;

  /** A message of a visitor's room, and who asks for it. */
  const messageOf = (token: string, rid: string, id: string): { message: Message; by: Author } => {
    const visitor = visitors.known(token);
    const room = rooms.ofVisitor(visitor, rid);
    const message = messages.find(id);
    if (message === undefined || message.room !== room) throw plain('invalid-message');
    return { message, by: { kind: 'visitor', visitor } };
  };
  const own = (given: { message: Message; by: Author }): { message: Message; by: Author } => {
    const { message, by } = given;
    if (!rules.editing || !messages.isOwn(message, by) || message.t !== undefined)
      throw coded('error-action-not-allowed', 'Message action not allowed');
    return given;
  };
  const upload = ({ params, headers, parts }: Asked) => {
    const visitor = visitors.find(headers['x-visitor-token'] ?? '');
    const room = rooms.all.get(params['rid'] ?? '');
    if (visitor === undefined || room?.visitor !== visitor || !room.isOpen) throw unauthorized();
    const { file: given, fields } = fileIn(parts, desk.since('8.0'));
    const by: Author = { kind: 'visitor', visitor };
    const file = files.store(room, by, files.check(given), true);
    const { description, msg = '' } = fields;
    const message = messages.post(room, by, { msg, extra: files.shown(file, description) });
    return { ...views.message(message), newRoom: false, showConnecting: false };
  };

  return [
    {
      method: 'POST',
      path: 'livechat/message',
      body: schema('token* rid* msg* _id agent:object'),
      handle: ({ body }) => {
        const visitor = visitors.known(body.text('token'));
        const given = { rid: body.text('rid'), msg: body.text('msg'), id: body.perhaps('_id') };
        return { message: views.shown(sending.visitor(visitor, given)) };
      },
    },
    {
      method: 'GET',
      path: 'livechat/message/:_id',
      query: schema('token* rid*'),
      handle: ({ params, query }) => {
        const { message } = messageOf(query.text('token'), query.text('rid'), params['_id'] ?? '');
        return { message: views.shown(message) };
      },
    },
    {
      method: 'PUT',
      path: 'livechat/message/:_id',
      body: schema('token* rid* msg*'),
      handle: ({ params, body }) => {
        const { message, by } = own(messageOf(body.text('token'), body.text('rid'), params['_id'] ?? ''));
        messages.edit(message, by, body.text('msg'));
        return { message: views.shown(message) };
      },
    },
    {
      method: 'DELETE',
      path: 'livechat/message/:_id',
      body: schema('token* rid*'),
      handle: ({ params, body }) => {
        const { message, by } = own(messageOf(body.text('token'), body.text('rid'), params['_id'] ?? ''));
        messages.delete(message, by);
        return { message: { _id: message.id, ts: new Date(message.at) } };
      },
    },
    {
      method: 'GET',
      path: 'livechat/messages.history/:rid',
      query: schema(HISTORY),
      handle: ({ params, query }) => {
        const visitor = visitors.known(query.text('token'));
        const room = rooms.ofVisitor(visitor, params['rid'] ?? '');
        const offset = query.count('offset', 0);
        const limit = Math.min(query.count('limit', 20), rules.maxHistory);
        // `ls` is checked and has no effect; `count`, `sort` and `searchText` have none either.
        query.moment('ls');
        const found = messages.history(room, query.moment('end')).slice(offset, offset + limit);
        return { messages: found.map((message) => views.shown(message)) };
      },
    },
    { method: 'POST', path: 'livechat/upload/:rid', handle: upload },
    {
      method: 'POST',
      path: 'livechat/room.close',
      body: schema('rid* token*'),
      handle: ({ body }) => {
        if (!rules.visitorsMayClose)
          throw coded('error-not-allowed-to-close-conversation', 'Not allowed to close the conversation');
        const visitor = visitors.known(body.text('token'));
        const room = rooms.ofVisitor(visitor, body.text('rid'));
        if (!room.isOpen) throw plain('room-closed');
        const comment = 'Closed by visitor';
        closing.close(room, { kind: 'visitor', visitor }, comment);
        return { rid: room.id, comment };
      },
    },
    {
      method: 'POST',
      path: 'livechat/transcript',
      body: schema('token* rid* email*'),
      handle: ({ body }) => {
        const visitor = visitors.known(body.text('token'));
        const { id } = rooms.ofVisitor(visitor, body.text('rid'));
        desk.write({ kind: 'transcript', rid: id, email: body.text('email') });
        return { message: 'Transcript sent' };
      },
    },
    {
      method: 'POST',
      path: 'livechat/page.visited',
      body: schema('token* rid pageInfo*:object'),
      handle: ({ body }) => {
        const visitor = visitors.known(body.text('token'));
        const page = body.all['pageInfo'];
        const location = isRecord(page) && isRecord(page['location']) ? page['location'] : {};
        const href = typeof location['href'] === 'string' ? location['href'] : '';
        desk.write({ kind: 'visited', visitorId: visitor.id, href });
        const rid = body.perhaps('rid');
        if (rid === undefined) return {};
        const room = rooms.ofVisitor(visitor, rid);
        const navigation = { page, token: visitor.token };
        const title = isRecord(page) && typeof page['title'] === 'string' ? page['title'] : '';
        const msg = `${title} - ${href}`;
        messages.post(
          room,
          { kind: 'visitor', visitor },
          { msg, t: 'livechat_navigation_history', extra: { navigation } },
        );
        return { page: { msg, navigation } };
      },
    },
    desk.since('8.0')
      ? {
          method: 'POST',
          path: 'livechat/visitor/department.transfer',
          isTyped: true,
          body: schema('token* rid* department*'),
          handle: ({ body }) => {
            const visitor = visitors.known(body.text('token'));
            const room = rooms.find(body.text('rid'));
            if (room.visitor !== visitor) throw plain('error-invalid-visitor');
            const department = accounts.departments.find(({ id }) => id === body.text('department'));
            if (department === undefined) throw plain('error-transfering-chat');
            transfers.forward(room, { kind: 'visitor', visitor }, { department });
            return {};
          },
        }
      : {
          method: 'POST',
          path: 'livechat/room.transfer',
          body: schema('rid* token* department*'),
          handle: ({ body }) => {
            const visitor = visitors.known(body.text('token'));
            const room = rooms.ofVisitor(visitor, body.text('rid'));
            const department = accounts.department(body.text('department'));
            if (department === undefined) throw plain('error-invalid-department');
            transfers.forward(room, { kind: 'visitor', visitor }, { department });
            return { room: views.room(room) };
          },
        },
  ];
};
