import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as httpsRequest } from 'node:https';
import { Observable } from 'rxjs';
import type { ChatfirstIncoming, ChatfirstNetwork } from './simulator-desk.js';

const MOST_BYTES = 262_144;

/** @internal Real requests. Redirects are not followed; an answer above 256 KiB is none. */
export const realNetwork = (): { readonly network: ChatfirstNetwork; readonly close: () => void } => {
  const agents = { 'http:': new Agent({ keepAlive: true }), 'https:': new SecureAgent({ keepAlive: true }) };
  const network: ChatfirstNetwork = ({ method, url, headers, body }) =>
    new Observable<ChatfirstIncoming>((subscriber) => {
      const isSecure = url.startsWith('https:');
      const request = (isSecure ? httpsRequest : httpRequest)(url, {
        method,
        headers: body === '' ? headers : { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: agents[isSecure ? 'https:' : 'http:'],
      });
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      request.on('error', fail);
      request.on('response', (response: IncomingMessage) => {
        textOf(response).then((text) => {
          subscriber.next({ status: response.statusCode ?? 0, body: text });
          subscriber.complete();
        }, fail);
      });
      request.end(body);
      return () => {
        request.destroy();
      };
    });
  const close = (): void => {
    for (const agent of Object.values(agents)) agent.destroy();
  };
  return { network, close };
};

const textOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};
