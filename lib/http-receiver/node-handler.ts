import type { IncomingMessage, ServerResponse } from 'node:http';
import { BAD, headersOf, TOO_LARGE, type Answer } from './answer.js';
import type { Incoming, Receiver } from './receiver.js';

/** Takes Node's own request and response. A body that a framework has read already is taken from `request.body`. */
export type NodeHandler = (
  request: IncomingMessage & { readonly body?: unknown; readonly originalUrl?: unknown },
  response: ServerResponse,
) => void;

/** One request and what is written to it. */
interface Call<P> {
  readonly receiver: Receiver<P>;
  readonly incoming: Incoming;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** @internal */
export const nodeHandler =
  <P>(receiver: Receiver<P>): NodeHandler =>
  (request, response) => {
    const { headers, method, originalUrl, url = '' } = request;
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return typeof value === 'string' ? value : value?.[0];
    };
    // A framework cuts off what it mounted the handler at.
    const incoming = { method, url: typeof originalUrl === 'string' ? originalUrl : url, header };
    const refused = receiver.refusal(incoming);
    if (refused !== undefined) {
      write(request, response, refused);
      return;
    }
    const call: Call<P> = { receiver, incoming, request, response };
    const { body } = request;
    if (receiver.protocol.parse === undefined) take(call, undefined);
    else if (body === undefined || !request.readableEnded) read(call);
    else if (typeof body === 'string') parse(call, body);
    else if (body instanceof Uint8Array) parse(call, new TextDecoder().decode(body));
    else take(call, body);
  };

/**
 * Nothing is written to who is gone. Between the end of a connection and the `close` that tells of it, Node drops what is
 * written, and the response says that it was all sent.
 */
const write = (request: IncomingMessage, response: ServerResponse, answer: Answer): void => {
  if (response.destroyed || response.writableEnded || request.socket.destroyed) return;
  const { status, body } = answer;
  const all = headersOf(answer);
  all['content-length'] = String(Buffer.byteLength(body));
  // What was not read keeps the connection from being used again.
  if (!request.complete && hasBody(request)) all['connection'] = 'close';
  response.writeHead(status, all);
  response.end(body);
};

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/** Reads the body within the limits of size and time. */
const read = <P>(call: Call<P>): void => {
  const { receiver, request, response } = call;
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = receiver.waitFor((answer) => {
    write(request, response, receiver.refuse(answer));
  });
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= receiver.maxBytes) chunks.push(chunk);
    else if (stop()) write(request, response, receiver.refuse(TOO_LARGE));
  });
  request.on('end', () => {
    if (!stop()) return;
    const [only] = chunks;
    const whole = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
    parse(call, whole.toString());
  });
  request.on('close', stop);
};

const parse = <P>(call: Call<P>, text: string): void => {
  const { receiver, request, response } = call;
  let body: unknown;
  try {
    body = receiver.protocol.parse?.(text);
  } catch {
    write(request, response, receiver.refuse(BAD));
    return;
  }
  take(call, body);
};

const take = <P>({ receiver, incoming, request, response }: Call<P>, body: unknown): void => {
  let answered: ((whole: boolean) => void) | undefined;
  const exchange = receiver.receive(body, incoming, (answer, handed) => {
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
