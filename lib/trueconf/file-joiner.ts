import type { SchedulerLike } from 'rxjs';
import { Deadlines, type Waiting } from '../deadlines.js';
import type { InboundEvent, MediaEvent, MessageEvent } from '../model/index.js';
import { plainText } from '../text/plain.js';
import { attach } from '../trace.js';
import type { Entry } from './custody.js';

interface Held {
  readonly entry: Entry;
  readonly text: MessageEvent;
  waiting: Waiting<Held> | undefined;
}

/** `before`: the text that is in the event, too. */
type Emit = (event: InboundEvent, entry: Entry, before?: Entry) => void;

/** @internal Lets a text wait a moment: with a file of the same person behind it, it is one event. In order within a chat. */
export class FileJoiner {
  readonly #held = new Map<string, Held>();
  readonly #deadlines: Deadlines<Held>;
  readonly #emit: Emit;

  constructor(withinMs: number, scheduler: SchedulerLike, emit: Emit) {
    this.#emit = emit;
    this.#deadlines = new Deadlines(scheduler, withinMs, (held) => {
      held.waiting = undefined;
      this.#letGo(held);
    });
  }

  take(entry: Entry): void {
    const { event } = entry;
    const chat = event.conversation.id;
    const held = this.#held.get(chat);
    if (held !== undefined) {
      if (event.kind === 'media' && event.caption === undefined && event.sender?.id === held.text.sender?.id) {
        this.#leave(held);
        this.#emit(joint(held.text, event, entry), entry, held.entry);
        return;
      }
      this.#letGo(held);
    }
    if (event.kind !== 'message') {
      this.#emit(event, entry);
      return;
    }
    const next: Held = { entry, text: event, waiting: undefined };
    this.#held.set(chat, next);
    next.waiting = this.#deadlines.add(next);
  }

  /** Lets all go that waits. */
  flush(): void {
    for (const held of [...this.#held.values()]) this.#letGo(held);
  }

  /** What waits, which nobody will get. */
  stop(): readonly Entry[] {
    const entries = [...this.#held.values()].map(({ entry }) => entry);
    this.#held.clear();
    this.#deadlines.clear();
    return entries;
  }

  #leave(held: Held): void {
    this.#held.delete(held.text.conversation.id);
    if (held.waiting !== undefined) this.#deadlines.remove(held.waiting);
  }

  #letGo(held: Held): void {
    this.#leave(held);
    this.#emit(held.text, held.entry);
  }
}

/** The file with the text as its caption, which has no markup; it happened when the text did, and answers what that does. */
const joint = (text: MessageEvent, file: MediaEvent, { trace }: Entry): MediaEvent => {
  const replyTo = text.replyTo ?? file.replyTo;
  const caption = plainText(text.text, text.format);
  const both = { ...file, at: text.at, caption, raw: [text.raw, file.raw] };
  return attach(replyTo === undefined ? both : { ...both, replyTo }, trace);
};
