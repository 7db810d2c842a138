import type { ChatfirstOperation } from './simulator-routes.js';

/** How the platform behaves where the documentation is silent, or where its operator decides. */
export interface ChatfirstRules {
  /** Bots that are there from the beginning: their scenarios, by name. Default: `teashop`, which asks which tea it shall be. */
  readonly bots?: Readonly<Record<string, string>>;
  /** Messengers that the platform knows itself. Default: `telegram`, `facebook`, `slack`. */
  readonly channels?: readonly string[];
  /** Whether a messenger must be linked to a bot before its people can be reached. Default: false. */
  readonly needsLink?: boolean;
  /**
   * Bridges to other messengers, by channel: the URL that `/api/push/<token>/<bot>/<user>` is appended to. How the platform
   * learns of them is not public.
   */
  readonly bridges?: Readonly<Record<string, string>>;
  /** The channel in which those are who come by talk; `any` reaches them through every one. Default: `any`. */
  readonly talkChannel?: string;

  /** Statuses of success where it is not 200. */
  readonly statuses?: Readonly<Partial<Record<ChatfirstOperation, number>>>;
  /** The body of answers that clients ignore. Default: the bot for create, update and delete, nothing for the others. */
  readonly ignoredBody?: 'usual' | 'empty' | 'null' | 'page';
  /** Whether the list of bots has their scenarios. Default: true. */
  readonly listsScenarios?: boolean;
  /** What the second bot of a name is answered with. Default: 409. */
  readonly existsStatus?: 409 | 400;
  /** Whether somebody who never wrote can be pushed to; otherwise that is answered 404. Default: false. */
  readonly pushesToStrangers?: boolean;
  /** `Count` of a talk answer with so many messages. Default: that number. */
  readonly count?: (messages: number) => number | null;
  /** `ForcedKeyboard` of a talk answer: labels, rows of labels, or one text with commas. Default: `flat`. */
  readonly keyboardShape?: 'flat' | 'rows' | 'text';
  /** How many flat labels make a row where there must be rows. Default: 2. */
  readonly keyboardRow?: number;
  /** The `TalkId` of the first answer of the second generation. Default: 501. */
  readonly firstTalkId?: bigint;

  /** Whether `input` minds capitals. Default: false. */
  readonly caseSensitive?: boolean;
  /** Whether a rule with `no_stop` may match the first words and leave the others to the next state. Default: true. */
  readonly wordByWord?: boolean;
  /** Whether addresses between triple equals signs become pictures. Default: `entities`. */
  readonly pictures?: 'entities' | 'text';
  /** In `markdown`, two line breaks are one and one is a blank. Default: `markdown`. */
  readonly lines?: 'markdown' | 'asWritten';
  /** What becomes of the text of a transition that has an adapter. Default: `before` its messages. */
  readonly ownText?: 'before' | 'after' | 'none';
  /** A forced state that is not there is passed over and noted, or refused. Default: `keep`. */
  readonly unknownState?: 'keep' | 'refuse';
  /** Whether `no_stop` goes on in a state that an adapter forced. Default: false, the user is waited for there. */
  readonly forcedGoesOn?: boolean;

  /** How long an adapter may take, in milliseconds. Default: 15 s. */
  readonly adapterWithinMs?: number;
  /** What is undone when an adapter fails: the transition that called it, or all that the message did. Default: `transition`. */
  readonly adapterUndoes?: 'transition' | 'message';
  /** What a user reads when an adapter fails. */
  readonly errorText?: string;
  /** Whether a failed adapter that answers with messages is heard in place of `errorText`. Default: `own`. */
  readonly failureText?: 'own' | 'adapter';
  /** How many talks of one user wait for each other before more are answered 503. Default: 100. */
  readonly maxWaiting?: number;

  /** Texts of pushes to a bridge. Default: `plain`. */
  readonly pushText?: 'plain' | 'base64';
  /** How often a push is tried when a bridge does not answer, or with 408, 429 or 5xx. Default: 3. */
  readonly pushTries?: number;
  /** The pause before the second try, in milliseconds; doubles. Default: 1 s. */
  readonly pushPauseMs?: number;
  /** How long a bridge may take, in milliseconds. Default: 15 s. */
  readonly pushWithinMs?: number;
  /** How many pushes to bridges are on their way at a time. Default: 16. */
  readonly maxPushes?: number;
}

/** @internal */
export type Rules = Required<ChatfirstRules>;

const TEASHOP = `<fsm name="teashop">
  <states>
    <state name="Start">
      <transition input="*" next="Menu" pending_keyboard="Green,Black">Which tea?</transition>
    </state>
    <state name="Menu">
      <transition input="Green" next="Start" pending_keyboard="Again">Green tea is coming.</transition>
      <transition input="Black" next="Start" pending_keyboard="Again">Black tea is coming.</transition>
      <transition input="*" next="Menu" pending_keyboard="Green,Black">Use the buttons please.</transition>
    </state>
  </states>
</fsm>`;

/** @internal */
export const DEFAULTS: Rules = {
  bots: { teashop: TEASHOP },
  channels: ['telegram', 'facebook', 'slack'],
  needsLink: false,
  bridges: {},
  talkChannel: 'any',
  statuses: {},
  ignoredBody: 'usual',
  listsScenarios: true,
  existsStatus: 409,
  pushesToStrangers: false,
  count: (messages) => messages,
  keyboardShape: 'flat',
  keyboardRow: 2,
  firstTalkId: 501n,
  caseSensitive: false,
  wordByWord: true,
  pictures: 'entities',
  lines: 'markdown',
  ownText: 'before',
  unknownState: 'keep',
  forcedGoesOn: false,
  adapterWithinMs: 15_000,
  adapterUndoes: 'transition',
  errorText: 'Something went wrong. Please try again.',
  failureText: 'own',
  maxWaiting: 100,
  pushText: 'plain',
  pushTries: 3,
  pushPauseMs: 1_000,
  pushWithinMs: 15_000,
  maxPushes: 16,
};

const WHOLE = ['keyboardRow', 'maxWaiting', 'pushTries', 'maxPushes'] as const;
const TIMES = ['adapterWithinMs', 'pushPauseMs', 'pushWithinMs'] as const;

/** @internal @throws RangeError when a number is off. */
export const rulesOf = (given: ChatfirstRules): Rules => {
  const rules = { ...DEFAULTS, ...given };
  for (const name of WHOLE)
    if (!Number.isInteger(rules[name]) || rules[name] < 1)
      throw new RangeError(`chatfirst simulator: ${name} must be a whole number from 1, got ${rules[name]}`);
  for (const name of TIMES)
    if (!(rules[name] >= 0))
      throw new RangeError(`chatfirst simulator: ${name} must be at least 0, got ${rules[name]}`);
  return rules;
};
