import { defer, take } from 'rxjs';
import { circuit, type CircuitState } from 'tidewire';

/** Closes when the pause is over: all that waited for it comes at once. */
export const circuitThatLetsAllProbe: typeof circuit = (config) => {
  const guard = circuit(config);
  return {
    ...guard,
    run: (call, options) =>
      defer(() => {
        let state: CircuitState | undefined;
        guard.state$.pipe(take(1)).subscribe((now) => (state = now));
        if (state?.kind === 'halfOpen') guard.reset();
        return guard.run(call, options);
      }),
  };
};
