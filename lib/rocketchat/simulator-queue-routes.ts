import { schema } from './simulator-fields.js';
import type { Author, Inquiry, RocketchatContent } from './simulator-model.js';
import { PAGING, paged } from './simulator-paging.js';
import { may } from './simulator-permissions.js';
import { coded, plain } from './simulator-refusal.js';
import { forUsers, type Route, type World } from './simulator-routes.js';

const NEWEST = { ts: -1 };

/** @internal The queue: lists, takes, and gives back. */
export const queueRoutes = (world: World): readonly Route[] => {
  const { desk, accounts, rooms, views, routing, transfers } = world;
  const { rules } = desk;

  /** A department that nobody knows is passed over, so that all that is queued is listed. */
  const queued = (department: string | undefined): readonly Inquiry[] => {
    const wanted = department === undefined ? undefined : accounts.department(department);
    return [...rooms.inquiries.values()].filter(
      (inquiry) => inquiry.status === 'queued' && (wanted === undefined || inquiry.department === wanted),
    );
  };
  const row = (inquiry: Inquiry): RocketchatContent => {
    const { _id, rid, name, ts, status, department } = views.inquiry(inquiry);
    return { _id, rid, name, ts, status, ...(department !== undefined && { department }) };
  };
  const take = desk.since('7.13') ? ' options:object' : '';

  return [
    forUsers({
      method: 'GET',
      path: 'livechat/inquiries.list',
      permissions: ['view-livechat-manager'],
      query: schema(`department${PAGING}`),
      handle: ({ query }) => paged('inquiries', queued(query.perhaps('department')).map(row), query, rules, NEWEST),
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/inquiries.queuedForUser',
      permissions: ['view-l-room'],
      query: schema(`department${PAGING}`),
      handle: ({ query, user }) => {
        const mine = queued(query.perhaps('department')).filter(
          ({ department }) => department === undefined || department.agents.has(user),
        );
        return paged(
          'inquiries',
          mine.map((inquiry) => views.inquiry(inquiry)),
          query,
          rules,
          NEWEST,
        );
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/inquiries.take',
      permissions: ['view-l-room'],
      body: schema(`inquiryId* userId${take}`),
      handle: ({ body, user }) => {
        const account = accounts.all.get(body.perhaps('userId') ?? user.id);
        if (account?.roles.has('livechat-agent') !== true) throw plain('The user is invalid');
        const inquiry = rooms.inquiries.get(body.text('inquiryId'));
        routing.ask(body.text('inquiryId'), account, body.fields('options').flag('clientAction'));
        // Older servers gave the room, under another name.
        return desk.since('7.0') || inquiry === undefined ? {} : { inquiry: views.room(inquiry.room) };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/inquiries.getOne',
      permissions: ['view-l-room'],
      query: schema('roomId*'),
      handle: ({ query }) => {
        const inquiry = rooms.all.get(query.text('roomId'))?.inquiry;
        return { inquiry: inquiry === undefined ? null : views.inquiry(inquiry) };
      },
    }),
    ...(desk.since('7.12')
      ? [
          forUsers({
            method: 'POST',
            path: 'livechat/inquiries.returnAsInquiry',
            permissions: ['view-l-room'],
            isTyped: true,
            body: schema('roomId* departmentId'),
            handle: ({ body, user }) => {
              const room = rooms.find(body.text('roomId'));
              if (!may(user, 'view-livechat-rooms') && room.servedBy?.account !== user)
                throw coded('error-not-allowed', 'Not allowed');
              const id = body.perhaps('departmentId');
              const department = id === undefined ? room.department : accounts.department(id);
              if (id !== undefined && department === undefined) throw plain('error-invalid-department');
              const by: Author = { kind: 'agent', account: user };
              return { result: transfers.giveBack(room, by, department) };
            },
          }),
        ]
      : []),
  ];
};
