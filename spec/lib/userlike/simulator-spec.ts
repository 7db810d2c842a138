import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { userlikeSimulator, type UserlikeSimulator } from 'tidewire/simulators';
import { virtualClock } from 'tidewire/testing';
import { eventually } from '../../support/eventually.js';

describe('userlikeSimulator', () => {
  let server: Server;
  let simulator: UserlikeSimulator;
  let seen: {
    readonly headers: IncomingMessage['headers'];
    readonly body: { readonly info: { readonly cid: string } };
  }[];
  let answer: (response: ServerResponse, cid: string) => void;

  beforeEach(async () => {
    seen = [];
    answer = (response) => response.end();
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { info: { cid: string } };
        seen.push({ headers: request.headers, body });
        answer(response, body.info.cid);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    simulator = await userlikeSimulator({ webhook: { url, headers: { 'X-Secret': 'wh' } } });
  });
  afterEach(async () => {
    await simulator.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const message = (cid: string, text: string): string =>
    JSON.stringify({ info: { cid }, packet: { name: 'message', payload: { body: text } } });
  const call = async (text: string, token = simulator.token): Promise<number> =>
    fetch(simulator.url, { method: 'POST', headers: { 'security-token': token }, body: text }).then(
      ({ status }) => status,
      () => 0,
    );
  const cid = (): string => seen[0]?.body.info.cid ?? '';

  it('calls the webhook with its headers, and shows the contact what it answers', async () => {
    answer = (response, id) => response.end(message(id, 'hello'));
    const kim = simulator.contact('kim', 'web');
    await kim.open();
    expect(seen[0]?.headers['x-secret']).to.equal('wh');
    expect(kim.sees()).to.deep.equal(['hello']);
  });

  it('takes calls with the right token', async () => {
    const kim = simulator.contact('kim', 'web');
    await kim.open();
    expect(await call(message(cid(), 'later'), 'wrong')).to.equal(401);
    expect(await call(message(cid(), 'later'))).to.equal(200);
    expect(kim.sees()).to.deep.equal(['later']);
  });

  it('misbehaves as it is told', async () => {
    const kim = simulator.contact('kim', 'web');
    simulator.faults.duplicate = 1;
    await kim.open();
    expect(seen).to.have.length(2);
    simulator.faults.drop = 1;
    await kim.say('lost');
    expect(seen).to.have.length(2);
    const statuses: number[] = [];
    for (const fault of ['throttle', 'fail', 'resetBefore', 'resetAfter'] as const) {
      simulator.faults[fault] = 1;
      statuses.push(await call(message(cid(), fault)));
    }
    expect(statuses).to.deep.equal([429, 500, 0, 0]);
    expect(kim.sees()).to.deep.equal(['resetAfter']);
  });

  it('delivers copies one after the other, or all at once', async () => {
    const kim = simulator.contact('kim', 'web');
    let underWay = 0;
    let most = 0;
    answer = (response) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay--;
        response.end();
      });
    };
    Object.assign(simulator.faults, { duplicate: 1, copies: 3 });
    await kim.open();
    expect([seen.length, most]).to.deep.equal([3, 1]);
    // Nobody is answered before all have come.
    const waiting: ServerResponse[] = [];
    answer = (response) => {
      waiting.push(response);
      if (waiting.length === 3) for (const each of waiting) each.end();
    };
    Object.assign(simulator.faults, { duplicate: 1, atOnce: true });
    await kim.say('again');
    expect(seen).to.have.length(6);
  });

  const bodyOf = (payload: unknown): string | undefined => (payload as { readonly body?: string }).body;
  const told = (): readonly string[] =>
    simulator.journal.flatMap((entry) => (entry.kind === 'told' ? [bodyOf(entry.payload) ?? entry.name] : []));

  it('delivers a request behind the next one of its contact', async () => {
    const [kim, lou] = [simulator.contact('kim', 'web'), simulator.contact('lou', 'web')];
    await Promise.all([kim.open(), lou.open()]);
    Object.assign(simulator.faults, { reorder: 1 });
    await kim.say('first');
    await lou.say('other');
    await kim.say('second');
    expect(told().slice(2)).to.deep.equal(['other', 'second', 'first']);
  });

  it('makes again what was not answered 200, before the next request of the contact, when it is told to', async () => {
    const kim = simulator.contact('kim', 'web');
    await kim.open();
    let refused = 0;
    answer = (response) => {
      response.statusCode = refused++ < 2 ? 503 : 200;
      response.end();
    };
    await kim.say('once');
    expect(told().slice(1)).to.deep.equal(['once']);
    refused = 0;
    Object.assign(simulator.faults, { redeliver: 5, redeliverMs: 1 });
    await Promise.all([kim.say('again'), kim.say('next')]);
    expect(told().slice(2)).to.deep.equal(['again', 'again', 'again', 'next']);
  });

  it('leaves alone what is not meant', async () => {
    const kim = simulator.contact('kim', 'web');
    await kim.open();
    answer = (response) => {
      response.statusCode = 503;
      response.end();
    };
    simulator.faults.only = ({ body }) => bodyOf(body.packet.payload) !== 'spared';
    Object.assign(simulator.faults, { duplicate: 1, drop: 1, redeliver: 1, redeliverMs: 1 });
    await kim.say('spared');
    expect(told().slice(1)).to.deep.equal(['spared']);
    await kim.say('meant');
    expect(told().slice(2)).to.deep.equal(['meant', 'meant']);
  });

  it('makes nothing again once it is closed', async () => {
    const kim = simulator.contact('kim', 'web');
    answer = (response) => {
      response.statusCode = 503;
      response.end();
    };
    Object.assign(simulator.faults, { redeliver: Infinity, redeliverMs: 3_600_000 });
    const opening = kim.open();
    await eventually('it was answered', () => simulator.journal.some(({ kind }) => kind === 'answered'));
    await simulator.close();
    await opening;
    expect(told()).to.deep.equal(['start']);
    simulator = await userlikeSimulator({ webhook: { url: 'http://127.0.0.1:9/', headers: {} } });
  });

  it('says how long to wait, and answers late what it did at once', async () => {
    const clock = virtualClock();
    await simulator.close();
    const webhook = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, headers: {} };
    simulator = await userlikeSimulator({ webhook, scheduler: clock });
    const kim = simulator.contact('kim', 'web');
    await kim.open();
    Object.assign(simulator.faults, { throttle: 1, retryAfter: 7 });
    const headers = { 'security-token': simulator.token };
    const throttled = await fetch(simulator.url, { method: 'POST', headers, body: message(cid(), 'x') });
    expect([throttled.status, throttled.headers.get('retry-after')]).to.deep.equal([429, '7']);
    Object.assign(simulator.faults, { delay: 1, delayMs: 500 });
    let isAnswered = false;
    const late = call(message(cid(), 'slow')).finally(() => (isAnswered = true));
    await eventually('it is shown', () => kim.sees().includes('slow'));
    expect(isAnswered).to.equal(false);
    clock.advance(500);
    expect(await late).to.equal(200);
  });

  it('hangs up before the answer', async () => {
    simulator.faults.hangUp = 1;
    answer = (response, id) => {
      response.on('close', () => undefined);
      setTimeout(() => response.end(message(id, 'too late')), 100);
    };
    const kim = simulator.contact('kim', 'web');
    await kim.open();
    expect(kim.sees()).to.deep.equal([]);
    expect(simulator.journal.some((entry) => entry.kind === 'answered' && entry.status === 0)).to.equal(true);
  });

  it('lets anybody write from a shell', async () => {
    answer = (response, id) => response.end(message(id, 'hello'));
    const response = await fetch(`${simulator.home}/say/sms/sam`, { method: 'POST', body: 'hi' });
    expect(await response.text()).to.equal('hello\n');
    expect((await fetch(`${simulator.home}/journal`)).status).to.equal(200);
    expect((await fetch(`${simulator.home}/nothing`)).status).to.equal(404);
  });
});
