// All that has an effect: one socket, one call.
import { map, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from 'tidewire';
import { http, socket, statusError, type SocketNews } from 'tidewire/platform';
import { Refused, Sent } from './codec.js';

export interface ParleyClientConfig {
  /** Such as `https://parley.example`. */
  readonly url: string;
  readonly token: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly scheduler: SchedulerLike;
}

export interface ParleyClient {
  /** Frames after the one with this id, then live. Cold: subscribing connects, unsubscribing closes. */
  frames(after: string | undefined): Observable<SocketNews>;
  /** Says something in a chat; Parley says a text with the same key once. Errors: `ChatError`. */
  say(chat: string, text: string, key: string): Observable<string>;
  readonly scheduler: SchedulerLike;
}

export const parleyClient = ({ url, token, fetch, scheduler }: ParleyClientConfig): ParleyClient => ({
  scheduler,
  frames: (after) =>
    socket({ platform: 'parley', url: `${url.replace(/^http/, 'ws')}/events`, pingMs: 10_000, scheduler }).pipe(
      map((news) => {
        if (news.kind === 'open') news.socket.send(JSON.stringify({ type: 'hello', token, after }));
        return news;
      }),
    ),
  say: (chat, text, key) =>
    http({
      platform: 'parley',
      call: 'say',
      method: 'POST',
      url: `${url}/chats/${encodeURIComponent(chat)}/messages`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text, key }),
      scheduler,
      ...(fetch !== undefined && { fetch }),
    }).pipe(
      map((response) => {
        const answer = response.json();
        if (response.status === 409 && Refused.is(answer))
          throw new ChatError('refused', 'parley', `say was refused with ${answer.error}`, { reason: answer.error });
        if (response.status !== 201) throw statusError('parley', 'say', response, scheduler.now());
        // It may have been said.
        if (!Sent.is(answer)) throw new ChatError('undecodable', 'parley', 'say has no id', { inDoubt: true });
        return answer.id;
      }),
    ),
});
