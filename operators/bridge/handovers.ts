import { map, mergeMap, type Observable } from 'rxjs';
import { Arrivals } from '../../lib/arrivals.js';
import { inTurn } from '../../lib/in-turn.js';
import { isAnswer, type HandoffAction, type InboundEvent, type OutboundAction } from '../../lib/model/index.js';
import { ARRIVED } from '../../lib/responder.js';
import { saidIn, type BridgeTexts } from '../../lib/text/bridge-texts.js';
import type { Holder, SettleListener, Trace } from '../../lib/trace.js';
import type { Transcripts } from '../../lib/transcripts.js';
import type { OperatorSeat } from '../operatorSeat.js';
import { isNoticed, type Ownership } from '../ownership.js';
import { filesIn } from './carrier.js';
import type { Turn, Turns } from './turns.js';
import type { Voice } from './voice.js';

/**
 * Handoffs that the bridge carries out.
 *
 * @internal
 */
export class Handovers {
  /** The bot's answers that are on their way. */
  readonly #answers = new Arrivals();
  /** How many handoffs of a conversation are not decided. */
  readonly #pending = new Map<string, number>();

  constructor(
    readonly desk: Ownership,
    readonly seat: OperatorSeat,
    readonly texts: BridgeTexts,
    readonly transcripts: Transcripts,
    readonly voice: Voice,
    readonly turns: Turns,
  ) {}

  /** The customer says something to the bot. */
  hear(event: InboundEvent, key: string): void {
    const { texts, transcripts } = this;
    transcripts.meet(key, event.sender);
    const name = transcripts.nameOf(key) ?? texts.customer;
    const words = saidIn(event, texts);
    if (words !== undefined) transcripts.add(key, texts.says(name, words));
    for (const file of filesIn(event)) transcripts.add(key, texts.says(name, texts.file(file.name)));
  }

  /** The bot says something. Emits nothing for what comes behind a handoff: whether it may be said. */
  says(action: OutboundAction, key: string, trace: Trace | undefined): boolean {
    if (this.#pending.has(key) && action.by !== 'human' && isNoticed(action.kind)) {
      trace?.conclude('handedOff');
      return false;
    }
    if (isAnswer(action)) {
      const { texts, transcripts } = this;
      const line = 'text' in action ? texts.says(texts.bot, action.text) : undefined;
      const arrived = this.#answers.add(key);
      const settled: SettleListener['settled'] = (_, outcome) => {
        if (line !== undefined && ARRIVED.has(outcome)) transcripts.add(key, line);
        arrived();
      };
      if (trace === undefined) arrived();
      else trace.onSettled({ settled });
    }
    return true;
  }

  take(action: HandoffAction, key: string): void {
    this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1);
    const done = (): void => {
      const left = (this.#pending.get(key) ?? 1) - 1;
      if (left > 0) this.#pending.set(key, left);
      else this.#pending.delete(key);
    };
    this.turns.push(action, key, (turn) => this.#handOver(turn, action), { passive: true, done });
  }

  #handOver(turn: Turn, action: HandoffAction): Observable<unknown> {
    const { conversation, id } = action;
    // Behind what was said before: it would be muted.
    return this.#answers.settled(turn.lane).pipe(
      mergeMap(() => {
        // From here on the bot may not have it any more, and nobody would have it.
        turn.isBinding = true;
        return this.desk.handOver(conversation, id);
      }),
      mergeMap((isOurs) => {
        if (isOurs) return this.seat.link([], conversation).pipe(map(() => true));
        turn.trace?.conclude('handedOff');
        return [false];
      }),
      map((isOurs) => {
        if (isOurs) this.#introduce(turn, action);
      }),
    );
  }

  #introduce(turn: Turn, { conversation, comment }: HandoffAction): void {
    const { desk, seat, texts, transcripts, voice } = this;
    const { lane: key, trace } = turn;
    const holder: Holder = { name: 'bridge', passive: true };
    const about = { name: transcripts.nameOf(key) ?? texts.customer, conversation };
    const heading = texts.heading(comment === undefined ? about : { ...about, comment });
    const text = [heading, ...transcripts.take(key)].join('\n');
    const learns = voice.learns(conversation, undefined, 'customer');
    trace?.hold(holder);
    // Apart: while the operators are told, its event may be taken back.
    const told: SettleListener = {
      arrived: learns.arrived,
      settled: (own, outcome, touched, at) => {
        learns.settled(own, outcome, touched, at);
        if (touched) trace?.touch();
        if (ARRIVED.has(outcome)) {
          trace?.release(holder, 'handedOff');
          return;
        }
        voice.record(inTurn([seat.forget(conversation), desk.returnToBot(conversation)]), key, () => {
          trace?.release(holder, 'failed', 'bridge: the operators could not be told');
        });
      },
    };
    voice.say(turn, voice.chat, { kind: 'text', text }, told, true);
  }
}
