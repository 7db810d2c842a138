// One Chatfirst scenario serves the people on its own messengers, the customers of Userlike, on the web and by SMS, and those of
// TrueConf. Prints what each of them sees, then what became of every message. All platforms are simulated on this machine.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom, of, Subject } from 'rxjs';
import { accounts, choiceBook, dedupe, fallbackToText, react, readChoices, text, type Receipt } from 'tidewire';
import {
  adapterCallOf,
  chatfirstAdapter,
  chatfirstClient,
  fromChatfirstAdapter,
  routeToChatfirst,
  scenarioBot,
  toChatfirst,
} from 'tidewire/chatfirst';
import { chatfirstSimulator, trueconfSimulator, userlikeSimulator } from 'tidewire/simulators';
import { fromTrueConf, toTrueConf, trueconfClient } from 'tidewire/trueconf';
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

// The customers of other platforms talk with the same scenario.
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
const trueconf = await trueconfSimulator({ bots: { teabot: 'pass' } });
const server = { server: '127.0.0.1', port: trueconf.port, secure: false };
const teabot = trueconfClient({ ...server, username: 'teabot', password: 'pass', receiveUnread: true });
const chats = fromTrueConf({ client: teabot });
const answers = new Subject<Receipt>();
const served = chats.pipe(dedupe(), readChoices({ book }), routeToChatfirst(bot), fallbackToText({ book }));
served.pipe(toTrueConf({ client: teabot })).subscribe(answers);

const [kim, leo] = [userlike.contact('Kim', 'web'), userlike.contact('Leo', 'sms')];
await kim.say('Hello');
await kim.click('Green');
await leo.say('Hi, tea please');
await leo.say('2');
await leo.say('Somebody');
const eve = trueconf.user('eve');
for (const words of ['Good morning', 'Green']) {
  eve.say(words);
  await firstValueFrom(answers);
}
const mira = platform.user('mira', { channel: 'telegram' });
mira.say('Hi');
await platform.idle();
mira.press('Black');
await platform.idle();
// What nobody asked for is pushed.
const conversation = { platform: 'chatfirst', account: 'teashop', id: 'mira', channel: 'telegram' };
const ready = { ...text('Your Assam is ready.'), id: 'ready-1', conversation };
const { status } = await firstValueFrom(of(ready).pipe(toChatfirst({ client })));
await platform.idle();

const print = (name: string, seen: readonly string[]): void => {
  console.log(`${name} sees:\n${seen.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n')}\n`);
};
print('Kim, on the web', kim.sees());
print('Leo, by SMS', leo.sees());
print('Eve, on TrueConf', eve.sees());
print('Mira, on Telegram', mira.sees());
const { received, inFlight, outcomes: all } = accounts.counts();
const outcomes = Object.fromEntries(Object.entries(all).filter(([, n]) => n > 0));
console.log(`push: ${status}. ${received} events, ${inFlight} open:`, outcomes);
await Promise.all([adapter, webhook, chats].map(async ({ drain }) => drain(1_000)));
teabot.close();
await Promise.all([platform, userlike, trueconf].map(async ({ close }) => close()));
for (const server of servers) server.close().closeAllConnections();
