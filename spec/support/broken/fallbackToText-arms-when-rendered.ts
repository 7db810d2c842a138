import { tap } from 'rxjs';
import { fallbackToText } from 'tidewire';

/** Writes an offer down when it is rendered: a "2" that was typed before the list arrived picks from it. */
export const fallbackToTextThatArmsWhenRendered: typeof fallbackToText = (config) => (source) => {
  const { book, ...others } = config ?? {};
  return source.pipe(
    tap((action) => {
      if (action.kind === 'choices') book?.arm(action.conversation, { action: action.id, options: action.choices });
    }),
    fallbackToText(others),
  );
};
