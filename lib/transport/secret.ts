import { Subject, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';

export interface SecretConfig {
  /** Named in errors. */
  readonly platform: string;
  /** What it is, in errors: `API key`. */
  readonly noun: string;
  /** What is wrong with a value, as the end of a sentence; nothing of the value is in it. */
  readonly problemOf: (value: unknown) => string | undefined;
}

/** @internal A secret of a client: which one is in use, and whether it was refused. Nothing shows it. */
export class Secret {
  readonly #source: string | (() => string);
  readonly #config: SecretConfig;
  readonly #status = new Subject<'authorized' | 'unauthorized'>();
  #inUse: string | undefined;
  #refused: string | undefined;

  constructor(source: string | (() => string), config: SecretConfig) {
    this.#source = source;
    this.#config = config;
  }

  get status$(): Observable<'authorized' | 'unauthorized'> {
    return this.#status.asObservable();
  }

  /**
   * The secret for a call.
   *
   * @throws ChatError `unauthorized`, when it cannot be used or was refused before.
   */
  current(): string {
    const { noun, problemOf } = this.#config;
    const source = this.#source;
    const value = typeof source === 'function' ? this.#read(source) : source;
    const problem = problemOf(value);
    if (problem !== undefined) throw this.#error(`the ${noun} ${problem}`);
    if (value === this.#refused) throw this.#error(`the ${noun} was refused before`);
    this.#inUse = value;
    return value;
  }

  // An answer to a call with an earlier secret says nothing about the one in use.
  accepted(value: string | undefined): void {
    if (this.#refused === undefined || value !== this.#inUse) return;
    this.#refused = undefined;
    this.#status.next('authorized');
  }

  refused(value: string | undefined): void {
    if (value === undefined || value !== this.#inUse || value === this.#refused) return;
    this.#refused = value;
    this.#status.next('unauthorized');
  }

  #read(source: () => string): string {
    try {
      return source();
    } catch {
      // What a store of secrets throws may hold some.
      throw this.#error(`the ${this.#config.noun} could not be read`);
    }
  }

  #error(sentence: string): ChatError {
    return new ChatError('unauthorized', this.#config.platform, sentence);
  }
}
