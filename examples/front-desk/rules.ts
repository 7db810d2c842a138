import { timer, map, concat, of } from 'rxjs';
import { choices, handoff, text, type InboundEvent, type Replies } from 'tidewire';

const menu = choices('What can we do for you?', [
  { id: 'order', label: 'Where is my order?' },
  { id: 'hours', label: 'Opening hours' },
  { id: 'human', label: 'Talk to a person' },
]);

/** Rules in place of a brain: a welcome with choices, an order status that takes a while, and a way out to a human. */
export const respond =
  (lookUpMs: number) =>
  (event: InboundEvent): Replies => {
    switch (event.kind) {
      case 'started':
        // On messaging channels the first message follows.
        return event.conversation.channel === 'web'
          ? [text('Welcome to the Velo workshop!'), menu]
          : text('Welcome to the Velo workshop!');
      case 'choice':
        return chosen(event.choice.id, lookUpMs);
      case 'message':
      case 'edited':
        // What people at the desk say is not for us.
        if (event.sender?.role === 'agent') return undefined;
        if (/order|bike|where/i.test(event.text)) return chosen('order', lookUpMs);
        if (/thank/i.test(event.text)) return text('You are welcome.');
        return /^(hi|hello|hey)\b/i.test(event.text) ? menu : [text('I did not get that.'), menu];
      case 'media':
        return text('Thank you for the picture. A colleague will look at it.');
      case 'handoffFailed':
        return text('Nobody is at the desk right now. We will call you back.');
      default:
        return undefined;
    }
  };

const chosen = (id: string, lookUpMs: number): Replies => {
  switch (id) {
    case 'order':
      return concat(
        of(text('Let me look that up …')),
        timer(lookUpMs).pipe(map(() => text('Your bicycle is ready. Come by until 18:00.'))),
      );
    case 'hours':
      return text('Monday to Friday, 9:00 to 18:00.');
    case 'human':
      return [text('I am getting a colleague.'), handoff()];
    default:
      return menu;
  }
};
