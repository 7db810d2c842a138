import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compare, type Report } from './harness.js';
import type { Answer } from './queue-child.js';

/** How many are queued, and how many in a queue that is almost empty. */
const [MANY, FEW] = [1_000_000, 1_000];

const start = (...args: readonly (string | number)[]): ChildProcess =>
  fork(new URL('./queue-child.js', import.meta.url), args.map(String), { execArgv: [] });

const answerOf = async (child: ChildProcess): Promise<Answer> => {
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the child ended with ${String(code ?? signal)}`);
  });
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [Answer];
  // It ends when it is killed: nobody waits for that any more.
  ended.catch(() => undefined);
  return answer;
};

/** In the middle of what it does. */
const kill = async (child: ChildProcess): Promise<void> => {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
};

/** A million messages, kept by processes of their own, each of which is killed while it has some in its hands. */
export const million = async (dir: string, report: Report): Promise<void> => {
  const [many, few] = [join(dir, 'many'), join(dir, 'few')];
  const [opened, resident, working]: [number[], number[], number[]] = [[], [], []];
  const fill = async (into: string, count: number): Promise<void> => {
    const child = start('fill', into, count);
    await answerOf(child);
    await kill(child);
  };
  const costOf = async (of: string): Promise<number> => {
    const began = performance.now();
    const child = start('work', of);
    const first = await answerOf(child);
    const seconds = (performance.now() - began) / 1_000;
    const then = await answerOf(child);
    await kill(child);
    if (of === many) {
      opened.push(seconds);
      resident.push(first.megabytes);
      working.push(then.megabytes);
    }
    return then.microseconds;
  };
  await fill(many, MANY);
  await fill(few, FEW);
  await compare(
    'queue/million-cost',
    'µs/msg',
    '1 000 queued (asked 1.3)',
    async () => costOf(many),
    async () => costOf(few),
    report,
  );
  // The worst of all: from the start of the process to its first delivery; and when it has handed out 80 000, whose pages of
  // the file stay mapped until the system wants them back.
  report({ name: 'queue/million-open', value: Math.max(...opened), unit: 's (asked 2)' });
  report({ name: 'queue/million-resident', value: Math.max(...resident), unit: 'MB (asked 150)' });
  report({ name: 'queue/million-working', value: Math.max(...working), unit: 'MB' });
};
