import { interval, type Subscription } from 'rxjs';
import type { TrueconfSimulator } from 'tidewire/simulators';

/** How long she reads before she writes. */
const READS_MS = 400;

/** Rosa, who sits in the operators' group: she greets whom she is given, answers one question, and gives them back. */
export const simulatedOperator = ({ journal, user }: TrueconfSimulator, chat: string): Subscription => {
  const rosa = user('Rosa');
  let read = 0;
  return interval(50).subscribe(() => {
    for (; read < journal.length; read++) {
      const entry = journal[read];
      if (entry === undefined || entry.at > Date.now() - READS_MS) return;
      if (entry.kind !== 'posted' || entry.chatId !== chat || entry.by === rosa.id) continue;
      const { text, messageId, replyMessageId } = entry;
      const answer = (words: string): string => rosa.say(words, { chat, replyTo: messageId });
      if (/^\S+ .*(asks for a person|waits for an answer)/.test(text)) answer('Hello, Rosa here. How can I help?');
      // What a customer says is copied here with the name in front, as an answer to what it belongs to.
      else if (replyMessageId !== undefined && /^\S+: /.test(text)) answer('/return I will see to it.');
    }
  });
};
