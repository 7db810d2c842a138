import { interval, type Observable, type Subscription } from 'rxjs';

/** Something that happened: `>` somebody says, `<` somebody sees, `=` who has a customer now, `~` what nobody notices. */
export interface Line {
  readonly at: number;
  readonly platform: string;
  readonly who: string;
  readonly sign: '>' | '<' | '=' | '~';
  readonly text: string;
}

/** What happened since it was asked last. */
export type Witness = () => readonly Line[];

/** Prints what happens on all platforms as it happens, and news behind all that was witnessed before. */
export const printTranscript = <T>(
  witnesses: readonly Witness[],
  news$: Observable<T>,
  lineOf: (news: T) => Line,
): Subscription => {
  const print = (): void => {
    const lines = witnesses.flatMap((witness) => witness()).sort((one, other) => one.at - other.at);
    for (const line of lines) console.log(written(line));
  };
  const printing = interval(50).subscribe(print);
  printing.add(
    news$.subscribe((news) => {
      print();
      console.log(written(lineOf(news)));
    }),
  );
  printing.add(print);
  return printing;
};

const MARGIN = 20;
const WIDTH = 100 - MARGIN;

const written = ({ platform, who, sign, text }: Line): string =>
  `${platform.padEnd(11)}${who.padEnd(5)} ${sign}  `.padEnd(MARGIN) +
  text
    .split(/\n+/)
    .flatMap(wrapped)
    .join(`\n${' '.repeat(MARGIN)}`);

/** A line of text as several that fit. */
const wrapped = (text: string): readonly string[] => {
  const cut = text.length <= WIDTH ? -1 : text.lastIndexOf(' ', WIDTH);
  return cut <= 0 ? [text] : [text.slice(0, cut), ...wrapped(text.slice(cut + 1))];
};
