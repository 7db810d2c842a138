const TEXTS: Readonly<Record<number, string>> = {
  2: 'duplicate request id',
  100: 'connection error',
  101: 'connection timed out',
  102: 'TLS error',
  103: 'unsupported protocol',
  104: 'route not found',
  200: 'not authorized',
  201: 'invalid credentials',
  202: 'user disabled',
  203: 'credentials expired',
  204: 'unsupported credentials',
  300: 'internal server error',
  301: 'operation timed out',
  302: 'access denied',
  303: 'not enough rights',
  304: 'chat not found',
  305: 'user is not a chat participant',
  306: 'message not found',
  307: 'unknown message',
  308: 'file not found',
  309: 'user already in chat',
  310: 'file upload failed',
  311: 'file not ready',
  312: 'role not found',
};

/** @internal What a request is answered with that is not carried out. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, text = TEXTS[code] ?? 'unknown error') {
    super(text);
    this.code = code;
  }
}
