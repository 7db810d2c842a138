import { Observable, Subject, type OperatorFunction } from 'rxjs';
import { accounts as programAccounts, type Accounts } from '../lib/accounts.js';
import { consume } from '../lib/consume.js';
import {
  conversationKey,
  type CapabilityProfile,
  type Conversation,
  type InboundEvent,
  type OutboundAction,
} from '../lib/model/index.js';
import { atLeast } from '../lib/range.js';
import { englishBridgeTexts, type BridgeTexts } from '../lib/text/bridge-texts.js';
import { traceOf } from '../lib/trace.js';
import { whenForgotten } from '../lib/forgotten.js';
import { Transcripts } from '../lib/transcripts.js';
import { asItIs, Carrier, type CarryMedia } from './bridge/carrier.js';
import { CustomerSide, isCustomers } from './bridge/customers.js';
import { Handovers } from './bridge/handovers.js';
import { OperatorSide, type Commands } from './bridge/operators.js';
import { Turns } from './bridge/turns.js';
import { Voice } from './bridge/voice.js';
import type { OperatorSeat } from './operatorSeat.js';
import type { Ownership } from './ownership.js';

export type { CarryMedia } from './bridge/carrier.js';

export interface BridgeConfig {
  /** Who answers; give the same to the sinks. */
  readonly desk: Ownership;
  /** The operators' chat, and what stands there for whom. */
  readonly seat: OperatorSeat;
  /** Whose handoffs go to the operators' chat by the bridge. Default: nobody's, their sink hands over. */
  readonly takes?: (conversation: Conversation) => boolean;
  /** What operators write to give a conversation back to the bot, and to end it. Default: `/return` and `/end`. */
  readonly commands?: { readonly return?: string; readonly end?: string };
  /** Carries files from one side to the other. Default: those with an address, and those of the same platform, as they are. */
  readonly media?: CarryMedia;
  /** The words that operators and customers read. Default: English. */
  readonly texts?: Partial<BridgeTexts>;
  /** What which channel knows: edits, removals, the end, formats. Default: `profiles`. */
  readonly profiles?: readonly CapabilityProfile[];
  /** How many lines of what was said before the operators read, of conversations that `takes`. Default: 20. */
  readonly transcriptLines?: number;
  /** Of how many conversations lines and names are kept: those that spoke last. Default: 10 000. */
  readonly maxTranscripts?: number;
  /** How many events may wait; what comes beyond is settled `shed`. Default: 100 000. */
  readonly maxQueued?: number;
  /** The books in which handovers are counted, under `bridge`. Default: those of the program, `accounts`. */
  readonly accounts?: Accounts;
}

/**
 * Wraps a responder. A customer who was handed over talks with people who sit in a chat of their own, on whatever platform:
 * what the customer says is copied there, and what somebody answers there reaches the customer, until the operators end the
 * conversation or give it back, or the customer ends it.
 *
 *     customer   -m-----n-------|
 *     operator   ---o-----------|     o: answers m
 *     result     -M-O---N-------|     M, N: in the operators' chat; O: at the customer
 *
 * The responder sees neither the operators' chat nor what a customer says whom a person has, and all other events. It sees
 * `ended`, which gives the conversation back, `unsubscribed`, `handoffFailed` and `handoffTaken` of every conversation. Put
 * it around `forwardOnTimeout` and `followUpAfter`, not into them.
 *
 * **From the customer**: messages, choices, commands, places and files, without markup and with the customer's name, as
 * answers to the heading of the conversation, or to what they answer. Edits and removals change the copy, where the operators'
 * platform can, and are said otherwise. The event ends `handedOff`.
 *
 * **From the operators**: who answers a message that stands for a customer, answers that customer; who answers none, the one
 * customer whose conversation is open. It is never guessed: with several open, the operator is told to answer a message. The
 * first answer makes the conversation `human` at the desk. Edits and removals of answers change them, where the customer's
 * channel can; otherwise a correction is said, or the operators are told. So they are when an answer does not arrive, or may
 * not have. What operators say while nothing is open is theirs, and so are reactions of the platform to what the bridge does:
 * `ignored`.
 *
 * **Handoffs** go to the sink of the customer's platform, which links its messages in the `seat`; what the customer says
 * meanwhile waits. Those of conversations that `takes` are carried out here, behind what the bot said before: a heading with
 * the last lines, in the operators' chat. The event ends `handedOff` when it has arrived. When it has not, the bot has the
 * conversation again, and the handoff has failed.
 *
 * Order is kept within a conversation, and for each customer between all operators. Actions are part of the account of what
 * they answer, with ids `${event.id}#bridge.${n}`, the same when it is repeated; a heading has its own, under `bridge`. Message
 * ids come from the receipts, through the trace: the sinks must be downstream in the same process. An event fails when the
 * store does; a file that `media` cannot carry is told, and reported where that threw. Keeps names and lines as the config
 * says, and custody of what it works on. Completes when source and responder have completed and nothing waits. Errors: those
 * of the source and of the responder, and what `takes` and `texts` throw.
 *
 * @throws RangeError at the call, when a number of the config is out of range; TypeError, when a command is not one word.
 */
export function bridge(
  config: BridgeConfig,
  responder: OperatorFunction<InboundEvent, OutboundAction>,
): OperatorFunction<InboundEvent, OutboundAction> {
  const { desk, seat, takes = () => false, media = asItIs, accounts = programAccounts } = config;
  const { transcriptLines = 20, maxTranscripts = 10_000, maxQueued = 100_000 } = config;
  const commands: Commands = { return: '/return', end: '/end', ...config.commands };
  atLeast('bridge: transcriptLines', transcriptLines, 0);
  atLeast('bridge: maxTranscripts', maxTranscripts, 1);
  atLeast('bridge: maxQueued', maxQueued, 0);
  for (const name of ['return', 'end'] as const) {
    if (!/^\S+$/.test(commands[name])) throw new TypeError(`bridge: commands.${name} must be one word`);
  }
  const texts: BridgeTexts = { ...englishBridgeTexts, ...config.texts };
  const carrier = new Carrier(config.profiles, media, accounts);
  const chatKey = conversationKey(seat.conversation);

  return (source) =>
    new Observable<OutboundAction>((subscriber) => {
      const events = new Subject<InboundEvent>();
      const transcripts = new Transcripts(transcriptLines, maxTranscripts);
      const voice = new Voice(subscriber, seat, accounts);
      let isHeard = false;
      let isAnswered = false;

      const completeWhenIdle = (): void => {
        if (!turns.isIdle) return;
        if (isHeard) events.complete();
        if (isAnswered) subscriber.complete();
      };
      const turns = new Turns(maxQueued, completeWhenIdle);
      const handovers = new Handovers(desk, seat, texts, transcripts, voice, turns);
      /** Gives an event to the responder. */
      const hand = (event: InboundEvent, key: string): void => {
        if (isCustomers(event) && takes(event.conversation)) handovers.hear(event, key);
        events.next(event);
      };
      const customers = new CustomerSide(desk, seat, texts, transcripts, carrier, voice, hand);
      const operators = new OperatorSide(desk, seat, texts, commands, carrier, voice, turns);

      const see = (event: InboundEvent): void => {
        const { conversation } = event;
        const key = traceOf(event)?.keyOf(conversation) ?? conversationKey(conversation);
        if (key === chatKey) turns.push(event, key, operators.hear(event));
        else if (!turns.has(key) && desk.touchNow?.(conversation) === 'bot') hand(event, key);
        else turns.push(event, key, (turn) => customers.attend(turn, event));
      };
      const pass = (action: OutboundAction): void => {
        const { kind, conversation } = action;
        const trace = traceOf(action);
        const key = trace?.keyOf(conversation) ?? conversationKey(conversation);
        if (takes(conversation)) {
          if (kind === 'handoff') handovers.take(action, key);
          else if (handovers.says(action, key, trace)) subscriber.next(action);
          return;
        }
        // Its sink links what it sends: until then nobody can tell for whom an answer is.
        if (kind === 'handoff' && trace !== undefined) {
          const linked = [voice.links.add(key), voice.links.add(chatKey)];
          trace.onSettled({
            settled: () => {
              for (const done of linked) done();
            },
          });
        }
        subscriber.next(action);
      };

      consume(responder(events), subscriber, {
        next: pass,
        complete: () => {
          isAnswered = true;
          completeWhenIdle();
        },
      });
      subscriber.add(whenForgotten(transcripts.forget));
      subscriber.add(() => {
        turns.clear();
        events.complete();
      });
      consume(source, subscriber, {
        next: see,
        complete: () => {
          isHeard = true;
          completeWhenIdle();
        },
      });
    });
}
