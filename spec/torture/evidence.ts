import type { TrueconfSimulator, UserlikeSimulator } from 'tidewire/simulators';
import { readAnswer, readWords, type AnswerPart } from './words.js';

/** How a message went to the bot; where there are no ids, equal texts of a customer are one. */
export interface Heard {
  readonly text: string;
  /** Where in the platform's journal it was told first, by connection. */
  readonly told: Map<number, number>;
  /** Where the bot said that it has it: where there are no ids, each time may be another message. */
  readonly accepted: number[];
}

/** A part of an answer that a customer saw, and what it answers. */
export interface Seen extends AnswerPart {
  /** A key of `heard`. */
  readonly unit: string;
}

/** What the journal of a platform says, in the order of happening. */
export interface Evidence {
  readonly heard: ReadonlyMap<string, Heard>;
  readonly seen: readonly Seen[];
}

/** All webhook requests: they wait for each other, whatever they come over. */
export const THE_HOOK = 0;

class Gathering implements Evidence {
  readonly heard = new Map<string, Heard>();
  readonly seen: Seen[] = [];

  unit(unit: string, text: string): Heard {
    let heard = this.heard.get(unit);
    if (heard === undefined) this.heard.set(unit, (heard = { text, told: new Map(), accepted: [] }));
    return heard;
  }

  tells(heard: Heard | undefined, connection: number, place: number): void {
    if (heard?.told.has(connection) === false) heard.told.set(connection, place);
  }

  sees(line: string, unitOf: (part: AnswerPart) => string): void {
    const part = readAnswer(line);
    if (part !== undefined) this.seen.push({ ...part, unit: unitOf(part) });
  }
}

export const evidenceOfUserlike = ({ journal }: Pick<UserlikeSimulator, 'journal'>): Evidence => {
  const gathering = new Gathering();
  const asked = new Map<string, Heard>();
  for (const [place, entry] of journal.entries()) {
    const { contact } = entry;
    if (entry.kind === 'told') {
      const { body } = entry.payload as { readonly body?: string };
      if (body === undefined) continue;
      const heard = gathering.unit(body, body);
      gathering.tells(heard, THE_HOOK, place);
      asked.set(contact, heard);
    } else if (entry.kind === 'answered') {
      if (entry.status === 200) asked.get(contact)?.accepted.push(place);
      asked.delete(contact);
    } else if (entry.kind === 'seen') gathering.sees(entry.text, ({ text }) => text);
  }
  return gathering;
};

export const evidenceOfTrueconf = ({ journal }: Pick<TrueconfSimulator, 'journal'>): Evidence => {
  const gathering = new Gathering();
  for (const [place, entry] of journal.entries()) {
    if (entry.kind === 'posted') {
      if (readWords(entry.text) !== undefined) gathering.unit(entry.messageId, entry.text);
      else gathering.sees(entry.text, ({ event }) => event);
    } else if (entry.kind === 'told' && entry.method === 'sendMessage') {
      const { messageId } = entry.payload as { readonly messageId: string };
      gathering.tells(gathering.heard.get(messageId), entry.connection, place);
    } else if (entry.kind === 'read') {
      const accepted = gathering.heard.get(entry.messageId)?.accepted;
      if (accepted?.length === 0) accepted.push(place);
    }
  }
  return gathering;
};
