// One Chatfirst scenario serves the people on its own messengers and the customers of Userlike, on the web and by SMS. Prints
// what each of them says and sees, then what became of every message. All platforms are simulated on this machine.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom, from, map, toArray } from 'rxjs';
import { accounts, choiceBook, dedupe, fallbackToText, react, readChoices, text } from 'tidewire';
import {
  adapterCallOf,
  chatfirstAdapter,
  chatfirstClient,
  fromChatfirstAdapter,
  routeToChatfirst,
  scenarioBot,
  toChatfirst,
} from 'tidewire/chatfirst';
import { chatfirstSimulator, userlikeSimulator } from 'tidewire/simulators';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';

const servers: Server[] = [];
const listen = async (handler: RequestListener): Promise<string> => {
  const server = createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

// The kitchen: the scenario calls it with every order, and shows what it answers.
const adapter = chatfirstAdapter({ path: '/kitchen/4f9c2b' });
fromChatfirstAdapter({ adapter })
  .pipe(
    react((event) => text(`${adapterCallOf(event)?.parameters['tea'] ?? 'Tea'} is on the stove, 3 minutes.`)),
    toChatfirst({ adapter }),
  )
  .subscribe();
const kitchen = `${await listen(adapter.node)}/kitchen/4f9c2b`;
const platform = await chatfirstSimulator({
  bots: {
    teashop: `<fsm name="teashop"><states>
      <state name="Start"><transition input="*" next="Menu" pending_keyboard="Green,Black,Somebody">Which tea?</transition></state>
      <state name="Menu">
        <transition input="Green" next="Menu" action="${kitchen}?tea=Sencha"/>
        <transition input="Black" next="Menu" action="${kitchen}?tea=Assam"/>
        <transition input="Somebody" next="Start">#person</transition>
        <transition input="*" next="Menu">Green, Black or Somebody?</transition>
      </state>
    </states></fsm>`,
  },
});

// The customers of another platform talk with the same scenario.
const client = chatfirstClient({ token: platform.token, baseUrl: platform.url });
const bot = scenarioBot(client, 'teashop', { marks: { handoff: '#person' } });
const headers = { 'API-SECURITY-TOKEN': crypto.randomUUID() };
const webhook = userlikeWebhook({ headers });
const userlike = await userlikeSimulator({ webhook: { url: await listen(webhook.node), headers } });
const book = choiceBook();
fromUserlike({ webhook })
  .pipe(
    dedupe(),
    readChoices({ book, keepOffers: true }),
    routeToChatfirst(bot),
    fallbackToText({ book }),
    toUserlike({ client: userlikeClient({ url: userlike.url, token: userlike.token }), webhook }),
  )
  .subscribe();

const [kim, leo] = [userlike.contact('Kim', 'web'), userlike.contact('Leo', 'sms')];
await kim.say('Hello');
await kim.click('Green');
await leo.say('Hi, tea please');
await leo.say('2');
await leo.say('Somebody');
const mira = platform.user('mira', { channel: 'telegram' });
mira.say('Hi');
await platform.idle();
mira.press('Black');
await platform.idle();
// What nobody asked for is pushed.
const ready = { ...text('Your Assam is ready.'), id: 'ready-1' };
const conversation = { platform: 'chatfirst', account: 'teashop', id: 'mira', channel: 'telegram' };
const pushed = from([{ ...ready, conversation }]).pipe(
  toChatfirst({ client }),
  map(({ status }) => status),
  toArray(),
);
const [status] = await firstValueFrom(pushed);
await platform.idle();

const print = (name: string, seen: readonly string[]): void => {
  console.log(`${name} sees:\n${seen.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n')}\n`);
};
print('Kim, on the web', kim.sees());
print('Leo, by SMS', leo.sees());
print('Mira, on Telegram', mira.sees());
const { received, inFlight, outcomes: all } = accounts.counts();
const outcomes = Object.fromEntries(Object.entries(all).filter(([, n]) => n > 0));
console.log(`push: ${status ?? ''}. ${received} events, ${inFlight} open:`, outcomes);
await Promise.all([adapter.drain(1_000), webhook.drain(1_000)]);
await Promise.all([platform.close(), userlike.close()]);
for (const server of servers) server.close().closeAllConnections();
