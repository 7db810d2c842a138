import { either as E } from 'fp-ts';
import { catchError, map, timeout, throwError, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError, type Persona } from 'tidewire';
import { decodeChat, encodeCommand, encodeFields, fluidtalkError, type FluidtalkResult } from 'tidewire/fluidtalk';
import type { FluidtalkAnswer, FluidtalkCore } from 'tidewire/simulators';

const bytes = new TextEncoder();

/** A FluidTalk client without HTTP, on the simulated server's core, in virtual time. */
export const virtualPersona = (
  core: FluidtalkCore,
  scheduler: SchedulerLike,
  key = 'ft_sk_simulated_0001',
): Pick<Persona, 'inboundChat'> => ({
  inboundChat: (chat): Observable<FluidtalkResult> => {
    const { path, fields } = encodeCommand({ kind: 'inboundChat', ...chat });
    const { contentType, body } = encodeFields(fields);
    const wire = typeof body === 'string' ? bytes.encode(body) : body;
    return core.request({ url: path, key, contentType, body: wire }).pipe(
      timeout({
        first: 60_000,
        scheduler,
        with: () => throwError(() => new ChatError('timeout', 'fluidtalk', 'no answer', { inDoubt: true })),
      }),
      map((answer) => resultOf(answer, scheduler.now())),
      catchError((error: unknown) =>
        throwError(() =>
          error instanceof ChatError
            ? error
            : new ChatError('unreachable', 'fluidtalk', 'the connection was lost', { inDoubt: true }),
        ),
      ),
    );
  },
});

const resultOf = ({ status, headers, body }: FluidtalkAnswer, now: number): FluidtalkResult => {
  let json: unknown = body;
  try {
    json = JSON.parse(body);
  } catch {
    // An HTML page of something in between.
  }
  if (status !== 200) throw fluidtalkError('inboundChat', { status, header: (name) => headers[name], body: json }, now);
  const decoded = decodeChat(json);
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
