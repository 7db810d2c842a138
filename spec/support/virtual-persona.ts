import { either as E } from 'fp-ts';
import { catchError, map, timeout, throwError, type Observable, type SchedulerLike } from 'rxjs';
import { ChatError } from 'tidewire';
import {
  decodeAction,
  decodeChat,
  encodeCommand,
  encodeFields,
  fluidtalkError,
  type FluidtalkCommand,
  type FluidtalkResult,
  type FluidtalkTurns,
} from 'tidewire/fluidtalk';
import type { FluidtalkAnswer, FluidtalkCore } from 'tidewire/simulators';

const bytes = new TextEncoder();

/** A FluidTalk client without HTTP, on the simulated server's core, in virtual time. */
export const virtualPersona = (
  core: FluidtalkCore,
  scheduler: SchedulerLike,
  key = 'ft_sk_simulated_0001',
): FluidtalkTurns => {
  const ask = (command: FluidtalkCommand): Observable<FluidtalkResult> => {
    const { path, fields } = encodeCommand(command);
    const { contentType, body } = encodeFields(fields);
    const wire = typeof body === 'string' ? bytes.encode(body) : body;
    return core.request({ url: path, key, contentType, body: wire }).pipe(
      timeout({
        first: 60_000,
        scheduler,
        with: () => throwError(() => new ChatError('timeout', 'fluidtalk', 'no answer', { inDoubt: true })),
      }),
      map((answer) => resultOf(command, answer, scheduler.now())),
      catchError((error: unknown) =>
        throwError(() =>
          error instanceof ChatError
            ? error
            : new ChatError('unreachable', 'fluidtalk', 'the connection was lost', { inDoubt: true }),
        ),
      ),
    );
  };
  return {
    inboundChat: (chat) => ask({ ...chat, kind: 'inboundChat' }),
    aiOpener: (opener) => ask({ ...opener, kind: 'aiOpener' }),
    eventTrigger: (trigger) => ask({ ...trigger, kind: 'eventTrigger' }),
    followUp: (followUp) => ask({ ...followUp, kind: 'followUp' }),
  };
};

const resultOf = (
  { kind }: FluidtalkCommand,
  { status, headers, body }: FluidtalkAnswer,
  now: number,
): FluidtalkResult => {
  let json: unknown = body;
  try {
    json = JSON.parse(body);
  } catch {
    // An HTML page of something in between.
  }
  if (status !== 200) throw fluidtalkError(kind, { status, header: (name) => headers[name], body: json }, now);
  const decoded = kind === 'inboundChat' ? decodeChat(json) : decodeAction(kind, json);
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
