import { spawn } from 'node:child_process';
import { existsSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { exhaustMap, interval } from 'rxjs';
import type { UserlikeSimulator } from 'tidewire/simulators';

/** A simulated Userlike in a process of its own, which goes on when the desk is killed. */
export interface LastingUserlike {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly home: string;
  /** Where the desk has to listen, and what it is told. */
  readonly hookPort: number;
  readonly hookToken: string;
}

const program = new URL('./lasting-userlike-main.ts', import.meta.url).pathname;
const fileIn = (dir: string): string => join(dir, 'userlike.json');
const read = (dir: string): LastingUserlike => JSON.parse(readFileSync(fileIn(dir), 'utf8')) as LastingUserlike;

/** The one that an earlier run has left, if it still runs. */
export const findLasting = async (dir: string): Promise<LastingUserlike | undefined> => {
  if (!existsSync(fileIn(dir))) return undefined;
  const found = read(dir);
  const answers = await fetch(`${found.home}/journal`).then(
    ({ ok }) => ok,
    () => false,
  );
  return answers ? found : undefined;
};

/** Starts one that calls the desk at a port; resolves when it listens. */
export const startLasting = async (dir: string, hookPort: number, hookToken: string): Promise<LastingUserlike> => {
  const own = new URL('../../', import.meta.url).pathname;
  const child = spawn(process.execPath, [...process.execArgv, program, fileIn(dir), String(hookPort), hookToken], {
    cwd: own,
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  child.unref();
  await new Promise<void>((resolve, reject) => {
    const looking = watch(dir, () => {
      if (!existsSync(fileIn(dir)) || read(dir).pid !== child.pid) return;
      looking.close();
      resolve();
    });
    child.once('exit', (code) => {
      looking.close();
      reject(new Error(`the simulated Userlike ended with ${String(code)}`));
    });
  });
  return read(dir);
};

/** The journal of one, as far as it was read. */
export interface Following extends Pick<UserlikeSimulator, 'journal'> {
  /** Reads what is new. */
  readonly look: () => Promise<void>;
  readonly end: () => void;
}

const LOOK_MS = 100;

/** Reads the journal of one, and what comes into it until `end`. */
export const followLasting = async (home: string): Promise<Following> => {
  const journal: UserlikeSimulator['journal'][number][] = [];
  const look = async (): Promise<void> => {
    try {
      const response = await fetch(`${home}/journal`);
      const all = (await response.json()) as UserlikeSimulator['journal'];
      journal.push(...all.slice(journal.length));
    } catch {
      // It was ended by somebody else: nothing happens there any more.
    }
  };
  await look();
  const looking = interval(LOOK_MS).pipe(exhaustMap(look)).subscribe();
  const end = (): void => {
    looking.unsubscribe();
  };
  return { journal, look, end };
};
