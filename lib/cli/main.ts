#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { chatfirstSimulator } from '../chatfirst/simulator.js';
import { fluidtalkSimulator } from '../fluidtalk/simulator.js';
import { checkDirectory } from '../lmdb/check.js';
import { placeOf } from '../lmdb/opening.js';
import { rocketchatSimulator } from '../rocketchat/simulator.js';
import { trueconfSimulator } from '../trueconf/simulator.js';
import { userlikeSimulator } from '../userlike/simulator.js';

const HELP = `Usage: tidewire simulate <platform> [options]
       tidewire check <directory>

check reads everything that lmdbFile keeps in a directory, names what is broken, and ends with 1 when anything is,
with 2 when it keeps nothing there.

simulate starts a platform on loopback, prints one line of JSON with its addresses, and stops on SIGTERM or Ctrl-C.

Platforms: chatfirst, fluidtalk, rocketchat, trueconf, userlike

Options:
  --port N              where it listens (default: a free port)

Options of chatfirst:
  --token T             the user token (default: tok_test_1)
  --scenario FILE       the XML of a scenario, whose bot is named after the file; may be repeated (default: teashop)
  --bridge CHANNEL=URL  where pushes for a channel of your own go; may be repeated

Options of fluidtalk:
  --key K               the API key (default: ft_sk_simulated_0001)
  --tokens N            how many conversations can be opened (default: 100)

Options of rocketchat:
  --login L             the bot's user name (default: helper.bot); it is a manager, too
  --password P          the bot's password (default: corr3ct-horse)
  --server V            version of the server (default: 8.8.0)
  --webhook URL         where webhooks go (default: nowhere)
  --secret S            what webhooks carry in X-RocketChat-Livechat-Token
  --bots-first          new rooms are given to the bot, and do not wait in the queue
  \`curl -d Hello URL/say/NAME\` is a visitor, and shows what that visitor sees.

Options of trueconf:
  --login L             the bot's login (default: opsbot)
  --password P          the bot's password (default: s3cret-42)

Options of userlike:
  --webhook URL         the bot's webhook (default: http://127.0.0.1:8080/)
  --header 'Name: value'  a header that the bot wants; may be repeated
  --token T             the API security token (default: simulated-token)
  \`curl -d Hello URL/say/CHANNEL/NAME\` is a customer, and shows what that customer sees.
`;

interface Running {
  readonly addresses: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

interface Options {
  readonly port: number;
  readonly webhook: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly token: string | undefined;
  readonly key: string | undefined;
  readonly tokens: number | undefined;
  readonly login: string | undefined;
  readonly password: string | undefined;
  readonly server: string | undefined;
  readonly secret: string | undefined;
  readonly botsFirst: boolean;
  readonly scenarios: readonly string[];
  readonly bridges: Readonly<Record<string, string>>;
}

const platforms: Readonly<Record<string, (options: Options) => Promise<Running>>> = {
  chatfirst: async ({ port, token, scenarios, bridges }) => {
    const bots = await Promise.all(
      scenarios.map(async (file) => [basename(file).replace(/\.[^.]+$/, ''), await readFile(file, 'utf8')] as const),
    );
    const simulator = await chatfirstSimulator({
      port,
      bridges,
      ...(bots.length > 0 && { bots: Object.fromEntries(bots) }),
      ...(token !== undefined && { token }),
    });
    const { url } = simulator;
    return {
      addresses: { platform: 'chatfirst', url, token: simulator.token, journal: `${url}/journal` },
      close: simulator.close,
    };
  },
  fluidtalk: async ({ port, key, tokens }) => {
    const simulator = await fluidtalkSimulator({
      port,
      ...(key !== undefined && { key }),
      ...(tokens !== undefined && { tokens }),
    });
    const { url } = simulator;
    return {
      addresses: { platform: 'fluidtalk', url, key: simulator.key, journal: `${url}/journal` },
      close: simulator.close,
    };
  },
  rocketchat: async ({
    port,
    login = 'helper.bot',
    password = 'corr3ct-horse',
    server,
    webhook,
    secret,
    botsFirst,
  }) => {
    const roles = ['user', 'bot', 'livechat-agent', 'livechat-manager'];
    const simulator = await rocketchatSimulator({
      port,
      accounts: [{ username: login, password, roles, status: 'online' }],
      botsFirst,
      ...(server !== undefined && { version: server }),
      ...(webhook !== undefined && { webhook: { url: webhook, ...(secret !== undefined && { secret }) } }),
    });
    const { url, socketUrl, close } = simulator;
    const addresses = { platform: 'rocketchat', url, socket: socketUrl, login, password, journal: `${url}/journal` };
    return { addresses, close };
  },
  trueconf: async ({ port, login = 'opsbot', password = 's3cret-42' }) => {
    const { url, socketUrl, close } = await trueconfSimulator({ port, bots: { [login]: password } });
    const addresses = { platform: 'trueconf', url, socket: socketUrl, login, password, journal: `${url}/journal` };
    return { addresses, close };
  },
  userlike: async ({ port, webhook = 'http://127.0.0.1:8080/', headers, token }) => {
    const simulator = await userlikeSimulator({
      port,
      webhook: { url: webhook, headers },
      ...(token !== undefined && { token }),
    });
    const { url, home } = simulator;
    return { addresses: { platform: 'userlike', url, token: simulator.token, home, webhook }, close: simulator.close };
  },
};

const fail = (sentence: string): never => {
  process.stderr.write(`tidewire: ${sentence}\n`);
  process.exit(2);
};

const parsed = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: 'string' },
        webhook: { type: 'string' },
        header: { type: 'string', multiple: true, default: [] },
        token: { type: 'string' },
        key: { type: 'string' },
        tokens: { type: 'string' },
        login: { type: 'string' },
        password: { type: 'string' },
        server: { type: 'string' },
        secret: { type: 'string' },
        'bots-first': { type: 'boolean', default: false },
        scenario: { type: 'string', multiple: true, default: [] },
        bridge: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : 'the arguments are off');
  }
})();

const { values, positionals } = parsed;
const [command, name] = positionals;
if (values.help || command === undefined) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 2);
}
if (command === 'check') {
  if (name === undefined) fail('name the directory that is to be checked');
  // A wrong path is no damage.
  const { data, marker } = placeOf(name ?? '');
  if (!existsSync(data) && !existsSync(marker)) fail(`nothing is kept in ${name ?? ''}: there is no ${data}`);
  const { isWhole, lines } = await checkDirectory(name ?? '');
  process.stdout.write(`${lines.join('\n')}\n${isWhole ? 'everything can be read' : 'something is broken'}\n`);
  process.exit(isWhole ? 0 : 1);
}
if (command !== 'simulate') fail(`there is no command ${command}; try tidewire --help`);
const simulate = Object.hasOwn(platforms, name ?? '') ? platforms[name ?? ''] : undefined;
if (simulate === undefined)
  fail(
    name === undefined
      ? `name a platform: ${Object.keys(platforms).join(', ')}`
      : `there is no platform ${name}; there is: ${Object.keys(platforms).join(', ')}`,
  );
const port = Number(values.port ?? 0);
if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`${values.port ?? ''} is no port`);
if (!/^\d{1,15}$/.test(values.tokens ?? '0')) fail(`${values.tokens ?? ''} is no number of tokens`);
const tokens = values.tokens === undefined ? undefined : Number(values.tokens);
const headers = Object.fromEntries(
  values.header.map((line) => {
    const [, key, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? fail(`${line} is no header`);
    return [key, value];
  }),
) as Record<string, string>;

const bridges = Object.fromEntries(
  values.bridge.map((pair) => {
    const [, channel = '', url = ''] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    return URL.canParse(url) ? [channel, url] : fail(`${pair} is no bridge`);
  }),
) as Record<string, string>;

const { webhook, token, key, login, password, server, secret, scenario: scenarios, 'bots-first': botsFirst } = values;
const shared = { port, webhook, headers, token, key, tokens, login, password };
const options = { ...shared, server, secret, botsFirst, scenarios, bridges };
const running = await simulate?.(options).catch((error: unknown) =>
  fail(error instanceof Error ? error.message : 'it could not be started'),
);
process.stdout.write(`${JSON.stringify(running?.addresses)}\n`);

// A child of npm or npx outlives them when they are killed: it stops when its parent is another one.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== parent) void stop();
}, 500);
const stop = async (): Promise<void> => {
  clearInterval(watch);
  await running?.close();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
