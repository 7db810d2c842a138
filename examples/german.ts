// Prints how choices look on a channel without buttons when customers are addressed in German, and what an answer becomes.
import { of } from 'rxjs';
import { choiceBook, choices, fallbackToText, readChoices, type InboundEvent, type OutboundAction } from 'tidewire';

const conversation = { platform: 'desk', id: 'c1', channel: 'sms' };
const question: OutboundAction = {
  ...choices('Wann dürfen wir Sie anrufen?', [
    { id: 'morning', label: 'Vormittags', description: '9 bis 12 Uhr' },
    { id: 'evening', label: 'Abends' },
  ]),
  id: 'q1',
  conversation,
};
const answer: InboundEvent = {
  kind: 'message',
  id: 'm1',
  platform: 'desk',
  conversation,
  at: new Date().toISOString(),
  text: 'abends',
  raw: null,
};

const book = choiceBook();
const texts = { prompt: 'Bitte antworten Sie mit einer Nummer.' };

of(question)
  .pipe(fallbackToText({ book, texts }))
  .subscribe((action) => {
    if (action.kind === 'text') console.log(action.text);
  });
of(answer)
  .pipe(readChoices({ book }))
  .subscribe((event) => {
    if (event.kind === 'choice') console.log(`\n"${answer.text}" → ${event.choice.id}`);
  });
