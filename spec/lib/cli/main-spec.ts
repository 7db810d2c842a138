import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

const main = new URL('../../../lib/cli/main.ts', import.meta.url).pathname;
const run = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, ['--conditions=tidewire-source', '--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const textOf = async (stream: ChildProcess['stdout']): Promise<string> => {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
};

describe('tidewire simulate', () => {
  it('prints one line of JSON with its addresses, works, and stops cleanly on SIGTERM', async () => {
    const child = run('simulate', 'userlike', '--token', 'T');
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url, token, platform } = JSON.parse(line.toString()) as Record<string, string>;
    expect({ token, platform }).to.deep.equal({ token: 'T', platform: 'userlike' });
    expect((await fetch(url ?? '', { method: 'POST', headers: { 'security-token': 'T' }, body: '{' })).status).to.equal(
      400,
    );
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
  });

  it('starts FluidTalk with a key and a number of tokens', async () => {
    const child = run('simulate', 'fluidtalk', '--key', 'K', '--tokens', '1');
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url = '', key = '', platform, journal = '' } = JSON.parse(line.toString()) as Record<string, string>;
    expect({ key, platform }).to.deep.equal({ key: 'K', platform: 'fluidtalk' });
    const open = async (target: string): Promise<number> => {
      const body = new URLSearchParams({ target, message: 'hello' });
      return (await fetch(`${url}/api/v1/bot/chat`, { method: 'POST', headers: { 'x-api-key': key }, body })).status;
    };
    expect([await open('a'), await open('b')]).to.deep.equal([200, 402]);
    expect(await (await fetch(journal)).json()).to.be.an('array');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
  });

  it('starts TrueConf with a bot', async () => {
    const child = run('simulate', 'trueconf', '--login', 'helper', '--password', 'P');
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url = '', socket = '', platform, login, password } = JSON.parse(line.toString()) as Record<string, string>;
    expect({ platform, login, password }).to.deep.equal({ platform: 'trueconf', login: 'helper', password: 'P' });
    expect(new URL(socket)).to.include({ protocol: 'ws:', host: new URL(url).host, pathname: '/websocket/chat_bot/' });
    const response = await fetch(`${url}/bridge/api/client/v1/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: 'chat_bot', grant_type: 'password', username: login, password }),
    });
    expect(response.status).to.equal(201);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
  });

  it('starts Chatfirst with scenarios and a bridge', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidewire-'));
    const file = join(folder, 'coffee.xml');
    const scenario =
      '<fsm name="coffee"><states><state name="Start"><transition input="*">Which coffee?</transition></state></states></fsm>';
    await writeFile(file, scenario);
    const child = run(
      'simulate',
      'chatfirst',
      '--token',
      'T',
      '--scenario',
      file,
      '--bridge',
      'own=http://127.0.0.1:9/',
    );
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url = '', token, platform, journal = '' } = JSON.parse(line.toString()) as Record<string, string>;
    expect({ token, platform }).to.deep.equal({ token: 'T', platform: 'chatfirst' });
    const headers = { authorization: `Basic ${btoa('T:')}`, 'content-type': 'application/json' };
    const talk = await fetch(`${url}/v1/talk?botName=coffee`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ InterlocutorId: 'u', Text: 'hi' }),
    });
    expect(await talk.json()).to.deep.include({ Messages: ['Which coffee?'] });
    const broadcast = `${url}/v1/broadcast/coffee?channel=own`;
    expect((await fetch(broadcast, { method: 'POST', headers, body: '{"message":"x"}' })).status).to.equal(200);
    expect(await (await fetch(journal)).json()).to.be.an('array');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
    await rm(folder, { recursive: true });
  });

  it('starts Rocket.Chat of a version, with a bot that can see the queue', async () => {
    const child = run('simulate', 'rocketchat', '--login', 'helper', '--password', 'P', '--server', '7.10.0');
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url = '', socket = '', platform, login, password } = JSON.parse(line.toString()) as Record<string, string>;
    expect({ platform, login, password }).to.deep.equal({ platform: 'rocketchat', login: 'helper', password: 'P' });
    expect(new URL(socket)).to.include({ protocol: 'ws:', host: new URL(url).host, pathname: '/websocket' });
    expect(await (await fetch(`${url}/api/info`)).json()).to.include({ version: '7.10' });
    const answer = await fetch(`${url}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: login, password }),
    });
    const { data } = (await answer.json()) as { data: { authToken: string; userId: string } };
    const headers = { 'x-auth-token': data.authToken, 'x-user-id': data.userId };
    expect((await fetch(`${url}/api/v1/livechat/inquiries.list`, { headers })).status).to.equal(200);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
  });

  it('starts Rocket.Chat with a bot that is given new rooms, and lets a shell be a visitor', async () => {
    const child = run('simulate', 'rocketchat', '--bots-first');
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url = '' } = JSON.parse(line.toString()) as Record<string, string>;
    expect((await fetch(`${url}/say/you`, { method: 'POST', body: 'Hello' })).status).to.equal(200);
    const journal = (await (await fetch(`${url}/journal`)).json()) as readonly { kind: string }[];
    expect(journal.map(({ kind }) => kind)).to.include.members(['opened', 'taken']);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
  });

  for (const [args, sentence] of [
    [
      ['simulate', 'nothing'],
      'there is no platform nothing; there is: chatfirst, fluidtalk, rocketchat, trueconf, userlike',
    ],
    [['simulate', 'rocketchat', '--server', 'new'], 'version must look like 8.8.0'],
    [['dance'], 'there is no command dance'],
    [['simulate', 'userlike', '--port', '99999'], '99999 is no port'],
    [['simulate', 'fluidtalk', '--tokens', '-1'], 'tokens'],
    [['simulate', 'fluidtalk', '--key', ''], 'key must not be empty'],
    [['simulate', 'fluidtalk', '--tokens', 'many'], 'many is no number of tokens'],
    [['simulate', 'chatfirst', '--token', 'a:b'], 'token must not be empty, nor have a colon'],
    [['simulate', 'chatfirst', '--scenario', '/nowhere.xml'], 'no such file'],
    [['simulate', 'chatfirst', '--scenario', main], 'it is no well-formed XML'],
    [['simulate', 'chatfirst', '--bridge', 'own'], 'own is no bridge'],
    [['simulate', 'trueconf', '--login', ''], 'a login must not be empty'],
    [['simulate', 'userlike', '--nonsense'], 'nonsense'],
  ] as const) {
    it(`ends with 2 and a sentence for: ${args.join(' ')}`, async () => {
      const child = run(...args);
      const [said, exit] = await Promise.all([textOf(child.stderr), once(child, 'exit') as Promise<[number]>]);
      const [code] = exit;
      expect(code).to.equal(2);
      expect(said).to.include(sentence);
    });
  }
});
