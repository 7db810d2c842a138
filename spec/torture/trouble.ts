import type { TrueconfSimulator, UserlikeSimulator } from 'tidewire/simulators';
import type { Chance } from './chance.js';
import { readWords } from './words.js';

/** How long it is quiet between two troubles at most, in milliseconds. */
const PAUSE_MS = 120;

const HOOK = ['duplicate', 'reorder', 'hangUp'] as const;
const CALL = ['throttle', 'fail', 'resetBefore', 'resetAfter', 'delay'] as const;
const EVENT = ['duplicate', 'reorder', 'lose'] as const;
const REQUEST = ['cutBefore', 'cutAfter', 'delay'] as const;
const RESETS: ReadonlySet<string> = new Set(['resetBefore', 'resetAfter', 'cutBefore', 'cutAfter']);
/** How late what is delayed comes, in milliseconds. */
const LATE_MS = 40;

/** What goes wrong on both platforms, a thing at a time, as long as it is not stopped. */
export class Trouble {
  readonly #chance: Chance;
  readonly #userlike: UserlikeSimulator;
  readonly #trueconf: TrueconfSimulator;
  readonly #makes: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;
  /** How many calls may have been left without an answer so far. */
  #unanswered = 0;

  /** `chats`: how many calls of TrueConf may be under way when its connection is cut. */
  constructor(chance: Chance, userlike: UserlikeSimulator, trueconf: TrueconfSimulator, chats: number) {
    this.#chance = chance;
    this.#userlike = userlike;
    this.#trueconf = trueconf;
    const { faults } = userlike;
    const { request, event } = trueconf.faults;
    faults.redeliver = Infinity;
    faults.redeliverMs = 40;
    faults.delayMs = LATE_MS;
    request.delayMs = LATE_MS;
    // What has no number of its own cannot be told from a message that was written twice: it comes once or not at all.
    faults.only = ({ body: { packet } }) => {
      const { body } = packet.payload as { readonly body?: string };
      return body !== undefined && readWords(body)?.isTwice === false;
    };
    event.only = ({ method }) => method === 'sendMessage';
    request.only = ({ method }) => method === 'sendMessage';
    const one = <K extends string>(of: { [name in K]?: number }, name: K): (() => void) => {
      return () => {
        of[name] = 1;
      };
    };
    const cuts = (calls: number, make: () => void) => (): void => {
      this.#unanswered += calls;
      make();
    };
    this.#makes = [
      ...HOOK.map((name) => one(faults, name)),
      ...CALL.map((name) => (RESETS.has(name) ? cuts(1, one(faults, name)) : one(faults, name))),
      ...EVENT.map((name) => one(event, name)),
      ...REQUEST.map((name) => (RESETS.has(name) ? cuts(chats, one(request, name)) : one(request, name))),
      cuts(chats, () => {
        trueconf.core.drop();
      }),
    ];
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  start(): void {
    this.#timer = setTimeout(
      () => {
        this.#chance.pick(this.#makes)();
        this.start();
      },
      this.#chance.within(5, PAUSE_MS),
    );
  }

  /** What was to go wrong and did not, does not. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const fault of HOOK) this.#userlike.faults[fault] = 0;
    for (const fault of CALL) this.#userlike.faults[fault] = 0;
    const { request, event } = this.#trueconf.faults;
    for (const fault of EVENT) event[fault] = 0;
    for (const fault of REQUEST) request[fault] = 0;
  }
}
