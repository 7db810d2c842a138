import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './exchange.js';
import { BAD, headersOf, refusalOf, TOO_LARGE } from './gate.js';
import type { WebhookCore } from './webhook.js';

/** Takes Node's own request and response. A body that a framework has read already is taken from `request.body`. */
export type NodeHandler = (request: IncomingMessage & { readonly body?: unknown }, response: ServerResponse) => void;

/** @internal */
export const nodeHandler =
  (core: WebhookCore): NodeHandler =>
  (request, response) => {
    const { headers } = request;
    const refused = refusalOf(
      request.method,
      (name) => {
        const value = headers[name];
        return typeof value === 'string' ? value : value?.[0];
      },
      core.headers,
      core.maxBytes,
    );
    if (refused !== undefined) {
      write(request, response, core.refuse(refused));
      return;
    }
    const closed = core.refusal();
    if (closed !== undefined) {
      write(request, response, closed);
      return;
    }
    const { body } = request;
    if (body === undefined || !request.readableEnded) read(core, request, response);
    else if (typeof body === 'string') parse(core, request, response, body);
    else if (body instanceof Uint8Array) parse(core, request, response, new TextDecoder().decode(body));
    else take(core, request, response, body);
  };

/** Nothing is written to who is gone. */
const write = (request: IncomingMessage, response: ServerResponse, answer: Answer): void => {
  if (response.destroyed || response.writableEnded) return;
  const { status, body } = answer;
  const all = headersOf(answer);
  all['content-length'] = String(Buffer.byteLength(body));
  // What was not read keeps the connection from being used again.
  if (!request.complete) all['connection'] = 'close';
  response.writeHead(status, all);
  response.end(body);
};

/** Reads the body within the limits of size and time. */
const read = (core: WebhookCore, request: IncomingMessage, response: ServerResponse): void => {
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = core.waitFor((answer) => {
    write(request, response, core.refuse(answer));
  });
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= core.maxBytes) chunks.push(chunk);
    else if (stop()) write(request, response, core.refuse(TOO_LARGE));
  });
  request.on('end', () => {
    if (!stop()) return;
    const [only] = chunks;
    const whole = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
    parse(core, request, response, whole.toString());
  });
  request.on('close', stop);
};

const parse = (core: WebhookCore, request: IncomingMessage, response: ServerResponse, text: string): void => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    write(request, response, core.refuse(BAD));
    return;
  }
  take(core, request, response, json);
};

const take = (core: WebhookCore, request: IncomingMessage, response: ServerResponse, json: unknown): void => {
  let answered: ((whole: boolean) => void) | undefined;
  const exchange = core.receive(json, (answer, handed) => {
    answered = handed;
    write(request, response, answer);
  });
  if (exchange === undefined) return;
  // It comes after the last byte was handed to the socket, and when the other side hung up.
  const over = (): void => {
    if (answered !== undefined && response.writableFinished) answered(true);
    else exchange.lost();
  };
  if (response.closed) {
    over();
    return;
  }
  response.on('close', over);
  if (response.socket !== null) return;
  // It waits behind another answer of its connection, and hears nothing when that is lost.
  const { socket } = request;
  if (socket.destroyed) over();
  else {
    socket.on('close', over);
    response.on('close', () => socket.off('close', over));
  }
};
