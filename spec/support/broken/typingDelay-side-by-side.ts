import { map, mergeMap, timer } from 'rxjs';
import type { typingDelay } from 'tidewire';

/** A pause for each from the moment it comes: a short bubble overtakes a long one. */
export const typingDelaySideBySide: typeof typingDelay = (config) => (source) => {
  const { perCharacterMs = 30, minMs = 500, maxMs = 4_000, scheduler } = config ?? {};
  return source.pipe(
    mergeMap((action) => {
      const length = action.kind === 'text' ? action.text.length : 0;
      return timer(Math.min(Math.max(minMs, length * perCharacterMs), maxMs), scheduler).pipe(map(() => action));
    }),
  );
};
