import { filter, firstValueFrom, interval, takeUntil, type Observable } from 'rxjs';
import type { FluidtalkSimulator, UserlikeSimulator } from 'tidewire/simulators';

/** Customers at once: three whom the rules answer, and three whom the persona does, one after the other. `stopped` ends it. */
export const scriptedConversations = async (
  simulator: UserlikeSimulator,
  persona: FluidtalkSimulator,
  stopped: Observable<unknown>,
): Promise<void> => {
  const until = async (happened: () => boolean): Promise<unknown> =>
    firstValueFrom(interval(50).pipe(filter(happened), takeUntil(stopped)), { defaultValue: undefined });

  const [kim, ana, leo] = [
    simulator.contact('Kim', 'web'),
    simulator.contact('Ana', 'whatsapp_business'),
    simulator.contact('Leo', 'sms'),
  ];
  const web = async (): Promise<void> => {
    await kim.open();
    await kim.click('order');
    await kim.say('yes');
    await kim.say('yes');
  };
  const whatsapp = async (): Promise<void> => {
    await ana.say('Hi!');
    await ana.click('order');
    await ana.upload('https://media.example.org/bell.jpg');
  };
  const sms = async (): Promise<void> => {
    await leo.say('Hello');
    await leo.say('2');
    await leo.say('something else');
    await leo.say('3');
  };

  const [mia, noor, sam] = [
    simulator.contact('Mia', 'telegram'),
    simulator.contact('Noor', 'facebook'),
    simulator.contact('Sam', 'telegram'),
  ];
  const social = async (): Promise<void> => {
    await mia.say('Hi there');
    // The persona is throttled, and asked again after the second that it wants.
    persona.faults.throttle = 1;
    persona.faults.retryAfter = 1;
    await mia.say('My brakes squeak');
    await mia.say('Thank you');
    // It has ended the conversation: a person takes over.
    await mia.say('Wait, one more thing');
    // It thinks too long: a person takes over, and nobody hears what it says then.
    await noor.say('Is carbon worth it?');
    await until(() => simulator.journal.some(({ contact, kind }) => contact === 'Noor' && kind === 'taken'));
    await until(() => persona.journal.filter(({ kind }) => kind === 'replied').length === 4);
    // It has no token for another conversation: a person takes over.
    persona.faults.outOfTokens = 1;
    await sam.say('Hello');
    await until(() => simulator.journal.some(({ contact, kind }) => contact === 'Sam' && kind === 'taken'));
  };
  await Promise.all([web(), whatsapp(), sms(), social()]);
};
