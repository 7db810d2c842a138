import { Observable } from 'rxjs';
import { schema, type Fields } from './simulator-fields.js';
import type { RocketchatContent } from './simulator-model.js';
import { SAMPLE } from './simulator-payloads.js';
import { PAGING, paged } from './simulator-paging.js';
import { plain } from './simulator-refusal.js';
import { forUsers, type Route, type World } from './simulator-routes.js';
import type { RocketchatHookEvent, RocketchatWebhook } from './simulator-rules.js';

const SWITCHES: Readonly<Record<string, RocketchatHookEvent>> = {
  LivechatWebhookOnStart: 'start',
  LivechatWebhookOnClose: 'close',
  LivechatWebhookOnChatTaken: 'taken',
  LivechatWebhookOnChatQueued: 'queued',
  LivechatWebhookOnForward: 'forward',
  LivechatWebhookOnOfflineMsg: 'offline',
  LivechatWebhookOnVisitorMessage: 'visitorMessage',
  LivechatWebhookOnAgentMessage: 'agentMessage',
};
const SETTINGS = schema(
  `LivechatWebhookUrl LivechatSecretToken LivechatHttpTimeout:number ${Object.keys(SWITCHES)
    .map((name) => `${name}:boolean`)
    .join(' ')}`,
);

/** What the settings are, when some of them are changed. Events that were never named are on. */
const changed = (before: RocketchatWebhook | undefined, body: Fields): RocketchatWebhook | undefined => {
  const url = body.perhaps('LivechatWebhookUrl') ?? before?.url ?? '';
  const names = Object.entries(SWITCHES);
  const events = names
    .filter(([name, event]) => (body.has(name) ? body.flag(name) : (before?.events?.includes(event) ?? true)))
    .map(([, event]) => event);
  const secret = body.perhaps('LivechatSecretToken') ?? before?.secret;
  const timeout = body.all['LivechatHttpTimeout'] ?? before?.timeoutMs;
  if (url === '') return undefined;
  return {
    url,
    events: before?.events?.includes('capture') === true ? [...events, 'capture'] : events,
    ...(secret !== undefined && { secret }),
    ...(typeof timeout === 'number' && timeout > 0 && { timeoutMs: timeout }),
  };
};

/** @internal Departments, how chats are routed, and the settings of webhooks. */
export const adminRoutes = (world: World): readonly Route[] => {
  const { desk, accounts, views, deliveries } = world;
  const { rules } = desk;
  const readers = ['view-livechat-departments', 'view-l-room'];

  return [
    forUsers({
      method: 'GET',
      path: 'livechat/department',
      permissions: readers,
      query: schema(`text enabled:any showArchived:any onlyMyDepartments:any excludeDepartmentId${PAGING}`),
      handle: ({ query, user }) => {
        const rows = accounts.departments
          .filter(({ name }) => name.toLowerCase().includes(query.text('text').toLowerCase()))
          .filter(({ enabled }) => !query.has('enabled') || enabled === query.flag('enabled'))
          .filter(({ agents }) => !query.flag('onlyMyDepartments') || agents.has(user))
          .filter(({ id }) => id !== query.perhaps('excludeDepartmentId'))
          .map((department) => views.department(department));
        return paged('departments', rows, query, rules, { name: 1 });
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/department/:_id',
      permissions: readers,
      query: schema('onlyMyDepartments:any includeAgents:any'),
      handle: ({ params }) => {
        const department = accounts.departments.find(({ id }) => id === params['_id']);
        const agents = [...(department?.agents ?? [])].map(({ id, username }) => ({
          agentId: id,
          username,
          count: 0,
          order: 0,
        }));
        return { department: department === undefined ? null : views.department(department), agents };
      },
    }),
    forUsers({
      method: 'GET',
      path: 'livechat/config/routing',
      handle: () => {
        const isAuto = rules.routing === 'auto';
        const config: RocketchatContent = {
          previewRoom: !isAuto,
          showConnecting: false,
          showQueue: !isAuto,
          showQueueLink: !isAuto,
          returnQueue: !isAuto,
          enableTriggerAction: isAuto,
          autoAssignAgent: isAuto,
        };
        return { config };
      },
    }),
    forUsers({
      method: 'POST',
      path: 'omnichannel/integrations',
      permissions: ['view-livechat-manager'],
      body: SETTINGS,
      handle: ({ body }) => {
        deliveries.config = changed(deliveries.config, body);
        return {};
      },
    }),
    forUsers({
      method: 'POST',
      path: 'livechat/webhook.test',
      permissions: ['view-livechat-webhooks'],
      handle: () =>
        new Observable<RocketchatContent>((caller) => {
          deliveries.call(SAMPLE, ({ status }) => {
            if (status === 200) {
              caller.next({});
              caller.complete();
            } else caller.error(plain('error-invalid-webhook-response'));
          });
        }),
    }),
  ];
};
