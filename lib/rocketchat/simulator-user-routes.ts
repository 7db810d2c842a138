import { schema, type Fields } from './simulator-fields.js';
import { refusedLogin } from './simulator-accounts.js';
import type { Account, RocketchatContent } from './simulator-model.js';
import { isServing, may } from './simulator-permissions.js';
import { PAGING, paged } from './simulator-paging.js';
import { bare, coded, plain, Refusal, unauthorized } from './simulator-refusal.js';
import { forUsers, type Route, type World } from './simulator-routes.js';

/** Anything else makes a login one of another kind, which is not understood. */
const LOGIN = ['user', 'username', 'email', 'password', 'code'];

const ROLES: Readonly<Record<string, string>> = { agent: 'livechat-agent', manager: 'livechat-manager' };

/** @internal Logins, and who is an agent or a manager. */
export const userRoutes = (world: World): readonly Route[] => {
  const { desk, accounts, views, setStatus } = world;
  const { rules } = desk;

  const roleOf = (type = ''): string => {
    const role = ROLES[type];
    if (role === undefined) throw plain('Invalid type');
    return role;
  };
  const login = (body: Fields, headers: Readonly<Record<string, string | undefined>>): RocketchatContent => {
    const resume = body.perhaps('resume');
    const isUnfit = resume === undefined && Object.keys(body.all).some((key) => !LOGIN.includes(key));
    const user = body.perhaps('user') ?? body.perhaps('username') ?? body.text('email');
    const code = body.perhaps('code') ?? headers['x-2fa-code'];
    const withPassword = () => (isUnfit ? 'unfit' : accounts.login(user, body.all['password'], code));
    const made = resume === undefined ? withPassword() : (accounts.resume(resume) ?? 'expired');
    if (typeof made === 'string') {
      const { status, body: refused } = refusedLogin(made, desk.since('8.0'));
      throw new Refusal(status, made, refused);
    }
    const { account, token } = made;
    return { status: 'success', data: { userId: account.id, authToken: token, me: views.me(account) } };
  };
  const hasText = ({ username, name, email = '' }: Account, text: string): boolean =>
    [username, name, email].some((word) => word.toLowerCase().includes(text.toLowerCase()));
  const filters = desk.since('7.0') ? ' onlyAvailable:any excludeId showIdleAgents:any' : '';

  return [
    {
      method: 'POST',
      path: 'login',
      isUnmarked: !desk.since('8.0'),
      handle: ({ body, headers }) => login(body, headers),
    },
    forUsers({
      method: 'POST',
      path: 'logout',
      handle: ({ headers }) => {
        accounts.revoke(headers['x-auth-token'] ?? '');
        return { status: 'success', data: { message: "You've been logged out!" } };
      },
    }),
    forUsers({ method: 'GET', path: 'me', handle: ({ user }) => views.me(user) }),
    forUsers({
      method: 'POST',
      path: 'users.setStatus',
      body: schema('status message expiresAt userId username'),
      handle: ({ body, user }) => {
        const status = body.perhaps('status');
        if (status === undefined && !body.has('message'))
          throw coded('invalid-params', "must have required property 'status'");
        if (status === undefined) return {};
        if (status !== 'online' && status !== 'away' && status !== 'busy' && status !== 'offline')
          throw coded('error-invalid-status', 'Valid status types include online, away, offline, and busy.');
        setStatus(user, () => (user.status = status));
        return {};
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/agent.status',
      permissions: ['view-l-room'],
      body: schema('status agentId'),
      handle: ({ body, user }) => {
        const account = accounts.all.get(body.perhaps('agentId') ?? user.id);
        if (account?.roles.has('livechat-agent') !== true) throw plain('Agent not found', 404);
        if (account !== user && !may(user, 'manage-livechat-agents')) throw unauthorized();
        const other = account.statusLivechat === 'available' ? 'not-available' : 'available';
        const status = body.perhaps('status') ?? other;
        if (status !== 'available' && status !== 'not-available')
          throw coded('invalid-params', 'must be equal to one of the allowed values');
        setStatus(account, () => (account.statusLivechat = status));
        return { status };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/users/:type',
      query: schema(`text${filters}${PAGING}`),
      handle: ({ params, query, user }) => {
        const role = roleOf(params['type']);
        const needed =
          role === 'livechat-agent'
            ? ['transfer-livechat-guest', 'edit-omnichannel-contact']
            : ['view-livechat-manager'];
        if (!needed.some((permission) => may(user, permission))) throw unauthorized();
        const rows = [...accounts.all.values()]
          .filter((account) => account.roles.has(role) && hasText(account, query.text('text')))
          .filter((account) => !query.flag('onlyAvailable') || isServing(account))
          .filter(({ id }) => id !== query.perhaps('excludeId'))
          .map((account) => views.agentRow(account, accounts.departments));
        return paged('users', rows, query, rules, { name: 1 });
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/users/:type',
      permissions: ['view-livechat-manager'],
      body: schema('username*'),
      handle: ({ params, body }) => {
        const role = roleOf(params['type']);
        const account = accounts.named(body.text('username'));
        if (account === undefined) throw coded('error-invalid-user', 'Invalid user');
        account.roles.add(role);
        if (role === 'livechat-agent') setStatus(account, () => (account.statusLivechat = 'available'));
        return { user: { _id: account.id, username: account.username } };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/users/:type/:_id',
      permissions: ['view-livechat-manager'],
      handle: ({ params }) => {
        const role = roleOf(params['type']);
        const account = accounts.all.get(params['_id'] ?? '');
        if (account === undefined && !desk.since('8.0')) throw plain('User not found');
        return { user: account?.roles.has(role) === true ? views.agent(account) : null };
      },
    }),
    forUsers({
      method: 'DELETE',
      path: 'livechat/users/:type/:_id',
      permissions: ['view-livechat-manager'],
      handle: ({ params }) => {
        const role = roleOf(params['type']);
        const account = accounts.all.get(params['_id'] ?? '');
        if (account === undefined) throw coded('error-invalid-user', 'Invalid user');
        if (!account.roles.delete(role)) throw bare();
        return {};
      },
    }),
  ];
};
