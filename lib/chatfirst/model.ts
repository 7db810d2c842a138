import type { Channel, JsonObject } from '../model/index.js';

/** What a scenario speaks. A number that is neither 0 (Russian) nor 1 (English) stays as it came. */
export type ChatfirstLanguage = 'ru' | 'en' | number;

/** A scenario bot. */
export interface ChatfirstBot {
  /** The short name, which every call names it by. */
  readonly name: string;
  readonly language?: ChatfirstLanguage;
  /** The long name, for people. */
  readonly fancyName?: string;
  /** The scenario as XML. A list of bots may leave it out. */
  readonly scenario?: string;
}

/** What a user said to a bot. */
export interface ChatfirstMessage {
  /** Stable id of the user within the bot: the state of the dialogue hangs on it. */
  readonly user: string;
  readonly text: string;
  readonly userName?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  /** Of the second generation of talk only, as are those below. */
  readonly picture?: string;
  /** Such as `en_GB`. */
  readonly locale?: string;
  /** In what unit is not documented. */
  readonly timeZone?: number;
  readonly gender?: string;
}

/** A picture with its buttons. Several make a gallery, where the messenger has one. */
export interface ChatfirstEntity {
  /** An id of the platform's own, where it sent one. */
  readonly handle?: string;
  readonly name?: string;
  readonly description?: string;
  /** Must be public: the messenger fetches it. */
  readonly imageUrl?: string;
  /** Labels of the buttons below it. */
  readonly options: readonly string[];
}

/** What a bot says: the answer to talk, the body of a push, the answer of an adapter. */
export interface ChatfirstResponse {
  readonly messages: readonly string[];
  /** Labels of the buttons that are shown below. Pressing one says its label. */
  readonly keyboard: readonly string[];
  readonly entities: readonly ChatfirstEntity[];
  /** The state of the scenario that the user enters. */
  readonly state?: string;
  /** Documented to say nothing; written as it is. */
  readonly count?: number;
  /** A message for the dialogue's context, of a shape that is not documented; passed on as it is. */
  readonly forcedMessage?: unknown;
  /** Further keys for the wire, merged in last. */
  readonly extra?: JsonObject;
}

/** One message of a `ChatfirstOutput`. */
export interface ChatfirstOutputMessage {
  readonly id: string;
  readonly text?: string;
  readonly photo?: ChatfirstEntity;
  readonly entities: readonly ChatfirstEntity[];
  /** Rows of buttons. */
  readonly keyboard: readonly (readonly string[])[];
}

/** What a bot says in the second generation: the answer to talk there, and the body of a push to a channel. */
export interface ChatfirstOutput {
  /** Id of the session; opaque. */
  readonly talkId: string;
  readonly messages: readonly ChatfirstOutputMessage[];
}

/** How a bot is linked to a messenger. Both tokens are secrets. */
export interface ChatfirstLink {
  readonly bot?: string;
  readonly channel?: Channel;
  /** The token of the messenger's bot. */
  readonly externalToken?: string;
  /** The token of the Chatfirst user. */
  readonly userToken?: string;
}

/** Which states of a scenario mean something outside of it. */
export interface ChatfirstStates {
  /** The state in which a person answers. */
  readonly handoff?: string;
  /** The state in which the conversation is over. */
  readonly end?: string;
}
