import { CHAT, type Account, type Chat } from './simulator-model.js';

const MANAGERS: ReadonlySet<string> = new Set(['owner', 'admin']);
const MODERATORS: ReadonlySet<string> = new Set(['owner', 'admin', 'conf_owner', 'conf_moderator']);
const AUTHORS: ReadonlySet<string> = new Set(['owner', 'admin', 'writer']);
const ROLES: Readonly<Record<number, readonly string[]>> = {
  [CHAT.group]: ['owner', 'admin', 'user'],
  [CHAT.channel]: ['owner', 'admin', 'writer', 'user'],
};

const roleIn = (chat: Chat, account: Account): string => chat.members.get(account)?.role ?? '';

/** @internal Whether somebody may change members, roles, title and picture. */
export const mayManage = (chat: Chat, account: Account): boolean =>
  chat.type !== CHAT.p2p && MANAGERS.has(roleIn(chat, account));

/** @internal Whether somebody may remove messages of others for all. In a personal chat both may. */
export const mayModerate = (chat: Chat, account: Account): boolean =>
  chat.type === CHAT.p2p || MODERATORS.has(roleIn(chat, account));

/** @internal Whether somebody may write. */
export const mayPost = (chat: Chat, account: Account): boolean =>
  chat.type !== CHAT.channel || AUTHORS.has(roleIn(chat, account));

/** @internal Whether somebody may delete the chat. In a personal chat both may. */
export const mayDelete = (chat: Chat, account: Account): boolean =>
  chat.type === CHAT.p2p || ['owner', 'favorites_owner'].includes(roleIn(chat, account));

/** @internal Whether a role can be given in this chat. */
export const isRoleOf = (chat: Chat, role: string): boolean => ROLES[chat.type]?.includes(role) ?? false;
