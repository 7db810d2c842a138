import { map, mergeMap, type Observable } from 'rxjs';
import { inTurn, nothing } from '../../lib/in-turn.js';
import type { EditedEvent, EventKind, InboundEvent, RemovedEvent, Reply } from '../../lib/model/index.js';
import { saidIn, type BridgeTexts } from '../../lib/text/bridge-texts.js';
import { plainText } from '../../lib/text/plain.js';
import type { Transcripts } from '../../lib/transcripts.js';
import type { OperatorSeat, SeatTalk } from '../operatorSeat.js';
import type { Ownership } from '../ownership.js';
import { filesIn, messageIdOf, quotedBy, type Carrier } from './carrier.js';
import type { Turn } from './turns.js';
import { answering, type Voice } from './voice.js';

/** What the responder must know, whoever has the conversation. */
const FOR_BOTH: ReadonlySet<EventKind> = new Set<EventKind>(['unsubscribed', 'handoffFailed', 'handoffTaken']);

/** @internal Whether it is the customer who speaks. */
export const isCustomers = ({ sender }: InboundEvent): boolean =>
  sender === undefined || (sender.role === 'customer' && sender.self !== true);

/**
 * What customers say: the bot's, or copied to the operators.
 *
 * @internal
 */
export class CustomerSide {
  constructor(
    readonly desk: Ownership,
    readonly seat: OperatorSeat,
    readonly texts: BridgeTexts,
    readonly transcripts: Transcripts,
    readonly carrier: Carrier,
    readonly voice: Voice,
    /** Gives an event to the responder. */
    readonly hand: (event: InboundEvent, key: string) => void,
  ) {}

  attend(turn: Turn, event: InboundEvent): Observable<unknown> {
    return this.desk.touch(event.conversation).pipe(
      mergeMap((owner) => {
        if (owner !== 'bot' && !FOR_BOTH.has(event.kind)) return this.#withOperators(turn, event);
        turn.isHandedOn = true;
        this.hand(event, turn.lane);
        return nothing();
      }),
    );
  }

  #withOperators(turn: Turn, event: InboundEvent): Observable<unknown> {
    return this.#talkOf(turn, event).pipe(
      mergeMap((talk) => {
        if (event.kind === 'ended') return this.#end(turn, event, talk);
        const copied = talk !== undefined && isCustomers(event) ? this.#copy(turn, event, talk) : nothing();
        return copied.pipe(
          map(() => {
            if (event.sender?.self !== true) turn.trace?.conclude('handedOff');
          }),
        );
      }),
    );
  }

  /** Whether these operators have it; behind what is said there while somebody hands it over. */
  #talkOf({ lane }: Turn, { conversation }: InboundEvent): Observable<SeatTalk | undefined> {
    return this.voice.links.settled(lane).pipe(mergeMap(() => this.seat.talkOf(conversation)));
  }

  #end(turn: Turn, event: InboundEvent, talk: SeatTalk | undefined): Observable<unknown> {
    const { conversation } = event;
    if (talk !== undefined) this.voice.tell(turn, this.texts.ended(this.nameOf(turn.lane)), talk.heading);
    turn.isHandedOn = true;
    return inTurn([this.seat.forget(conversation), this.desk.returnToBot(conversation)]).pipe(
      map(() => {
        this.hand(event, turn.lane);
      }),
    );
  }

  #copy(turn: Turn, event: InboundEvent, talk: SeatTalk): Observable<unknown> {
    this.transcripts.meet(turn.lane, event.sender);
    return event.kind === 'edited' || event.kind === 'removed'
      ? this.#copyChange(turn, event, talk)
      : this.#copyMessage(turn, event, talk);
  }

  #copyMessage(turn: Turn, event: InboundEvent, talk: SeatTalk): Observable<unknown> {
    const { texts, voice } = this;
    const { customer, heading } = talk;
    const quoted = quotedBy(event);
    const name = this.nameOf(turn.lane);
    return (quoted === undefined ? nothing() : this.seat.copiesOf(customer, quoted)).pipe(
      mergeMap((link) =>
        this.carrier.files(event, voice.chat).pipe(
          map((files) => {
            const put = (reply: Reply): void => {
              const answer = answering(reply, link?.messageIds[0] ?? heading);
              voice.say(turn, voice.chat, answer, voice.learns(customer, messageIdOf(event), 'customer'));
            };
            const words = saidIn(event, texts);
            if (words !== undefined) put({ kind: 'text', text: texts.says(name, words) });
            filesIn(event).forEach((file, n) => {
              const media = files[n];
              const caption = event.kind === 'media' ? (event.caption ?? '') : '';
              if (media !== undefined) put({ kind: 'media', media, caption: texts.says(name, caption) });
              else put({ kind: 'text', text: texts.says(name, texts.file(file.name)) });
            });
          }),
        ),
      ),
    );
  }

  #copyChange(turn: Turn, event: EditedEvent | RemovedEvent, { customer, heading }: SeatTalk): Observable<unknown> {
    const { texts, voice, carrier } = this;
    const { messageId } = event;
    const name = this.nameOf(turn.lane);
    return this.seat.copiesOf(customer, messageId).pipe(
      map((link) => {
        // The platform tells of what we did with an answer.
        if (link?.by === 'operator') return;
        const ids = link?.messageIds ?? [];
        const replyTo = ids[0] ?? heading;
        if (event.kind === 'removed') {
          if (ids.length === 0 || !carrier.knows(voice.chat, 'remove')) voice.tell(turn, texts.removed(name), replyTo);
          else for (const id of ids) voice.say(turn, voice.chat, { kind: 'remove', messageId: id });
          return;
        }
        const put = (reply: Reply, lost?: () => void): void => {
          voice.say(turn, voice.chat, reply, voice.learns(customer, messageId, 'customer', lost));
        };
        const words = plainText(event.text, event.format);
        carrier.correct(ids, voice.chat, { text: texts.says(name, words) }, put, () => {
          put(answering({ kind: 'text', text: texts.says(name, texts.corrected(words)) }, replyTo));
        });
      }),
    );
  }

  nameOf(key: string): string {
    return this.transcripts.nameOf(key) ?? this.texts.customer;
  }
}
