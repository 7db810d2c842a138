import type { ActionKind, TextFormat } from './action.js';

/**
 * What becomes of an action kind on a platform and channel.
 *
 * - `native`: shown as it is meant.
 * - `converted`: the platform itself renders it as text and reports the click.
 * - `fallback`: the platform cannot; `fallbackToText` renders it.
 * - `rejected`: it has no meaning there and is `skipped: unsupported`.
 */
export type Rendering = 'native' | 'converted' | 'fallback' | 'rejected';

export interface ActionCapability {
  readonly as: Rendering;
  /** Up to how many options, cards or links `as` holds. Default: no limit. */
  readonly maxOptions?: number;
  /** Up to how many UTF-16 units in a label `as` holds. Default: no limit. */
  readonly maxLabelLength?: number;
  /** What it becomes beyond these limits. Default: `fallback`. */
  readonly beyond?: Rendering;
}

/** What one platform can show on one channel, as data. Kinds that are not named are `rejected`. */
export interface CapabilityProfile {
  readonly platform: string;
  /** `*` for every channel of the platform that has no profile of its own. */
  readonly channel: string;
  readonly actions: Readonly<Partial<Record<ActionKind, Rendering | ActionCapability>>>;
  /** UTF-16 units in one text. */
  readonly maxTextLength: number;
  readonly formats: readonly TextFormat[];
}
