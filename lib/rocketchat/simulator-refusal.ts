import type { RocketchatContent } from './simulator-model.js';

/** @internal What a call is answered with that is not carried out. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: RocketchatContent;

  constructor(status: number, code: string, body: RocketchatContent) {
    super(typeof body['error'] === 'string' ? body['error'] : code);
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

/** @internal An error without a type. */
export const plain = (error: string, status = 400): Refusal => new Refusal(status, error, { success: false, error });

/** @internal An error with a type, and perhaps with a text. */
export const coded = (code: string, text = ''): Refusal =>
  new Refusal(400, code, { success: false, error: `${text} [${code}]`.trimStart(), errorType: code });

/** @internal A failure without a reason. */
export const bare = (): Refusal => new Refusal(400, 'failure', { success: false });

/** @internal What an upload fails with. */
export const unfit = (reason: string, more: RocketchatContent = {}): Refusal =>
  new Refusal(400, reason, { reason, ...more, success: false });

/** @internal A permission is missing, inside of a call. */
export const unauthorized = (): Refusal => plain('unauthorized', 403);

/** @internal A permission is missing, for the whole route. */
export const denied = (): Refusal =>
  plain('User does not have the permissions required for this action [error-unauthorized]', 403);
