import { firstValueFrom, mergeMap, NEVER, Subject, type Observable } from 'rxjs';
import {
  choiceBook,
  conversationKey,
  dedupe,
  deliver,
  delivered,
  memoryStore,
  openAccounts,
  operatorSeat,
  ownership,
  react,
  text,
  type Conversation,
  type InboundEvent,
  type MessageEvent,
  type OutboundAction,
  type Store,
} from 'tidewire';
import { fluidtalkLedger } from 'tidewire/fluidtalk';
import { fromQueue, memoryQueue, type ForgetConfig, type Queue } from 'tidewire/queue';
import { openEngine } from '../../lib/lmdb/engine.js';

/** Everything that keeps something about a conversation, over one store. */
export class Keeping {
  readonly accounts = openAccounts();
  readonly inbox: Queue<InboundEvent>;
  readonly outbox: Queue<OutboundAction>;
  readonly store: Store;
  readonly ledger;
  readonly desk;
  readonly book;
  readonly seat;
  readonly #source = new Subject<InboundEvent>();
  readonly #running;

  constructor(
    store: Store = memoryStore(),
    inbox: Queue<InboundEvent> = memoryQueue(),
    outbox: Queue<OutboundAction> = memoryQueue<OutboundAction>(),
  ) {
    this.store = store;
    this.inbox = inbox;
    this.outbox = outbox;
    this.ledger = fluidtalkLedger({ store });
    this.desk = ownership({ store });
    this.book = choiceBook({ store });
    const conversation = { platform: 'group', id: 'team', channel: 'group' };
    this.seat = operatorSeat({ conversation, store });
    this.#running = this.#source
      .pipe(
        dedupe({ store, fingerprints: 'window' }),
        react(
          (event, state) => {
            if (event.kind !== 'message') return undefined;
            state.set(event.text);
            if (event.text.startsWith('fail')) throw new Error(event.text);
            return text(event.text);
          },
          { state: { initial: () => '', store } },
        ),
        deliver({ name: 'toDesk' }, (action) => delivered(action, '')),
      )
      .subscribe();
  }

  get config(): ForgetConfig {
    const { accounts, inbox, outbox, store, ledger } = this;
    return { accounts, queues: [inbox, outbox], stores: [store], ledgers: [ledger] };
  }

  /** Has something about a conversation kept everywhere; all of it has `mark` in it. */
  async fill(conversation: Conversation, mark: string): Promise<void> {
    const { inbox, outbox, desk, book, seat, ledger } = this;
    const base = { platform: conversation.platform, conversation, at: '2025-01-01T00:00:00.000Z', raw: { mark } };
    const said = (id: string, words: string): MessageEvent => ({
      ...base,
      kind: 'message',
      id: `${id}-${mark}`,
      text: words,
    });
    const done = async (call: Observable<unknown>): Promise<unknown> => firstValueFrom(call);
    const answer = (id: string): OutboundAction => ({ kind: 'text', id: `${id}-${mark}`, conversation, text: mark });
    // A dead letter, with what somebody wrote as its reason, and what waits.
    await done(inbox.add([said('dead', mark), said('waits', mark)]));
    const lease = inbox.lease({ perKey: 1 });
    await firstValueFrom(
      lease.pipe(
        mergeMap((leased) =>
          leased.item.id === `dead-${mark}`
            ? inbox.park(leased, { outcome: 'failed', touched: false, reason: mark })
            : NEVER,
        ),
      ),
    );
    await done(outbox.add([answer('a'), answer('b')]));
    await done(desk.handOver(conversation, `${mark}#1`));
    book.arm(conversation, { action: `${mark}#1`, options: [{ id: mark, label: mark }] });
    await done(seat.link([`heading-${mark}`], conversation));
    await done(seat.pair([`copy-${mark}`], conversation, [`theirs-${mark}`], 'customer'));
    const target = conversationKey(conversation);
    const claim = await firstValueFrom(ledger.begin(target, `event-${mark}`));
    if (claim.kind === 'claimed') await done(ledger.replied(claim.call, { bubbles: [mark] }));
    await done(ledger.claimFollowUp(target));
    await done(ledger.claimEvent(target, `other-${mark}`));
    this.deliver(said('one', mark));
    this.deliver({ ...said('two', mark), fingerprint: mark });
    this.deliver(said('three', `fail ${mark}`));
  }

  deliver(event: InboundEvent): void {
    const copy = { ...event };
    const account = this.accounts.of('desk');
    const trace = account.open(copy);
    this.#source.next(copy);
    trace.release(account);
  }

  /** What can be asked for of a mark: all of it as text. */
  async told(mark: string): Promise<string> {
    const ids = ['dead', 'waits', 'one', 'two', 'three'].map((id) => `${id}-${mark}`);
    const letters = await firstValueFrom(this.inbox.letters());
    const waiting = [await firstValueFrom(this.inbox.counts()), await firstValueFrom(this.outbox.counts())];
    return JSON.stringify({
      stored: await firstValueFrom(this.store.scan('')),
      explained: ids.map((id) => this.accounts.explain(id)),
      letters: letters.filter(({ item }) => item?.id.endsWith(mark)),
      waiting,
    });
  }

  /** Hands out what waits in the inbox, and leaves it open. */
  consume(seen: (event: InboundEvent) => void): { readonly unsubscribe: () => void } {
    return fromQueue(this.inbox, { accounts: this.accounts }).subscribe(seen);
  }

  end(): void {
    this.#running.unsubscribe();
  }
}

/** Every byte that the databases of a file have, keys and values, as text. */
export const everythingIn = async (data: string): Promise<string> => {
  const engine = openEngine(data, true);
  const all: Buffer[] = [];
  for (const name of engine.names()) {
    all.push(Buffer.from(name));
    // Whatever a key is: all of them are read as bytes.
    for (const { key, value } of engine.keyed(name).getRange({ start: Buffer.of(0) }))
      all.push(Buffer.from(key), value);
  }
  await engine.close();
  return Buffer.concat(all).toString('latin1');
};
