/** UTF-16 units of a line that are kept. */
const MAX_LINE = 1_000;

/** @internal The last lines of the conversations that spoke last, and the names of who speaks there. */
export class Transcripts {
  readonly #talks = new Map<string, { name: string | undefined; lines: string[] }>();
  readonly #maxLines: number;
  readonly #most: number;

  constructor(maxLines: number, most: number) {
    this.#maxLines = maxLines;
    this.#most = most;
  }

  /** What a conversation's customer is called, where an event says so; an id does until there is a name. */
  meet(key: string, { name, id }: { readonly name?: string; readonly id?: string } = {}): void {
    if (name !== undefined) this.#of(key).name = name;
    else if (id !== undefined) this.#of(key).name ??= id;
  }

  nameOf(key: string): string | undefined {
    return this.#talks.get(key)?.name;
  }

  add(key: string, line: string): void {
    const { lines } = this.#of(key);
    lines.push(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1).replace(/[\ud800-\udbff]$/, '')}…` : line);
    if (lines.length > this.#maxLines) lines.shift();
  }

  /** The lines of a conversation, which are not kept any longer. */
  take(key: string): readonly string[] {
    return this.#talks.get(key)?.lines.splice(0) ?? [];
  }

  readonly forget = (key: string): void => {
    this.#talks.delete(key);
  };

  #of(key: string): { name: string | undefined; lines: string[] } {
    const talk = this.#talks.get(key) ?? { name: undefined, lines: [] };
    // Behind all others: the first is the one that was silent longest.
    this.#talks.delete(key);
    this.#talks.set(key, talk);
    const [longest] = this.#talks.size > this.#most ? this.#talks.keys() : [];
    if (longest !== undefined) this.#talks.delete(longest);
    return talk;
  }
}
