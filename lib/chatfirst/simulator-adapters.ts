import { catchError, defaultIfEmpty, NEVER, of as only, take, timeout, type Observable } from 'rxjs';
import type { ChatfirstIncoming, Desk } from './simulator-desk.js';
import { strikes, type ChatfirstAdapterFaults } from './simulator-faults.js';
import { faultOf, type ChatfirstSubject } from './simulator-journal.js';
import { readInstruction } from './simulator-reply.js';
import type { AdapterResult } from './simulator-walk.js';

/** @internal The URL of an action with who wrote what; parameters that the author of the scenario wrote win. */
export const adapterUrl = (action: string, id: string, msg: string): string | undefined => {
  if (!URL.canParse(action)) return undefined;
  const url = new URL(action);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  url.hash = '';
  const more = Object.entries({ id, msg }).filter(([name]) => !url.searchParams.has(name));
  const added = new URLSearchParams(more).toString();
  // What is there stays as it is written: reading and writing it again would encode it anew.
  if (added !== '') url.search = url.search.length > 1 ? `${url.search}&${added}` : added;
  return url.href;
};

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** @internal Whether an answer counts: 200 with an ActionResponse, and nothing else. */
export const judge = ({ status, body }: ChatfirstIncoming, perRow: number): AdapterResult => {
  if (status === 0) return { failure: 'there is no answer' };
  const json = jsonIn(body);
  const instruction = json === undefined ? 'it is no JSON' : readInstruction(json, perRow);
  if (typeof instruction === 'string') return { failure: status === 200 ? instruction : `status ${status}` };
  return status === 200 ? { failure: undefined, instruction } : { failure: `status ${status}`, instruction };
};

/** @internal Calls of adapters, with their deadline and what goes wrong on the way. */
export class Adapters {
  readonly #desk: Desk;
  readonly #faults: ChatfirstAdapterFaults;

  constructor(desk: Desk, faults: ChatfirstAdapterFaults) {
    this.#desk = desk;
    this.#faults = faults;
  }

  /** Calls an adapter, and hands over what comes of it once. */
  ask(of: ChatfirstSubject, action: string, msg: string, done: (result: AdapterResult) => void): void {
    const url = adapterUrl(action, of.user, msg);
    if (url === undefined) {
      this.#desk.write(of, { kind: 'problem', problem: 'an action is no URL of http or https' });
      done({ failure: 'it has no address' });
      return;
    }
    const faults = this.#faults;
    const strike = (fault: 'drop' | 'hangUp' | 'duplicate' | 'delay'): boolean => {
      const isStruck = strikes(faults, fault, of);
      if (isStruck) this.#desk.write(of, faultOf('adapter', fault));
      return isStruck;
    };
    const lateMs = strike('delay') ? (faults.delayMs ?? 1_000) : 0;
    const isLost = strike('drop');
    const isLeft = !isLost && strike('hangUp');
    const isTwice = !isLost && !isLeft && strike('duplicate');
    const last = (result: AdapterResult): void => {
      if (!isLeft) done(result);
    };
    this.#desk.later(lateMs, () => {
      if (isTwice)
        this.#call(of, url, false, () => {
          this.#call(of, url, false, last);
        });
      else this.#call(of, url, isLost, last);
      if (isLeft) done({ failure: 'nobody waited for the answer' });
    });
  }

  #call(of: ChatfirstSubject, url: string, isLost: boolean, use: (result: AdapterResult) => void): void {
    const { rules } = this.#desk;
    if (!isLost) this.#desk.write(of, { kind: 'asked', url });
    const answer$ = isLost
      ? NEVER
      : this.#desk.network({ method: 'GET', url, headers: { accept: 'application/json' }, body: '' });
    this.#desk.take(answeredWithin(this.#desk, answer$, rules.adapterWithinMs), (answer) => {
      const result = judge(answer, rules.keyboardRow);
      this.#desk.write(of, { kind: 'told', status: answer.status, failure: result.failure });
      use(result);
    });
  }
}

const NO_ANSWER: ChatfirstIncoming = { status: 0, body: '' };

/** @internal The one answer to a request; status 0 when there is none in time. */
export const answeredWithin = (
  { scheduler }: Desk,
  answer$: Observable<ChatfirstIncoming>,
  withinMs: number,
): Observable<ChatfirstIncoming> =>
  answer$.pipe(
    take(1),
    timeout({ first: withinMs, scheduler }),
    catchError(() => only(NO_ANSWER)),
    defaultIfEmpty(NO_ANSWER),
  );
