import type { RocketchatSimulator } from 'tidewire/simulators';
import { has, type Until } from './until.js';

/** A visitor who answers with a number, wants a person, and gets one. */
export const tom = async ({ journal, visitor }: RocketchatSimulator, until: Until): Promise<void> => {
  await until(() => journal.some((entry) => entry.kind === 'subscribed' && entry.event === '__my_messages__'));
  const person = visitor('Tom');
  const room = person.open();
  person.say('Hello');
  await until(() => has(person.sees(), 'Talk to a person'));
  person.say('2');
  await until(() => has(person.sees(), 'Monday to Friday'));
  person.say('3');
  await until(() => has(person.sees(), 'Nora here'));
  // The bot would look up the order, and is silent now.
  person.say('Where is my pump?');
  await until(() => has(person.sees(), 'in the drawer'));
  await until(() => journal.some((entry) => entry.kind === 'closed' && entry.rid === room));
};
