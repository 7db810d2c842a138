import { expect } from 'chai';
import { firstValueFrom, Subject } from 'rxjs';
import { text, type InboundEvent } from 'tidewire';
import { lmdbQueue, type LmdbQueueConfig } from 'tidewire/lmdb';
import type { DeadLetter, Queue, QueueCounts } from 'tidewire/queue';
import { eventually } from '../../support/eventually.js';
import { OverloadDesk, SlowQueue } from '../../support/overload-desk.js';
import { Temporary } from '../../support/temporary.js';

const echo = (event: InboundEvent) => (event.kind === 'message' ? text(`re: ${event.text}`) : undefined);
const numbers = (count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(index + from));

describe('a queue between a webhook and a platform', function () {
  const temporary = new Temporary();
  const desks: OverloadDesk[] = [];
  afterEach(async () => {
    for (const desk of desks.splice(0)) await desk.stop();
    await temporary.clear();
  });
  const durable = (config: Partial<LmdbQueueConfig> = {}): Queue<InboundEvent> =>
    lmdbQueue({ file: temporary.file(), name: 'in', ...config, holds: 'events' });
  const open = async (...args: ConstructorParameters<typeof OverloadDesk>): Promise<OverloadDesk> => {
    const desk = new OverloadDesk(...args);
    desks.push(desk);
    return desk.start();
  };
  const counts = async (queue: Queue<InboundEvent>) => firstValueFrom(queue.counts());
  const letters = async (queue: Queue<InboundEvent>) => firstValueFrom(queue.letters());
  const whenCounts = async (
    queue: Queue<InboundEvent>,
    isSo: (counts: QueueCounts) => boolean,
  ): Promise<QueueCounts> => {
    let now = await counts(queue);
    // The queue answers at once.
    const look = (): boolean => {
      queue.counts().subscribe((found) => (now = found));
      return isSo(now);
    };
    await eventually('the queue says so', look, { state: () => now });
    return now;
  };
  const parked = async (queue: Queue<InboundEvent>): Promise<readonly DeadLetter<InboundEvent>[]> => {
    await whenCounts(queue, (now) => now.letters > 0);
    return letters(queue);
  };

  describe('a message that keeps failing', () => {
    const poisoned = (event: InboundEvent) => {
      if (event.kind === 'message' && event.text === 'poison') throw new Error('the handler does not like it');
      return echo(event);
    };
    const limits = { attempts: 3, forMs: 0 };

    it('is parked with its reason, and its conversation goes on', async () => {
      const queue = durable();
      const desk = await open(queue);
      const kim = desk.simulator.contact('Kim', 'web');
      await kim.open();
      await kim.say('poison');
      desk.consume(poisoned, limits);
      await eventually('it is parked', () => desk.handled.filter((what) => what === 'poison').length === 3);
      await kim.say('hello');
      await eventually('she is answered', () => kim.sees().includes('re: hello'));
      await eventually('all is settled', () => desk.accounts.counts().inFlight === 0);
      const [letter, ...others] = await parked(queue);
      expect(others).to.deep.equal([]);
      expect(letter).to.deep.include({ outcome: 'failed', touched: false, attempts: 3, holds: false });
      expect(letter?.item).to.deep.include({ kind: 'message', text: 'poison' });
      expect(letter?.reason).to.equal('Error: the handler does not like it');
      await whenCounts(queue, ({ waiting, letters: all }) => waiting === 0 && all === 1);
      expect(desk.balances).to.equal(true);
    });

    it('is tried for a time too, however many attempts that takes', async () => {
      const queue = durable();
      const desk = await open(queue);
      const kim = desk.simulator.contact('Kim', 'web');
      await kim.say('poison');
      desk.consume(poisoned, { attempts: 2, forMs: 150 });
      const [letter] = await parked(queue);
      expect(letter?.attempts).to.be.at.least(2);
      expect(Date.parse(letter?.parkedAt ?? '') - Date.parse(letter?.addedAt ?? '')).to.be.at.least(150);
    });

    it('holds up its conversation alone, if that is to wait, until somebody decides', async () => {
      const queue = durable();
      const desk = await open(queue);
      const [kim, lea] = ['Kim', 'Lea'].map((name) => desk.simulator.contact(name, 'web')) as [Contact, Contact];
      for (const said of ['poison', 'one', 'two']) await kim.say(said);
      desk.consume(poisoned, { ...limits, onPoison: 'wait' });
      await lea.say('hello');
      await eventually('Lea is answered', () => lea.sees().includes('re: hello'));
      await eventually('it was tried', () => desk.handled.filter((what) => what === 'poison').length === 3);
      const found = await parked(queue);
      expect(found[0]).to.include({ holds: true });
      expect(await counts(queue)).to.include({ waiting: 2, letters: 1 });
      expect(kim.sees()).to.deep.equal([]);
      await firstValueFrom(queue.drop(found[0]?.letter ?? 0));
      await eventually('Kim is answered', () => kim.sees().includes('re: two'));
      expect(kim.sees()).to.deep.equal(['re: one', 're: two']);
      expect(desk.balances).to.equal(true);
    });
  });

  it('sheds a flood at the door: what got 200 is handled, what did not was told when to come again', async () => {
    const slow = new SlowQueue(durable());
    const desk = await open(slow.queue, { maxInFlight: 40, maxPerConversation: 5 });
    const said = numbers(100);
    const answers = said.map(async (body) => ({ body, ...(await desk.post(body, `s${Number(body) % 20}`)) }));
    await eventually('the rest is refused', () => desk.accounts.counts().refused === 60);
    expect(desk.accounts.counts()).to.include({ received: 40, inFlight: 40 });
    slow.open();
    const told = await Promise.all(answers);
    const accepted = told.filter(({ status }) => status === 200).map(({ body }) => body);
    expect(accepted).to.have.length(40);
    expect(
      told.filter(({ status }) => status !== 200).map(({ status, retryAfter }) => [status, retryAfter]),
    ).to.deep.equal(Array.from({ length: 60 }, () => [503, '1']));
    let most = 0;
    desk.consume(
      () => {
        most = Math.max(most, desk.accounts.bySource().get('queue:in')?.inFlight ?? 0);
        return undefined;
      },
      { maxInFlight: 7 },
    );
    await eventually('all is handled', () => desk.handled.length === 40);
    expect(desk.handled.map(Number).sort((a, b) => a - b)).to.deep.equal(accepted.map(Number).sort((a, b) => a - b));
    expect(most).to.be.at.most(7);
    expect(desk.balances).to.equal(true);
  });

  it('has at most so many of one conversation open, and others come in', async () => {
    const slow = new SlowQueue(durable());
    const desk = await open(slow.queue, { maxPerConversation: 3 });
    const loud = numbers(10).map(async (body) => desk.post(body, 'loud'));
    await eventually('the rest of it is refused', () => desk.accounts.counts().refused === 7);
    const other = desk.post('hello', 'other');
    await eventually('another is received', () => desk.accounts.counts().received === 4);
    slow.open();
    expect((await other).status).to.equal(200);
    expect((await Promise.all(loud)).filter(({ status }) => status === 200)).to.have.length(3);
  });

  it('says no when it is full, and takes more when there is room', async () => {
    const queue = durable({ maxItems: 10 });
    const desk = await open(queue);
    const refused: string[] = [];
    for (const body of numbers(15)) {
      const { status, retryAfter } = await desk.post(body, `s${body}`);
      if (status === 503 && retryAfter === '1') refused.push(body);
    }
    expect(refused).to.deep.equal(numbers(5, 11));
    // Received, and not accepted: nobody has it.
    expect(desk.outcomes('userlike')).to.deep.equal({ queued: 10, failed: 5 });
    desk.consume(() => undefined);
    await eventually('there is room', () => desk.accounts.bySource().get('queue:in')?.outcomes.handled === 10);
    await whenCounts(queue, ({ waiting }) => waiting === 0);
    for (const body of refused) expect((await desk.post(body, `s${body}`)).status).to.equal(200);
    await eventually('all is handled', () => desk.handled.length === 15);
    expect(desk.handled.map(Number).sort((a, b) => a - b)).to.deep.equal(numbers(15).map(Number));
    expect(desk.balances).to.equal(true);
  });

  it('keeps what comes in while the platform is down, in bounded memory, and sends it in order afterwards', async () => {
    const queue = durable();
    const desk = await open(queue);
    desk.simulator.faults.throttle = Infinity;
    const contacts = ['Kim', 'Lea', 'Ana'].map((name) => desk.simulator.contact(name, 'web'));
    desk.consume(echo, { maxInFlight: 8, perKey: 4 });
    const said = numbers(20);
    for (const contact of contacts) for (const body of said) await contact.say(body);
    expect(desk.accounts.bySource().get('queue:in')?.inFlight).to.equal(8);
    // What nothing is sent for is done: `started` of some.
    const { waiting } = await whenCounts(queue, ({ inFlight }) => inFlight === 8);
    expect(waiting).to.be.within(60, 63);
    desk.simulator.faults.throttle = 0;
    const seen = said.map((body) => `re: ${body}`);
    await eventually('all are answered', () => contacts.every((contact) => contact.sees().length >= seen.length), {
      state: () => contacts.map((contact) => contact.sees().length),
    });
    expect(contacts.map((contact) => contact.sees())).to.deep.equal([seen, seen, seen]);
    await eventually('all is settled', () => desk.accounts.counts().inFlight === 0);
    expect(await letters(queue)).to.deep.equal([]);
    expect(desk.outcomes('queue:in')).to.deep.equal({ handled: 63 });
    expect(desk.balances).to.equal(true);
  });

  it('drains: what is open is settled, what is not waits for the next run, and all of it is accounted for', async () => {
    const file = temporary.file();
    const queue = lmdbQueue({ file, name: 'in' });
    const desk = await open(queue);
    const until = new Subject<void>();
    const hung = new Subject<never>();
    const [kim, lea] = ['Kim', 'Lea'].map((name) => desk.simulator.contact(name, 'web')) as [Contact, Contact];
    for (const body of numbers(4)) await kim.say(body);
    await lea.say('hang');
    const running = desk.consume((event) => (event.kind === 'message' && event.text === 'hang' ? hung : echo(event)), {
      perKey: 2,
      until,
    });
    await eventually('it hangs', () => desk.handled.includes('hang'));
    until.next();
    const accepted = await desk.webhook.drain(10_000);
    expect(accepted).to.include({ received: 7, inFlight: 0 });
    // Who comes now is told to come again.
    expect(await desk.post('late')).to.deep.equal({ status: 503, retryAfter: '1' });
    const told = await desk.accounts.drain(100);
    expect(told.inFlight).to.equal(1);
    const handledOnce = [...kim.sees()];
    running.unsubscribe();
    expect(desk.accounts.counts().inFlight).to.equal(0);
    expect(desk.balances).to.equal(true);
    const { received, outcomes } = desk.accounts.bySource().get('queue:in') ?? {
      received: 0,
      outcomes: { handled: -1 },
    };
    const left = await whenCounts(queue, ({ inFlight }) => inFlight === 0);
    // What hung goes back; nothing of it went out.
    expect(left).to.include({ waiting: 7 - outcomes.handled, letters: 0 });
    expect(received).to.equal(outcomes.handled + 1);
    desk.consume(echo);
    await eventually('the rest is handled', () => lea.sees().includes('re: hang') && kim.sees().length === 4);
    expect(kim.sees().slice(0, handledOnce.length)).to.deep.equal(handledOnce);
    expect(kim.sees()).to.deep.equal(numbers(4).map((body) => `re: ${body}`));
  });
});

type Contact = ReturnType<OverloadDesk['simulator']['contact']>;
