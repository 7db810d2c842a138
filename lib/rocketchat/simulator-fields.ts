import { isRecord } from '../trueconf/simulator-fields.js';
import { coded, plain, Refusal } from './simulator-refusal.js';
import type { RocketchatContent } from './simulator-model.js';

type Kind = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'any';

interface Wanted {
  readonly kind: Kind;
  readonly isRequired: boolean;
}

/** @internal The fields that a body or query can have. */
export type Schema = ReadonlyMap<string, Wanted>;

/**
 * @internal A schema in a line: `rid* comment tags:array` wants a text `rid`, and takes a text `comment` and a list `tags`.
 */
export const schema = (line: string): Schema =>
  new Map(
    line
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => {
        const [, name = '', star, kind = 'string'] = /^([^:*]+)(\*)?(?::(\w+))?$/.exec(word) ?? [];
        return [name, { kind: kind as Kind, isRequired: star !== undefined }] as const;
      }),
  );

const isOf = (kind: Kind, value: unknown): boolean => {
  if (kind === 'any') return true;
  if (kind === 'array') return Array.isArray(value);
  return kind === 'object' ? isRecord(value) : typeof value === kind;
};

/** @internal What is wrong with fields, in the words of the server's schemas; nothing where they are right. */
export const wrongIn = (wanted: Schema, given: RocketchatContent): string | undefined => {
  for (const [name, { isRequired }] of wanted)
    if (isRequired && given[name] === undefined) return `must have required property '${name}'`;
  for (const [name, value] of Object.entries(given)) {
    const want = wanted.get(name);
    if (want === undefined) return 'must NOT have additional properties';
    if (value !== undefined && !isOf(want.kind, value)) return `must be ${want.kind}`;
  }
  return undefined;
};

/** @internal Throws where fields are not as wanted. Newer routes say it without brackets. */
export const checkFields = (wanted: Schema, given: RocketchatContent, isNew?: 'body' | 'query'): void => {
  const wrong = wrongIn(wanted, given);
  if (wrong === undefined) return;
  if (isNew === undefined) throw coded('invalid-params', wrong);
  const errorType = isNew === 'body' ? 'invalid-params' : 'error-invalid-params';
  throw new Refusal(400, errorType, { success: false, error: wrong, errorType });
};

/** @internal The older way to check: `Match error`. */
export const match = (message: string): Refusal => plain(`Match error: ${message}`);

/** @internal Fields that were checked, read as what they are. */
export class Fields {
  readonly all: RocketchatContent;

  constructor(all: RocketchatContent) {
    this.all = all;
  }

  text(name: string): string {
    return this.perhaps(name) ?? '';
  }

  perhaps(name: string): string | undefined {
    const value = this.all[name];
    return typeof value === 'string' ? value : undefined;
  }

  flag(name: string): boolean {
    return this.all[name] === true || this.all[name] === 'true';
  }

  has(name: string): boolean {
    return this.all[name] !== undefined;
  }

  fields(name: string): Fields {
    const value = this.all[name];
    return new Fields(isRecord(value) ? value : {});
  }

  list(name: string): readonly unknown[] {
    const value = this.all[name];
    return Array.isArray(value) ? (value as readonly unknown[]) : value === undefined ? [] : [value];
  }

  texts(name: string): readonly string[] {
    return this.list(name).filter((one): one is string => typeof one === 'string');
  }

  /** A text that holds JSON. */
  json(name: string): unknown {
    const text = this.perhaps(name);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw plain(`Unexpected token in JSON at position 0`);
    }
  }

  /** A moment, in ISO-8601. */
  moment(name: string): number | undefined {
    const text = this.perhaps(name);
    if (text === undefined) return undefined;
    const at = Date.parse(text);
    if (Number.isNaN(at)) throw plain(`The "${name}" query parameter must be a valid date.`);
    return at;
  }

  /** A number from 0; the fallback where there is none. */
  count(name: string, fallback: number): number {
    const value = Number(this.all[name] ?? fallback);
    return Number.isFinite(value) && value >= 0 ? Math.floor(value) : fallback;
  }
}

/** @internal The fields of a query: `name[]` and repeated names are lists. */
export const queryOf = (search: string): RocketchatContent => {
  const all = new Map<string, unknown>();
  for (const [key, value] of new URLSearchParams(search)) {
    const name = key.replace(/\[\]$/, '');
    const before = all.get(name);
    if (name !== key || before !== undefined)
      all.set(name, [...(Array.isArray(before) ? (before as unknown[]) : before === undefined ? [] : [before]), value]);
    else all.set(name, value);
  }
  return Object.fromEntries(all);
};
