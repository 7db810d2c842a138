import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import type { StoppedDesk } from '../../support/stopping-desk.js';
import { HOOK_SECRET, request, saidIn } from '../../support/webhook-desk.js';

const program = new URL('../../support/stopping-desk.ts', import.meta.url).pathname;
const MESSAGES = 60;
const AT_ONCE = 12;
const SESSIONS = 5;

/** What a platform got for a message: a status and what was said, or nothing because the connection was refused or lost. */
type Answer = { readonly status: number; readonly body: string } | undefined;
interface Run {
  readonly answers: ReadonlyMap<string, Answer>;
  readonly desk: StoppedDesk;
  readonly exit: readonly unknown[];
  readonly complaints: string;
}

/** Runs the desk under load, over connections that are used again, and stops it once so many messages are answered. */
const run = async (stopAt: number, signals: readonly NodeJS.Signals[]): Promise<Run> => {
  const child = spawn(process.execPath, ['--conditions=tidewire-source', '--import', 'tsx', program]);
  const exited = once(child, 'exit');
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { port } = new URL(String((await lines.next()).value));
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

  const answers = new Map<string, Answer>();
  const stop = (): void => {
    for (const signal of signals) child.kill(signal);
  };
  const post = async (words: string, cid: string): Promise<Answer> =>
    new Promise((resolve) => {
      const headers = { 'api-security-token': HOOK_SECRET };
      const call = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers, agent }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
        response.on('error', () => {
          resolve(undefined);
        });
      });
      call.on('error', () => {
        resolve(undefined);
      });
      call.end(JSON.stringify(request('message', { body: words }, cid)));
    });

  // Somebody who sends half a request and waits must not keep it from ending.
  const half = connect({ port: Number(port), host: '127.0.0.1' });
  half.on('error', () => undefined);
  half.write(`POST / HTTP/1.1\r\nHost: desk\r\napi-security-token: ${HOOK_SECRET}\r\nContent-Length: 99\r\n\r\n{`);

  const waiting = Array.from({ length: MESSAGES }, (_, n) => `${n % 4 === 0 ? 'slow' : 'quick'} ${n}`);
  const work = async (): Promise<void> => {
    for (let words = waiting.shift(); words !== undefined; words = waiting.shift()) {
      const answer = await post(words, `chatbot::1:${Number(words.split(' ')[1]) % SESSIONS}`);
      answers.set(words, answer);
      if (answers.size === stopAt) stop();
    }
  };
  if (stopAt === 0) stop();
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const desk = JSON.parse(String((await lines.next()).value)) as StoppedDesk;
  const exit = await exited;
  agent.destroy();
  half.destroy();
  return { answers, desk, exit, complaints };
};

describe('a program that is stopped under load', () => {
  for (const [stopAt, signals] of [
    [0, ['SIGTERM']],
    [1, ['SIGINT']],
    [15, ['SIGTERM']],
    [30, ['SIGINT', 'SIGINT']],
    [45, ['SIGTERM']],
    [MESSAGES, ['SIGINT']],
  ] as const) {
    it(`loses nothing that it accepted, stopped by ${signals.join(', ')} after ${stopAt} answers`, async () => {
      const { answers, desk, exit, complaints } = await run(stopAt, signals);
      expect({ exit, complaints }).to.deep.equal({ exit: [0, null], complaints: '' });

      expect(answers.size).to.equal(MESSAGES);
      const taken = [...answers].filter(([, answer]) => answer?.status === 200);
      for (const [words, answer] of answers) {
        expect(answer?.status, words).to.be.oneOf([200, 503, undefined]);
        if (answer?.status === 200) expect(desk.answered[words], words).to.be.oneOf(['direct', 'api']);
        if (answer?.status === 503) expect(desk.answered, words).not.to.have.property(words);
      }
      // Whatever is said to be delivered was seen by the platform once, on that way.
      const direct = taken.flatMap(([, answer]) =>
        saidIn(answer?.body === '' ? undefined : JSON.parse(answer?.body ?? '')),
      );
      const called = desk.calls.flatMap(saidIn);
      const by = (way: string): readonly string[] =>
        Object.keys(desk.answered).filter((words) => desk.answered[words] === way);
      expect([...called].sort()).to.deep.equal([...by('api')].sort());
      expect([...direct].sort()).to.deep.equal([...by('direct')].sort());

      const { received, inFlight, outcomes, answered, refused } = desk;
      expect(inFlight).to.equal(0);
      expect(Object.values(outcomes).reduce((sum, n) => sum + n, 0)).to.equal(received);
      expect(Object.keys(answered)).to.have.length(received);
      const turnedAway = [...answers.values()].filter((answer) => answer?.status === 503).length;
      // The half request is turned away as well, if it was there in time.
      expect(refused - turnedAway).to.be.oneOf([0, 1]);
    });
  }
});
