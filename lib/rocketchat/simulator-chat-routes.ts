import { checkFields, Fields, schema } from './simulator-fields.js';
import { fileIn } from './simulator-files.js';
import { authorOf } from './simulator-model.js';
import type { Account, Author, Message, RocketchatContent, StoredFile } from './simulator-model.js';
import { may } from './simulator-permissions.js';
import { bare, coded, plain } from './simulator-refusal.js';
import { forUsers, type Asked, type Route, type World } from './simulator-routes.js';
import { changesIn } from './simulator-sync.js';

const MESSAGE = schema(
  'rid* msg _id tmid tshow:boolean alias emoji avatar attachments:array blocks:array customFields:object files:array',
);
const EXTRA = ['tmid', 'tshow', 'alias', 'emoji', 'avatar', 'attachments', 'blocks', 'customFields', 'files'];

const extraIn = (fields: Fields): RocketchatContent =>
  Object.fromEntries(EXTRA.flatMap((name) => (fields.has(name) ? [[name, fields.all[name]] as const] : [])));

/** @internal What agents say: messages, edits, files, and what they read. */
export const chatRoutes = (world: World): readonly Route[] => {
  const { desk, rooms, views, messages, sending, files, streams } = world;
  const { rules } = desk;

  const agent = (account: Account): Author => ({ kind: 'agent', account });
  const changeable = ({ body, user }: Asked, permission: string): Message => {
    const id = body.text('msgId');
    const message = messages.find(id);
    if (message === undefined) throw plain(`No message found with the id of "${id}".`);
    if (message.room.id !== body.text('roomId'))
      throw plain('The room id provided does not match where the message is from.');
    rooms.accessible(message.room.id, user);
    if (message.t !== undefined || !rules.editing || (!messages.isOwn(message, agent(user)) && !may(user, permission)))
      throw coded('error-action-not-allowed', 'Message action not allowed');
    return message;
  };
  const postFile = (file: StoredFile, user: Account, fields: Fields): RocketchatContent => {
    const extra = { ...extraIn(fields), ...files.shown(file, fields.perhaps('description')) };
    const message = sending.agent(user, { rid: file.room.id, msg: fields.text('msg'), extra });
    return message === undefined ? {} : { message: views.shown(message) };
  };
  const upload = ({ params, user, parts }: Asked, isConfirmed: boolean) => {
    const room = rooms.accessible(params['rid'] ?? '', user);
    const { file, fields } = fileIn(parts, desk.since('8.0'));
    return { file: files.store(room, agent(user), files.check(file), isConfirmed), fields: new Fields(fields) };
  };
  const postKeys = schema(
    'roomId channel text attachments:array alias avatar emoji parseUrls:boolean tmid customFields:object',
  );

  return [
    forUsers({
      method: 'POST',
      path: 'chat.sendMessage',
      body: schema('message*:object previewUrls:array'),
      handle: ({ body, user }) => {
        const fields = body.fields('message');
        if (!fields.has('rid')) throw plain("The 'rid' property on the message object is missing.");
        if (fields.has('t')) throw plain("Cannot send system messages using 'chat.sendMessage'");
        if (desk.since('8.0')) checkFields(MESSAGE, fields.all);
        const given = { rid: fields.text('rid'), msg: fields.text('msg'), id: fields.perhaps('_id') };
        const message = sending.agent(user, { ...given, extra: extraIn(fields) });
        return message === undefined ? {} : { message: views.shown(message) };
      },
    }),
    forUsers({
      method: 'POST',
      path: 'chat.postMessage',
      handle: ({ body, user }) => {
        if (desk.since('8.0')) checkFields(postKeys, body.all);
        const rid = (body.perhaps('roomId') ?? body.text('channel')).replace(/^#/, '');
        if (!rooms.all.has(rid)) throw coded('invalid-channel');
        const message = sending.agent(user, { rid, msg: body.text('text'), extra: extraIn(body) });
        if (message === undefined) throw plain('unknown-error');
        return { ts: message.at, channel: rid, message: views.shown(message) };
      },
    }),
    forUsers({
      method: 'POST',
      path: 'chat.update',
      body: schema('roomId* msgId* text* previewUrls:array customFields:object'),
      handle: (asked) => {
        const message = changeable(asked, 'edit-message');
        if (asked.body.text('text').length > rules.maxMessage) throw plain('error-message-size-exceeded');
        messages.edit(message, agent(asked.user), asked.body.text('text'));
        return { message: views.shown(message) };
      },
    }),
    forUsers({
      method: 'POST',
      path: 'chat.delete',
      body: schema('roomId* msgId* asUser:boolean'),
      handle: (asked) => {
        const message = changeable(asked, 'delete-message');
        messages.delete(message, agent(asked.user));
        const { id, room, author } = message;
        return { _id: id, ts: String(desk.now()), message: { _id: id, rid: room.id, u: authorOf(author) } };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'chat.getMessage',
      query: schema('msgId*'),
      handle: ({ query, user }) => {
        const message = messages.find(query.text('msgId'));
        if (message === undefined || !rooms.canAccess(message.room, user)) throw bare();
        return { message: views.shown(message) };
      },
    }),
    forUsers({
      method: 'POST',
      path: 'chat.react',
      body: schema('messageId* emoji reaction shouldReact:boolean'),
      handle: ({ body, user }) => {
        const message = messages.find(body.text('messageId'));
        if (message === undefined)
          throw coded('error-message-not-found', 'The provided "messageId" does not match any existing message.');
        const emoji = body.perhaps('emoji') ?? body.perhaps('reaction') ?? '';
        if (emoji === '') throw coded('error-emoji-param-not-provided', 'The required "emoji" param is missing.');
        rooms.accessible(message.room.id, user);
        messages.react(message, user, emoji, body.has('shouldReact') ? body.flag('shouldReact') : undefined);
        return {};
      },
    }),
    forUsers({
      method: 'GET',
      path: 'chat.getMessageReadReceipts',
      query: schema('messageId*'),
      handle: ({ query, user }) => {
        const message = messages.find(query.text('messageId'));
        if (message === undefined) throw coded('error-invalid-message', 'Invalid message');
        const { id, room, at } = message;
        rooms.accessible(room.id, user);
        const receipts = [...room.members.values()].flatMap(({ id: _id, account, readAt }) =>
          readAt === undefined || readAt < at
            ? []
            : [
                {
                  _id,
                  roomId: room.id,
                  messageId: id,
                  userId: account.id,
                  ts: new Date(readAt),
                  user: authorOf(agent(account)),
                },
              ],
        );
        return { receipts };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'chat.syncMessages',
      query: schema('roomId* lastUpdate next previous type count:any'),
      handle: ({ query, user }) => ({
        result: changesIn(rooms.accessible(query.text('roomId'), user), query, views),
      }),
    }),
    ...(desk.since('7.0')
      ? [
          forUsers({
            method: 'POST',
            path: 'rooms.media/:rid',
            handle: (asked) => {
              const { file } = upload(asked, false);
              return { file: { _id: file.id, url: files.addressOf(file) } };
            },
          }),
          forUsers({
            method: 'POST',
            path: 'rooms.mediaConfirm/:rid/:fileId',
            handle: ({ params, body, user }) => {
              const room = rooms.accessible(params['rid'] ?? '', user);
              return postFile(files.confirm(params['fileId'] ?? '', room, agent(user)), user, body);
            },
          }),
        ]
      : []),
    ...(desk.since('8.0')
      ? []
      : [
          forUsers({
            method: 'POST',
            path: 'rooms.upload/:rid',
            handle: (asked) => {
              const { file, fields } = upload(asked, true);
              return postFile(file, asked.user, fields);
            },
          }),
        ]),
    forUsers({
      method: 'GET',
      path: 'subscriptions.get',
      query: schema('updatedSince'),
      handle: ({ query, user }) => {
        const since = query.moment('updatedSince') ?? -Infinity;
        const update = [...rooms.of(user)].flatMap((room) => {
          const membership = room.members.get(user);
          return membership === undefined || membership.updatedAt < since ? [] : [views.membership(membership, room)];
        });
        const remove = [...rooms.all.values()].flatMap((room) =>
          room.left
            .filter(({ membership, at }) => membership.account === user && at >= since)
            .map(({ membership, at }) => ({ _id: membership.id, rid: room.id, _deletedAt: new Date(at) })),
        );
        return { update, remove: query.has('updatedSince') ? remove : [] };
      },
    }),
    forUsers({
      method: 'POST',
      path: 'subscriptions.read',
      body: schema('rid roomId readThreads:boolean'),
      handle: ({ body, user }) => {
        const room = rooms.all.get(body.perhaps('rid') ?? body.text('roomId'));
        const membership = room?.members.get(user);
        if (room === undefined || membership === undefined)
          throw coded('error-invalid-subscription', 'Invalid subscription');
        const at = desk.now();
        membership.unread = 0;
        membership.readAt = at;
        membership.updatedAt = at;
        desk.write({ kind: 'read', rid: room.id, by: user.id });
        streams.membership('updated', membership, room);
        streams.read(room, at);
        return {};
      },
    }),
  ];
};
