import { map, type Observable } from 'rxjs';
import type { Reply } from '../model/index.js';
import type { ChatfirstClient } from './client.js';
import { outputReplies, repliesIn } from './codec-reply.js';
import type { ChatfirstMessage, ChatfirstOutput, ChatfirstResponse, ChatfirstStates } from './model.js';

/** What a scenario answered. */
export interface ScenarioAnswer {
  /** What to tell the user, in order; a state that means `handoff` or `end` comes last. */
  readonly replies: readonly Reply[];
  /** The state that the user was forced to, whatever it means. */
  readonly state?: string;
  /** The answer as it was read. */
  readonly raw: ChatfirstResponse | ChatfirstOutput;
}

/** One scenario bot to talk with: see `routeToChatfirst`. */
export interface ScenarioBot {
  /** Says something to the scenario, once. Cold; errors are those of the client. */
  talk(message: ChatfirstMessage): Observable<ScenarioAnswer>;
}

export interface ScenarioBotConfig {
  /** Which states of the scenario mean `handoff` and `end`, where an answer tells that the user was forced to one. Default: none. */
  readonly states?: ChatfirstStates;
  /** Messages of the scenario that mean the same, and are not shown: talk may tell of no states. Default: none. */
  readonly marks?: ChatfirstStates;
  /** Stands above buttons that come without a text. Default: `Please choose:`. */
  readonly prompt?: string;
  /** `v2` talks through the second generation, which tells of no states; the client needs its `v2Url`. Default: `v1`. */
  readonly generation?: 'v1' | 'v2';
}

/**
 * A bot of a client, for whoever only talks with it.
 *
 * @throws TypeError when `bot` is empty.
 */
export function scenarioBot(
  client: Pick<ChatfirstClient, 'talk' | 'talkV2'>,
  bot: string,
  config: ScenarioBotConfig = {},
): ScenarioBot {
  const { states, marks = {}, prompt, generation = 'v1' } = config;
  if (typeof bot !== 'string' || bot === '') throw new TypeError('scenarioBot: needs the name of a bot');
  const marked = (replies: readonly Reply[]): readonly Reply[] => replies.map((reply) => meant(reply, marks));
  const first = (message: ChatfirstMessage): Observable<ScenarioAnswer> =>
    client.talk(bot, message).pipe(
      map((raw): ScenarioAnswer => {
        // Where the user went is done; only what it means outside of the scenario is news.
        const replies = marked(repliesIn(raw, states, prompt)).filter(({ kind }) => kind !== 'platform');
        return raw.state === undefined ? { replies, raw } : { replies, state: raw.state, raw };
      }),
    );
  const second = (message: ChatfirstMessage): Observable<ScenarioAnswer> =>
    client
      .talkV2(bot, message)
      .pipe(map((raw): ScenarioAnswer => ({ replies: marked(outputReplies(raw, prompt)), raw })));
  return { talk: generation === 'v1' ? first : second };
}

const meant = (reply: Reply, { handoff, end }: ChatfirstStates): Reply => {
  const text = reply.kind === 'text' || reply.kind === 'choices' ? reply.text.trim() : undefined;
  if (text === undefined) return reply;
  if (text === handoff) return { kind: 'handoff', to: { kind: 'any' } };
  return text === end ? { kind: 'end' } : reply;
};
