import { BAD, headersOf, TOO_LARGE, type Answer } from './answer.js';
import type { Receiver } from './receiver.js';

export interface FetchHandlerOptions {
  /** Keeps a serverless function alive until the events are settled: pass on the platform's `waitUntil`. */
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

/** Takes a `Request` and resolves with the `Response`. An answer counts as handed over when it is returned. */
export type FetchHandler = (request: Request, options?: FetchHandlerOptions) => Promise<Response>;

/** @internal */
export const fetchHandler =
  <P>(receiver: Receiver<P>): FetchHandler =>
  async (request, { waitUntil } = {}) => {
    const refuse = (answer: Answer): Response => toResponse(receiver.refuse(answer));
    const header = (name: string): string | undefined => request.headers.get(name) ?? undefined;
    const url = request.url.replace(/^[a-z][a-z+.-]*:\/\/[^/?#]*/i, '');
    const incoming = { method: request.method, url, header };
    const refused = receiver.refusal(incoming);
    if (refused !== undefined) return toResponse(refused);

    const { parse } = receiver.protocol;
    let body: unknown;
    if (parse !== undefined) {
      const text = await readText(receiver, request);
      if (typeof text !== 'string') return refuse(text);
      try {
        body = parse(text);
      } catch {
        return refuse(BAD);
      }
    }
    return new Promise<Response>((resolve) => {
      const exchange = receiver.receive(body, incoming, (answer, handed) => {
        resolve(toResponse(answer));
        handed(!request.signal.aborted);
      });
      if (exchange === undefined) return;
      waitUntil?.(
        new Promise<void>((finished) => {
          exchange.onceSettled(finished);
        }),
      );
      request.signal.addEventListener(
        'abort',
        () => {
          exchange.lost();
        },
        { once: true },
      );
    });
  };

const toResponse = (answer: Answer): Response =>
  new Response(answer.body === '' ? null : answer.body, { status: answer.status, headers: headersOf(answer) });

const readText = async <P>(receiver: Receiver<P>, request: Request): Promise<string | Answer> => {
  const reader = request.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  let turnedAway: Answer | undefined;
  const stop = receiver.waitFor((answer) => {
    turnedAway = answer;
    void reader.cancel();
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return turnedAway ?? text + decoder.decode();
      length += value.length;
      if (length > receiver.maxBytes) {
        void reader.cancel();
        return TOO_LARGE;
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    return turnedAway ?? BAD;
  } finally {
    stop();
  }
};
