import type { Account } from './simulator-model.js';

const ALL = ['livechat-agent', 'livechat-monitor', 'livechat-manager', 'admin'];
const CHIEFS = ['livechat-monitor', 'livechat-manager', 'admin'];

/** The roles that have a permission where no administrator has changed it. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  'view-l-room': ALL,
  'close-livechat-room': ALL,
  'view-livechat-manager': CHIEFS,
  'view-livechat-rooms': CHIEFS,
  'view-livechat-departments': CHIEFS,
  'close-others-livechat-room': CHIEFS,
  'save-others-livechat-room-info': ['livechat-manager'],
  'transfer-livechat-guest': CHIEFS,
  'manage-livechat-agents': CHIEFS,
  'edit-omnichannel-contact': ['livechat-agent', 'livechat-manager', 'admin'],
  'view-livechat-webhooks': ['livechat-manager', 'admin'],
  'edit-message': ['admin'],
  'delete-message': ['admin'],
  'api-bypass-rate-limit': ['admin', 'bot', 'app'],
  'send-many-messages': ['admin', 'bot', 'app'],
  'message-impersonate': ['bot', 'app'],
};

/** @internal Whether a user has a permission. */
export const may = ({ roles, granted }: Account, permission: string): boolean =>
  granted.has(permission) || (ROLES[permission] ?? []).some((role) => roles.has(role));

/** @internal The status that others see. */
export const statusOf = ({ status, sockets }: Account): string => status ?? (sockets > 0 ? 'online' : 'offline');

/** @internal Whether chats can be given to a user. Bots need not be online. */
export const isServing = (account: Account): boolean =>
  account.roles.has('livechat-agent') &&
  account.statusLivechat === 'available' &&
  (account.roles.has('bot') || statusOf(account) !== 'offline');
