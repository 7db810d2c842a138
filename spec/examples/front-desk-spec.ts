import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { expect } from 'chai';

const main = new URL('../../examples/front-desk/main.ts', import.meta.url).pathname;

/** The program with simulated platforms only, whatever the environment of the specs has. */
const start = (): ChildProcessByStdio<null, Readable, Readable> =>
  spawn(process.execPath, ['--conditions=tidewire-source', '--import', 'tsx', main], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const menu = (where: 'web' | 'text'): string => {
  const options = ['Where is my order?', 'Opening hours', 'Talk to a person'];
  const shown =
    where === 'web'
      ? options.map((label) => ` [${label}]`).join('')
      : options.map((label, n) => `\n${n + 1}. ${label}`).join('');
  return `What can we do for you?${shown}${where === 'text' ? '\nPlease reply with a number.' : ''}`;
};

describe('the front desk', () => {
  let printed = '';
  let complaints = '';
  let code: number | null = null;
  const answers: string[] = [];

  /** What somebody said and saw, in order. Further lines of a text are indented. */
  const heard = (name: string): readonly string[] =>
    [...printed.replaceAll(/\n {20}/g, '\t').matchAll(/^\S+ +(\S+) +([<>])  (.*)$/gm)].flatMap(
      ([, who, sign = '', text = '']) => (who === name ? [`${sign} ${text.replaceAll('\t', '\n')}`] : []),
    );

  before(async function () {
    this.timeout(90_000);
    const program = start();
    const ended = new Promise<number | null>((resolve) => program.once('close', resolve));
    program.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    const up = new Promise<void>((resolve) => {
      program.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        if (printed.includes('Ctrl-C ends.')) resolve();
      });
    });
    await Promise.race([up, ended]);
    for (const [, body, url] of printed.matchAll(/curl -d '(.*)' (http\S+)/g)) {
      const response = await fetch(url ?? '', { method: 'POST', body: body ?? '' });
      answers.push(await response.text());
    }
    program.kill('SIGINT');
    code = await ended;
  });

  it('lets a customer answer with a number, although the connection was cut meanwhile', () => {
    expect(heard('Eva')).to.deep.equal([
      '> Hello',
      '< Welcome to the Velo workshop!',
      `< ${menu('text')}`,
      '> 2',
      '< Monday to Friday, 9:00 to 18:00.',
      '> It looks like this',
      '> wheel.jpg',
      '< Thank you for the picture. A colleague will look at it.',
    ]);
    expect(printed).to.match(/the bot is connected[^]*the connection is cut[^]*the bot is connected/);
  });

  it('hears corrections, and hands a customer to a person and back', () => {
    expect(heard('Jonas')).to.deep.equal([
      '> Wher iz my bycicle?',
      '< Welcome to the Velo workshop!',
      '< I did not get that.',
      `< ${menu('text')}`,
      '> (edits) Where is my bicycle?',
      '< Let me look that up …',
      '< Your bicycle is ready. Come by until 18:00.',
      '> 3',
      '< I am getting a colleague.',
      '< Hello, Rosa here. How can I help?',
      '> Can you keep it until Monday?',
      '< I will see to it.',
      '> 2',
      '< Monday to Friday, 9:00 to 18:00.',
    ]);
  });

  it('lets a person on one platform answer a customer on another', () => {
    expect(heard('Leo').slice(-5)).to.deep.equal([
      '> (picks Talk to a person)',
      '< I am getting a colleague.',
      '< Hello, Rosa here. How can I help?',
      '> I lost my key',
      '< I will see to it.',
    ]);
    expect(heard('Rosa')).to.include('< Leo: I lost my key');
  });

  it('hands a LiveChat visitor to an agent, who closes the room, and is silent meanwhile', () => {
    expect(heard('Tom')).to.deep.equal([
      '> Hello',
      '< Welcome to the Velo workshop!',
      `< ${menu('text')}`,
      '> 2',
      '< Monday to Friday, 9:00 to 18:00.',
      '> 3',
      '< I am getting a colleague.',
      '< Hello, Nora here. How can I help?',
      '> Where is my pump?',
      '< It lies in the drawer at the counter.',
    ]);
    const told = [...printed.matchAll(/^rocketchat +Tom +[=~]  (.*)$/gm)].map(([, text]) => text);
    expect(told.filter((text) => text?.startsWith('is '))).to.deep.equal([
      'is handed over to a person',
      'is talking with a person',
      'is with the bot again',
    ]);
    expect(told).to.include.members(['the room goes to workshop', 'the room is closed: solved']);
  });

  it('lets a scenario serve a customer', () => {
    expect(heard('Zoe')).to.deep.equal([
      '> Hi, I need a bicycle',
      '< Which bicycle would you like to rent?\n1. City\n2. Cargo\n3. Somebody',
      '> (picks Cargo)',
      '< A cargo bicycle, 30 € a day. From when?\n1. Today\n2. Tomorrow',
      '> tomorrow',
      '< It is yours. The key is at the counter.',
    ]);
  });

  it('lets a persona talk until it ends, is too slow, or has no tokens', () => {
    expect(heard('Mia')).to.deep.equal([
      '> Hi there',
      '< Hey! I am Velma, the voice of the workshop.',
      '< What is your bicycle up to?',
      '> My brakes squeak',
      '> Thank you',
      '< Squeaking brakes?',
      '< A drop of alcohol on the disc helps.',
      '< You are welcome. Ride safely!',
      '> Wait, one more thing',
    ]);
    for (const name of ['Mia', 'Noor', 'Sam'])
      expect(printed).to.match(new RegExp(`${name} +=  is handed over to a person`));
    expect([...heard('Noor'), ...heard('Sam')]).to.deep.equal(['> Is carbon worth it?', '> Hello']);
  });

  it('answers rules on buttons, in order', () => {
    expect(heard('Kim')).to.deep.equal([
      '> (start)',
      '< Welcome to the Velo workshop!',
      `< ${menu('web')}`,
      '> (picks Where is my order?)',
      '< Let me look that up …',
      '> Thank you!',
      '< Your bicycle is ready. Come by until 18:00.',
      '< You are welcome.',
    ]);
  });

  it('serves whoever comes by the printed lines, on all platforms', () => {
    expect(answers).to.have.length(3);
    for (const answer of answers) expect(answer).to.include('Welcome to the Velo workshop!');
  });

  it('ends with 0 when it is interrupted, with every event accounted for and nothing to complain about', () => {
    expect({ code, complaints }).to.deep.equal({ code: 0, complaints: '' });
    const last = printed.slice(printed.lastIndexOf('What became of every event'));
    const all = (name: string): number => Number(new RegExp(`^  ${name}.* (\\d+)$`, 'm').exec(last)?.[1]);
    expect(all('in flight')).to.equal(0);
    const settled = ['ignored', 'duplicate', 'handled', 'handedOff'].reduce((sum, name) => sum + all(name), 0);
    expect(all('received')).to.equal(settled);
    expect(last).to.match(/^ +userlike +trueconf +rocketchat /m);
    expect(all('received')).to.be.greaterThan(40);
    expect(last).to.include('received is the sum');
  });
});
