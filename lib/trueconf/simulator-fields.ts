import { Refusal } from './simulator-refusal.js';

/** @internal */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @internal The payload of a request; a field that is missing or of another type is answered 300. */
export class Fields {
  readonly all: Readonly<Record<string, unknown>>;

  constructor(all: Readonly<Record<string, unknown>>) {
    this.all = all;
  }

  text(name: string): string {
    const value = this.all[name];
    if (typeof value !== 'string' || value === '') throw new Refusal(300, `${name} must be a string that is not empty`);
    return value;
  }

  /** A text that can be left out or be null. */
  perhaps(name: string): string | undefined {
    return this.all[name] === undefined || this.all[name] === null ? undefined : this.text(name);
  }

  oneOf(name: string, values: readonly string[]): string {
    const value = this.text(name);
    if (!values.includes(value)) throw new Refusal(300, `${name} must be one of ${values.join(', ')}`);
    return value;
  }

  number(name: string, least: number): number {
    const value = this.all[name];
    if (!Number.isInteger(value) || (value as number) < least)
      throw new Refusal(300, `${name} must be a whole number from ${least}`);
    return value as number;
  }

  flag(name: string, fallback?: boolean): boolean {
    const value = this.all[name] ?? fallback;
    if (typeof value !== 'boolean') throw new Refusal(300, `${name} must be true or false`);
    return value;
  }

  has(name: string): boolean {
    return this.all[name] !== undefined && this.all[name] !== null;
  }

  fields(name: string): Fields {
    const value = this.all[name];
    if (!isRecord(value)) throw new Refusal(300, `${name} must be an object`);
    return new Fields(value);
  }
}
