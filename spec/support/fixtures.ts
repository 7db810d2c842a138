import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../fixtures/', import.meta.url);

/** The JSON files of a folder under `spec/fixtures`, by name without number and ending. */
export const fixtures = (folder: string): ReadonlyMap<string, unknown> =>
  new Map(
    readdirSync(new URL(`${folder}/`, root))
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) => [
        file.replace(/^\d+-|\.json$/g, ''),
        JSON.parse(readFileSync(new URL(`${folder}/${file}`, root), 'utf8')) as unknown,
      ]),
  );
