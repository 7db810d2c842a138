import { fixtures } from './fixtures.js';

/** A request and its answer, as `spec/fixtures/chatfirst` has them. A body that is a text is no JSON. */
export interface ChatfirstExchange {
  readonly request: {
    readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
}

export const exchanges = fixtures('chatfirst/exchanges') as ReadonlyMap<string, ChatfirstExchange>;

export const exchange = (name: string): ChatfirstExchange => {
  const found = exchanges.get(name);
  if (found === undefined) throw new Error(`no fixture ${name}`);
  return found;
};
