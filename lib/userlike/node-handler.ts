import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Respond } from './exchange.js';
import { BAD, headersOf, refusalOf, TOO_LARGE, TOO_SLOW } from './gate.js';
import type { WebhookCore } from './webhook.js';

/** Takes Node's own request and response. A body that a framework has read already is taken from `request.body`. */
export type NodeHandler = (request: IncomingMessage & { readonly body?: unknown }, response: ServerResponse) => void;

/** @internal */
export const nodeHandler =
  (core: WebhookCore): NodeHandler =>
  (request, response) => {
    const { headers } = request;
    const header = (name: string): string | undefined => {
      const value = headers[name.toLowerCase()];
      return typeof value === 'string' ? value : value?.[0];
    };
    const respond: Respond = (answer, handed) => {
      const { status, body } = answer;
      if (response.destroyed || response.writableEnded) {
        handed(false);
        return;
      }
      // What was not read keeps the connection from being used again.
      const close = request.complete ? {} : { connection: 'close' };
      response.writeHead(status, { ...headersOf(answer), ...close, 'content-length': Buffer.byteLength(body) });
      response.end(body, () => {
        handed(true);
      });
    };
    const refuse = (answer: Parameters<typeof core.refuse>[0]): void => {
      respond(core.refuse(answer), () => undefined);
    };
    const take = (json: unknown): void => {
      const exchange = core.receive(json, respond);
      if (exchange === undefined) return;
      response.once('close', () => {
        if (!response.writableFinished) exchange.lost();
      });
    };
    const parse = (text: string): void => {
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        refuse(BAD);
        return;
      }
      take(json);
    };

    const refused = refusalOf(request.method, header, core.headers, core.maxBytes);
    if (refused !== undefined) {
      refuse(refused);
      return;
    }
    const closed = core.refusal();
    if (closed !== undefined) {
      respond(closed, () => undefined);
      return;
    }
    const { body } = request;
    if (body !== undefined && request.readableEnded) {
      if (typeof body === 'string') parse(body);
      else if (body instanceof Uint8Array) parse(new TextDecoder().decode(body));
      else take(body);
      return;
    }

    const chunks: Buffer[] = [];
    let length = 0;
    let over = false;
    const stop = (answer: Parameters<typeof core.refuse>[0] | undefined): void => {
      if (over) return;
      over = true;
      if (waiting !== undefined) core.bodies.remove(waiting);
      waiting = undefined;
      if (answer !== undefined) refuse(answer);
    };
    let waiting: ReturnType<typeof core.bodies.add> | undefined = core.bodies.add(() => {
      waiting = undefined;
      stop(TOO_SLOW);
    });
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > core.maxBytes) stop(TOO_LARGE);
      else if (!over) chunks.push(chunk);
    });
    request.on('end', () => {
      if (over) return;
      stop(undefined);
      const [only] = chunks;
      parse((only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks)).toString());
    });
    request.on('close', () => {
      stop(undefined);
    });
  };
