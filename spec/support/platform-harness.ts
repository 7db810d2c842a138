import type { Observable, OperatorFunction } from 'rxjs';
import type {
  Accounts,
  ActionKind,
  ChatError,
  Conversation,
  DedupeConfig,
  InboundEvent,
  OutboundAction,
  Receipt,
  Reply,
} from 'tidewire';
import type { VirtualClock } from 'tidewire/testing';

/** What a spec of the contract gives to a harness. */
export interface PlatformSetting {
  /** For everything that has a `scheduler`: pauses cost no time, and nobody gives up because a spec is slow. */
  readonly clock: VirtualClock;
  /** For the source. */
  readonly accounts: Accounts;
  /** Whether the platform tells the bot what the bot says, where it can be made to. */
  readonly echoes: boolean;
}

/** Makes a harness that is nobody else's. */
export type MakePlatform = (setting: PlatformSetting) => Promise<PlatformHarness>;

/** A platform as its contract sees it: source, sink and client as they are, against its simulator over loopback. */
export interface PlatformHarness {
  readonly platform: string;
  readonly source: Observable<InboundEvent>;
  /** Sends again what the platform put off: with `retryDelivery` around it where the sink does not do that itself. */
  readonly sink: OperatorFunction<OutboundAction, Receipt>;
  /** How deliveries of the same message are told. Default: by their ids. */
  readonly dedupe?: DedupeConfig<InboundEvent>;
  /** Whether what the platform has no acknowledgement for comes again. */
  readonly redelivers: boolean;
  /** UTF-16 units of the longest text that the platform takes; undefined where it has no limit. */
  readonly maxTextLength: number | undefined;
  /** How a text is spelled on the other side. Default: as it was said. */
  readonly spelling?: (text: string) => string;
  /** Of `sampleActions`, the kinds that are delivered. The others are skipped, or refused by the platform. */
  readonly delivers: readonly ActionKind[];
  /** Everything that was configured and that nobody may see. */
  readonly secrets: readonly string[];
  /** What else a program has in its hands: clients, webhooks, what they told of their status. */
  readonly parts: Readonly<Record<string, unknown>>;
  /** Errors that the client told of in its status. */
  readonly complaints: () => readonly ChatError[];
  readonly trouble: PlatformTrouble;
  /** Somebody on the other side. Each name is another conversation. */
  readonly customer: (name: string) => PlatformCustomer;
  /** How many deliveries the platform knows to have arrived. */
  readonly acknowledged: () => number;
  /** How many actions, or lists of them, went over the wire, whatever became of them. */
  readonly sends: () => number;
  /** Stops accepting: the source completes, and what was accepted is settled. */
  readonly drain: () => Promise<unknown>;
  /** Ends the program's connections, and the platform. */
  readonly close: () => Promise<void>;
}

export interface PlatformCustomer {
  /** Says something. Resolves at the latest when the platform knows whether it has arrived, maybe earlier. */
  readonly say: (text: string) => Promise<void>;
  /** What the bot said, as this customer sees it, oldest first. */
  readonly sees: () => readonly string[];
}

/** What can go wrong. Where a platform knows no such trouble, the cases that need it are skipped with the reason. */
export interface PlatformTrouble {
  /** The next message of a customer is delivered so often. */
  readonly duplicate?: (times: number, how: 'one by one' | 'all at once') => void;
  /** The next sends are put off without effect: the platform asks for a pause. */
  readonly throttle?: (sends: number, retryAfterMs: number) => void;
  /** The next sends are answered late, by the clock. */
  readonly delay?: (sends: number, delayMs: number) => void;
  /** Something that the platform says no to. */
  readonly refused?: () => Reply;
  /** The next send has its effect, and its answer never comes. */
  readonly loseAnswer?: () => void;
  /** The platform accepts our credentials no longer, and is told of no others. */
  readonly lockOut?: () => void;
  /** Cuts every connection there is, whatever is on its way. */
  readonly cut?: () => void;
  /** A text of a customer that is longer than what this program reads. */
  readonly oversize?: () => string;
  /** An event of a type that nobody knows. */
  readonly tellUnknown?: (conversation: Conversation) => Promise<void>;
  /** An event that breaks the platform's protocol, and has this text in it. */
  readonly tellBroken?: (conversation: Conversation, text: string) => Promise<void>;
}
