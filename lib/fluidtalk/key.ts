import { Subject, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';

/** `unauthorized`: the key was refused, and calls fail at once until there is another. */
export type FluidtalkStatus = 'authorized' | 'unauthorized';

/** What is wrong with a key, as the end of a sentence; nothing of the key is in it. */
const keyProblem = (key: unknown): string | undefined => {
  if (typeof key !== 'string' || key === '') return 'is empty';
  if (!/^[\x21-\x7e]+$/.test(key)) return 'has white space, control signs or letters that no key has';
  return key.startsWith('ftc_') ? 'belongs to another FluidTalk API, the one for characters' : undefined;
};

/** @internal Whether pages run here, and with them anybody's scripts and tools. */
export const hasDocument = (place: object = globalThis): boolean =>
  'document' in place && typeof place.document === 'object' && place.document !== null;

/**
 * @internal The key of a client: which one is in use, and whether it was refused. Nothing shows it.
 *
 * @throws TypeError when the key is none, or where there is a page.
 */
export class Keyring {
  readonly #source: string | (() => string) | undefined;
  readonly #status = new Subject<FluidtalkStatus>();
  #inUse: string | undefined;
  #refused: string | undefined;

  constructor(source: string | (() => string) | undefined, place: object = globalThis) {
    if (source !== undefined && hasDocument(place)) {
      throw new TypeError(
        'fluidtalkClient: a page shows its apiKey to everybody: leave it out, and give the baseUrl of your own server, which adds it',
      );
    }
    const problem = typeof source === 'string' ? keyProblem(source) : undefined;
    if (problem !== undefined) throw new TypeError(`fluidtalkClient: the apiKey ${problem}`);
    this.#source = source;
  }

  get status$(): Observable<FluidtalkStatus> {
    return this.#status.asObservable();
  }

  /**
   * The key for a call, `undefined` where a relay has it.
   *
   * @throws ChatError `unauthorized`, when the key cannot be used or was refused before.
   */
  current(): string | undefined {
    const source = this.#source;
    if (source === undefined) return undefined;
    const key = typeof source === 'function' ? readFrom(source) : source;
    const problem = keyProblem(key);
    if (problem !== undefined) throw new ChatError('unauthorized', 'fluidtalk', `the API key ${problem}`);
    if (key === this.#refused) throw new ChatError('unauthorized', 'fluidtalk', 'the API key was refused before');
    this.#inUse = key;
    return key;
  }

  // An answer to a call with an earlier key says nothing about the one in use.
  accepted(key: string | undefined): void {
    if (this.#refused === undefined || key !== this.#inUse) return;
    this.#refused = undefined;
    this.#status.next('authorized');
  }

  refused(key: string | undefined): void {
    if (key === undefined || key !== this.#inUse || key === this.#refused) return;
    this.#refused = key;
    this.#status.next('unauthorized');
  }
}

const readFrom = (source: () => string): string => {
  try {
    return source();
  } catch {
    // What a store of secrets throws may hold some.
    throw new ChatError('unauthorized', 'fluidtalk', 'the API key could not be read');
  }
};
