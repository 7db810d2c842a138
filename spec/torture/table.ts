import type { TortureReport } from './torture.js';

/** Why nobody knows what became of an action that was in flight at no kill. */
const CAUSES: Readonly<Record<string, string>> = {
  unreachable: 'unreachable: the connection was lost before the platform had answered',
  timeout: 'timeout: the platform did not answer in time',
};

/** What became of everything, for people. */
export const table = ({ verdict, doubts, letters, kills }: TortureReport): string => {
  const { sent, handled, lost, inDoubt, deadLettered, refused, doubled, outOfOrder, faults } = verdict;
  const row = (name: string, count: number, what: string): string =>
    `  ${name.padEnd(14)}${String(count).padStart(8)}   ${what}`;
  const unsure = doubts.map(
    ({ action, kill, cause }) =>
      `    ${action}: ${kill === undefined ? (CAUSES[cause] ?? cause) : `in flight at kill ${kill}`}`,
  );
  return [
    '',
    row('kills', kills, ''),
    row('sent', sent, 'messages that customers wrote'),
    row('handled', handled, 'answered, all parts of it'),
    row('in doubt', inDoubt, 'messages without an answer, parts of which are among the doubts below'),
    row('dead letters', deadLettered, 'not answered, and listed'),
    ...reasons(letters),
    row(
      'refused',
      refused,
      'of which the bot never said that it has them (no 200, no acknowledgement), and not answered',
    ),
    row('lost', lost, 'taken, and not answered'),
    row('doubled', doubled, 'seen once more, and not in doubt'),
    row('out of order', outOfOrder, ''),
    row(
      'doubts',
      doubts.length,
      'actions that may have had their effect (`inDoubt` of the JSON); a customer may have seen them',
    ),
    ...unsure,
    ...faults.map((fault) => `  ! ${fault}`),
    '',
  ].join('\n');
};

/** What is in doubt is named below. */
const reasons = (letters: TortureReport['letters']): readonly string[] => {
  const counts = new Map<string, number>();
  for (const { queue, outcome, reason } of letters) {
    if (outcome === 'inDoubt') continue;
    const line = `${queue}, ${outcome}: ${reason}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => `    ${String(count).padStart(4)} × ${line}`);
};
