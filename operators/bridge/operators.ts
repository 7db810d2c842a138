import { AsyncSubject, map, mergeMap, type Observable } from 'rxjs';
import { inTurn, nothing } from '../../lib/in-turn.js';
import {
  conversationKey,
  type Conversation,
  type EditedEvent,
  type EventKind,
  type InboundEvent,
  type RemovedEvent,
  type Reply,
} from '../../lib/model/index.js';
import { saidIn, type BridgeTexts } from '../../lib/text/bridge-texts.js';
import { plainText } from '../../lib/text/plain.js';
import type { OperatorSeat, SeatTalk } from '../operatorSeat.js';
import type { Ownership } from '../ownership.js';
import { messageIdOf, quotedBy, type Carrier } from './carrier.js';
import type { Turn, Turns } from './turns.js';
import type { Voice } from './voice.js';

/** What operators say to customers, and to us. */
const HEARD: ReadonlySet<EventKind> = new Set<EventKind>([
  'message',
  'media',
  'location',
  'command',
  'edited',
  'removed',
]);

/** @internal The words that give a conversation back to the bot, and that end it. */
export interface Commands {
  readonly return: string;
  readonly end: string;
}

/** What an operator wants of us, and what the customer is told with it. */
interface Command {
  readonly ends: boolean;
  readonly words: string;
}

/**
 * What operators say in their chat: first it is found out for whom it is, in the order of the chat, then it is said in the
 * lane of the customer, so that a file that takes long to carry keeps nobody else waiting.
 *
 * @internal
 */
export class OperatorSide {
  constructor(
    readonly desk: Ownership,
    readonly seat: OperatorSeat,
    readonly texts: BridgeTexts,
    readonly commands: Commands,
    readonly carrier: Carrier,
    readonly voice: Voice,
    readonly turns: Turns,
  ) {}

  /** What is to be done about an event, when its turn comes. */
  hear(event: InboundEvent): (turn: Turn) => Observable<unknown> {
    if (event.sender?.self === true || !HEARD.has(event.kind)) return nothing;
    const isChange = event.kind === 'edited' || event.kind === 'removed';
    if (isChange || quotedBy(event) !== undefined) return (turn) => this.#forwardAnswer(turn, event);
    // Looked up now: when its turn comes, somebody else may be the only one whose conversation is open.
    const open = new AsyncSubject<readonly SeatTalk[]>();
    this.#openTalks().subscribe(open);
    return (turn) => this.#forwardToOnly(turn, event, open);
  }

  /** What these operators have, and not only what somebody has linked. */
  #openTalks(): Observable<readonly SeatTalk[]> {
    const open: SeatTalk[] = [];
    const look = (talk: SeatTalk): Observable<unknown> =>
      this.desk.ownerOf(talk.customer).pipe(
        map((owner) => {
          if (owner !== 'bot') open.push(talk);
        }),
      );
    return this.seat.talks().pipe(
      mergeMap((talks) => inTurn(talks.map(look))),
      map(() => open),
    );
  }

  #forwardAnswer(turn: Turn, event: InboundEvent): Observable<unknown> {
    const { seat, texts, voice } = this;
    if (event.kind === 'edited' || event.kind === 'removed') {
      // Only answers: the platform tells of what we did with a copy, too.
      return seat
        .linkOf(event.messageId)
        .pipe(mergeMap((link) => (link?.by === 'operator' ? this.#forward(turn, event, link.customer) : nothing())));
    }
    return this.#answeredBy(quotedBy(event) ?? '').pipe(
      mergeMap((customer) => {
        if (customer !== undefined) return this.#forward(turn, event, customer);
        voice.tell(turn, texts.notOpen);
        return nothing();
      }),
    );
  }

  #forwardToOnly(turn: Turn, event: InboundEvent, open: Observable<readonly SeatTalk[]>): Observable<unknown> {
    const { texts, voice } = this;
    return open.pipe(
      mergeMap(([first, ...others]) => {
        if (first !== undefined && others.length === 0) return this.#forward(turn, event, first.customer);
        if (first !== undefined) voice.tell(turn, texts.which);
        else if (this.#commandIn(saidIn(event, texts)) !== undefined) voice.tell(turn, texts.notOpen);
        return nothing();
      }),
    );
  }

  /** The customer whom an answered message stands for, as soon as that can be known. */
  #answeredBy(messageId: string): Observable<Conversation | undefined> {
    const { chatKey, links } = this.voice;
    return links.late(chatKey, this.seat.linkOf(messageId)).pipe(map((link) => link?.customer));
  }

  #forward(turn: Turn, event: InboundEvent, customer: Conversation): Observable<unknown> {
    const id = messageIdOf(event);
    // Before its turn comes: what is said about it is for the same customer.
    return (id === undefined ? nothing() : this.seat.pair([id], customer, [], 'operator')).pipe(
      map(() => {
        turn.isHandedOn = true;
        this.turns.push(event, conversationKey(customer), (next) =>
          event.kind === 'edited' || event.kind === 'removed'
            ? this.#change(next, event, customer)
            : this.#speak(next, event, customer),
        );
      }),
    );
  }

  /** Whether these operators have the conversation at this moment; says so when not. */
  #isOurs(turn: Turn, customer: Conversation, isAnswered: boolean): Observable<boolean> {
    const { desk, seat } = this;
    return desk.touch(customer).pipe(
      mergeMap((owner) => {
        if (owner === 'bot') return seat.forget(customer).pipe(map(() => false));
        return seat.talkOf(customer).pipe(
          mergeMap((talk) => {
            if (talk === undefined || owner === 'human' || !isAnswered) return [talk !== undefined];
            return desk.taken(customer).pipe(map(() => true));
          }),
        );
      }),
      map((isOurs) => {
        if (!isOurs) this.voice.tell(turn, this.texts.notOpen);
        return isOurs;
      }),
    );
  }

  #speak(turn: Turn, event: InboundEvent, customer: Conversation): Observable<unknown> {
    const { carrier, texts, voice } = this;
    const words = saidIn(event, texts);
    const command = this.#commandIn(words);
    return carrier.files(event, customer).pipe(
      mergeMap((files) =>
        this.#isOurs(turn, customer, command === undefined).pipe(
          mergeMap((isOurs) => {
            if (!isOurs) return nothing();
            const id = messageIdOf(event);
            const said =
              command === undefined && event.kind === 'message'
                ? carrier.formatted(event.text, event.format, customer)
                : { text: command?.words ?? words ?? '' };
            if (said.text !== '') this.#answer(turn, customer, { kind: 'text', ...said }, id);
            for (const media of files) {
              const caption = event.kind === 'media' ? event.caption : undefined;
              if (media === undefined) voice.tell(turn, texts.notSent);
              else {
                const file: Reply =
                  caption === undefined ? { kind: 'media', media } : { kind: 'media', media, caption };
                this.#answer(turn, customer, file, id);
              }
            }
            return command === undefined ? nothing() : this.#giveBack(turn, customer, command.ends);
          }),
        ),
      ),
    );
  }

  #change(turn: Turn, event: EditedEvent | RemovedEvent, customer: Conversation): Observable<unknown> {
    const { carrier, texts, voice } = this;
    const { messageId } = event;
    return this.#isOurs(turn, customer, false).pipe(
      mergeMap((isOurs) => (isOurs ? this.seat.linkOf(messageId) : nothing())),
      map((link) => {
        if (link === undefined) return;
        const { messageIds: ids } = link;
        const notRemoved = (): void => {
          voice.tell(turn, texts.notRemoved);
        };
        if (event.kind === 'edited') {
          const put = (reply: Reply, lost?: () => void): void => {
            this.#answer(turn, customer, reply, messageId, lost);
          };
          carrier.correct(ids, customer, carrier.formatted(event.text, event.format, customer), put, () => {
            put({ kind: 'text', text: texts.corrected(plainText(event.text, event.format)) });
          });
        } else if (ids.length === 0 || !carrier.knows(customer, 'remove')) notRemoved();
        else
          for (const id of ids) this.#answer(turn, customer, { kind: 'remove', messageId: id }, undefined, notRemoved);
      }),
    );
  }

  /** Says something to a customer in a person's words; an operator is told when it may not arrive. */
  #answer(turn: Turn, customer: Conversation, reply: Reply, id: string | undefined, lost?: () => void): void {
    const { texts, voice } = this;
    const told = (): void => {
      voice.tell(turn, texts.notSent, id);
    };
    voice.say(turn, customer, { by: 'human', ...reply }, voice.learns(customer, id, 'operator', lost ?? told));
  }

  #giveBack(turn: Turn, customer: Conversation, ends: boolean): Observable<unknown> {
    const { carrier, desk, seat, texts, voice } = this;
    if (ends && carrier.knows(customer, 'end')) voice.say(turn, customer, { kind: 'end', by: 'human' });
    return inTurn([seat.forget(customer), desk.returnToBot(customer)]).pipe(
      map(() => {
        voice.tell(turn, ends ? texts.over : texts.returned);
      }),
    );
  }

  #commandIn(said: string | undefined): Command | undefined {
    const [, first = '', words = ''] = /^(\S+)\s*([^]*)$/.exec(said?.trim() ?? '') ?? [];
    // Where several bots sit in a chat, people name the one that they mean: `/end@ours`.
    const word = first.replace(/(?<=.)@.*$/, '').toLowerCase();
    const ends = word === this.commands.end.toLowerCase();
    return ends || word === this.commands.return.toLowerCase() ? { ends, words } : undefined;
  }
}
