import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { ChatError } from '../errors.js';
import { lookAtHeader, placeOf, readMarker } from './opening.js';
import { readerCommand } from './reader-command.js';

/** What a check of a directory found. */
export interface CheckResult {
  /** Whether everything can be read, and the books are right. */
  readonly isWhole: boolean;
  /** What was found, a sentence each. */
  readonly lines: readonly string[];
}

interface Line {
  readonly begins?: string;
  readonly part?: string;
  readonly holds?: string;
  readonly unread?: readonly string[];
  readonly wrong?: string;
}

/**
 * Reads everything that queues and stores keep in a directory, in another process, and names what is broken. Changes
 * nothing; others may go on using the file.
 *
 * @internal
 */
export const checkDirectory = async (dir: string): Promise<CheckResult> => {
  const { data, marker } = placeOf(dir);
  if (!existsSync(data)) return { isWhole: false, lines: [`there is no ${data}`] };
  let id: string;
  try {
    if (!existsSync(marker)) return { isWhole: false, lines: [`${data} is not ours: there is no ${marker}`] };
    id = readMarker(marker);
    lookAtHeader(data);
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return { isWhole: false, lines: [error.message] };
  }
  const { command, args } = readerCommand(data);
  const child = spawn(command, [...args, id], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return report(text, code, signal, said);
};

const report = (text: string, code: number | null, signal: string | null, said: string): CheckResult => {
  const lines: string[] = [];
  let isWhole = true;
  let reading: string | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { begins, part = '', holds = '', unread = [], wrong } = JSON.parse(line) as Line;
    reading = begins;
    if (begins !== undefined) continue;
    lines.push(`${part}: ${holds}`);
    for (const what of unread) lines.push(`${part}: ${what} cannot be read`);
    if (wrong !== undefined) lines.push(`${part}: ${wrong}`);
    if (unread.length > 0 || wrong !== undefined) isWhole = false;
  }
  if (code === 0 && reading === undefined) return { isWhole, lines };
  if (said.includes("'lmdb'"))
    return { isWhole: false, lines: ['lmdb is not installed: nothing can be read without it'] };
  const how = signal === null ? `an error: ${/^.*Error: .*$/m.exec(said)?.[0] ?? `exit ${String(code)}`}` : signal;
  return { isWhole: false, lines: [...lines, `${reading ?? 'the file'} is damaged: reading it ended with ${how}`] };
};
