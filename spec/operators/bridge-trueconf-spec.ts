import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { defer, firstValueFrom, merge, type Subscription } from 'rxjs';
import {
  bridge,
  dedupe,
  fallbackToText,
  openAccounts,
  operatorSeat,
  ownership,
  react,
  text,
  toPlatforms,
  type Accounts,
} from 'tidewire';
import {
  trueconfSimulator,
  userlikeSimulator,
  type SimulatedContact,
  type TrueconfSimulator,
  type UserlikeSimulator,
} from 'tidewire/simulators';
import { fromTrueConf, toTrueConf, trueconfClient, type TrueconfClient } from 'tidewire/trueconf';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';
import { later } from '../support/webhook-desk.js';

const PLAN = { name: 'plan.pdf', mimeType: 'application/pdf', bytes: Uint8Array.of(37, 80, 68, 70) };
const headers = { 'API-SECURITY-TOKEN': 'hook-secret' };

describe('bridge, with a customer on TrueConf, one on Userlike, and operators in a group of TrueConf', () => {
  let trueconf: TrueconfSimulator;
  let userlike: UserlikeSimulator;
  let client: TrueconfClient;
  let http: Server;
  let running: Subscription;
  let accounts: Accounts;
  let mira: ReturnType<TrueconfSimulator['user']>;
  let lev: typeof mira;
  let nora: typeof mira;
  let kim: SimulatedContact;
  let group = '';

  beforeEach(async () => {
    trueconf = await trueconfSimulator();
    client = trueconfClient({
      server: '127.0.0.1',
      port: trueconf.port,
      secure: false,
      username: 'opsbot',
      password: 's3cret-42',
      receiveUnread: true,
    });
    [mira, lev, nora] = [trueconf.user('mira'), trueconf.user('lev'), trueconf.user('nora')];
    group = lev.createGroup('Operators', 'nora', 'opsbot');

    const webhook = userlikeWebhook({ headers });
    http = createServer(webhook.node);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    userlike = await userlikeSimulator({ webhook: { url, headers } });
    kim = userlike.contact('Kim', 'web');
    const api = userlikeClient({ url: userlike.url, token: userlike.token });

    accounts = openAccounts();
    const desk = ownership();
    const seat = operatorSeat({ conversation: { platform: 'trueconf', id: group, channel: 'trueconf' } });
    const responder = react((event) => {
      if (event.kind !== 'message') return undefined;
      return event.text === 'help'
        ? [text('A colleague takes over.'), { kind: 'handoff', to: { kind: 'any' } } as const]
        : text(`bot: ${event.text}`);
    });
    running = merge(fromTrueConf({ client, accounts }), fromUserlike({ webhook }))
      .pipe(
        dedupe(),
        bridge(
          {
            desk,
            seat,
            accounts,
            takes: ({ platform }) => platform === 'userlike',
            // Userlike fetches files by their address, so that somebody has to have them there.
            media: (media, event, { platform }) =>
              platform === 'userlike'
                ? defer(() => [{ ...media, url: `https://files.example.org/${media.name ?? ''}` }])
                : event.platform === 'trueconf'
                  ? [media]
                  : [],
          },
          responder,
        ),
        fallbackToText(),
        toPlatforms({
          trueconf: toTrueConf({ client, desk, seat }),
          userlike: toUserlike({ client: api, webhook, desk }),
        }),
      )
      .subscribe();
  });
  afterEach(async () => {
    running.unsubscribe();
    client.close();
    http.closeAllConnections();
    http.close();
    await trueconf.close();
    await userlike.close();
  });

  const until = async (what: string, condition: () => boolean): Promise<void> => {
    for (let n = 0; n < 1_000 && !condition(); n++) await firstValueFrom(later(5, undefined));
    expect(condition(), what).to.equal(true);
  };
  const shows = async (chat: string, who: typeof mira, words: string): Promise<void> => {
    await until(`${who.id} is shown ${words}`, () => who.shows(chat).some((line) => line.includes(words)));
  };
  /** The id of a message in the operators' group, as soon as it is there. */
  const inGroup = async (words: string): Promise<string> => {
    const find = (): string | undefined => {
      const entry = [...trueconf.journal]
        .reverse()
        .find((one) => one.kind === 'posted' && one.chatId === group && one.text.includes(words));
      return entry?.kind === 'posted' ? entry.messageId : undefined;
    };
    await until(`the group shows ${words}`, () => find() !== undefined);
    return find() ?? '';
  };
  const sees = async (words: string): Promise<void> => {
    await until(`Kim sees ${words}`, () => kim.sees().some((line) => line.includes(words)));
  };

  it('carries words, edits, removals and files both ways, until they are given back or ended', async () => {
    mira.say('hello');
    mira.say('help');
    const forMira = await inGroup('asks for a person');
    await kim.say('help');
    const forKim = await inGroup('Kim (userlike, web) waits for an answer');

    // Answers, to a heading and to a copy; one that is for nobody in particular is not guessed.
    lev.say('whom do I mean?', { chat: group });
    await inGroup('Several conversations are open');
    const said = lev.say('good day, at tree', { chat: group, replyTo: forMira });
    await shows(mira.open(), mira, 'good day, at tree');
    const asked = mira.say('a <b>question</b>', { parseMode: 'html' });
    const copy = await inGroup('a question');
    nora.say('an answer', { chat: group, replyTo: copy });
    await shows(mira.open(), mira, 'an answer');
    const toKim = nora.say('hello <i>Kim</i>', { chat: group, replyTo: forKim, parseMode: 'html' });
    await sees('hello Kim');

    // Edits and removals.
    lev.edit(said, 'good day, at three');
    await shows(mira.open(), mira, 'good day, at three');
    nora.edit(toKim, 'hello dear Kim');
    await sees('Correction: hello dear Kim');
    lev.remove(said);
    await until('the answer is gone', () => !mira.shows().some((line) => line.includes('good day')));
    nora.remove(toKim);
    await inGroup('The customer can still see that message.');
    mira.edit(asked, 'a better question');
    await shows(group, lev, 'mira@tc.example.org: a better question');
    mira.remove(asked);
    await until('the copy is gone', () => !lev.shows(group).some((line) => line.includes('better')));

    // Files.
    lev.upload(PLAN, { chat: group, replyTo: forMira });
    await shows(mira.open(), mira, 'plan.pdf');
    nora.upload(PLAN, { chat: group, replyTo: forKim });
    await until('Kim has the file', () =>
      JSON.stringify(userlike.journal).includes('https://files.example.org/plan.pdf'),
    );
    mira.upload({ ...PLAN, name: 'bill.pdf' });
    await inGroup('bill.pdf');

    // The end.
    lev.say('/return', { chat: group, replyTo: forMira });
    await inGroup('The bot has this conversation again.');
    mira.say('and now?');
    await shows(mira.open(), mira, 'bot: and now?');
    lev.say('too late', { chat: group, replyTo: forMira });
    await inGroup('This reached nobody');
    nora.say('/end Have a nice day.', { chat: group });
    await sees('Have a nice day.');
    await inGroup('This conversation is over.');
    expect(mira.shows().some((line) => line.includes('too late'))).to.equal(false);
    await until('everything is settled', () => accounts.counts().inFlight === 0);
    expect(accounts.counts()).to.include({ late: 0, lost: 0 });
  });
});
