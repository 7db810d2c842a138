import { map, Observable } from 'rxjs';
import { attach, traceOf, typingDelay, type OutboundAction, type Trace } from 'tidewire';
import { untraced } from 'tidewire/testing';

/** Holds nothing: what was cancelled goes out all the same, and what waits is given up although it is in good hands. */
export const typingDelayWithoutCustody: typeof typingDelay = (config) => (source) =>
  new Observable((subscriber) => {
    const traces = new Map<string, Trace | undefined>();
    return source
      .pipe(
        map((action: OutboundAction) => {
          traces.set(action.id, traceOf(action));
          const { cause: _, ...rest } = untraced(action);
          return rest;
        }),
        typingDelay(config),
        map((action) => {
          const trace = traces.get(action.id);
          return trace === undefined ? action : attach(action, trace);
        }),
      )
      .subscribe(subscriber);
  });
