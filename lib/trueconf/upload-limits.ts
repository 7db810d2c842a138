import { catchError, defer, map, of, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import type { TrueconfUploadLimits } from './answers.js';
import type { Link } from './link.js';

/** Without dots, in lower case; empty where there is none. */
const extensionOf = (name: string): string => /\.([^./\\]*)$/.exec(name)?.[1]?.toLowerCase() ?? '';

/** Why an administrator does not want this file, if so: its size is looked at first. */
const refusalOf = (
  { maxBytes = Infinity, extensions }: TrueconfUploadLimits,
  name: string,
  sizeBytes: number,
): ChatError | undefined => {
  if (sizeBytes > maxBytes) {
    const sentence = `a file has ${sizeBytes} bytes, the server allows ${maxBytes}`;
    return new ChatError('overflow', 'trueconf', sentence, { reason: '310' });
  }
  if (extensions === undefined) return undefined;
  const extension = extensionOf(name);
  const isListed = extensions.list.some((listed) => listed.toLowerCase().replace(/^\.+/, '') === extension);
  const isWanted = extensions.mode === 'allow' ? extension !== '' && isListed : extension === '' || !isListed;
  if (isWanted) return undefined;
  const sentence = 'a file has an ending that the server does not allow';
  return new ChatError('unsupported', 'trueconf', sentence, { reason: '310' });
};

/** @internal What may be uploaded: asked for once with each connection, and told by the server when it changes. */
export class UploadLimits {
  readonly #link: Link;
  readonly #ask: () => Observable<TrueconfUploadLimits>;

  constructor(link: Link, ask: () => Observable<TrueconfUploadLimits>) {
    this.#link = link;
    this.#ask = ask;
  }

  /** Emits when the file may be uploaded. Errors: `overflow` for its size, `unsupported` for its ending. */
  check(name: string, sizeBytes: number): Observable<undefined> {
    return defer(() => {
      const known = this.#link.limits;
      return known === undefined ? this.#asked() : of(known);
    }).pipe(
      map((limits) => {
        const refusal = refusalOf(limits, name, sizeBytes);
        if (refusal !== undefined) throw refusal;
        return undefined;
      }),
    );
  }

  /** Older servers do not know the question; where there is no answer, the upload itself shows what they allow. */
  #asked(): Observable<TrueconfUploadLimits> {
    const learn = (limits: TrueconfUploadLimits): TrueconfUploadLimits => {
      this.#link.learn(limits);
      return limits;
    };
    return this.#ask().pipe(
      map(learn),
      catchError((error: unknown) => of(error instanceof ChatError && error.reason === '104' ? learn({}) : {})),
    );
  }
}
