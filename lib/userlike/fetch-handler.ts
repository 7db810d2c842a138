import type { Answer } from './exchange.js';
import { BAD, headersOf, refusalOf, TOO_LARGE } from './gate.js';
import type { WebhookCore } from './webhook.js';

export interface FetchHandlerOptions {
  /** Keeps a serverless function alive until the events are settled: pass on the platform's `waitUntil`. */
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

/** Takes a `Request` and resolves with the `Response`. An answer counts as handed over when it is returned. */
export type FetchHandler = (request: Request, options?: FetchHandlerOptions) => Promise<Response>;

/** @internal */
export const fetchHandler =
  (core: WebhookCore): FetchHandler =>
  async (request, { waitUntil } = {}) => {
    const refuse = (answer: Answer): Response => toResponse(core.refuse(answer));
    const header = (name: string): string | undefined => request.headers.get(name) ?? undefined;
    const refused = refusalOf(request.method, header, core.headers, core.maxBytes);
    if (refused !== undefined) return refuse(refused);
    const closed = core.refusal();
    if (closed !== undefined) return toResponse(closed);

    const text = await readText(core, request);
    if (typeof text !== 'string') return refuse(text);
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return refuse(BAD);
    }
    return new Promise<Response>((resolve) => {
      const exchange = core.receive(json, (answer, handed) => {
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

const readText = async (core: WebhookCore, request: Request): Promise<string | Answer> => {
  const reader = request.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  let turnedAway: Answer | undefined;
  const stop = core.waitFor((answer) => {
    turnedAway = answer;
    void reader.cancel();
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return turnedAway ?? text + decoder.decode();
      length += value.length;
      if (length > core.maxBytes) {
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
