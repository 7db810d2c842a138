import { isAtLeast } from '../trueconf/simulator-rules.js';

/** A user of the server. */
export interface RocketchatAccount {
  readonly username: string;
  /** Without a password nobody can log in; tokens can be issued. */
  readonly password?: string;
  /** Default: the user name. */
  readonly name?: string;
  readonly email?: string;
  /** Default: `user`, `livechat-agent`. */
  readonly roles?: readonly string[];
  /** Permissions that an administrator has granted on top of those of the roles. */
  readonly permissions?: readonly string[];
  /** The code that the second factor wants, all the time. Default: there is no second factor. */
  readonly totp?: string;
  /** Default: `offline` until there is a socket with a login, then `online`. */
  readonly status?: RocketchatStatus;
  /** Default: `available`. */
  readonly statusLivechat?: 'available' | 'not-available';
  /** How many open chats the agent takes. Default: no limit. */
  readonly maxChats?: number;
}

export type RocketchatStatus = 'online' | 'away' | 'busy' | 'offline';

export interface RocketchatDepartment {
  /** Default: made by the server. */
  readonly id?: string;
  readonly name: string;
  /** User names. */
  readonly agents?: readonly string[];
  readonly email?: string;
  /** Default: true. */
  readonly enabled?: boolean;
}

/** What a webhook can be about. */
export type RocketchatHookEvent =
  'start' | 'queued' | 'taken' | 'forward' | 'close' | 'visitorMessage' | 'agentMessage' | 'capture' | 'offline';

export interface RocketchatWebhook {
  readonly url: string;
  /** Goes out as `X-RocketChat-Livechat-Token`. Default: no secret, no header. */
  readonly secret?: string;
  /** Default: all but `capture`. */
  readonly events?: readonly RocketchatHookEvent[];
  /** A webhook that is not answered within this time failed; four times as long is between two tries. Default: 5 s. */
  readonly timeoutMs?: number;
}

/** How the server behaves where versions differ, where an administrator decides, or where no source says it. */
export interface RocketchatRules {
  /** `7.10.0` answers as servers of that time. Default: `8.8.0`. */
  readonly version?: string;
  /** Default: `helper.bot` with `corr3ct-horse`: an agent and bot who may transfer, and whose user name comes back in `me`. */
  readonly accounts?: readonly RocketchatAccount[];
  /** Default: none. */
  readonly departments?: readonly RocketchatDepartment[];
  /** Custom fields by id, with what their values must look like. Those that nobody knows are skipped. Default: none. */
  readonly customFields?: Readonly<Record<string, { readonly scope: 'visitor' | 'room'; readonly regexp?: string }>>;
  /** Where webhooks go. Default: nowhere. */
  readonly webhook?: RocketchatWebhook;
  /** Whether agents take chats, or get them. A server that nobody has changed has `auto`. Default: `manual`. */
  readonly routing?: 'manual' | 'auto';
  /** Whether new chats go to a bot first, if one is available. Default: false. */
  readonly botsFirst?: boolean;
  /** Whether visitors can open rooms when no agent is there. Default: false. */
  readonly acceptsWithoutAgents?: boolean;
  /** Whether agents must comment when they close. Default: true. */
  readonly wantsComment?: boolean;
  /** Whether agents must tag before they close. Default: false. */
  readonly wantsTags?: boolean;
  /** Whether visitors can close. Default: true. */
  readonly visitorsMayClose?: boolean;
  /** Whether visitors with open rooms can be deleted. Default: false. */
  readonly deletesWithOpenRooms?: boolean;
  /** Whether messages can be edited and deleted by their authors. Default: true. */
  readonly editing?: boolean;
  /** Whether a deleted message stays, as `t: "rm"` without text. Default: false. */
  readonly showsDeleted?: boolean;
  /** Types of system messages that nobody is shown. Default: none. */
  readonly hiddenTypes?: readonly string[];
  /** Whether the real name stands for the agent when typing. Default: false. */
  readonly realNames?: boolean;
  /** Characters of an agent's message. Default: 5000. */
  readonly maxMessage?: number;
  /** Characters of a visitor's message; 0 refuses all, as a server does that is given no number. Default: no limit. */
  readonly maxVisitorMessage?: number;
  /** Bytes of a file; -1 is no limit. Default: 104 857 600. */
  readonly maxFile?: number;
  /** MIME types that are refused. Default: none. */
  readonly blockedTypes?: readonly string[];
  /** Whether files can be uploaded. Default: true. */
  readonly uploads?: boolean;
  /** How long a file waits for its confirmation. Default: 24 h. */
  readonly unconfirmedMs?: number;
  /** Whether calls are counted. Default: true. */
  readonly rateLimits?: boolean;
  /** Calls of a route from one address in a window. Default: 10. */
  readonly callLimit?: number;
  /** The same for `POST livechat/visitor` and `GET livechat/room`. Default: 5. */
  readonly visitorLimit?: number;
  /** A window begins with its first call. Default: 60 s. */
  readonly windowMs?: number;
  /** Servers of very old versions answer 400 when there are too many calls. Default: 429. */
  readonly throttleStatus?: 429 | 400;
  /** Whether the headers of a user who may bypass the limits work on calls of visitors. Not tried on a server. Default: from 8.0. */
  readonly visitorBypass?: boolean;
  /** How many items a list can have at most. Default: 100. */
  readonly maxCount?: number;
  /** Whether `count=0` gives everything. Default: true. */
  readonly infiniteCount?: boolean;
  /** Most messages of one history. No source says it. Default: 100. */
  readonly maxHistory?: number;
  /**
   * A message whose `_id` is known: `refused` with a technical text, or `answered` (a visitor with the stored message, an agent
   * without one). Default: `answered` from 8.0.
   */
  readonly duplicateIds?: 'refused' | 'answered';
  /** What becomes of an agent's message to a closed room. No source says it. Default: `refused` with `room-closed`. */
  readonly closedRoomSends?: 'refused' | 'stored';
  /**
   * Whether agents have left when the closing message comes, so that it is marked as that of a room that they take no part in.
   * Default: `after`, the order in which servers do it.
   */
  readonly closeMessage?: 'before' | 'after';
  /** Whether the closing message goes out as a webhook of its own too. No source says it. Default: false. */
  readonly closeHook?: boolean;
  /** Whether an agent who gets a chat by forwarding causes a webhook of the taken kind too. No source says it. Default: false. */
  readonly takenOnForward?: boolean;
  /** Tries of a webhook, 20 s apart. Default: 5, and 10 before 8.0. */
  readonly hookTries?: number;
  /** Which answers are tried again: all but 200, or 5xx, 429 and no answer. Default: `trouble` from 8.0, `all` before. */
  readonly hookRetries?: 'all' | 'trouble';
  /** Whether saving a message waits for the first try of its webhook. Default: before 8.0. */
  readonly hookBlocks?: boolean;
  /** How long after a message with links their previews are filled in, which tells of the message again. Default: never. */
  readonly previewMs?: number;
  /** How long a token is good; a socket that is logged in stays so. Default: 90 days. */
  readonly tokenLifeMs?: number;
  /** A socket that was silent so long is pinged. Default: 15 s. */
  readonly pingMs?: number;
  /** A socket that stays silent after a ping is cut. Default: 15 s. */
  readonly pongWithinMs?: number;
  /** Whether pages of other origins are let in. Default: true. */
  readonly cors?: boolean;
  /** Whether the mail server of an offline message is looked up; those at `.invalid` have none. Default: false. */
  readonly checksMail?: boolean;
  /** Whether there is an offline form. Default: true. */
  readonly offlineForm?: boolean;
  /** Whether visitors see who serves them. Default: true. */
  readonly showsAgent?: boolean;
}

/** @internal */
export type Rules = Required<Omit<RocketchatRules, 'webhook' | 'previewMs'>> &
  Pick<RocketchatRules, 'webhook' | 'previewMs'>;

const DAY = 86_400_000;

const refuse = (sentence: string): never => {
  throw new TypeError(`rocketchat simulator: ${sentence}`);
};

/** @internal The rules of a server, complete. */
export const rulesOf = (given: RocketchatRules): Rules => {
  const { version = '8.8.0' } = given;
  if (!/^\d+\.\d+(\.\d+)?$/.test(version)) refuse('version must look like 8.8.0');
  const isCurrent = isAtLeast(version, '8.0');
  const rules: Rules = {
    version,
    accounts: [
      {
        username: 'helper.bot',
        password: 'corr3ct-horse',
        name: 'Helper Bot',
        email: 'bot@shop.example',
        roles: ['user', 'bot', 'livechat-agent'],
        permissions: ['transfer-livechat-guest'],
        status: 'online',
      },
    ],
    departments: [],
    customFields: {},
    routing: 'manual',
    botsFirst: false,
    acceptsWithoutAgents: false,
    wantsComment: true,
    wantsTags: false,
    visitorsMayClose: true,
    deletesWithOpenRooms: false,
    editing: true,
    showsDeleted: false,
    hiddenTypes: [],
    realNames: false,
    maxMessage: 5_000,
    maxVisitorMessage: Infinity,
    maxFile: 104_857_600,
    blockedTypes: [],
    uploads: true,
    unconfirmedMs: DAY,
    rateLimits: true,
    callLimit: 10,
    visitorLimit: 5,
    windowMs: 60_000,
    throttleStatus: 429,
    visitorBypass: isCurrent,
    maxCount: 100,
    infiniteCount: true,
    maxHistory: 100,
    duplicateIds: isCurrent ? 'answered' : 'refused',
    closedRoomSends: 'refused',
    closeMessage: 'after',
    closeHook: false,
    takenOnForward: false,
    hookTries: isCurrent ? 5 : 10,
    hookRetries: isCurrent ? 'trouble' : 'all',
    hookBlocks: !isCurrent,
    tokenLifeMs: 90 * DAY,
    pingMs: 15_000,
    pongWithinMs: 15_000,
    cors: true,
    checksMail: false,
    offlineForm: true,
    showsAgent: true,
    ...given,
  };
  const { timeoutMs = 5_000 } = rules.webhook ?? {};
  if (!(timeoutMs > 0))
    throw new RangeError(`rocketchat simulator: webhook.timeoutMs must be above 0, got ${timeoutMs}`);
  const names = rules.accounts.map(({ username }) => username);
  if (names.includes('')) refuse('a user name must not be empty');
  if (new Set(names).size < names.length) refuse('user names must differ');
  for (const { name, agents = [] } of rules.departments) {
    if (name === '') refuse('the name of a department must not be empty');
    const missing = agents.find((agent) => !names.includes(agent));
    if (missing !== undefined) refuse(`there is no account ${missing} for the department ${name}`);
  }
  for (const name of ['callLimit', 'visitorLimit', 'windowMs', 'hookTries', 'pingMs', 'pongWithinMs'] as const)
    if (!(rules[name] > 0)) throw new RangeError(`rocketchat simulator: ${name} must be above 0, got ${rules[name]}`);
  return rules;
};
