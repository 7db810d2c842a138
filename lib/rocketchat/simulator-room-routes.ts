import { isRecord } from '../trueconf/simulator-fields.js';
import { checkFields, schema, type Fields } from './simulator-fields.js';
import type { Author, Room } from './simulator-model.js';
import { PAGING, paged } from './simulator-paging.js';
import { may } from './simulator-permissions.js';
import { coded, plain, Refusal, unauthorized } from './simulator-refusal.js';
import { forUsers, type Route, type World } from './simulator-routes.js';
import { nameOf } from './simulator-views.js';

const FILTERS =
  'agents:any departmentId:any open:any createdAt closedAt tags:any customFields roomName onhold:any units:any';

const NO_ROOM = 'The required "roomId" or "roomName" param provided does not match any channel';
/** The code stands in place of the text, and the text in place of the code. */
const unseen = (): Refusal => {
  const error = 'not-allowed';
  return new Refusal(400, error, { success: false, error, errorType: 'Not Allowed' });
};

const TRANSCRIPT = schema('sendToVisitor*:boolean requestData:object');
const TRANSCRIPT_DATA = schema('email* subject*');

/** Where a transcript goes to, if anywhere: it is taken for granted that who wants one says where. */
const transcriptIn = (transcript: Fields): string | undefined => {
  if (Object.keys(transcript.all).length === 0) return undefined;
  checkFields(TRANSCRIPT, transcript.all);
  const data = transcript.fields('requestData');
  if (transcript.has('requestData')) checkFields(TRANSCRIPT_DATA, data.all);
  if (!transcript.flag('sendToVisitor')) return undefined;
  if (!data.has('email')) throw plain("Cannot read properties of undefined (reading 'email')");
  return data.text('email');
};

interface Period {
  readonly from: number;
  readonly to: number;
}

const isWithin = ({ from, to }: Period, at: number): boolean => at >= from && at <= to;

/** A period, as JSON in a query. */
const periodIn = (query: Fields, name: string): Period => {
  const given = query.json(name);
  const period = isRecord(given) ? given : {};
  const moment = (part: string, fallback: number): number => {
    if (period[part] === undefined) return fallback;
    const at = typeof period[part] === 'string' ? Date.parse(period[part]) : NaN;
    if (Number.isNaN(at)) throw plain(`The "${name}.${part}" query parameter must be a valid date.`);
    return at;
  };
  return { from: moment('start', -Infinity), to: moment('end', Infinity) };
};

/** @internal Rooms as agents and managers see them: lists, joining, forwarding, closing, and what is known of them. */
export const roomRoutes = (world: World): readonly Route[] => {
  const { desk, accounts, visitors, rooms, views, routing, transfers, closing, streams, hooks } = world;
  const { rules } = desk;

  const filterOf = (query: Fields): ((room: Room) => boolean) => {
    const [agents, departments, tags] = [query.texts('agents'), query.texts('departmentId'), query.texts('tags')];
    const [created, closed] = [periodIn(query, 'createdAt'), periodIn(query, 'closedAt')];
    const custom = customIn(query);
    const isServed = ({ servedBy }: Room): boolean =>
      agents.some((agent) => {
        const isNamed = !desk.since('7.0') && servedBy?.account.username === agent;
        return isNamed || servedBy?.account.id === agent;
      });
    return (room) =>
      (agents.length === 0 || isServed(room)) &&
      (departments.length === 0 || (room.department !== undefined && departments.includes(room.department.id))) &&
      (!query.has('open') || room.isOpen === query.flag('open')) &&
      (!query.flag('queued') || (room.isOpen && room.servedBy === undefined)) &&
      isWithin(created, room.createdAt) &&
      (!query.has('closedAt') || (room.closedAt !== undefined && isWithin(closed, room.closedAt))) &&
      (tags.length === 0 || tags.some((tag) => room.tags.includes(tag))) &&
      nameOf(room.visitor).includes(query.text('roomName')) &&
      custom.every(([key, value]) => room.livechatData[key] === value);
  };
  const customIn = (query: Fields): readonly (readonly [string, unknown])[] => {
    try {
      const given = query.json('customFields');
      return isRecord(given) ? Object.entries(given) : [];
    } catch {
      throw plain('The "customFields" query parameter must be a valid JSON.');
    }
  };
  const forceClose = desk.since('7.0') ? ' forceClose:boolean' : '';

  return [
    forUsers({
      method: 'GET',
      path: 'livechat/rooms',
      query: schema(`${FILTERS}${desk.since('7.0') ? ' queued:any' : ''}${PAGING}`),
      handle: ({ query, user }) => {
        const agents = query.texts('agents');
        const isOwn = may(user, 'view-l-room') && agents.length === 1 && agents[0] === user.id;
        if (!may(user, 'view-livechat-rooms') && !isOwn) throw unauthorized();
        const rows = [...rooms.all.values()].filter(filterOf(query)).map((room) => ({
          ...views.room(room),
          ...(room.department !== undefined && { department: views.department(room.department) }),
        }));
        return paged('rooms', rows, query, rules, { ts: -1 });
      },
    }),
    forUsers({
      method: 'GET',
      path: 'rooms.info',
      query: schema('roomId roomName fields'),
      handle: ({ query, user }) => {
        const room = rooms.all.get(query.text('roomId'));
        if (room === undefined) throw coded('error-room-not-found', NO_ROOM);
        if (!rooms.canAccess(room, user)) throw unseen();
        return { room: views.room(room) };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/room.join',
      permissions: ['view-l-room'],
      query: schema('roomId*'),
      handle: ({ query, user }) => {
        const room = rooms.all.get(query.text('roomId'));
        if (room === undefined) throw coded('error-invalid-room', 'Invalid room');
        if (!room.isOpen) throw coded('room-closed', 'Room is closed');
        if (!rooms.canAccess(room, user)) throw coded('error-not-allowed', 'Not allowed');
        routing.join(room, user);
        return {};
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/room.closeByUser',
      permissions: ['close-livechat-room'],
      body: schema(`rid* comment tags:array generateTranscriptPdf:boolean transcriptEmail:object${forceClose}`),
      handle: ({ body, user }) => {
        const room = rooms.find(body.text('rid'));
        if (!room.isOpen) throw plain('error-room-already-closed');
        if (!room.members.has(user) && !may(user, 'close-others-livechat-room')) throw plain('error-not-authorized');
        const comment = body.text('comment').trim();
        const tags = body.texts('tags');
        if (rules.wantsComment && comment === '') throw plain('error-comment-is-required');
        if (rules.wantsTags && tags.length + room.tags.length === 0)
          throw plain('error-tags-must-be-assigned-before-closing-chat');
        const email = transcriptIn(body.fields('transcriptEmail'));
        closing.close(room, { kind: 'agent', account: user }, comment, tags);
        if (email !== undefined) desk.write({ kind: 'transcript', rid: room.id, email });
        return {};
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/room.forward',
      allPermissions: ['view-l-room', 'transfer-livechat-guest'],
      body: schema('roomId* userId departmentId comment clientAction:boolean'),
      handle: ({ body, user }) => {
        const room = rooms.find(body.text('roomId'));
        const [userId, departmentId] = [body.perhaps('userId'), body.perhaps('departmentId')];
        if (!room.isOpen) throw plain('This_conversation_is_already_closed');
        const department = departmentId === undefined ? undefined : accounts.department(departmentId);
        const account = userId === undefined ? undefined : accounts.all.get(userId);
        if (departmentId !== undefined && department === undefined) throw plain('error-invalid-department');
        if (userId !== undefined && account === undefined) throw plain('error-user-is-offline');
        const by: Author = { kind: 'agent', account: user };
        const comment = body.perhaps('comment');
        // Older servers go to the agent alone when both are named.
        const isBoth = desk.since('7.10') || account === undefined;
        transfers.forward(room, by, { account, comment, ...(isBoth && { department }) });
        return {};
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/transfer.history/:rid',
      permissions: ['view-livechat-rooms'],
      query: schema(PAGING),
      handle: ({ params, query }) => {
        const { messages } = rooms.find(params['rid'] ?? '', 'invalid-room');
        const rows = messages
          .filter(({ t }) => t === 'livechat_transfer_history')
          .map(({ extra }) => (isRecord(extra['transferData']) ? extra['transferData'] : {}));
        return paged('history', rows, query, rules, { ts: -1 });
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/room.saveInfo',
      permissions: ['view-l-room'],
      body: schema('guestData*:object roomData*:object'),
      handle: ({ body, user }) => {
        const [guest, data] = [body.fields('guestData'), body.fields('roomData')];
        const room = rooms.find(data.text('_id'));
        if (room.servedBy?.account !== user && !may(user, 'save-others-livechat-room-info')) throw unauthorized();
        const { visitor } = room;
        if (visitor.id !== guest.text('_id')) throw plain('error-invalid-visitor');
        const { token } = visitor;
        visitors.register({
          token,
          name: guest.perhaps('name'),
          email: guest.perhaps('email'),
          phone: guest.perhaps('phone'),
        });
        for (const [key, value] of Object.entries(guest.fields('livechatData').all))
          visitors.setField(visitor, { key, value: String(value), overwrite: true });
        room.topic = data.perhaps('topic') ?? room.topic;
        // Those that are not named are taken away.
        room.tags = data.texts('tags');
        for (const [key, value] of Object.entries(data.fields('livechatData').all))
          if (rules.customFields[key]?.scope === 'room') room.livechatData[key] = String(value);
        room.updatedAt = desk.now();
        desk.write({ kind: 'saved', rid: room.id, by: user.id });
        streams.room(room);
        streams.visitor(visitor);
        if (!room.isOpen) hooks.edited(room);
        return {};
      },
    }),
  ];
};
