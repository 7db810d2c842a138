/**
 * What became of an event: exactly one of these.
 *
 * | outcome | meaning |
 * | --- | --- |
 * | `ignored` | nobody wanted it, or its answers cannot be shown there |
 * | `handled` | its handler ran and what it answered was delivered |
 * | `duplicate` | another delivery of the same event had the effect |
 * | `queued` | it is safe in a queue, where its account goes on |
 * | `superseded` | something newer took its place |
 * | `handedOff` | a human has the conversation |
 * | `shed` | a limit was reached; nothing happened; deliver it again |
 * | `expired` | it vanished in an operator that keeps no custody |
 * | `inDoubt` | it was sent and no answer came |
 * | `failed` | an error |
 * | `deadLettered` | parked with its reason |
 *
 * When several are known of one event (two handlers, several actions), the one furthest down this list counts.
 */
export type Outcome = (typeof OUTCOMES)[number];

/** All outcomes, the weightiest last. */
export const OUTCOMES = [
  'ignored',
  'duplicate',
  'queued',
  'handled',
  'superseded',
  'handedOff',
  'shed',
  'expired',
  'inDoubt',
  'failed',
  'deadLettered',
] as const;

/** What source, queue and dedupe do about a settled event. `again`: it may be delivered and run again. */
export const mayRunAgain = (outcome: Outcome, touched: boolean): boolean =>
  outcome === 'shed' ? !touched : outcome === 'failed' && !touched;
