/** What a call is about: the lead wrote, an opener, an event, a follow-up. */
export type FluidtalkAct = 'chat' | 'OUTREACH' | 'ENTRY_POINT' | 'FOLLOW_UP';

/** What the persona is to answer. */
export interface FluidtalkTurn {
  readonly act: FluidtalkAct;
  readonly target: string;
  /** 1 for the first reply of the conversation. */
  readonly turn: number;
  readonly message: string | undefined;
  /** The URL, or the name of the file. */
  readonly picture: string | undefined;
  readonly ownUsername: string | undefined;
  readonly entryType: string | undefined;
  readonly entryContext: Readonly<Record<string, unknown>> | undefined;
}

/** What the persona answers. */
export interface FluidtalkReply {
  /** Default: none, the persona is silent. */
  readonly bubbles?: readonly string[];
  /** A photo that goes with them; only chat has a place for it. */
  readonly photo?: string;
  /** Whether the conversation is over with this reply. Default: false. */
  readonly seals?: boolean;
  /** Keys of the body as they are on the wire, in place of the usual ones; undefined leaves one out. */
  readonly wire?: Readonly<Record<string, unknown>>;
}

/** @internal Repeats what it hears, so that every reply says what it answers. */
export const parrot = ({ act, target, message, picture, entryType }: FluidtalkTurn): FluidtalkReply => {
  if (act === 'chat') return { bubbles: [`You said: ${message ?? picture ?? ''}`] };
  if (act === 'ENTRY_POINT') return { bubbles: [`Hi ${target}, about ${entryType ?? ''}`] };
  return { bubbles: [act === 'OUTREACH' ? `Hi ${target}` : `Are you still there, ${target}?`] };
};
