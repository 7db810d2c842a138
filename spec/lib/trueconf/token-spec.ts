import { expect } from 'chai';
import type { ChatError } from 'tidewire';
import { virtualClock, type VirtualClock } from 'tidewire/testing';
import {
  trueconfClient,
  type TrueconfClient,
  type TrueconfClientOptions,
  type TrueconfCredentials,
  type TrueconfStatus,
} from 'tidewire/trueconf';
import type { Subscription } from 'rxjs';
import { HandServer, TOKEN } from './hand-server.js';

const LOGIN = { username: 'opsbot', password: 's3cret-42' } as const;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('trueconfClient, its tokens', () => {
  let clock: VirtualClock;
  let server: HandServer;
  let client: TrueconfClient | undefined;
  let statuses: TrueconfStatus[] = [];
  let ended: ChatError | undefined;

  const make = (by: TrueconfCredentials, more: TrueconfClientOptions = {}): Subscription => {
    const { WebSocket, fetch } = server;
    const hand = { WebSocket, fetch, scheduler: clock, jitterMs: 0, lingerMs: 0, pingMs: 20 * DAY };
    client = trueconfClient({ server: 'tc.example.org', ...hand, ...more, ...by });
    statuses = [];
    ended = undefined;
    client.status$.subscribe((status) => statuses.push(status));
    return client.deliveries$.subscribe({ error: (thrown: unknown) => (ended = thrown as ChatError) });
  };
  const fetched = async (): Promise<void> => {
    for (let n = 0; n < 8; n++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(0);
  };
  const failures = (): readonly ChatError[] =>
    statuses.flatMap((status) => (status.kind === 'reconnecting' ? [status.error] : []));
  /** Waits out the last pause. */
  const pause = async (): Promise<void> => {
    const last = statuses.at(-1);
    clock.advance(last?.kind === 'reconnecting' ? last.delayMs : 0);
    await fetched();
  };
  const status = (code: number) => () => new Response('{}', { status: code });

  beforeEach(() => {
    clock = virtualClock();
    server = new HandServer();
  });
  afterEach(() => {
    client?.close();
    client = undefined;
  });

  it('need a name and a password: anything else is refused at the call', () => {
    const { username } = LOGIN;
    for (const by of [
      {},
      { username },
      { username, password: undefined },
      { username, password: '' },
      { username, password: 42 },
      { username: '', password: 'x' },
      { username: 7, password: 'x' },
      { password: 'x' },
      { token: null },
    ])
      expect(() => trueconfClient({ server: 's', ...by } as never), JSON.stringify(by)).to.throw(TypeError);
    expect(() => trueconfClient({ server: 's', username, password: () => '' })).not.to.throw();
  });

  for (const what of ['password', 'token'] as const)
    it(`are waited for when the source of the ${what} fails for a moment`, async () => {
      let asked = 0;
      const source = (): string => {
        asked++;
        if (asked === 1) throw new Error('s3cret-42 is in the vault, which is restarting');
        return asked < 5 ? '' : what === 'token' ? TOKEN : 's3cret-42';
      };
      make(what === 'token' ? { token: source } : { username: 'opsbot', password: source });
      await fetched();
      for (let n = 0; n < 4; n++) await pause();
      server.socket.welcome();
      expect(ended).to.equal(undefined);
      expect(failures().map(({ kind, reason }) => `${kind} ${reason}`)).to.deep.equal(
        Array(4).fill('unreachable noSecret'),
      );
      expect(statuses.flatMap((it) => (it.kind === 'reconnecting' ? [it.delayMs] : []))).to.deep.equal([
        1_000, 2_000, 4_000, 8_000,
      ]);
      expect(JSON.stringify(failures())).not.to.include('vault');
    });

  it('are given up for refusals in a row, not for those that something else was between', async () => {
    server.answers.push(...[401, 503, 401, 401, 500, 403, 401].map(status));
    make(LOGIN);
    await fetched();
    for (let n = 0; n < 7; n++) await pause();
    server.socket.welcome();
    expect(ended).to.equal(undefined);
    expect(server.asked).to.have.length(8);
    expect(failures().map((error) => error.status)).to.deep.equal([401, 503, 401, 401, 500, 403, 401]);
  });

  it('are given up for refusals in a row, not for those before one that was good', async () => {
    const good = () => Response.json({ access_token: 'opaque', expires_in: 1 });
    for (const last of [good, good, status(401)]) {
      server.answers.push(status(401), status(403), last);
      const subscription =
        client === undefined
          ? make(LOGIN)
          : client.deliveries$.subscribe({ error: (thrown: unknown) => (ended = thrown as ChatError) });
      await fetched();
      await pause();
      await pause();
      if (last !== good) break;
      server.socket.welcome();
      expect(ended).to.equal(undefined);
      // No longer used, and then too old.
      subscription.unsubscribe();
      clock.advance(1_000);
    }
    expect(ended).to.include({ kind: 'unauthorized', status: 401 });
  });

  it('are not given up when names are not found now and then', async () => {
    const nowhere = (): never => {
      throw Object.assign(new Error(), { code: 'ENOTFOUND' });
    };
    for (let n = 0; n < 3; n++) server.answers.push(nowhere, nowhere, nowhere, nowhere, status(502));
    make(LOGIN);
    await fetched();
    for (let n = 0; n < 15; n++) await pause();
    server.socket.welcome();
    expect(ended).to.equal(undefined);
  });

  describe('are used for new connections until it is time for another', () => {
    /** After how long a connection that is lost gets another token. */
    const renewedWithin = async (body: object, offsets: readonly number[], renewBeforeMs?: number) => {
      clock.advance(1_000_000_000);
      server.answers.push(() => Response.json(body));
      make(LOGIN, { reconnectMs: 0, ...(renewBeforeMs !== undefined && { renewBeforeMs }) });
      await fetched();
      server.socket.welcome();
      const begun = clock.now();
      const asked: number[] = [];
      for (const offset of offsets) {
        clock.advance(begun + offset - clock.now());
        server.socket.end();
        await pause();
        server.socket.welcome();
        asked.push(server.asked.length);
      }
      return asked;
    };
    const inSeconds = (ms: number): number => (1_000_000_000 + ms) / 1_000;
    const answer = { access_token: 'opaque' };

    for (const [name, more] of [
      ['expires_at', { expires_at: inSeconds(3 * HOUR) }],
      ['expires_at, as text', { expires_at: String(inSeconds(3 * HOUR)) }],
      ['expires_in', { expires_in: (3 * HOUR) / 1_000 }],
      ['the token itself', { access_token: `e30.${btoa(JSON.stringify({ exp: inSeconds(3 * HOUR) }))}.c2ln` }],
    ] as const)
      it(`an hour before ${name} says`, async () => {
        expect(await renewedWithin({ ...answer, ...more }, [2 * HOUR - 1, 2 * HOUR])).to.deep.equal([1, 2]);
      });

    it('as early as renewBeforeMs says', async () => {
      const body = { ...answer, expires_in: (3 * HOUR) / 1_000 };
      expect(await renewedWithin(body, [3 * HOUR - MINUTE - 1, 3 * HOUR - MINUTE], MINUTE)).to.deep.equal([1, 2]);
    });

    it('at half of a life that is short', async () => {
      const body = { ...answer, expires_in: 30 * 60 };
      expect(await renewedWithin(body, [15 * MINUTE - 1, 15 * MINUTE])).to.deep.equal([1, 2]);
    });

    it('an hour before the 30 days that one has which says nothing', async () => {
      // Longer than a timer, so in steps.
      expect(await renewedWithin(answer, [15 * DAY, 30 * DAY - HOUR - 1, 30 * DAY - HOUR])).to.deep.equal([1, 1, 2]);
    });
  });
});
