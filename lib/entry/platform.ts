export { problemsOf } from '../problems.js';
export type { Chunks } from '../transport/collect.js';
export { download, type Download, type DownloadConfig } from '../transport/download.js';
export { http, type HttpHead, type HttpRequest, type HttpResponse } from '../transport/http.js';
export {
  multipart,
  multipartStream,
  type FormPart,
  type Multipart,
  type MultipartStream,
  type StreamedPart,
} from '../transport/multipart.js';
export {
  socket,
  type OpenSocket,
  type SocketConfig,
  type SocketEventLike,
  type SocketNews,
  type TlsConfig,
  type WebSocketConstructor,
  type WebSocketLike,
} from '../transport/socket.js';
export { retryAfter, statusError, transportError } from '../transport/transport-error.js';
