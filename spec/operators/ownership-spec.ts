import { expect } from 'chai';
import { defer, lastValueFrom, timer, mergeMap, type Observable } from 'rxjs';
import { memoryStore, ownership, type Conversation, type OutboundAction, type Owner, type Store } from 'tidewire';
import { virtualClock } from 'tidewire/testing';

const conversation: Conversation = { platform: 'desk', id: 'c', channel: 'web' };
const text = (id: string): OutboundAction => ({ kind: 'text', id, conversation, text: 'hi' });
const handoff = (id: string): OutboundAction => ({ kind: 'handoff', id, conversation, to: { kind: 'any' } });
const now = <T>(asked: Observable<T>): T => {
  const got: T[] = [];
  asked.subscribe((value) => got.push(value));
  return got[0] as T;
};

describe('ownership', () => {
  it('belongs to the bot until it is handed over, by one action', () => {
    const desk = ownership();
    expect(now(desk.ownerOf(conversation))).to.equal('bot');
    expect(now(desk.handOver(conversation, 'h1'))).to.equal(true);
    expect(now(desk.handOver(conversation, 'h2'))).to.equal(false);
    expect(now(desk.handOver(conversation, 'h1'))).to.equal(true);
    expect(now(desk.ownerOf(conversation))).to.equal('queue');
    now(desk.taken(conversation));
    expect(now(desk.ownerOf(conversation))).to.equal('human');
    now(desk.returnToBot(conversation));
    expect(now(desk.ownerOf(conversation))).to.equal('bot');
  });

  it('mutes everything but the handoff itself, its parts, and what the customer does not notice', () => {
    const desk = ownership();
    expect(desk.mutesNow(text('t'))).to.equal(false);
    now(desk.handOver(conversation, 'h1'));
    const actions = [text('t'), handoff('h2'), handoff('h1'), handoff('h1/1')];
    expect(actions.map((action) => desk.mutesNow(action))).to.deep.equal([true, true, false, false]);
    expect(actions.map((action) => now(desk.mutes(action)))).to.deep.equal([true, true, false, false]);
    expect(desk.mutesNow({ kind: 'note', id: 'n', conversation, text: 'for you' })).to.equal(false);
    expect(desk.mutesNow({ ...text('t'), conversation: { ...conversation, id: 'other' } })).to.equal(false);
  });

  it('lets what a person says pass, whoever answers', () => {
    const desk = ownership();
    const said: readonly OutboundAction[] = [
      { ...text('t'), by: 'human' },
      { kind: 'end', id: 'e', conversation, by: 'human' },
    ];
    for (const owner of ['bot', 'human']) {
      if (owner === 'human') now(desk.taken(conversation));
      expect(said.map((action) => desk.mutesNow(action))).to.deep.equal([false, false]);
      expect(said.map((action) => now(desk.mutes(action)))).to.deep.equal([false, false]);
    }
  });

  it('forgets an owner that nobody ends, and counts from the last event', () => {
    const scheduler = virtualClock();
    const desk = ownership({ scheduler, idleMs: 1_000 });
    now(desk.handOver(conversation, 'h1'));
    scheduler.advance(900);
    expect(now(desk.touch(conversation))).to.equal('queue');
    scheduler.advance(900);
    expect(desk.touchNow?.(conversation)).to.equal('queue');
    scheduler.advance(999);
    expect(now(desk.ownerOf(conversation))).to.equal('queue');
    scheduler.advance(1);
    expect(now(desk.ownerOf(conversation))).to.equal('bot');
  });

  it('lets other processes see it through a store, and remembers what a remote one said', async () => {
    const scheduler = virtualClock();
    const local = memoryStore({ scheduler });
    const far = <T>(call: () => Observable<T>): Observable<T> => defer(() => timer(1).pipe(mergeMap(call)));
    const store: Store = {
      get: (key) => far(() => local.get(key)),
      put: (key, value, options) => far(() => local.put(key, value, options)),
      delete: (key, options) => far(() => local.delete(key, options)),
      scan: (prefix) => far(() => local.scan(prefix)),
      forget: (prefix) => far(() => local.forget(prefix)),
    };
    const [one, other] = [ownership({ store }), ownership({ store })];
    expect(one.touchNow).to.equal(undefined);
    const won = await Promise.all(
      [one, other].map(async (desk, n) => lastValueFrom(desk.handOver(conversation, `h${n}`))),
    );
    expect([...won].sort()).to.deep.equal([false, true]);
    expect(await lastValueFrom(other.mutes(text('t')))).to.equal(true);
    expect(other.mutesNow(text('t'))).to.equal(true);
    await lastValueFrom(one.returnToBot(conversation));
    expect(one.mutesNow(text('t'))).to.equal(false);
    expect(await lastValueFrom(other.touch(conversation))).to.equal('bot');
    expect(other.mutesNow(text('t'))).to.equal(false);
  });

  it('tells of its changes', () => {
    const desk = ownership();
    const seen: Owner[] = [];
    desk.changes$.subscribe(({ owner }) => seen.push(owner));
    now(desk.handOver(conversation, 'h1'));
    now(desk.handOver(conversation, 'h1'));
    now(desk.taken(conversation));
    now(desk.returnToBot(conversation));
    now(desk.returnToBot(conversation));
    expect(seen).to.deep.equal(['queue', 'human', 'bot']);
  });

  it('neither passes over nor overwrites what a later version wrote', () => {
    const store = memoryStore();
    const desk = ownership({ store });
    store.sync.put('of/7/desk::c/9/ownership/', { shape: 2, owner: 'somebody' });
    for (const asked of [desk.ownerOf(conversation), desk.handOver(conversation, 'h1'), desk.mutes(text('t'))]) {
      let error: unknown;
      (asked as Observable<unknown>).subscribe({ error: (thrown: unknown) => (error = thrown) });
      expect(error).to.include({ kind: 'undecodable' });
    }
    expect(desk.mutesNow(text('t'))).to.equal(true);
    expect(desk.touchNow?.(conversation)).to.equal('human');
    expect(store.sync.get('of/7/desk::c/9/ownership/')?.value).to.deep.equal({ shape: 2, owner: 'somebody' });
  });

  it('sets several in one store apart, and refuses a time that is none', () => {
    const store = memoryStore();
    const [one, other] = [ownership({ store }), ownership({ store, name: 'night' })];
    now(one.handOver(conversation, 'h1'));
    expect(now(other.ownerOf(conversation))).to.equal('bot');
    expect(() => ownership({ idleMs: 0 })).to.throw(RangeError, 'ownership: idleMs must be above 0, got 0');
  });
});
