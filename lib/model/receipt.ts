import type { ChatError } from '../errors.js';
import type { OutboundAction } from './action.js';
import type { Outcome } from './outcome.js';

/** What all receipts have. */
export interface ReceiptOf<S extends string> {
  readonly status: S;
  readonly action: OutboundAction;
  /** When this became known: ISO 8601. */
  readonly at: string;
}
/** The platform has it. */
export interface Delivered extends ReceiptOf<'delivered'> {
  /** The platform's ids of what the customer sees; empty where the platform gives none. */
  readonly messageIds: readonly string[];
  /** How it went out, where there are several ways: `direct` (as the answer of a webhook) or `api`. */
  readonly via?: string;
}
/** The platform does not have it. */
export interface Failed extends ReceiptOf<'failed'> {
  readonly error: ChatError;
  readonly retryable: boolean;
}
/** It was sent and no answer came: the platform may have it or not. */
export interface Unknown extends ReceiptOf<'unknown'> {
  readonly error: ChatError;
}
export type SkipReason = 'superseded' | 'muted' | 'shed' | 'unsupported' | 'expired';
/** It was not sent. */
export interface Skipped extends ReceiptOf<'skipped'> {
  readonly reason: SkipReason;
  /** A sentence for people. */
  readonly detail?: string;
}

/** What became of an action: every action that reaches a sink yields exactly one. */
export type Receipt = Delivered | Failed | Unknown | Skipped;

const BY_REASON: Readonly<Record<SkipReason, Outcome>> = {
  superseded: 'superseded',
  muted: 'handedOff',
  shed: 'shed',
  unsupported: 'ignored',
  expired: 'expired',
};

/** What a receipt says about the event that the action answers. */
export const outcomeOf = (receipt: Receipt): Outcome => {
  switch (receipt.status) {
    case 'delivered':
      return receipt.action.kind === 'handoff' ? 'handedOff' : 'handled';
    case 'failed':
      return 'failed';
    case 'unknown':
      return 'inDoubt';
    case 'skipped':
      return BY_REASON[receipt.reason];
  }
};

/** What to call it in the receipt when an action is taken back because its event ended so. */
export const skipReasonOf = (outcome: Outcome | undefined): SkipReason => {
  switch (outcome) {
    case 'handedOff':
      return 'muted';
    case 'shed':
    case 'expired':
      return outcome;
    default:
      return 'superseded';
  }
};

/**
 * Whether the action had, or may have had, its effect: then its event is never run again by itself. That somebody was seen
 * typing is none.
 */
export const touches = ({ status, action }: Receipt): boolean =>
  (status === 'delivered' || status === 'unknown') && action.kind !== 'typing';

export const delivered = (
  action: OutboundAction,
  at: string,
  messageIds: readonly string[] = [],
  via?: string,
): Delivered =>
  via === undefined
    ? { status: 'delivered', action, at, messageIds }
    : { status: 'delivered', action, at, messageIds, via };

export const failed = (action: OutboundAction, at: string, error: ChatError): Failed => ({
  status: 'failed',
  action,
  at,
  error,
  retryable: error.retryable,
});

export const unknown = (action: OutboundAction, at: string, error: ChatError): Unknown => ({
  status: 'unknown',
  action,
  at,
  error,
});

export const skipped = (action: OutboundAction, at: string, reason: SkipReason, detail?: string): Skipped =>
  detail === undefined ? { status: 'skipped', action, at, reason } : { status: 'skipped', action, at, reason, detail };
