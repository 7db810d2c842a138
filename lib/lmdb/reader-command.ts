import { fileURLToPath } from 'node:url';

/**
 * The command that reads a whole file in a process of its own, so that a damaged one kills nobody else.
 *
 * @internal
 */
export const readerCommand = (data: string): { readonly command: string; readonly args: string[] } => ({
  command: process.execPath,
  args: [...process.execArgv, fileURLToPath(new URL(`./read-all${ENDING}`, import.meta.url)), data],
});

/** As this module is: compiled, or run as it was written. */
const ENDING = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
