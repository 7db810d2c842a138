import { concat, ignoreElements, merge, tap, throwError, type Observable } from 'rxjs';
import { ChatError } from '../errors.js';
import { socket } from '../transport/socket.js';
import type { Session } from './session.js';
import type { Settings } from './settings.js';

/** @internal The socket of a session, as long as it is subscribed. Errors when either ends. */
export const sessionSocket = (session: Session, settings: Settings): Observable<never> => {
  const { socketUrl, tls, WebSocket, scheduler, openWithinMs, pingMs, pongWithinMs, maxFrameBytes } = settings;
  const news = socket({
    platform: 'trueconf',
    url: socketUrl,
    protocols: ['json.v1'],
    tls,
    WebSocket,
    scheduler,
    openWithinMs,
    pingMs,
    pongWithinMs,
    maxFrameBytes,
    onBinary: (bytes, on) => {
      session.receivedBytes(bytes, on);
    },
  }).pipe(
    tap((it) => {
      if (it.kind === 'open') session.opened(it.socket);
      else session.received(it.text, it.socket);
    }),
    ignoreElements(),
  );
  const lost = throwError(
    () => new ChatError('unreachable', 'trueconf', 'the socket closed with 1000', { reason: '1000' }),
  );
  // Listened to before the socket opens.
  return merge(session.ended$, concat(news, lost));
};
