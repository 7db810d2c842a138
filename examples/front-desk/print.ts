import { interval, type Subscription } from 'rxjs';
import { accounts, OUTCOMES } from 'tidewire';
import type { FluidtalkSimulator, UserlikeSimulator } from 'tidewire/simulators';

/** Prints what customers say and see as it happens, and what the persona does that they do not see. */
export const printTranscript = ({ journal }: UserlikeSimulator, persona?: FluidtalkSimulator): Subscription => {
  let [printed, heard] = [0, 0];
  const contacts = new Map<string, string>();
  const takenAt = new Map<string, number>();
  const print = (): void => {
    for (const entry of journal.slice(printed)) {
      const who = entry.contact.padEnd(6);
      contacts.set(entry.cid, who);
      if (entry.kind === 'said') console.log(`${who} > ${said(entry.name, entry.payload)}`);
      if (entry.kind === 'seen') {
        const buttons = entry.buttons.map(({ label }) => ` [${label}]`).join('');
        console.log(`${who} < ${entry.text.replaceAll('\n', `\n${' '.repeat(9)}`)}${buttons}`);
      }
      if (entry.kind === 'taken') {
        takenAt.set(entry.cid, entry.at);
        console.log(`${who} = is talking to a human now`);
      }
    }
    printed = journal.length;
    for (const entry of persona?.journal.slice(heard) ?? []) {
      const [cid = ''] = entry.target.split('userlike::').slice(1);
      const who = contacts.get(cid) ?? '';
      if (entry.kind === 'replied' && entry.at > (takenAt.get(cid) ?? Infinity))
        console.log(`${who} ~ too late, nobody hears: ${entry.bubbles.join(' ')}`);
      const trouble = entry.kind === 'answered' ? TROUBLE[entry.status] : undefined;
      if (trouble !== undefined) console.log(`${who} ~ ${trouble}`);
    }
    heard = persona?.journal.length ?? 0;
  };
  const printing = interval(50).subscribe(print);
  printing.add(print);
  return printing;
};

const TROUBLE: Readonly<Record<number, string>> = {
  400: 'the persona has ended this conversation',
  402: 'the persona has no tokens left',
  429: 'the persona wants to be asked again in a second',
};

const said = (name: string, payload: unknown): string => {
  const { body, link, value } = payload as { body?: string; link?: string; value?: { label: string } };
  return value === undefined ? (body ?? link ?? `(${name})`) : `(picks ${value.label})`;
};

/** What became of every message. */
export const accountTable = (): string => {
  const { received, inFlight, outcomes, refused } = accounts.counts();
  const rows = OUTCOMES.filter((outcome) => outcomes[outcome] > 0).map(
    (outcome) => [outcome, outcomes[outcome]] as const,
  );
  const sum = rows.reduce((total, [, n]) => total + n, 0);
  const line = (name: string, n: number): string => `  ${name.padEnd(12)}${String(n).padStart(6)}`;
  return [
    '',
    'Every event is accounted for (a first message brings two, a handover in time one of its own):',
    line('received', received),
    ...rows.map(([outcome, n]) => line(outcome, n)),
    line('in flight', inFlight),
    received === sum + inFlight ? '  received = outcomes + in flight' : '  THE ACCOUNT DOES NOT BALANCE',
    ...(refused > 0 ? [`  and ${refused} refused at the door: never received`] : []),
    '',
  ].join('\n');
};
