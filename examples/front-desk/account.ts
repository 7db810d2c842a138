import { accounts, OUTCOMES, type Counts } from 'tidewire';

/** What became of every event, by where it came from. */
export const accountTable = (): string => {
  const columns: readonly (readonly [string, Counts])[] = [...accounts.bySource(), ['all', accounts.counts()]];
  const all = accounts.counts();
  const row = (name: string, count: (counts: Counts) => number): string =>
    `  ${name.padEnd(12)}${columns.map(([of, counts]) => String(count(counts)).padStart(widthOf(of))).join('')}`;
  const outcomes = OUTCOMES.filter((outcome) => all.outcomes[outcome] > 0);
  const sum = outcomes.reduce((total, outcome) => total + all.outcomes[outcome], 0);
  const terms = [...outcomes.map((outcome) => all.outcomes[outcome]), all.inFlight].join(' + ');
  return [
    '',
    'What became of every event (first words bring two; handovers and what becomes of a room are extra):',
    '',
    `${' '.repeat(14)}${columns.map(([of]) => of.padStart(widthOf(of))).join('')}`,
    row('received', ({ received }) => received),
    ...outcomes.map((outcome) => row(outcome, (counts) => counts.outcomes[outcome])),
    row('in flight', ({ inFlight }) => inFlight),
    '',
    all.received === sum + all.inFlight
      ? `  ${all.received} = ${terms}: received is the sum of all outcomes and what is in flight.`
      : '  THE ACCOUNT DOES NOT BALANCE',
    ...(all.refused > 0 ? [`  ${all.refused} more were refused at the door: never received.`] : []),
    '',
  ].join('\n');
};

const widthOf = (name: string): number => Math.max(name.length, 4) + 3;
