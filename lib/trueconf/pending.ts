import type { Subscription } from 'rxjs';
import type { ChatError } from '../errors.js';

/** @internal A call, while it waits to be sent or for its answer. */
export interface Pending {
  readonly method: string;
  /** As JSON. */
  readonly payload: string;
  readonly isRepeatable: boolean;
  /** Whether the session itself asks: then it concerns nobody else. */
  readonly isOurs: boolean;
  /** Its number in the session that sent it, 0 before. */
  id: number;
  /** How often it was sent. */
  attempts: number;
  /** Whether it is sent again because its token, or its number, was refused: that happens once. */
  wasRefused: boolean;
  /** Its time limit, for waiting or for the answer. */
  timer: Subscription | undefined;
  readonly answered: (payload: unknown) => void;
  readonly failed: (error: ChatError) => void;
}

type Asked = Pick<Pending, 'method' | 'payload' | 'isRepeatable' | 'isOurs' | 'answered' | 'failed'>;

/** @internal A call that was not sent yet. */
export const pendingOf = ({ method, payload, isRepeatable, isOurs, answered, failed }: Asked): Pending => ({
  method,
  payload,
  isRepeatable,
  isOurs,
  id: 0,
  attempts: 0,
  wasRefused: false,
  timer: undefined,
  answered,
  failed,
});

/**
 * @internal A payload as it goes out; what is changed in it later does not.
 *
 * @throws TypeError when it is no JSON: it has a cycle, a bigint, or nothing at all in it.
 */
export const payloadText = (method: string, payload: unknown): string => {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch {
    // What it says names keys of the payload.
  }
  if (text === undefined) throw new TypeError(`trueconfClient: payload of ${method} must be JSON`);
  return text;
};
