import { interval, type Subscription } from 'rxjs';
import type { RocketchatSimulator, TrueconfSimulator } from 'tidewire/simulators';

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

const ANSWER = 'It lies in the drawer at the counter.';

/** Nora, who takes rooms of LiveChat that wait: she greets, answers one question, and closes. */
export const simulatedAgent = ({ journal, agent }: RocketchatSimulator): Subscription => {
  const nora = agent('nora');
  let read = 0;
  return interval(50).subscribe(() => {
    for (; read < journal.length; read++) {
      const entry = journal[read];
      if (entry === undefined || entry.at > Date.now() - READS_MS) return;
      if (entry.kind === 'queued') nora.say(nora.take(entry.rid), 'Hello, Nora here. How can I help?');
      if (entry.kind !== 'posted' || entry.t !== undefined || !nora.serves.includes(entry.rid)) continue;
      if (entry.side === 'visitor') nora.say(entry.rid, ANSWER);
      else if (entry.text === ANSWER) nora.close(entry.rid, 'solved');
    }
  });
};
