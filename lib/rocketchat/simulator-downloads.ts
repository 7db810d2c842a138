import { failed, type RocketchatAnswer, type RocketchatRequest } from './simulator-answers.js';
import type { StoredFile } from './simulator-model.js';
import type { World } from './simulator-routes.js';

/** A value that comes in the query, or as a cookie. */
const valueOf = (name: string, query: URLSearchParams, cookies: string): string => {
  const inCookies = new RegExp(`(?:^|;\\s*)${name}=([^;]*)`).exec(cookies)?.[1];
  return query.get(name) ?? inCookies ?? '';
};

/** Users by their login, in headers or not; visitors by their token and room. */
const mayRead = ({ accounts, rooms }: World, { room }: StoredFile, { url, headers }: RocketchatRequest): boolean => {
  const query = new URLSearchParams(url.split('?')[1]);
  const value = (name: string): string => valueOf(name, query, headers['cookie'] ?? '');
  const login = accounts.resume(headers['x-auth-token'] ?? value('rc_token'));
  const id = headers['x-user-id'] ?? value('rc_uid');
  if (login !== undefined && login.account.id === id && rooms.canAccess(room, login.account)) return true;
  return value('rc_room_type') === 'l' && value('rc_rid') === room.id && value('rc_token') === room.visitor.token;
};

/** @internal A file, for those who may read the room that it is in. */
export const downloaded = (world: World, request: RocketchatRequest): RocketchatAnswer => {
  const [, id = ''] = /^\/file-upload\/([^/?]+)/.exec(request.url) ?? [];
  const file = world.files.find(id);
  if (file === undefined) return failed(404);
  if (!mayRead(world, file, request)) return failed(403);
  return { status: 200, headers: { 'content-type': file.type }, body: file.bytes };
};
