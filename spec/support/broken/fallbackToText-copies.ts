import { map } from 'rxjs';
import { fallbackToText } from 'tidewire';

/** Copies what it has nothing to do with. */
export const fallbackToTextThatCopies: typeof fallbackToText = (config) => (source) =>
  source.pipe(
    fallbackToText(config),
    map((action) => ({ ...action })),
  );
