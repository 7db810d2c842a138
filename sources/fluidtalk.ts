import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import { repliesOf, type FluidtalkTurns } from '../lib/fluidtalk/reply-source.js';
import type { InboundEvent } from '../lib/model/index.js';
import { atLeast } from '../lib/range.js';

export interface FromFluidTalkConfig {
  /** The client that `toFluidTalk` makes its calls with. */
  readonly client: FluidtalkTurns;
  /** Names the persona in the accounts, when a program has several. */
  readonly persona?: string;
  /** How many events may be open before the sink makes no more calls. Default: 10 000. */
  readonly maxInFlight?: number;
  /** The same for one target. Default: 100. */
  readonly maxPerConversation?: number;
  /** Default: the books of the program, `accounts`. */
  readonly accounts?: Accounts;
  /** Clock of the events. Default: `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * What a FluidTalk persona replies to `toFluidTalk`: its bubbles as `message` events, then its photo as a `media` event,
 * and `ended` once a target is sealed, again with its next action where nobody has heard it. Each carries its account.
 *
 *     actions  -a----------|        text actions, through toFluidTalk
 *     call      --r|                r: two bubbles and a photo
 *     events   ---(bbp)------
 *
 * The conversation is that of the action, the sender a `bot`. Ids are the same when the same reply is told again, so that
 * `dedupe` knows it: `${action.id}:0`, `:1` and so on.
 *
 * Cold, for one subscriber: `share()` it for more, a second one gets an error. While nobody is subscribed, or too much is
 * open, the sink makes no call and pays for nothing, and the account counts it as `refused`. What is replied when the
 * subscriber has gone is settled `failed`, and a ledger keeps it. Never completes by itself, and never errors for what the
 * persona does: end it with `takeUntil`.
 *
 * @throws RangeError at the call, when a number of the config is out of range.
 */
export function fromFluidTalk(config: FromFluidTalkConfig): Observable<InboundEvent> {
  const { client, persona, maxInFlight = 10_000, maxPerConversation = 100 } = config;
  const { accounts = programAccounts, scheduler = asyncScheduler } = config;
  atLeast('fromFluidTalk: maxInFlight', maxInFlight, 1);
  atLeast('fromFluidTalk: maxPerConversation', maxPerConversation, 1);
  const account = persona === undefined ? 'fluidtalk' : `fluidtalk:${persona}`;
  return new Observable((subscriber) => {
    repliesOf(client).listen(subscriber, { accounts, account, maxInFlight, maxPerConversation, scheduler });
  });
}
