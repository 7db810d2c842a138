/** One measured row. `ratio` compares with `against`, measured in the same run. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  readonly against?: string;
}

export type Report = (row: Row) => void;

/** A bench: measures, and reports its rows. */
export interface Bench {
  readonly run: (report: Report) => Promise<void>;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/**
 * Runs ours and bare in turn, three rounds after one that warms both up, and reports the median of ours with the median of
 * the rounds' ratios: neighbours on the same machine slow both down alike.
 */
export const compare = async (
  name: string,
  unit: string,
  against: string,
  ours: () => Promise<number>,
  bare: () => Promise<number>,
  report: Report,
  rounds = 3,
): Promise<{ readonly ours: number; readonly bare: number }> => {
  await ours();
  await bare();
  const measured: { readonly ours: number; readonly bare: number }[] = [];
  for (let round = 0; round < rounds; round++) measured.push({ ours: await ours(), bare: await bare() });
  const value = median(measured.map((round) => round.ours));
  report({ name, value, unit, ratio: median(measured.map((round) => round.ours / round.bare)), against });
  return { ours: value, bare: median(measured.map((round) => round.bare)) };
};
