/** What the API answers. */
export interface ChatfirstAnswer {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How long after the first half of the body the rest comes, in milliseconds. */
  readonly restAfterMs?: number;
  /** Whether the connection is lost in the middle of the body. */
  readonly isCut?: boolean;
}

/** @internal A call that is answered with an error, and had no effect. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

const SENTENCES: Readonly<Record<number, string>> = {
  400: 'The request is invalid',
  403: 'Authorization has been denied for this request',
  404: 'No resource was found',
  405: 'The resource does not support this method',
  413: 'The request is too large',
  415: 'The media type of the request is not supported',
  429: 'Too many requests',
};

/** @internal The refusal that goes with a status alone. */
export const refusal = (status: number): Refusal => new Refusal(status, SENTENCES[status] ?? 'An error has occurred');

/** @internal */
export const json = (status: number, text: string, headers: ChatfirstAnswer['headers'] = {}): ChatfirstAnswer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: text,
});

/** @internal A page of a proxy or of the server itself. */
export const page = (status: number, text: string): ChatfirstAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<html><body>${text}</body></html>`,
});

/** @internal */
export const empty = (status: number): ChatfirstAnswer => ({ status, headers: {}, body: '' });

/** @internal The usual body of an error; a wrong token is answered with a page, as the server in front of the API does. */
export const refused = ({ status, message }: Refusal, headers: ChatfirstAnswer['headers'] = {}): ChatfirstAnswer =>
  status === 401 ? page(401, 'denied') : json(status, JSON.stringify({ Message: message }), headers);
