import type { MonoTypeOperatorFunction } from 'rxjs';
import type { InboundEvent, OutboundAction, Replies } from 'tidewire';
import type { Stage } from './platform-stage.js';

export type Answer = (event: InboundEvent, stage: Stage) => Replies;

/** One law. */
export interface PlatformCase {
  /** Completes the sentence that begins with the platform. */
  readonly title: string;
  /** Default: `re`, and what was said. */
  readonly answer?: Answer;
  /** In front of the sink. Default: nothing. */
  readonly through?: MonoTypeOperatorFunction<OutboundAction>;
  /** Whether the platform tells the bot what the bot says, where it can be made to. Default: false. */
  readonly echoes?: boolean;
  readonly body: (stage: Stage) => Promise<void>;
}

/** A trouble that a case cannot do without. */
export const needed = <T>(trouble: T | undefined): T => {
  if (trouble === undefined)
    throw new Error('the harness knows no such trouble: give it one, or a reason to skip this case');
  return trouble;
};
