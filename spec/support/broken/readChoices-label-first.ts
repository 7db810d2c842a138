import { map } from 'rxjs';
import type { readChoices } from 'tidewire';

/** Looks at the labels before the numbers: whoever answers with the number they see picks something else. */
export const readChoicesByLabelFirst: typeof readChoices = ({ book }) =>
  map((event) => {
    const offer = event.kind === 'message' ? book.openSync?.(event.conversation) : undefined;
    if (event.kind !== 'message' || offer === undefined) return event;
    const { options } = offer;
    const choice = options.find(({ label }) => label === event.text) ?? options[Number(event.text) - 1];
    if (choice === undefined) return event;
    const { id, platform, conversation, at, raw } = event;
    const picked = { id: choice.id, label: choice.label };
    return { kind: 'choice', id, platform, conversation, at, raw, choice: picked, offer: offer.action };
  });
