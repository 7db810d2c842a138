import { of } from 'rxjs';
import { trueconfSimulator, type TrueconfContent } from 'tidewire/simulators';
import { fromTrueConf, toTrueConf, trueconfClient, type TrueconfStatus } from 'tidewire/trueconf';
import { eventually } from '../eventually.js';
import type { MakePlatform } from '../platform-harness.js';

const PASSWORD = 'pass-7f3e90d2';
/** A text that the server refuses when it is told to. */
const REFUSED = 'no';
const MAX_FRAME = 65_536;
/** The longest time that the clock of a spec may go on while something is on its way. */
const FOREVER = 2 ** 31 - 1;

const isRefused = ({ content }: TrueconfContent): boolean =>
  typeof content === 'object' && content !== null && 'text' in content && content.text === REFUSED;

/**
 * TrueConf, over its WebSocket: with messages acknowledged when they are accepted, and lost while nobody is connected; or when
 * they are settled, and told again with the next connection.
 */
export const trueconfPlatform =
  (acknowledge: 'accepted' | 'settled'): MakePlatform =>
  async ({ clock, accounts, echoes }) => {
    const simulator = await trueconfSimulator({
      bots: { opsbot: PASSWORD },
      scheduler: clock,
      echo: echoes,
      pingMs: FOREVER,
    });
    const { core, journal, faults } = simulator;
    const receiveUnread = acknowledge === 'settled';
    simulator.user('somebody');
    faults.request.only = ({ method, payload }) =>
      method === 'sendMessage' && (faults.request.errorCodes?.length ? isRefused(payload) : true);
    const client = trueconfClient({
      server: '127.0.0.1',
      port: simulator.port,
      secure: false,
      username: 'opsbot',
      password: PASSWORD,
      receiveUnread,
      requestTimeoutMs: FOREVER,
      waitMs: FOREVER,
      openWithinMs: FOREVER,
      httpTimeoutMs: FOREVER,
      pingMs: FOREVER,
      maxFrameBytes: MAX_FRAME,
      scheduler: clock,
    });
    const statuses: TrueconfStatus[] = [];
    const secrets = new Set([PASSWORD]);
    client.status$.subscribe((status) => {
      statuses.push(status);
      if (client.token !== undefined) secrets.add(client.token);
    });
    // In one of both ways an echo is left to `dropEcho`.
    const source = fromTrueConf({
      client,
      acknowledge,
      accounts,
      scheduler: clock,
      echoes: acknowledge === 'accepted',
    });
    const acknowledged = (): number => journal.filter(({ kind }) => kind === 'acknowledged').length;
    const told = (): number => journal.filter(({ kind }) => kind === 'told').length;
    const messages = () =>
      journal.flatMap((entry) => (entry.kind === 'told' && entry.method === 'sendMessage' ? [entry] : []));
    const isConnected = (): boolean => statuses.at(-1)?.kind === 'authorized';
    let copies: { readonly times: number; readonly areApart: boolean } | undefined;

    /** The server delivers its last message again, under other numbers. */
    const repeat = async (times: number, areApart: boolean): Promise<void> => {
      const last = messages().at(-1);
      if (last === undefined) throw new Error('nothing was told');
      const payload = last.payload as TrueconfContent;
      for (let n = 0; n < times; n++) {
        if (areApart) await eventually('the one before is acknowledged', () => acknowledged() === told());
        core.emit('sendMessage', payload);
      }
    };

    return {
      platform: 'trueconf',
      source,
      sink: toTrueConf({
        client,
        scheduler: clock,
        downloads: {
          lookup: () => of(['93.184.216.34']),
          fetch: async () => Promise.resolve(new Response('picture', { headers: { 'content-type': 'image/png' } })),
        },
      }),
      redelivers: receiveUnread,
      maxTextLength: 4_096,
      delivers: ['text', 'media', 'survey', 'openConversation'],
      get secrets() {
        return [...secrets];
      },
      parts: { client, statuses },
      complaints: () => statuses.flatMap((status) => ('error' in status ? [status.error] : [])),
      trouble: {
        duplicate: (times, how) => {
          copies = { times, areApart: how === 'one by one' };
        },
        delay: (delay, delayMs) => {
          Object.assign(faults.request, { delay, delayMs });
        },
        refused: () => {
          faults.request.errorCodes = [303];
          return { kind: 'text', text: REFUSED };
        },
        loseAnswer: () => {
          faults.request.cutAfter = 1;
        },
        cut: () => {
          core.drop();
        },
        oversize: () => 'x'.repeat(MAX_FRAME + 1),
        tellUnknown: async ({ id }) => {
          core.emit('brandNew', { chatId: id });
          return Promise.resolve();
        },
        tellBroken: async ({ id }, text) => {
          core.emit('sendMessage', { chatId: id, messageId: 7, content: { text } });
          return Promise.resolve();
        },
      },
      customer: (name) => {
        const user = simulator.user(name);
        return {
          say: async (text) => {
            // What is said while nobody is connected comes later, or never.
            if (!receiveUnread) await eventually('the bot is connected', isConnected);
            user.say(text);
            if (text.length > MAX_FRAME) await eventually('the connection is lost', () => !isConnected());
            if (copies === undefined) return;
            const { times, areApart } = copies;
            copies = undefined;
            await repeat(times - 1, areApart);
          },
          sees: () => user.sees(),
        };
      },
      acknowledged,
      sends: () => journal.filter((entry) => entry.kind === 'called' && entry.method === 'sendMessage').length,
      drain: async () => source.drain(FOREVER),
      close: async () => {
        client.close();
        await simulator.close();
      },
    };
  };
