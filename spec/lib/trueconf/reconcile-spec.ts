import { expect } from 'chai';
import { concat, defaultIfEmpty, defer, firstValueFrom, lastValueFrom, NEVER, of, take, tap, toArray } from 'rxjs';
import { ChatError, memoryStore, unknown, type OutboundAction, type Receipt } from 'tidewire';
import { memoryQueue, outbox } from 'tidewire/queue';
import { trueconfSimulator, type TrueconfSimulator } from 'tidewire/simulators';
import { toTrueConf, trueconfClient, trueconfReconcile, type TrueconfClient } from 'tidewire/trueconf';

describe('trueconfReconcile', () => {
  let simulator: TrueconfSimulator;
  let client: TrueconfClient;
  let mira: ReturnType<TrueconfSimulator['user']>;
  let chat = '';
  beforeEach(async () => {
    simulator = await trueconfSimulator();
    client = trueconfClient({
      server: '127.0.0.1',
      port: simulator.port,
      secure: false,
      username: 'opsbot',
      password: 's3cret-42',
      lingerMs: 0,
      reconnectMs: 1,
      maxReconnectMs: 5,
      jitterMs: 0,
      requestTimeoutMs: 2_000,
    });
    mira = simulator.user('mira', { displayName: 'Mira Sample' });
    chat = mira.open();
    simulator.faults.request.only = ({ method }) => method === 'sendMessage';
  });
  afterEach(async () => {
    client.close();
    await simulator.close();
  });

  const say = (id: string, said = 'Your bicycle is ready.'): OutboundAction => ({
    kind: 'text',
    id,
    conversation: { platform: 'trueconf', id: chat, channel: 'trueconf' },
    text: said,
  });
  /** What became of actions that go out one after the other; before the last, the platform is told to misbehave. */
  const send = async (actions: readonly OutboundAction[], misbehave: () => void): Promise<readonly Receipt[]> => {
    let told = 0;
    const around = outbox(
      {
        queue: memoryQueue<OutboundAction>(),
        store: memoryStore(),
        reconcile: trueconfReconcile({ client, bot: 'opsbot', waitMs: 0 }),
        delayMs: 1,
      },
      (source) =>
        source.pipe(
          tap(() => {
            if (++told === actions.length) misbehave();
          }),
          toTrueConf({ client }),
        ),
    );
    return lastValueFrom(concat(of(...actions), NEVER).pipe(around, take(actions.length), toArray()));
  };
  const seen = (): readonly unknown[] => mira.sees();

  it('finds what had its effect although the answer was lost', async () => {
    const receipts = await send([say('a')], () => {
      simulator.faults.request.cutAfter = 1;
    });
    expect(receipts.map(({ status }) => status)).to.deep.equal(['delivered']);
    expect(receipts[0]).to.have.property('messageIds').that.has.length(1);
    expect(seen()).to.deep.equal(['Your bicycle is ready.']);
  });

  it('has sent again what had none, although the same was said a moment before', async () => {
    const receipts = await send([say('a'), say('b')], () => {
      simulator.faults.request.cutBefore = 1;
    });
    expect(receipts.map(({ status }) => status)).to.deep.equal(['delivered', 'delivered']);
    expect(seen()).to.deep.equal(['Your bicycle is ready.', 'Your bicycle is ready.']);
  });

  it('does not take what was said before for what was lost', async () => {
    const receipts = await send([say('a'), say('b')], () => {
      simulator.faults.request.cutAfter = 1;
    });
    const ids = receipts.flatMap((receipt) => (receipt.status === 'delivered' ? receipt.messageIds : []));
    expect(new Set(ids).size).to.equal(2);
    expect(seen()).to.have.length(2);
  });

  it('leaves in doubt what it cannot tell', async () => {
    await firstValueFrom(client.sendText(chat, 'Somebody of the same name says this.'));
    const reconcile = trueconfReconcile({ client, bot: 'opsbot', waitMs: 0 });
    const receipt = unknown(say('a'), '', new ChatError('timeout', 'trueconf', 'no answer', { inDoubt: true }));
    const before = { at: new Date().toISOString(), messageIds: of(new Set<string>()) };
    const ask = async (...args: Parameters<typeof reconcile>): Promise<unknown> =>
      firstValueFrom(defer(() => reconcile(...args)).pipe(defaultIfEmpty('nothing')));
    expect(await ask(receipt, before)).to.equal('nothing');
    expect(await ask(receipt)).to.equal('nothing');
    const later = { ...before, at: new Date(Date.now() + 120_000).toISOString() };
    expect(await ask(receipt, later)).to.equal('resend');
  });

  it('reads back edits and removals by their message', async () => {
    const { messageId } = await firstValueFrom(client.sendText(chat, 'first'));
    const reconcile = trueconfReconcile({ client, bot: 'opsbot', waitMs: 0 });
    const before = { at: new Date().toISOString(), messageIds: of(new Set<string>()) };
    const { conversation } = say('a');
    const ask = async (action: OutboundAction): Promise<unknown> => {
      const error = new ChatError('timeout', 'trueconf', 'no answer', { inDoubt: true });
      const found = await firstValueFrom(defer(() => reconcile(unknown(action, '', error), before)));
      return found === 'resend' ? found : found.status;
    };
    const edit: OutboundAction = { kind: 'edit', id: 'e', conversation, messageId, text: 'second' };
    expect(await ask(edit)).to.equal('resend');
    await firstValueFrom(client.editText(messageId, 'second'));
    expect(await ask(edit)).to.equal('delivered');
    const remove: OutboundAction = { kind: 'remove', id: 'r', conversation, messageId };
    expect(await ask(remove)).to.equal('resend');
    await firstValueFrom(client.removeMessage(messageId, { forAll: true }));
    expect(await ask(remove)).to.equal('delivered');
  });
});
