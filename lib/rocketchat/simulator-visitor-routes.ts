import { isRecord } from '../trueconf/simulator-fields.js';
import { Fields, match, schema } from './simulator-fields.js';
import type { RocketchatContent } from './simulator-model.js';
import { coded, plain } from './simulator-refusal.js';
import type { Route, World } from './simulator-routes.js';
import type { CustomField } from './simulator-visitors.js';

const customFieldsIn = (list: readonly unknown[]): readonly CustomField[] =>
  list.map((one) => {
    const { key, value, overwrite } = isRecord(one) ? one : {};
    if (typeof key !== 'string' || typeof value !== 'string' || typeof overwrite !== 'boolean')
      throw match("Missing key 'key' in field visitor.customFields");
    return { key, value, overwrite };
  });

/** No more of a room is told with the settings. */
const openRoomOf = ({ _id, departmentId, servedBy, open }: RocketchatContent): RocketchatContent => ({
  _id,
  ...(departmentId !== undefined && { departmentId }),
  ...(servedBy !== undefined && { servedBy }),
  open,
});

/** @internal Calls with a visitor's token, about the visitor: who it is, the room, the status, the form for when nobody is there. */
export const visitorRoutes = (world: World): readonly Route[] => {
  const { desk, accounts, visitors, rooms, views, streams, routing, messages } = world;
  const { rules } = desk;
  return [
    {
      method: 'POST',
      path: 'livechat/visitor',
      isOfVisitors: true,
      handle: ({ body }) => {
        const given = body.all['visitor'];
        if (!isRecord(given)) throw match("Missing key 'visitor'");
        if (typeof given['token'] !== 'string') throw match("Missing key 'token' in field visitor");
        const fields = new Fields(given);
        const customFields = customFieldsIn(fields.list('customFields'));
        const visitor = visitors.register({
          token: fields.text('token'),
          name: fields.perhaps('name'),
          email: fields.perhaps('email'),
          phone: fields.perhaps('phone'),
          department: fields.perhaps('department'),
          username: fields.perhaps('username'),
          id: fields.perhaps('id'),
        });
        for (const field of customFields) visitors.setField(visitor, field);
        streams.visitor(visitor);
        return { visitor: views.visitor(visitor) };
      },
    },
    {
      method: 'GET',
      path: 'livechat/visitor/:token',
      handle: ({ params }) => {
        const visitor = visitors.find(params['token'] ?? '');
        if (visitor === undefined) throw coded('invalid-token');
        return { visitor: views.visitor(visitor) };
      },
    },
    {
      method: 'DELETE',
      path: 'livechat/visitor/:token',
      handle: ({ params }) => {
        const visitor = visitors.find(params['token'] ?? '');
        if (visitor === undefined) throw coded('invalid-token');
        if (rooms.openOf(visitor) !== undefined && !rules.deletesWithOpenRooms)
          throw coded('visitor-has-open-rooms', 'Cannot remove visitors with opened rooms');
        for (const room of [...rooms.all.values()])
          if (room.visitor === visitor) {
            messages.forget(room);
            rooms.remove(room);
          }
        visitors.remove(visitor);
        return { visitor: { _id: visitor.id, ts: new Date(desk.now()) } };
      },
    },
    {
      method: 'POST',
      path: 'livechat/visitor.status',
      body: schema('token* status*'),
      handle: ({ body }) => {
        const visitor = visitors.known(body.text('token'));
        const status = body.text('status');
        if (!['online', 'away', 'offline', 'busy'].includes(status)) throw plain('error-invalid-status');
        visitor.status = status;
        desk.write({ kind: 'status', by: visitor.id, status });
        return { token: visitor.token, status };
      },
    },
    {
      method: 'GET',
      path: 'livechat/room',
      isOfVisitors: true,
      handle: ({ query }) => {
        if (!query.has('token')) throw match("Missing key 'token'");
        const strange = Object.keys(query.all).find((name) => !['token', 'rid', 'agentId'].includes(name));
        if (strange !== undefined) throw match(`Unknown key in field ${strange}`);
        const visitor = visitors.known(query.text('token'));
        const open = rooms.openOf(visitor);
        const rid = query.perhaps('rid');
        if (rid !== undefined && open?.id !== rid) throw plain('invalid-room');
        const room = open ?? routing.open(visitor, query.perhaps('agentId'));
        return { room: views.room(room), newRoom: open === undefined };
      },
    },
    {
      method: 'GET',
      path: 'livechat/config',
      query: schema('token department businessUnit'),
      handle: ({ query }) => {
        const visitor = visitors.find(query.text('token'));
        const room = visitor && rooms.openOf(visitor);
        const department = accounts.department(query.text('department'));
        const agent = room?.servedBy?.account;
        const limit = rules.maxVisitorMessage;
        const config: RocketchatContent = {
          enabled: true,
          settings: {
            registrationForm: true,
            allowSwitchingDepartments: true,
            fileUpload: rules.uploads,
            ...(Number.isFinite(limit) && { limitTextLength: limit }),
            displayOfflineForm: rules.offlineForm,
          },
          theme: { title: 'Chat', color: '#C1272D' },
          messages: {},
          survey: { items: ['satisfaction'], values: ['1', '2', '3', '4', '5'] },
          triggers: [],
          departments: accounts.departments.filter(({ enabled }) => enabled).map((one) => views.department(one)),
          resources: {},
          online: routing.serving(department).length > 0 || rules.acceptsWithoutAgents,
          ...(visitor !== undefined && { guest: views.visitor(visitor) }),
          ...(room !== undefined && { room: openRoomOf(views.room(room)) }),
          ...(agent !== undefined && { agent: views.agentInfo(agent) }),
        };
        return { config };
      },
    },
    {
      method: 'GET',
      path: 'livechat/agent.info/:rid/:token',
      handle: ({ params }) => {
        const visitor = visitors.known(params['token'] ?? '');
        const { servedBy } = rooms.ofVisitor(visitor, params['rid'] ?? '');
        if (servedBy === undefined) throw plain('invalid-agent');
        return { agent: views.agentInfo(servedBy.account) };
      },
    },
    {
      method: 'GET',
      path: 'livechat/agent.next/:token',
      query: schema('department'),
      handle: ({ params, query }) => {
        const visitor = visitors.find(params['token'] ?? '');
        if (visitor !== undefined && rooms.openOf(visitor) !== undefined) return {};
        const agent = routing.pick(accounts.department(query.text('department')));
        if (agent === undefined) throw plain('agent-not-found');
        return { agent: views.agentInfo(agent) };
      },
    },
    {
      method: 'POST',
      path: 'livechat/custom.field',
      body: schema('token* key* value* overwrite*:boolean'),
      handle: ({ body }) => {
        const visitor = visitors.known(body.text('token'));
        const field = { key: body.text('key'), value: body.text('value'), overwrite: body.flag('overwrite') };
        if (!visitors.setField(visitor, field)) throw plain('invalid-custom-field');
        return { field };
      },
    },
    {
      method: 'POST',
      path: 'livechat/custom.fields',
      body: schema('token* customFields*:array'),
      handle: ({ body }) => {
        const visitor = visitors.known(body.text('token'));
        const fields = customFieldsIn(body.list('customFields'));
        for (const field of fields) visitors.setField(visitor, field);
        // The key is written with a capital.
        return { fields: fields.map(({ key, value, overwrite }) => ({ Key: key, value, overwrite })) };
      },
    },
    {
      method: 'POST',
      path: 'livechat/offline.message',
      body: schema('name* email* message* department host'),
      handle: ({ body }) => {
        if (!rules.offlineForm) throw coded('error-offline-form-disabled');
        const [name, email, text] = [body.text('name'), body.text('email'), body.text('message')];
        const hasServer = !rules.checksMail || !email.endsWith('.invalid');
        if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email) || !hasServer)
          throw coded('error-invalid-email-address', 'Invalid email address');
        desk.write({ kind: 'offlineMessage', name, email, text });
        world.hooks.offline(name, email, text);
        return { message: 'Livechat offline message sent' };
      },
    },
  ];
};
