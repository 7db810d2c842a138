import { expect } from 'chai';
import type { ChatError } from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import { trueconfClient, type TrueconfClient, type TrueconfClientOptions } from 'tidewire/trueconf';
import { HandServer, TOKEN } from './hand-server.js';

describe('trueconfClient, the name of its server', () => {
  let clock: VirtualClock;
  let server: HandServer;
  let client: TrueconfClient;

  const make = (more: TrueconfClientOptions = {}): TrueconfClient => {
    const { WebSocket, fetch } = server;
    const hand = { WebSocket, fetch, scheduler: clock, jitterMs: 0, lingerMs: 0, token: TOKEN };
    client = trueconfClient({ server: 'tc.example.org', ...hand, ...more });
    return client;
  };
  const named = () => Response.json({ product: { display_name: 'example.org' } });
  const away = () => new Response('', { status: 502 });
  const fetched = async (): Promise<void> => {
    for (let n = 0; n < 8; n++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(0);
  };
  const ask = () => {
    const result: { name?: string; error?: ChatError } = {};
    const subscription = client.serverName$.subscribe({
      next: (name) => (result.name = name),
      error: (thrown: unknown) => (result.error = thrown as ChatError),
    });
    return { result, subscription };
  };

  beforeEach(() => {
    clock = virtualClock();
    server = new HandServer();
    make();
  });
  afterEach(() => {
    client.close();
  });

  it('is asked for once, by one for all calls that wait for it', async () => {
    server.answers.push(named);
    const names: string[] = [];
    for (let n = 0; n < 3; n++)
      client.displayName('mira').subscribe({ next: (name) => names.push(name), error: () => undefined });
    await fetched();
    server.socket.welcome();
    expect(server.socket.calls('getUserDisplayName').map(({ payload }) => payload?.['userId'])).to.deep.equal(
      Array(3).fill('mira@example.org'),
    );
    server.socket.answerAll('getUserDisplayName', { displayName: 'Mira' });
    expect(names).to.deep.equal(['Mira', 'Mira', 'Mira']);
    expect(ask().result).to.deep.equal({ name: 'example.org' });
    expect(server.asked).to.deep.equal(['/api/v4/server']);
  });

  it('is waited for as long as a connection is, with pauses that grow', async () => {
    server.answers.push(away, away, away, named);
    const { result } = ask();
    await fetched();
    for (const pause of [1_000, 2_000, 4_000]) {
      const before = server.asked.length;
      clock.advance(pause - 1);
      await fetched();
      expect(server.asked).to.have.length(before);
      clock.advance(1);
      await fetched();
      expect(server.asked).to.have.length(before + 1);
    }
    expect(result).to.deep.equal({ name: 'example.org' });
    expect(server.asked).to.have.length(4);
  });

  it('is given up after waitMs, and asked for again by the next', async () => {
    make({ waitMs: 2_500 });
    server.answers.push(away, away, named);
    const { result } = ask();
    await fetched();
    clock.advance(1_000);
    await fetched();
    expect(result.error).to.include({ kind: 'unreachable', status: 502 });
    const next = ask();
    await fetched();
    expect(next.result).to.deep.equal({ name: 'example.org' });
  });

  it('is not waited for where there is none', async () => {
    for (const [answer, kind] of [
      [() => new Response('', { status: 404 }), 'refused'],
      [() => Response.json({}), 'undecodable'],
    ] as const) {
      server.answers.push(answer);
      const { result } = ask();
      await fetched();
      expect(result.error).to.include({ kind });
    }
  });

  it('is asked for no longer when nobody waits, or the client is closed', async () => {
    server.answers.push(away, away);
    const { subscription } = ask();
    await fetched();
    subscription.unsubscribe();
    expect(clock.actions.length).to.equal(0);
    const { result } = ask();
    await fetched();
    client.close();
    expect(result.error).to.include({ kind: 'unreachable', retryable: false });
    expect(clock.actions.length).to.equal(0);
    expect(ask().result.error).to.equal(result.error);
    expect(server.asked).to.have.length(2);
  });
});
