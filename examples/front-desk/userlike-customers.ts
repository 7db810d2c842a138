import type { FluidtalkSimulator, UserlikeSimulator } from 'tidewire/simulators';
import { has, type Until } from './until.js';

/** Customers on Userlike, at once: whom the rules answer, whom the scenario does, and three whom the persona does in turn. */
export const userlikeCustomers = async (
  simulator: UserlikeSimulator,
  persona: FluidtalkSimulator,
  until: Until,
): Promise<void> => {
  const web = async (): Promise<void> => {
    const kim = simulator.contact('Kim', 'web');
    await kim.open();
    await kim.click('order');
    await kim.say('Thank you!');
  };
  const whatsapp = async (): Promise<void> => {
    const ana = simulator.contact('Ana', 'whatsapp_business');
    await ana.say('Hi!');
    await ana.click('order');
    await ana.upload('https://media.example.org/bell.jpg');
  };
  const threema = async (): Promise<void> => {
    const zoe = simulator.contact('Zoe', 'threema');
    await zoe.say('Hi, I need a bicycle');
    await until(() => has(zoe.sees(), 'Which bicycle'));
    await zoe.say('2');
    await until(() => has(zoe.sees(), '30 €'));
    await zoe.say('tomorrow');
    await until(() => has(zoe.sees(), 'It is yours'));
  };
  const social = async (): Promise<void> => {
    const [mia, noor, sam] = [
      simulator.contact('Mia', 'telegram'),
      simulator.contact('Noor', 'facebook'),
      simulator.contact('Sam', 'telegram'),
    ];
    const isTaken = (name: string) => (): boolean =>
      simulator.journal.some(({ contact, kind }) => contact === name && kind === 'taken');
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
    await until(isTaken('Noor'));
    await until(() => persona.journal.filter(({ kind }) => kind === 'replied').length === 4);
    // It has no token for another conversation: a person takes over.
    persona.faults.outOfTokens = 1;
    await sam.say('Hello');
    await until(isTaken('Sam'));
  };
  await Promise.all([web(), whatsapp(), threema(), social()]);
};

/** A customer by SMS, whom a person on TrueConf answers. */
export const leo = async (simulator: UserlikeSimulator, until: Until): Promise<void> => {
  const contact = simulator.contact('Leo', 'sms');
  await contact.say('Hello');
  await contact.say('2');
  await contact.say('something else');
  await contact.say('3');
  await until(() => has(contact.sees(), 'Rosa here'));
  await contact.say('I lost my key');
  await until(() => has(contact.sees(), 'see to it'));
};
