import { map } from 'rxjs';
import type { readChoices } from 'tidewire';

/** Takes the first label that fits: who means the second never gets it. */
export const readChoicesByGuess: typeof readChoices = ({ book }) =>
  map((event) => {
    const offer = event.kind === 'message' ? book.openSync?.(event.conversation) : undefined;
    if (event.kind !== 'message' || offer === undefined) return event;
    const said = event.text.toLowerCase();
    const choice =
      offer.options[Number(said) - 1] ?? offer.options.find(({ label }) => label.toLowerCase().startsWith(said));
    if (choice === undefined) return event;
    const { id, platform, conversation, at, raw } = event;
    const picked = { id: choice.id, label: choice.label };
    return { kind: 'choice', id, platform, conversation, at, raw, choice: picked, offer: offer.action };
  });
