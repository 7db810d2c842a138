import { accounts } from 'tidewire';
import type { TrueconfSimulator } from 'tidewire/simulators';
import { has, type Until } from './until.js';

/** A customer who does not notice that the connection between server and bot is cut. */
export const eva = async ({ core, journal, user }: TrueconfSimulator, until: Until): Promise<void> => {
  const person = user('Eva');
  await until(() => journal.some(({ kind }) => kind === 'authorized'));
  person.say('Hello');
  await until(() => has(person.sees(), 'Talk to a person'));
  await until(() => accounts.of('trueconf').counts().inFlight === 0);
  core.drop();
  // Comes with the next connection.
  person.say('2');
  await until(() => has(person.sees(), 'Monday to Friday'));
  const bytes = new TextEncoder().encode('not really a picture');
  person.upload({ name: 'wheel.jpg', mimeType: 'image/jpeg', bytes }, { caption: 'It looks like this' });
  await until(() => has(person.sees(), 'Thank you for the picture'));
};

/** A customer who corrects a message, and whom a person helps. */
export const jonas = async ({ user }: TrueconfSimulator, until: Until): Promise<void> => {
  const person = user('Jonas');
  const question = person.say('Wher iz my bycicle?');
  await until(() => has(person.sees(), 'Talk to a person'));
  person.edit(question, 'Where is my bicycle?');
  await until(() => has(person.sees(), 'is ready'));
  person.say('3');
  await until(() => has(person.sees(), 'Rosa here'));
  person.say('Can you keep it until Monday?');
  await until(() => has(person.sees(), 'see to it'));
  // The bot has him again.
  person.say('2');
  await until(() => has(person.sees(), 'Monday to Friday'));
};
