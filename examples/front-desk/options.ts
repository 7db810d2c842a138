import { parseArgs } from 'node:util';

/** What the program is told to do. */
export interface Options {
  /** Where everything is kept; nothing when that is nowhere. */
  readonly dir: string | undefined;
  /** Whether it ends after the conversations. */
  readonly once: boolean;
}

/** Ends the program with a sentence when an argument is off. */
export const readOptions = (args: readonly string[]): Options => {
  try {
    const options = { data: { type: 'string' }, once: { type: 'boolean', default: false } } as const;
    const { values } = parseArgs({ args: [...args], options });
    return values.data === '' ? refuse("'--data'") : { dir: values.data, once: values.once };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'The arguments are off');
  }
};

const refuse = (why: string): never => {
  // The rest is about arguments that begin with a dash.
  const [sentence = ''] = why.split(/[.\n]/);
  const isData = sentence.includes("'--data");
  console.error(isData ? '--data needs a directory: --data ./data' : `${sentence}: there are --data DIR and --once`);
  process.exit(2);
};

/** A sentence and the end of the program where something cannot be opened. */
export const orEnd = async <T>(open: () => T | Promise<T>): Promise<T> => {
  try {
    return await open();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
};
