import { request as httpRequest } from 'node:http';
import { inspect } from 'node:util';
import { expect } from 'chai';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { concat, EMPTY, filter, firstValueFrom, map, merge, NEVER, of, Subject, throwError } from 'rxjs';
import {
  choices,
  end,
  handoff,
  media,
  openAccounts,
  ownership,
  react,
  text,
  traceOf,
  type InboundEvent,
  type OutboundAction,
  type Reply,
  type Trace,
} from 'tidewire';
import { virtualClock } from 'tidewire/testing';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook, type UserlikeClient } from 'tidewire/userlike';
import { receiverOf } from '../../lib/userlike/webhook.js';
import { mutate, random } from '../support/mutations.js';
import { fixtures } from '../support/fixtures.js';
import { API_SECRET, HOOK_SECRET, later, request, saidIn, WebhookDesk } from '../support/webhook-desk.js';

const echo = (event: InboundEvent) => (event.kind === 'message' ? text(`you said ${event.text}`) : undefined);
const until = async (condition: () => boolean): Promise<void> => {
  for (let n = 0; n < 400 && !condition(); n++) await firstValueFrom(later(5, undefined));
  expect(condition()).to.equal(true);
};

describe('userlikeWebhook and toUserlike', () => {
  let desk: WebhookDesk;
  const started = async (...args: Parameters<WebhookDesk['start']>): Promise<WebhookDesk> =>
    (desk = await new WebhookDesk().start(...args));
  const settled = (): object =>
    Object.fromEntries(Object.entries(desk.accounts.counts().outcomes).filter(([, n]) => n > 0));
  afterEach(async () => {
    await desk.stop();
    const { received, inFlight, outcomes } = desk.accounts.counts();
    expect(received).to.equal(inFlight + Object.values(outcomes).reduce((sum, n) => sum + n, 0));
  });

  it('answers directly as soon as everything is said, one event as an object, several as a list', async () => {
    await started((event) => (event.kind === 'started' ? [text('hello'), choices('what?', ['a', 'b'])] : echo(event)));
    const before = Date.now();
    expect(saidIn((await desk.post(request('start'))).body)).to.deep.equal(['hello', 'what?']);
    const answer = await desk.post(request('message', { body: 'yes' }));
    expect(answer.body).to.deep.equal({
      info: { cid: 'chatbot::1:aa' },
      packet: { name: 'message', payload: { body: 'you said yes' } },
    });
    expect(answer.headers.get('content-type')).to.equal('application/json; charset=utf-8');
    expect(Date.now() - before).to.be.lessThan(290);
    await until(() => desk.receipts.length === 3);
    expect(desk.receipts.every((receipt) => receipt.status === 'delivered' && receipt.via === 'direct')).to.equal(true);
    expect(settled()).to.deep.equal({ handled: 2 });
    expect(desk.calls).to.deep.equal([]);
  });

  it('answers with an empty body when there is nothing to say', async () => {
    await started(() => undefined);
    expect(await desk.post(request('message', { body: 'x' }))).to.include({ status: 200, text: '' });
  });

  it('delivers what comes after the window by the API, behind what was answered directly', async () => {
    await started(() => concat(of(text('let me look')), later(400, text('found it'))));
    expect(saidIn((await desk.post(request('message', { body: 'x' }))).body)).to.deep.equal(['let me look']);
    await until(() => desk.receipts.length === 2);
    expect(desk.calls).to.deep.equal([
      {
        token: API_SECRET,
        body: { info: { cid: 'chatbot::1:aa' }, packet: { name: 'message', payload: { body: 'found it' } } },
      },
    ]);
    expect(settled()).to.deep.equal({ handled: 1 });
  });

  it('takes an action back that waits in an open answer, when its event is cancelled', async () => {
    const traces: Trace[] = [];
    await started(
      () => concat(of(text('too late')), later(250, undefined)),
      (events) =>
        events.pipe(
          map((event) => {
            traces.push(traceOf(event) as Trace);
            return event;
          }),
        ),
    );
    const answer = desk.post(request('message', { body: 'x' }));
    await until(() => traces.length === 1 && traces[0]?.summary().forks.length === 1);
    traces[0]?.cancel('handedOff');
    expect((await answer).text).to.equal('');
    expect(desk.receipts).to.have.length(1);
    expect(desk.receipts[0]).to.include({ status: 'skipped', reason: 'muted' });
    expect(settled()).to.deep.equal({ handedOff: 1 });
  });

  it('asks the desk before it sends, directly and by the API: what comes after the handover is muted', async () => {
    const owners = ownership();
    const { conversation } = { conversation: { platform: 'userlike', id: 'chatbot::1:aa', channel: 'web' } };
    await started(
      (event) =>
        event.kind === 'started'
          ? [text('one moment'), handoff(), text('one more thing')]
          : concat(of(text('direct')), later(400, text('by the API'))),
      undefined,
      owners,
    );
    expect(saidIn((await desk.post(request('start'))).body)).to.deep.equal(['one moment', 'forward_any']);
    expect(saidIn((await desk.post(request('message', { body: 'x' }))).body)).to.deep.equal([]);
    await until(() => desk.receipts.length === 5);
    expect(
      desk.receipts.map((receipt) => (receipt.status === 'skipped' ? receipt.reason : receipt.status)),
    ).to.have.members(['delivered', 'delivered', 'muted', 'muted', 'muted']);
    expect(desk.calls).to.deep.equal([]);
    expect(await firstValueFrom(owners.ownerOf(conversation))).to.equal('queue');
    await firstValueFrom(owners.returnToBot(conversation));
    expect(saidIn((await desk.post(request('message', { body: 'y' }))).body)).to.deep.equal(['direct']);
  });

  it('sends files by the API, after the direct answer of what was said before', async () => {
    await started(() => [text('look'), media('https://example.org/a.png'), text('nice?')]);
    expect(saidIn((await desk.post(request('message', { body: 'x' }))).body)).to.deep.equal(['look']);
    await until(() => desk.receipts.length === 3);
    expect(desk.calls.map(({ body }) => saidIn(body))).to.deep.equal([['media'], ['nice?']]);
  });

  it('lets the contact see two webhooks of one session in order, the first through the API', async () => {
    await started((event) =>
      event.kind === 'message' && event.text === 'slow' ? later(450, text('first')) : text('second'),
    );
    const slow = desk.post(request('message', { body: 'slow' }));
    const fast = firstValueFrom(later(200, undefined)).then(async () =>
      desk.post(request('message', { body: 'fast' })),
    );
    expect(saidIn((await slow).body)).to.deep.equal([]);
    const direct = saidIn((await fast).body);
    await until(() => desk.receipts.length === 2);
    const seen = [...desk.calls.flatMap(({ body }) => saidIn(body)), ...direct];
    expect(desk.receipts.map(({ action }) => (action.kind === 'text' ? action.text : ''))).to.deep.equal([
      'first',
      'second',
    ]);
    expect([...seen].sort()).to.deep.equal(['first', 'second']);
  });

  it('answers equal requests twice: a person may say the same thing twice', async () => {
    await started(echo);
    for (let n = 0; n < 2; n++) {
      expect(saidIn((await desk.post(request('message', { body: 'yes' }))).body)).to.deep.equal(['you said yes']);
    }
  });

  it('makes two events of a start with a text', async () => {
    const seen: string[] = [];
    await started((event) => {
      seen.push(event.kind);
      return text(event.kind);
    });
    const answer = await desk.post(request('start', { body: 'hi' }, 'chatbot::1:bb', 'whatsapp_business'));
    expect(saidIn(answer.body)).to.deep.equal(['started', 'message']);
    expect(settled()).to.deep.equal({ handled: 2 });
  });

  it('answers 503 when the handler failed before anything was said, and 200 after', async () => {
    await started(({ kind }) =>
      kind === 'started'
        ? throwError(() => new Error('no'))
        : concat(
            of(text('well')),
            throwError(() => new Error('no')),
          ),
    );
    expect(await desk.post(request('start'))).to.include({ status: 503 });
    expect(saidIn((await desk.post(request('message', { body: 'x' }))).body)).to.deep.equal(['well']);
    expect(settled()).to.deep.equal({ failed: 2 });
  });

  it('goes by the API, in order, when the open request of a later event is to come again', async () => {
    const slow = new Subject<Reply>();
    const events: InboundEvent[] = [];
    await started(
      (event) => (event.kind === 'message' && event.text === 'slow' ? slow : throwError(() => new Error('no'))),
      (source) => source.pipe(filter((event) => events.push(event) > 0)),
    );
    expect(await desk.post(request('message', { body: 'slow' }))).to.include({ status: 200, text: '' });
    const failing = desk.post(request('message', { body: 'bad' }));
    await until(() => events.length === 2);
    for (const word of ['one', 'two', 'three']) slow.next(text(word));
    slow.complete();
    expect(await failing).to.include({ status: 503, text: '' });
    await until(() => desk.receipts.length === 3);
    expect(desk.receipts.every((receipt) => receipt.status === 'delivered' && receipt.via === 'api')).to.equal(true);
    expect(desk.calls.flatMap(({ body }) => saidIn(body))).to.deep.equal(['one', 'two', 'three']);
    expect(settled()).to.deep.equal({ handled: 1, failed: 1 });
  });

  it('goes by the API when the platform hangs up before the answer', async () => {
    await started(() => later(100, text('too late')));
    const { port } = new URL(desk.url);
    const call = httpRequest({ port, method: 'POST', headers: { 'api-security-token': HOOK_SECRET } });
    call.on('error', () => undefined);
    call.end(JSON.stringify(request('message', { body: 'x' })));
    await firstValueFrom(later(50, undefined));
    call.destroy();
    await until(() => desk.receipts.length === 1);
    expect(desk.receipts[0]?.status).to.equal('delivered');
    expect(desk.calls.map(({ body }) => saidIn(body))).to.deep.equal([['too late']]);
  });

  it('skips what has no meaning on the channel', async () => {
    await started(() => [{ kind: 'navigate', url: 'https://example.org' }, text('hi')]);
    const answer = await desk.post(request('message', { body: 'x' }, 'chatbot::1:cc', 'sms'));
    expect(saidIn(answer.body)).to.deep.equal(['hi']);
    expect(desk.receipts.find(({ action }) => action.kind === 'navigate')).to.include({
      status: 'skipped',
      reason: 'unsupported',
    });
    expect(settled()).to.deep.equal({ handled: 1 });
  });

  it('puts what ends the session last', async () => {
    await started(() => [end(), text('bye')]);
    expect(saidIn((await desk.post(request('message', { body: 'x' }))).body)).to.deep.equal(['bye', 'end']);
    await desk.stop();
    await started(() => [handoff(), text('a colleague comes')]);
    expect(saidIn((await desk.post(request('message', { body: 'x' }))).body)).to.deep.equal([
      'a colleague comes',
      'forward_any',
    ]);
  });

  it('speaks first: an action from a stored conversation, without an event', async () => {
    await started(echo);
    desk.actions.next({
      kind: 'text',
      id: 'own',
      conversation: { platform: 'userlike', id: 'chatbot::1:aa', channel: 'web' },
      text: 'Your bicycle is ready.',
    });
    await until(() => desk.receipts.length === 1);
    expect(desk.calls.map(({ body }) => saidIn(body))).to.deep.equal([['Your bicycle is ready.']]);
  });

  it('coalesces what waits of a session into one list, and repeats what was throttled', async () => {
    await started(echo);
    desk.answer = (response, n) => (n === 1 ? response.writeHead(429, { 'retry-after': '0' }).end() : response.end());
    for (let n = 0; n < 10; n++) {
      desk.actions.next({
        kind: 'text',
        id: `own${n}`,
        conversation: { platform: 'userlike', id: 'chatbot::1:aa', channel: 'web' },
        text: String(n),
      });
    }
    await until(() => desk.receipts.length === 10);
    expect(desk.calls.map(({ body }) => saidIn(body).join(''))).to.deep.equal(['0', '0123456789']);
    expect(desk.receipts.every(({ status }) => status === 'delivered')).to.equal(true);
  });

  it('lets nothing fail with a file or an event of the platform that is refused', async () => {
    await started(echo);
    const conversation = { platform: 'userlike', id: 'chatbot::1:aa', channel: 'web' };
    desk.answer = (response, n) => {
      const isRefused = saidIn(desk.calls[n - 1]?.body).some((name) => name === 'brand_new' || name === 'media');
      response.writeHead(isRefused ? 400 : 200).end();
    };
    const says = (n: number): OutboundAction => ({ kind: 'text', id: `t${n}`, conversation, text: `${n}` });
    for (const action of [says(1), says(2)]) desk.actions.next(action);
    desk.actions.next({ kind: 'platform', id: 'p', conversation, name: 'brand_new', payload: {} });
    desk.actions.next(says(3));
    desk.actions.next({ kind: 'media', id: 'm', conversation, media: { url: 'https://example.org/a.png' } });
    desk.actions.next(says(4));
    await until(() => desk.receipts.length === 6);
    expect(desk.receipts.map(({ action, status }) => `${action.id} ${status}`)).to.deep.equal([
      't1 delivered',
      't2 delivered',
      'p failed',
      't3 delivered',
      'm failed',
      't4 delivered',
    ]);
  });

  it('fails at once after the token was refused, and resumes with another', async () => {
    await started(echo);
    desk.answer = (response, n) => response.writeHead(n === 1 ? 401 : 200).end();
    let token = 'old';
    const client = userlikeClient({
      url: `http://127.0.0.1:${new URL(desk.url).port}`,
      token: () => token,
      fetch: (_, options) => {
        const given = new Headers(options?.headers).get('security-token');
        return Promise.resolve(new Response(null, { status: given === 'old' ? 401 : 200 }));
      },
    });
    const status: string[] = [];
    client.status$.subscribe((value) => status.push(value));
    const wire = { info: { cid: 'c' }, packet: { name: 'message', payload: { body: 'x' } } };
    const kind = async (): Promise<string> =>
      firstValueFrom(client.send([wire])).then(
        () => 'sent',
        (error: unknown) => (error as { kind: string }).kind,
      );
    expect([await kind(), await kind()]).to.deep.equal(['unauthorized', 'unauthorized']);
    token = 'new';
    expect(await kind()).to.equal('sent');
    expect(status).to.deep.equal(['unauthorized', 'authorized']);
  });

  it('refuses what is no webhook request, and counts it', async () => {
    const seen: InboundEvent[] = [];
    await started((event) => {
      seen.push(event);
      return undefined;
    });
    const good = JSON.stringify(request('start'));
    expect(await desk.post(good, { 'api-security-token': 'wrong' })).to.include({
      status: 401,
      text: '{"error":"unauthorized"}',
    });
    expect((await fetch(desk.url, { headers: { 'api-security-token': HOOK_SECRET } })).status).to.equal(405);
    expect(await desk.post(good, { 'content-type': 'text/xml' })).to.include({ status: 415 });
    expect(await desk.post('{"info":')).to.include({ status: 400 });
    expect(await desk.post('x'.repeat(1_048_577))).to.include({ status: 413 });
    expect(desk.accounts.counts()).to.include({ refused: 5, received: 0 });
    expect(await desk.post({ info: {} })).to.include({ status: 400 });
    expect(await desk.post(request('message', {}))).to.include({ status: 400 });
    expect(seen.map(({ kind }) => kind)).to.deep.equal(['undecodable', 'undecodable']);
    expect(await desk.post(request('brand_new'))).to.include({ status: 200 });
    expect(await desk.post(good, { 'content-type': 'text/plain; charset=utf-8' })).to.include({ status: 200 });
  });

  it('answers 400 to a payload that is nested without end, and goes on', async () => {
    await started(echo);
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const body = JSON.stringify(request('message', { body: 'x' })).replace('"body":"x"', `"body":"x","deep":${deep}`);
    expect(await desk.post(body)).to.include({ status: 400 });
    expect(saidIn((await desk.post(request('message', { body: 'y' }))).body)).to.deep.equal(['you said y']);
  });

  it('refuses an empty secret, which everybody would know', () => {
    expect(() => userlikeWebhook({ headers: { 'API-SECURITY-TOKEN': '' } })).to.throw(TypeError, 'header is empty');
  });

  it('sends nothing more after it was unsubscribed', async () => {
    const clock = virtualClock();
    const sent: unknown[] = [];
    const client = { send: (events: unknown) => (sent.push(events), NEVER), status$: NEVER };
    const actions = new Subject<OutboundAction>();
    const sink = toUserlike({ client: client as never, limit: 1, scheduler: clock });
    const running = actions.pipe(sink).subscribe();
    const { conversation } = { conversation: { platform: 'userlike', id: 'c', channel: 'web' } };
    for (const id of ['1', '2', '3'])
      actions.next({ kind: 'media', id, conversation, media: { url: 'https://a.org/b' } });
    clock.advance(10);
    running.unsubscribe();
    clock.advance(300_000);
    expect(sent).to.have.length(1);
    await Promise.resolve();
  });

  it('keeps a serverless function alive until what comes by the API is settled', async () => {
    await started(() => concat(of(text('at once')), later(450, text('later'))));
    const kept: Promise<unknown>[] = [];
    const call = new Request('http://localhost', {
      method: 'POST',
      headers: { 'api-security-token': HOOK_SECRET, 'content-type': 'application/json' },
      body: JSON.stringify(request('message', { body: 'x' })),
    });
    const answer = await desk.webhook.fetch(call, { waitUntil: (work) => kept.push(work) });
    expect(saidIn(await answer.json())).to.deep.equal(['at once']);
    expect(desk.calls).to.have.length(0);
    await Promise.all(kept);
    expect(kept).to.have.length(1);
    expect(settled()).to.deep.equal({ handled: 1 });
    expect(desk.calls).to.have.length(1);
  });

  it('answers 408 when the body does not come', async () => {
    desk = await new WebhookDesk({ bodyTimeoutMs: 60 }).start(echo);
    const status = await new Promise<number | undefined>((resolve) => {
      const call = httpRequest({
        port: new URL(desk.url).port,
        method: 'POST',
        headers: { 'api-security-token': HOOK_SECRET, 'content-length': 100 },
      });
      call.on('response', (response) => {
        resolve(response.statusCode);
        call.destroy();
      });
      call.on('error', () => undefined);
      call.write('{');
    });
    expect(status).to.equal(408);
  });

  it('answers 503 with Retry-After when nobody is subscribed, too much is open, or it drains', async () => {
    desk = await new WebhookDesk({ maxPerConversation: 2 }).start(() => later(150, undefined));
    const answers = await Promise.all([1, 2, 3].map(async () => desk.post(request('message', { body: 'x' }))));
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 503]);
    expect(answers[2]?.headers.get('retry-after')).to.equal('1');
    expect(desk.accounts.counts().refused).to.equal(1);
    await desk.webhook.drain(1_000);
    expect(await desk.post(request('message', { body: 'x' }))).to.include({ status: 503 });
    const lonely = userlikeWebhook({ headers: { a: 'b' }, accounts: desk.accounts });
    const call = new Request('http://localhost', { method: 'POST', headers: { a: 'b' }, body: '{}' });
    expect((await lonely.fetch(call)).status).to.equal(503);
  });

  it('drains: what is open is answered and settled, nothing is lost', async () => {
    await started(() => later(100, text('still')));
    const open = desk.post(request('message', { body: 'x' }));
    await until(() => desk.accounts.counts().received === 1);
    expect(await desk.webhook.drain(2_000)).to.include({ inFlight: 0 });
    expect(saidIn((await open).body)).to.deep.equal([]);
    await until(() => desk.calls.length === 1);
    expect(settled()).to.deep.equal({ handled: 1 });
  });

  it('errors for a second subscriber', async () => {
    await started(echo);
    let error: unknown;
    fromUserlike({ webhook: desk.webhook }).subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(String(error)).to.equal('Error: fromUserlike: this webhook has a subscriber already; share() the stream');
  });

  it('answers an event that a plain filter dropped when the window is over', async () => {
    await started(echo, (events) => events.pipe(filter(() => false)));
    expect(await desk.post(request('start'))).to.include({ status: 200, text: '' });
    await until(() => desk.accounts.counts().inFlight === 0);
    expect(settled()).to.deep.equal({ ignored: 1 });
  });

  it('works in Express behind express.json(), in Fastify and in Hono', async () => {
    await started(echo);
    const hello = JSON.stringify(request('message', { body: 'x' }));
    const headers = { 'content-type': 'application/json', 'api-security-token': HOOK_SECRET };

    const app = express().use(express.json()).post('/hook', desk.webhook.node);
    const listening = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => listening.once('listening', resolve));
    const { port } = listening.address() as { port: number };
    const answer = await fetch(`http://127.0.0.1:${port}/hook`, { method: 'POST', headers, body: hello });
    expect(saidIn(await answer.json())).to.deep.equal(['you said x']);
    listening.close();

    const server = fastify();
    server.post('/hook', (incoming, reply) => {
      reply.hijack();
      desk.webhook.node(Object.assign(incoming.raw, { body: incoming.body }), reply.raw);
    });
    const address = await server.listen({ port: 0, host: '127.0.0.1' });
    const second = await fetch(`${address}/hook`, { method: 'POST', headers, body: hello });
    expect(saidIn(await second.json())).to.deep.equal(['you said x']);
    await server.close();

    const hono = new Hono().post('/hook', async (context) => desk.webhook.fetch(context.req.raw));
    const third = await hono.request('/hook', { method: 'POST', headers, body: hello });
    expect(saidIn(await third.json())).to.deep.equal(['you said x']);
    expect(
      (await hono.request('/hook', { method: 'POST', headers: { ...headers, 'api-security-token': '' }, body: hello }))
        .status,
    ).to.equal(401);
  });

  it('survives 5 000 mutated requests, and shows no token', async () => {
    const told: unknown[] = [];
    await started(echo);
    desk.accounts.reports$.subscribe((report) => told.push(report));
    const bodies = [...fixtures('userlike/inbound').values()];
    const next = random(7);
    const statuses = new Map<number, number>();
    for (let n = 0; n < 5_000; n += 50) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, async (_, i) => desk.post(mutate(bodies[(n + i) % bodies.length], next))),
      );
      for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses.keys()].sort()).to.deep.equal([200, 400]);
    expect(statuses.get(400)).to.be.greaterThan(100);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
    const shown =
      inspect([told, desk.receipts, desk.webhook, desk.accounts], { depth: 8, showHidden: true }) +
      JSON.stringify(told);
    expect(shown).not.to.include(API_SECRET);
  }).timeout(60_000);
});

describe('toUserlike', () => {
  it('refuses what its parts refuse', () => {
    expect(() => userlikeClient({ url: 'ftp://x', token: 't' })).to.throw(
      TypeError,
      'url must be an http or https address',
    );
    for (const token of ['', 'a\nb', undefined as never])
      expect(() => userlikeClient({ url: 'http://127.0.0.1', token })).to.throw(TypeError, 'token is empty');
    for (const config of [{ headers: {} }, {} as never])
      expect(() => userlikeWebhook(config)).to.throw(TypeError, 'at least one secret header is needed');
    const client = userlikeClient({ url: 'http://127.0.0.1', token: 't' });
    expect(() => toUserlike({ client, limit: 0 })).to.throw(RangeError, 'limit must be at least 1');
    expect(() => toUserlike({ client, webhook: {} as never })).to.throw(
      TypeError,
      'make the webhook with userlikeWebhook()',
    );
  });

  it('asks nobody with a token that is none', () => {
    const fetch = () => expect.fail('it asked');
    const client = userlikeClient({ url: 'http://127.0.0.1', token: () => '', fetch });
    let error: unknown;
    client.send([]).subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(error).to.deep.include({ kind: 'unauthorized', reason: 'badToken', inDoubt: false });
  });

  describe('while an answer is being written', () => {
    const said = (id: string): OutboundAction => ({
      kind: 'text',
      id,
      conversation: { platform: 'userlike', id: 'chatbot::1:aa', channel: 'web' },
      text: id,
    });
    /** A webhook whose answers are out when a spec says so, what the API gets, and who says what. */
    const writing = () => {
      const clock = virtualClock();
      const accounts = openAccounts({ scheduler: clock });
      const webhook = userlikeWebhook({ headers: { 'api-security-token': HOOK_SECRET }, accounts, scheduler: clock });
      const calls: string[] = [];
      const receipts: string[] = [];
      const actions = new Subject<OutboundAction>();
      const client: UserlikeClient = {
        send: (events) => {
          calls.push(...saidIn(events));
          return of(undefined);
        },
        download: () => EMPTY,
        status$: EMPTY,
      };
      const running = merge(fromUserlike({ webhook }).pipe(react(() => NEVER)), actions)
        .pipe(toUserlike({ client, webhook, scheduler: clock }))
        .subscribe(({ action: { id }, status }) => receipts.push(`${id} ${status}`));
      const headers: Record<string, string> = { 'api-security-token': HOOK_SECRET, 'content-type': 'application/json' };
      const post = (): { answered: boolean; out: (whole: boolean) => void } => {
        const answer = { answered: false, out: (_: boolean): void => undefined };
        receiverOf(webhook).receive(
          request('message', { body: 'x' }),
          { method: 'POST', url: '/', header: (name) => headers[name] },
          (_, out) => {
            Object.assign(answer, { answered: true, out });
          },
        );
        return answer;
      };
      const say = (id: string): void => {
        const account = accounts.of('desk');
        const action = said(id);
        const trace = account.open(action);
        actions.next(action);
        trace.release(account);
      };
      return { clock, accounts, calls, receipts, running, post, say };
    };

    it('lets no call overtake it', () => {
      const { clock, calls, receipts, post, say } = writing();
      const answer = post();
      say('first');
      clock.advance(5_000);
      say('second');
      expect([answer.answered, calls]).to.deep.equal([true, []]);
      answer.out(true);
      expect(calls).to.deep.equal(['second']);
      expect(receipts).to.deep.equal(['first delivered', 'second delivered']);
    });

    it('lets no answer of a later request overtake it', () => {
      const { clock, calls, receipts, post, say } = writing();
      const answer = post();
      say('first');
      clock.advance(5_000);
      const later = post();
      say('second');
      clock.advance(5_000);
      expect([later.answered, calls]).to.deep.equal([true, []]);
      answer.out(false);
      later.out(true);
      expect(calls).to.deep.equal(['second']);
      expect(receipts).to.deep.equal(['first unknown', 'second delivered']);
    });

    it('lets go of what waits behind it when it is unsubscribed', () => {
      const { clock, accounts, calls, running, post, say } = writing();
      const answer = post();
      say('first');
      clock.advance(5_000);
      say('second');
      running.unsubscribe();
      answer.out(true);
      expect(calls).to.deep.equal([]);
      expect(accounts.bySource().get('desk')?.outcomes).to.include({ handled: 1, failed: 1 });
    });
  });
});
