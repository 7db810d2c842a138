import type { Said } from './customers.js';
import { THE_HOOK, type Evidence, type Seen } from './evidence.js';
import { inversionsIn } from './order.js';
import type { Letter } from './orders.js';
import { readAnswer, readWords } from './words.js';

/** An action of which nobody knows whether it had its effect, and why that is so. */
export interface Doubt {
  readonly action: string;
  readonly text: string;
  /** The kill that it was in flight at; nothing when it was none. */
  readonly kill: number | undefined;
  readonly cause: string;
}

/** What is known of all messages. */
export interface Case {
  readonly said: readonly Said[];
  readonly evidence: readonly Evidence[];
  readonly doubts: readonly Doubt[];
  readonly letters: readonly Letter[];
  /** How many conversations each connection that was cut on purpose may have put in doubt, all together. */
  readonly cut: number;
  /** Connections of TrueConf on which one message may have been turned away and a later one taken. */
  readonly isLossy: (connection: number) => boolean;
}

/** What became of them: each is handled, lost, in doubt, dead, or was refused. */
export interface Verdict {
  readonly sent: number;
  /** Answered, all parts of it. */
  readonly handled: number;
  /** The bot said that it has it, and nothing came of it. */
  readonly lost: number;
  /** Not answered, and named. */
  readonly inDoubt: number;
  readonly deadLettered: number;
  /** The bot never said that it has it, and nothing came of it. */
  readonly refused: number;
  /** Parts of answers that were seen once more than they should be, and are not in doubt. */
  readonly doubled: number;
  readonly outOfOrder: number;
  /** A sentence for everything that must not be. */
  readonly faults: readonly string[];
}

/** Messages with one text: two, where the customer wrote it twice. */
class Group {
  size = 0;
  accepted = 0;
  /** The parts that were seen of the answer to each event. */
  readonly events = new Map<string, Seen[]>();
  readonly inDoubt = new Set<string>();
  dead = 0;

  /** How many messages were answered, all parts of each. */
  get complete(): number {
    return [...this.events.values()].filter(isComplete).length;
  }

  get doubted(): number {
    return [...this.inDoubt].filter((event) => !isComplete(this.events.get(event) ?? [])).length;
  }
}

const isComplete = (parts: readonly Seen[]): boolean =>
  parts[0] !== undefined && new Set(parts.map(({ part }) => part)).size === parts[0].parts;

const groupsOf = ({ said, evidence, doubts, letters }: Case): ReadonlyMap<string, Group> => {
  const groups = new Map<string, Group>();
  for (const { text } of said) {
    const group = groups.get(text) ?? new Group();
    group.size++;
    groups.set(text, group);
  }
  for (const { heard, seen } of evidence) {
    for (const { text, accepted } of heard.values()) {
      const group = groups.get(text);
      if (group !== undefined) group.accepted = Math.min(group.size, group.accepted + accepted.length);
    }
    for (const part of seen) {
      const events = groups.get(part.text)?.events;
      const parts = events?.get(part.event);
      if (parts === undefined) events?.set(part.event, [part]);
      else parts.push(part);
    }
  }
  for (const { text } of doubts) {
    const answer = readAnswer(text);
    if (answer !== undefined) groups.get(answer.text)?.inDoubt.add(answer.event);
  }
  for (const { text, outcome } of letters) {
    const group = groups.get(readAnswer(text)?.text ?? text);
    // What is in doubt is listed among the letters, too.
    if (group !== undefined && outcome !== 'inDoubt') group.dead++;
  }
  return groups;
};

/** What is in doubt must have been on its way: at a kill, one action of each conversation; else, over a connection that was cut. */
const tooDoubtful = ({ doubts, cut }: Case): readonly string[] => {
  const known = new Set<string>();
  const faults: string[] = [];
  for (const { action, text, kill } of doubts) {
    if (kill === undefined) continue;
    const flight = `${kill} ${readWords(readAnswer(text)?.text ?? '')?.customer ?? ''}`;
    if (known.has(flight)) faults.push(`in doubt: ${action}, the second action of its conversation at kill ${kill}`);
    known.add(flight);
  }
  const others = doubts.filter(({ kill }) => kill === undefined).length;
  if (others > cut) faults.push(`in doubt: ${others} actions at no kill, and ${cut} could be`);
  return faults;
};

const actionOf = ({ event, part }: Seen): string => `${event}#${part}`;

/** Compares what was written with what was seen. Doubts and letters explain what is missing, doubts also what is there twice. */
export const judge = (all: Case): Verdict => {
  const doubted = new Set(all.doubts.map(({ action }) => action));
  const faults: string[] = [...tooDoubtful(all)];
  const sums = { sent: 0, handled: 0, lost: 0, inDoubt: 0, deadLettered: 0, refused: 0, doubled: 0, outOfOrder: 0 };
  for (const [text, group] of groupsOf(all)) {
    const { size, complete, accepted, doubted: unsure, dead } = group;
    const handled = Math.min(size, complete);
    const inDoubt = Math.min(unsure, size - handled);
    const deadLettered = Math.min(dead, size - handled - inDoubt);
    const lost = Math.max(0, accepted - handled - inDoubt - deadLettered);
    const again = [...group.events.values()].flatMap((parts) =>
      parts.filter((part, index) => parts.findIndex((one) => one.part === part.part) < index),
    );
    const twice = again.filter((part) => !doubted.has(actionOf(part)));
    const tooMany = Math.max(0, group.events.size - size);
    sums.sent += size;
    sums.handled += handled;
    sums.inDoubt += inDoubt;
    sums.deadLettered += deadLettered;
    sums.lost += lost;
    sums.refused += size - handled - inDoubt - deadLettered - lost;
    sums.doubled += twice.length + tooMany;
    if (lost > 0) faults.push(`lost: ${text}, of which ${accepted} were taken and ${handled} answered`);
    for (const part of twice) faults.push(`doubled: part ${part.part} of the answer to ${text}`);
    if (tooMany > 0) faults.push(`doubled: ${text} was written ${size} times and answered ${group.events.size} times`);
  }
  const missing = new Set([...all.doubts, ...all.letters].map(({ text }) => readAnswer(text)?.text ?? text));
  /** Of two equal messages one has no answer: nobody can say which. */
  const isHalf = ({ text }: Seen): boolean => missing.has(text) && readWords(text)?.isTwice === true;
  // Without ids, the next request tells nothing about the one before it, but that its answer was waited for.
  const isLossy = (connection: number): boolean => connection === THE_HOOK || all.isLossy(connection);
  for (const one of all.evidence) {
    const wrong = inversionsIn(one, (part) => doubted.has(actionOf(part)) || isHalf(part), isLossy);
    sums.outOfOrder += wrong.length;
    faults.push(...wrong.map((sentence) => `out of order: ${sentence}`));
  }
  return { ...sums, faults };
};
