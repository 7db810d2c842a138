import { NEVER, type Observable } from 'rxjs';
import { Secret } from '../transport/secret.js';

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
 * @internal The key of a client, if it has one: which is in use, and whether it was refused. Nothing shows it.
 *
 * @throws TypeError when the key is none, or where there is a page.
 */
export class Keyring {
  readonly #key: Secret | undefined;

  constructor(source: string | (() => string) | undefined, place: object = globalThis) {
    if (source === undefined) return;
    if (hasDocument(place)) {
      throw new TypeError(
        'fluidtalkClient: a page shows its apiKey to everybody: leave it out, and give the baseUrl of your own server, which adds it',
      );
    }
    const problem = typeof source === 'string' ? keyProblem(source) : undefined;
    if (problem !== undefined) throw new TypeError(`fluidtalkClient: the apiKey ${problem}`);
    this.#key = new Secret(source, { platform: 'fluidtalk', noun: 'API key', problemOf: keyProblem });
  }

  get status$(): Observable<FluidtalkStatus> {
    return this.#key?.status$ ?? NEVER;
  }

  /**
   * The key for a call, `undefined` where a relay has it.
   *
   * @throws ChatError `unauthorized`, when the key cannot be used or was refused before.
   */
  current(): string | undefined {
    return this.#key?.current();
  }

  accepted(key: string | undefined): void {
    this.#key?.accepted(key);
  }

  refused(key: string | undefined): void {
    this.#key?.refused(key);
  }
}
