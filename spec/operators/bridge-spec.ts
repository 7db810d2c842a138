import { expect } from 'chai';
import { delay, EMPTY, filter, map, mergeMap, NEVER, Subject, throwError, timer } from 'rxjs';
import {
  bridge,
  forwardOnTimeout,
  memoryStore,
  openAccounts,
  operatorSeat,
  ownership,
  react,
  text,
  traceOf,
  type BridgeConfig,
  type CapabilityProfile,
  type InboundEvent,
  type OutboundAction,
  type Trace,
} from 'tidewire';
import { marbles, virtualClock } from 'tidewire/testing';
import { itHandlesStreams } from '../support/backbone.js';
import { BridgeDesk, chat, kim, lev, mira, slowStore } from '../support/bridge-desk.js';
import { message } from '../support/events.js';

const to = { kind: 'any' } as const;
const plain = (config: Partial<BridgeConfig> = {}): BridgeConfig => ({
  desk: ownership(),
  seat: operatorSeat({ conversation: chat }),
  ...config,
});
/** Everything native, HTML too. */
const rich = (platform: string): CapabilityProfile => ({
  platform,
  channel: '*',
  actions: { text: 'native', media: 'native', edit: 'native', remove: 'native', end: 'native' },
  maxTextLength: 1_000,
  formats: ['plain', 'html'],
});

describe('bridge', () => {
  const said = (event: { id: string }, text: string, conversation = mira): InboundEvent => ({
    ...message(event.id, conversation.id, text),
    conversation,
    platform: conversation.platform,
    sender: { role: 'customer', name: 'Mira' },
  });

  it(
    'copies what a customer says whom people have, and says what they answer',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const events = {
        m: said({ id: 'm' }, 'hello'),
        n: said({ id: 'n' }, 'thanks'),
        o: { ...said({ id: 'o' }, 'good day', chat), replyTo: 'heading' },
      };
      const copy = { kind: 'text', conversation: chat, replyTo: 'heading' } as const;
      const actions: Record<string, OutboundAction> = {
        M: { ...copy, id: 'm#bridge.1', cause: 'm', text: 'Mira: hello' },
        N: { ...copy, id: 'n#bridge.1', cause: 'n', text: 'Mira: thanks' },
        O: { kind: 'text', id: 'o#bridge.1', conversation: mira, cause: 'o', text: 'good day', by: 'human' },
      };
      const source = hot<InboundEvent>('-m-----n-------|', events);
      const operator = hot('            ---o-----------|', events);
      const subs = '                    ^--------------!';
      const expected = '                -M-O---N-------|';
      const config = plain();
      config.desk.handOver(mira, 'h').subscribe();
      config.seat.link(['heading'], mira).subscribe();
      const both = new Subject<InboundEvent>();
      const result = both.pipe(
        bridge(
          config,
          mergeMap(() => EMPTY),
        ),
        map((action) => JSON.parse(JSON.stringify(action)) as OutboundAction),
      );
      expectObservable(result).toBe(expected, actions);
      operator.subscribe((event) => {
        both.next(event);
      });
      source.subscribe(both);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  const answer: OutboundAction = { kind: 'text', id: 'm#1', conversation: mira, cause: 'm', text: 'a' };
  itHandlesStreams<InboundEvent, OutboundAction>(
    () =>
      bridge(
        plain(),
        map(() => answer),
      ),
    said({ id: 'm' }, 'hello'),
    answer,
  );

  it(
    'hands on errors of the responder and of `takes`, and completes when the responder does',
    marbles(({ cold, expectObservable }) => {
      const events = { m: said({ id: 'm' }, 'hello') };
      const through = (config: Partial<BridgeConfig>, responder = mergeMap(() => [answer])) =>
        cold<InboundEvent>('-m-', events).pipe(bridge(plain(config), responder));
      const failing = mergeMap(() => throwError(() => 'error'));
      expectObservable(through({}, failing)).toBe('-#');
      const takes = (): never => {
        throw 'error';
      };
      expectObservable(through({ takes })).toBe('-#');
      expectObservable(
        cold<InboundEvent>('-m|', events).pipe(
          bridge(
            plain(),
            mergeMap(() => timer(3).pipe(map(() => answer))),
          ),
        ),
      ).toBe('----(a|)', { a: answer });
    }),
  );

  it('refuses numbers out of range and commands that are not one word', () => {
    const made = (config: object) => () =>
      bridge(
        plain(config),
        map(() => answer),
      );
    expect(made({ transcriptLines: -1 })).to.throw(RangeError, 'bridge: transcriptLines must be at least 0, got -1');
    expect(made({ maxTranscripts: 0 })).to.throw(RangeError, 'bridge: maxTranscripts must be at least 1, got 0');
    expect(made({ maxQueued: -1 })).to.throw(RangeError, 'bridge: maxQueued must be at least 0, got -1');
    expect(made({ commands: { end: '' } })).to.throw(TypeError, 'bridge: commands.end must be one word');
    expect(made({ commands: { return: 'go on' } })).to.throw(TypeError, 'bridge: commands.return must be one word');
  });

  it('carries what is said both ways, and names its outcome', () => {
    const desk = new BridgeDesk();
    desk.says(mira, 'hello');
    desk.handOver(mira);
    desk.says(mira, 'is somebody there?');
    desk.says(chat, 'yes', { replyTo: desk.find(chat, 'somebody there') });
    expect(desk.view(mira)).to.deep.equal(['hello', 'bot: hello', 'is somebody there?', 'yes']);
    expect(desk.shown(chat).map(({ text, replyTo }) => [text, replyTo])).to.deep.equal([
      ['mira waits', undefined],
      ['Mira: is somebody there?', 'h-mira'],
      ['yes', desk.find(chat, 'somebody there')],
    ]);
    expect(desk.outcomes()).to.deep.equal({ handled: 2, handedOff: 1 });
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0, lost: 0 });
  });

  it('shows the responder what is the bot’s, and nothing else but what it must know', () => {
    const seen: string[] = [];
    const desk = new BridgeDesk({
      responder: react((event) => {
        seen.push(`${event.conversation.id} ${event.kind}`);
      }),
    });
    const kinds = ['unsubscribed', 'handoffTaken', 'handoffFailed'] as const;
    for (const who of [mira, lev]) {
      if (who === lev) desk.handOver(lev);
      desk.says(who, 'hi');
      for (const kind of kinds) desk.deliver({ ...desk.base(who), kind });
      desk.deliver({ ...desk.base(who), kind: 'started' });
      desk.ends(who);
    }
    desk.says(chat, 'coffee?');
    expect(seen).to.deep.equal([
      ...['message', ...kinds, 'started', 'ended'].map((kind) => `mira ${kind}`),
      ...[...kinds, 'ended'].map((kind) => `lev ${kind}`),
    ]);
    expect(desk.outcomes()).to.deep.equal({ handled: 10, handedOff: 2, ignored: 1 });
  });

  it('leaves a conversation alone that people have elsewhere, and what others say in it', () => {
    const desk = new BridgeDesk();
    desk.desk.handOver(mira, 'h').subscribe();
    desk.says(mira, 'hi');
    desk.handOver(lev);
    const agent = { role: 'agent' } as const;
    desk.says(lev, 'an agent of the platform', { sender: agent });
    desk.says(lev, 'an echo', { sender: { role: 'customer', self: true } });
    expect(desk.view(chat)).to.deep.equal(['lev waits']);
    expect(desk.outcomes()).to.deep.equal({ handedOff: 2, ignored: 1 });
  });

  it('makes the conversation a person’s with the first answer, and not before', () => {
    const desk = new BridgeDesk();
    const heading = desk.handOver(mira);
    desk.says(mira, 'hi');
    expect(desk.owner(mira)).to.equal('queue');
    desk.says(chat, 'hello', { replyTo: heading });
    expect(desk.owner(mira)).to.equal('human');
  });

  it('never guesses whom an operator means', () => {
    const desk = new BridgeDesk();
    desk.says(chat, 'coffee?');
    desk.handOver(mira);
    desk.says(chat, 'to mira');
    desk.handOver(lev);
    const unclear = desk.says(chat, 'to whom?');
    const unknown = desk.says(chat, 'nor this', { replyTo: 'who knows' });
    expect(desk.view(mira)).to.deep.equal(['to mira']);
    expect(desk.view(lev)).to.deep.equal([]);
    expect(
      desk
        .shown(chat)
        .slice(-3)
        .map(({ text, replyTo }) => [text, replyTo]),
    ).to.deep.equal([
      ['Several conversations are open: please reply to a message of the customer you mean.', unclear],
      ['nor this', 'who knows'],
      ['This reached nobody: it answers no conversation that is open here.', unknown],
    ]);
    expect(desk.outcomes()).to.deep.equal({ ignored: 1, handled: 3 });
  });

  it('does not count a conversation that is linked and the bot’s: a note to the operators, or one that went back', () => {
    const desk = new BridgeDesk();
    desk.seat.link(['note'], lev).subscribe();
    desk.says(chat, 'coffee?');
    desk.handOver(mira);
    desk.says(chat, 'to mira');
    const late = desk.says(chat, 'to lev', { replyTo: 'note' });
    expect([desk.view(mira), desk.view(lev)]).to.deep.equal([['to mira'], []]);
    expect(desk.view(chat).slice(0, 3)).to.deep.equal(['coffee?', 'mira waits', 'to mira']);
    expect(desk.shown(chat).at(-1)?.replyTo).to.equal(late);
    expect(desk.open()).to.deep.equal(['mira']);
  });

  it('knows whom an answer to an answer is for, and what a customer answers', () => {
    const desk = new BridgeDesk();
    desk.handOver(lev);
    const heading = desk.handOver(mira);
    const first = desk.says(chat, 'one moment', { replyTo: heading });
    desk.says(chat, 'here it is', { replyTo: first });
    desk.says(mira, 'which?', { replyTo: desk.find(mira, 'one moment') });
    expect(desk.view(mira)).to.deep.equal(['one moment', 'here it is', 'which?']);
    expect(desk.shown(chat).at(-1)).to.include({ text: 'Mira: which?', replyTo: first });
  });

  describe('edits and removals', () => {
    it('of an operator change the answer, where that is known', () => {
      const desk = new BridgeDesk();
      desk.handOver(mira);
      const said = desk.says(chat, 'at tree');
      desk.edits(chat, said, 'at three');
      expect(desk.view(mira)).to.deep.equal(['at three']);
      desk.removes(chat, said);
      expect(desk.view(mira)).to.deep.equal([]);
      expect(desk.outcomes()).to.deep.equal({ handled: 3 });
    });

    it('of an operator are said where the channel cannot, and the operator is told what stays', () => {
      const desk = new BridgeDesk();
      desk.handOver(kim);
      const said = desk.says(chat, 'at tree');
      desk.edits(chat, said, 'at three');
      desk.edits(chat, said, 'at four');
      const before = desk.view(chat).length;
      desk.removes(chat, said);
      expect(desk.view(kim)).to.deep.equal(['at tree', 'Correction: at three', 'Correction: at four']);
      expect(desk.view(chat).slice(before)).to.deep.equal(['The customer can still see that message.']);
    });

    it('are said anew when the change is refused, and once it was said in several messages', () => {
      const desk = new BridgeDesk();
      desk.handOver(mira);
      const said = desk.says(chat, 'at tree');
      desk.refuses = ({ kind }) => kind === 'edit';
      desk.edits(chat, said, 'at three');
      desk.refuses = () => false;
      desk.edits(chat, said, 'at four');
      expect(desk.view(mira)).to.deep.equal(['at tree', 'Correction: at three', 'Correction: at four']);
      desk.removes(chat, said);
      expect(desk.view(mira)).to.deep.equal([]);
    });

    it('of a customer change the copy, or are told', () => {
      const cannot = { ...rich('group'), actions: { text: 'native' } } as const;
      for (const profiles of [[], [cannot]]) {
        const desk = new BridgeDesk({ profiles });
        desk.handOver(mira);
        const said = desk.says(mira, 'at tree');
        const copy = desk.find(chat, 'tree');
        desk.edits(mira, said, 'at three');
        const afterEdit = desk.shown(chat).slice(1);
        desk.removes(mira, said);
        const left = desk.shown(chat).slice(1);
        if (profiles.length === 0) {
          expect(afterEdit.map(({ text }) => text)).to.deep.equal(['Mira: at three']);
          expect(left).to.deep.equal([]);
        } else {
          expect(left.map(({ text, replyTo }) => [text, replyTo])).to.deep.equal([
            ['Mira: at tree', 'h-mira'],
            ['Mira: Correction: at three', copy],
            ['Mira has removed this message.', copy],
          ]);
        }
        expect(desk.outcomes()).to.deep.equal({ handedOff: 3 });
      }
    });

    it('of what nobody here has seen are told where there is something to read', () => {
      const desk = new BridgeDesk();
      const early = desk.says(mira, 'at tree');
      desk.handOver(mira);
      desk.edits(mira, early, 'at three');
      desk.edits(chat, 'coffee', 'tea');
      desk.removes(chat, 'coffee');
      expect(desk.view(chat)).to.deep.equal(['mira waits', 'Mira: Correction: at three']);
      expect(desk.view(mira).slice(2)).to.deep.equal([]);
    });

    it('that the platform reports of what the bridge did itself change nothing', () => {
      const desk = new BridgeDesk();
      desk.handOver(mira);
      desk.says(mira, 'hello');
      const copy = desk.find(chat, 'hello');
      desk.says(chat, 'good day', { replyTo: copy });
      const answer = desk.find(mira, 'good day');
      const before = desk.actions.length;
      for (const id of [copy, 'h-mira']) {
        desk.edits(chat, id, 'changed');
        desk.removes(chat, id);
      }
      desk.edits(mira, answer, 'changed');
      desk.removes(mira, answer);
      desk.says(chat, 'an echo', { replyTo: copy, sender: { role: 'bot', self: true } });
      expect(desk.actions.length).to.equal(before);
      expect(desk.accounts.counts().inFlight).to.equal(0);
    });
  });

  describe('files', () => {
    it('go as they are within a platform and where they have an address', () => {
      const desk = new BridgeDesk();
      const heading = desk.handOver(mira);
      const url = 'https://example.org/a.png';
      desk.sends(mira, { media: { url, name: 'a.png' }, caption: 'look' });
      desk.sends(chat, { media: { url, name: 'b.png' }, replyTo: heading, caption: 'here' });
      desk.says(mira, 'and these', {
        attachments: [
          { url, name: 'c.png' },
          { url, name: 'd.png' },
        ],
      });
      expect(desk.view(chat).slice(1)).to.deep.equal(
        ['[a.png] Mira: look', 'Mira: and these', '[c.png] Mira ', '[d.png] Mira '].map((line) => line.trim()),
      );
      expect(desk.view(mira)).to.deep.equal(['[b.png] here', 'and these']);
      expect(desk.actions.filter(({ by }) => by === 'human').length).to.equal(1);
    });

    it('that the other side cannot fetch are told, and go to nobody', () => {
      const desk = new BridgeDesk();
      desk.handOver(mira);
      desk.sends(mira);
      const file = desk.sends(chat);
      expect(desk.view(chat).slice(1)).to.deep.equal([
        'Mira: a file that cannot be shown here (plan.pdf)',
        'This may not have reached the customer.',
      ]);
      expect(desk.shown(chat).at(-1)?.replyTo).to.equal(file);
      expect(desk.view(mira)).to.deep.equal([]);
    });

    it('are carried by the hook, in order with what is said, and without keeping others waiting', () => {
      const desk: BridgeDesk = new BridgeDesk({
        media: (media, _, { id }) =>
          timer(media.name === 'bad' ? 5 : 50, desk.clock).pipe(
            mergeMap(() =>
              media.name === 'bad' ? throwError(() => new Error('gone')) : [{ ...media, url: `https://${id}` }],
            ),
          ),
      });
      const [forMira, forLev] = [desk.handOver(mira), desk.handOver(lev)];
      desk.sends(chat, { replyTo: forMira, media: { fileId: '1', name: 'slow' } });
      desk.says(chat, 'behind', { replyTo: forMira });
      desk.says(chat, 'at once', { replyTo: forLev });
      expect([desk.view(mira), desk.view(lev)]).to.deep.equal([[], ['at once']]);
      desk.clock.advance(50);
      expect(desk.view(mira)).to.deep.equal(['[slow]', 'behind']);
      desk.sends(mira, { media: { fileId: '2', name: 'bad' } });
      desk.clock.advance(5);
      expect(desk.view(chat).at(-1)).to.equal('Mira: a file that cannot be shown here (bad)');
      expect(desk.reports).to.deep.equal(['failed']);
    });

    it('are what the hook emits first', () => {
      const desk = new BridgeDesk({
        media: (media) => [
          { ...media, url: 'https://1' },
          { ...media, url: 'https://2' },
        ],
      });
      desk.handOver(mira);
      desk.sends(mira);
      expect(desk.actions.map((action) => action.kind === 'media' && action.media.url)).to.deep.equal(['https://1']);
    });

    it('do not go to a customer who has left while they were fetched', () => {
      const desk: BridgeDesk = new BridgeDesk({
        media: () => timer(50, desk.clock).pipe(map(() => ({ url: 'https://example.org/a' }))),
      });
      desk.handOver(mira);
      desk.sends(chat);
      desk.desk.returnToBot(mira).subscribe();
      desk.clock.advance(50);
      expect(desk.view(mira)).to.deep.equal([]);
      expect(desk.view(chat).at(-1)).to.match(/^This reached nobody/);
    });
  });

  it('copies choices, commands and places as words', () => {
    const desk = new BridgeDesk();
    desk.handOver(mira);
    desk.deliver({ ...desk.base(mira), kind: 'choice', choice: { id: 'a', label: 'Option A' } });
    desk.deliver({ ...desk.base(mira), kind: 'command', name: 'start', text: 'now' });
    desk.deliver({ ...desk.base(mira), kind: 'location', latitude: 1.5, longitude: -2, name: 'Here' });
    desk.deliver({ ...desk.base(chat), kind: 'location', latitude: 3, longitude: 4 });
    expect(desk.view(chat).slice(1)).to.deep.equal(['Mira: Option A', 'Mira: /start now', 'Mira: Here\n1.5, -2']);
    expect(desk.view(mira)).to.deep.equal(['3, 4']);
  });

  it('keeps the format of an answer where the channel knows it, and markup away from where it is read as text', () => {
    const html = '<b>at</b> <a href="https://example.org/?a=1&amp;b=2">three</a><br>&lt;here&gt;';
    const bare = 'at three (https://example.org/?a=1&b=2)\n<here>';
    const desk = new BridgeDesk({ profiles: [rich('desk')] });
    const [forMira, forKim] = [desk.handOver(mira), desk.handOver(kim)];
    const said = desk.says(chat, html, { format: 'html', replyTo: forMira });
    desk.says(chat, html, { format: 'html', replyTo: forKim });
    expect(desk.actions.map((action) => ('format' in action ? action.format : undefined))).to.deep.equal([
      'html',
      undefined,
    ]);
    expect([desk.view(mira), desk.view(kim)]).to.deep.equal([[html], [bare]]);
    desk.deliver({ ...desk.base(chat), kind: 'edited', messageId: said, text: '<i>four</i>', format: 'html' });
    expect(desk.actions.at(-1)).to.include({ kind: 'edit', text: '<i>four</i>', format: 'html' });
    desk.says(mira, html, { format: 'html' });
    expect(desk.view(chat).at(-1)).to.equal(`Mira: ${bare}`);
  });

  describe('commands', () => {
    it('give a conversation back to the bot, and end it', () => {
      const desk = new BridgeDesk();
      const [forMira, forLev] = [desk.handOver(mira), desk.handOver(lev)];
      const id = desk.says(chat, '/return', { replyTo: forMira });
      desk.says(chat, '/END@ours Have a nice day.', { replyTo: forLev });
      expect([desk.owner(mira), desk.owner(lev)]).to.deep.equal(['bot', 'bot']);
      expect(desk.view(lev)).to.deep.equal(['Have a nice day.']);
      expect(desk.actions.map(({ kind, conversation, by }) => [kind, conversation.id, by])).to.deep.equal([
        ['text', 'team', undefined],
        ['text', 'lev', 'human'],
        ['end', 'lev', 'human'],
        ['text', 'team', undefined],
      ]);
      expect(desk.open()).to.deep.equal([]);
      expect(desk.shown(chat)[3]).to.include({ text: 'The bot has this conversation again.', replyTo: id });
      expect(desk.view(chat).at(-1)).to.equal('This conversation is over.');
      desk.says(mira, 'hello again');
      expect(desk.view(mira)).to.deep.equal(['hello again', 'bot: hello again']);
    });

    it('are no answer that makes the conversation a person’s', () => {
      const desk = new BridgeDesk();
      const owners: string[] = [];
      desk.desk.changes$.subscribe(({ owner }) => owners.push(owner));
      desk.handOver(mira);
      desk.says(chat, '/return');
      expect(owners).to.deep.equal(['queue', 'bot']);
    });

    it('go no further when they are taken back by what is said with them', () => {
      for (const ends of ['cancelled', 'unsubscribed'] as const) {
        const clock = virtualClock();
        const own = ownership({ scheduler: clock });
        const slow = { ...own, returnToBot: () => timer(10, clock).pipe(map(() => undefined)) };
        const desk = new BridgeDesk({ clock, desk: slow, takesMs: () => (ends === 'cancelled' ? 0 : 50) });
        desk.handOver(mira);
        const event: InboundEvent = { ...desk.base(chat, 'o'), kind: 'message', text: '/return bye' };
        const account = desk.accounts.of('platforms');
        const trace = account.open(event);
        if (ends === 'cancelled')
          desk.seen = () => {
            trace.cancel('superseded');
          };
        desk.source.next(event);
        trace.release(account);
        if (ends === 'unsubscribed') desk.subscription.unsubscribe();
        clock.advance(20_000);
        expect(desk.view(mira), ends).to.deep.equal(['bye']);
        expect(desk.view(chat), ends).to.deep.equal(['mira waits']);
        expect(desk.outcomes(), ends).to.deep.equal(ends === 'cancelled' ? { superseded: 1 } : { inDoubt: 1 });
        expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
      }
    });

    it('do so with the one conversation that is open, as commands of the platform too, and never twice', () => {
      const desk = new BridgeDesk({
        commands: { end: '!bye' },
        profiles: [{ ...rich('desk'), actions: { text: 'native' } }],
      });
      desk.handOver(mira);
      desk.deliver({ ...desk.base(chat), kind: 'command', name: 'return' });
      const late = desk.says(chat, '/return');
      desk.says(chat, 'thanks');
      desk.handOver(lev);
      desk.says(chat, '!bye');
      expect(desk.actions.some(({ kind }) => kind === 'end')).to.equal(false);
      expect(desk.view(chat).filter((line) => line.startsWith('This') || line.startsWith('The'))).to.deep.equal([
        'The bot has this conversation again.',
        'This reached nobody: it answers no conversation that is open here.',
        'This conversation is over.',
      ]);
      expect(desk.shown(chat).find(({ replyTo }) => replyTo === late)?.text).to.match(/^This reached nobody/);
    });
  });

  it('says nothing to a customer who has ended the conversation, or whom the bot has again', () => {
    const desk = new BridgeDesk();
    desk.handOver(mira);
    desk.says(mira, 'never mind');
    const copy = desk.find(chat, 'never mind');
    desk.ends(mira);
    expect(desk.shown(chat).at(-1)).to.include({ text: 'Mira has ended the conversation.', replyTo: 'h-mira' });
    expect(desk.owner(mira)).to.equal('bot');
    expect(desk.open()).to.deep.equal([]);
    desk.says(chat, 'wait', { replyTo: copy });
    const heading = desk.handOver(lev);
    desk.desk.returnToBot(lev).subscribe();
    desk.says(chat, 'are you there?', { replyTo: heading });
    desk.says(chat, 'anybody?');
    expect([desk.view(mira), desk.view(lev)]).to.deep.equal([['never mind'], []]);
    expect(desk.view(chat).filter((line) => line.startsWith('This reached nobody'))).to.have.length(2);
  });

  it('takes an id for a message’s only where it is the platform’s', () => {
    const desk = new BridgeDesk();
    desk.handOver(mira);
    const made = desk.says(mira, 'hello', { fingerprint: 'f' });
    desk.edits(mira, made, 'good day');
    expect(desk.view(chat).slice(1)).to.deep.equal(['Mira: hello', 'Mira: Correction: good day']);
    desk.handOver(lev);
    desk.says(chat, 'to whom?', { fingerprint: 'g' });
    expect(desk.shown(chat).at(-1)).to.deep.include({ replyTo: undefined });
  });

  it('tells nobody of an answer that was taken back', () => {
    const desk = new BridgeDesk({ takesMs: () => 10 });
    desk.handOver(mira);
    desk.says(chat, 'under way');
    const event: InboundEvent = { ...desk.base(chat, 'o'), kind: 'message', text: 'behind' };
    const account = desk.accounts.of('platforms');
    const trace = account.open(event);
    desk.source.next(event);
    trace.release(account);
    trace.cancel('superseded');
    desk.clock.advance(1_000);
    expect(desk.view(mira)).to.deep.equal(['under way']);
    expect(desk.view(chat)).to.deep.equal(['mira waits', 'under way']);
    expect(desk.outcomes()).to.deep.equal({ handled: 1, superseded: 1 });
  });

  it('leaves the account of what the responder has to the responder', () => {
    const clock = virtualClock();
    const store = slowStore(memoryStore({ scheduler: clock }), clock, () => 2);
    const desk = new BridgeDesk({
      clock,
      store,
      responder: (events) =>
        events.pipe(
          delay(50, clock),
          map((event) => ({ ...answer, id: `${event.id}#1`, cause: event.id })),
          // A plain operator that keeps nothing but the trace.
          mergeMap((action) => [action]),
        ),
    });
    desk.says(mira, 'hello');
    clock.advance(10);
    expect(desk.accounts.counts()).to.include({ inFlight: 1 });
    expect(desk.outcomes()).to.deep.equal({});
  });

  describe('handoffs of conversations that it takes', () => {
    const bot = react((event) => {
      if (event.kind !== 'message') return undefined;
      return event.text === 'help'
        ? [text('One moment.'), { kind: 'handoff', to, comment: 'wants a person' }, text('behind')]
        : text(`re ${event.text}`);
    });

    it('put a heading with what was said before into the operators’ chat, behind what the bot said', () => {
      const desk = new BridgeDesk({ responder: bot, takes: () => true, takesMs: () => 10, transcriptLines: 3 });
      desk.says(mira, 'hello');
      desk.clock.advance(5);
      desk.says(mira, 'help');
      expect(desk.owner(mira)).to.equal('bot');
      desk.says(mira, 'quick');
      desk.clock.advance(100);
      expect(desk.view(mira)).to.deep.equal(['hello', 're hello', 'help', 'quick', 'One moment.']);
      expect(desk.view(chat)).to.deep.equal([
        'Mira (desk, web) waits for an answer. Reply to this message.\nwants a person\nMira: help\nBot: re hello\nBot: One moment.',
        'Mira: quick',
      ]);
      desk.says(chat, 'hi', { replyTo: desk.find(chat, 'waits') });
      desk.clock.advance(10);
      expect(desk.view(mira).at(-1)).to.equal('hi');
      expect(desk.outcomes()).to.deep.equal({ handled: 2, handedOff: 2 });
      expect(desk.outcomes('bridge')).to.deep.equal({ handled: 1 });
    });

    it('let nothing of the bot out behind them, while it is not decided who has the conversation', () => {
      const clock = virtualClock();
      const store = slowStore(memoryStore({ scheduler: clock }), clock, () => 5);
      const desk = new BridgeDesk({ clock, store, responder: bot, takes: () => true });
      desk.says(mira, 'help');
      clock.advance(1_000);
      expect(desk.view(mira)).to.deep.equal(['help', 'One moment.']);
      expect(desk.view(chat)).to.have.length(1);
      expect(desk.outcomes()).to.deep.equal({ handedOff: 1 });
    });

    for (const ms of [0, 3, 6, 8, 11, 13, 16, 18, 21, 40])
      it(`leave no customer with nobody when they are taken back after ${ms} ms`, () => {
        const clock = virtualClock();
        const store = slowStore(memoryStore({ scheduler: clock }), clock, () => 5);
        const open: (Trace | undefined)[] = [];
        const desk = new BridgeDesk({
          clock,
          store,
          responder: bot,
          takes: () => true,
          before: filter((event) => open.push(traceOf(event)) > 0),
        });
        desk.says(mira, 'help');
        clock.advance(ms);
        open[0]?.cancel('handedOff');
        clock.advance(1_000);
        desk.says(mira, 'anybody?');
        clock.advance(1_000);
        expect([...desk.view(mira), ...desk.view(chat)]).to.include.oneOf(['re anybody?', 'Mira: anybody?']);
        expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
      });

    it('do not wait for an answer that is held back until all is said', () => {
      const accounts = openAccounts();
      const account = accounts.of('platforms');
      const source = new Subject<InboundEvent>();
      const holder = { name: 'an open request', passive: true };
      const held: OutboundAction[] = [];
      source.pipe(bridge(plain({ takes: () => true, accounts }), bot)).subscribe((action) => {
        traceOf(action)?.hold(holder);
        held.push(action);
      });
      const event = said({ id: 'm' }, 'help');
      const trace = account.open(event);
      source.next(event);
      trace.release(account);
      expect(held.map(({ id }) => id)).to.deep.equal(['m#1']);
      expect(trace.quiet).to.equal(true);
      for (const action of held.splice(0)) traceOf(action)?.release(holder, 'handled');
      expect(held.map(({ id }) => id)).to.deep.equal(['m#2#bridge.1']);
      for (const action of held.splice(0)) traceOf(action)?.release(holder, 'handled');
      expect(trace).to.include({ settled: true, outcome: 'handedOff' });
    });

    it('have had their effect when the operators know: they are not carried out again', () => {
      const desk = new BridgeDesk({ responder: react(() => ({ kind: 'handoff', to })), takes: () => true });
      const id = desk.says(mira, 'help');
      expect(desk.accounts.explain(id)[0]).to.include({ outcome: 'handedOff', touched: true });
    });

    it('show what was said since the operators had it last', () => {
      const desk = new BridgeDesk({ responder: bot, takes: ({ platform }) => platform === 'desk' });
      desk.says(mira, 'help');
      desk.says(chat, '/return');
      desk.says(mira, 'an agent of the platform', { sender: { role: 'agent' } });
      desk.sends(mira);
      desk.says(mira, 'help', { sender: { role: 'customer' } });
      expect(desk.view(chat).at(-1)?.split('\n').slice(2)).to.deep.equal([
        'Bot: re an agent of the platform',
        'Mira: a file that cannot be shown here (plan.pdf)',
        'Mira: help',
        'Bot: One moment.',
      ]);
      desk.says(kim, 'help');
      expect(desk.actions.at(-1)).to.include({ kind: 'handoff', conversation: kim });
      expect(desk.view(chat).join()).not.to.include('Kim');
    });

    it('fail, and the bot has the conversation again, when the operators cannot be told', () => {
      const desk = new BridgeDesk({ responder: bot, takes: () => true });
      desk.refuses = ({ conversation }) => conversation.id === chat.id;
      desk.says(mira, 'help');
      expect(desk.owner(mira)).to.equal('bot');
      desk.refuses = () => false;
      desk.says(mira, 'hello');
      desk.says(chat, 'hello?');
      expect(desk.view(mira)).to.deep.equal(['help', 'One moment.', 'behind', 'hello', 're hello']);
      expect(desk.outcomes()).to.deep.equal({ failed: 1, handled: 1, ignored: 1 });
      expect(desk.accounts.counts().inFlight).to.equal(0);
    });

    it('end `handedOff` without a heading when somebody else has it already', () => {
      const desk: BridgeDesk = new BridgeDesk({
        responder: react(({ conversation }) =>
          desk.desk.handOver(conversation, 'other').pipe(map(() => ({ kind: 'handoff', to }) as const)),
        ),
        takes: () => true,
      });
      desk.says(mira, 'help');
      expect(desk.actions).to.deep.equal([]);
      expect(desk.outcomes()).to.deep.equal({ handedOff: 1 });
    });

    it('are those of `forwardOnTimeout`, too, which sees what becomes of them', () => {
      const clock = virtualClock();
      const desk = ownership({ scheduler: clock });
      const seen: string[] = [];
      const world = new BridgeDesk({
        clock,
        desk,
        takes: () => true,
        responder: forwardOnTimeout(
          {
            desk,
            afterMs: 100,
            to,
            scheduler: clock,
            onHandoffFailed: { say: text('Nobody is there.'), retryAfterMs: 1_000 },
          },
          react((event) => {
            seen.push(event.id);
            return NEVER;
          }),
        ),
      });
      world.refuses = ({ conversation }) => conversation.id === chat.id;
      world.says(mira, 'hello', { at: new Date(0).toISOString() });
      clock.advance(100);
      expect(world.view(mira)).to.deep.equal(['hello', 'Nobody is there.']);
      world.refuses = () => false;
      clock.advance(1_000);
      expect(world.view(chat)).to.deep.equal([
        'Mira (desk, web) waits for an answer. Reply to this message.\nBot: Nobody is there.',
      ]);
      world.says(chat, 'sorry');
      world.says(mira, 'fine');
      clock.advance(10_000);
      expect(world.view(mira)).to.deep.equal(['hello', 'Nobody is there.', 'sorry', 'fine']);
      expect(world.view(chat).slice(1)).to.deep.equal(['sorry', 'Mira: fine']);
      expect(seen).to.deep.equal(['e1']);
      expect(world.accounts.counts()).to.include({ inFlight: 0, late: 0 });
    });
  });

  describe('what is on its way', () => {
    it('is waited for: what a customer says while their sink hands over is copied when it has', () => {
      const desk: BridgeDesk = new BridgeDesk({
        takesMs: ({ kind }) => (kind === 'handoff' ? 20 : 0),
        responder: react((event) => (event.kind === 'message' ? { kind: 'handoff', to } : undefined)),
      });
      const link = (): void => {
        desk.seat.link(['heading'], mira).subscribe();
      };
      timer(20, desk.clock).subscribe(link);
      desk.says(mira, 'help');
      desk.says(mira, 'quick');
      const answer = desk.says(chat, 'here', { replyTo: 'heading' });
      expect(desk.view(chat)).to.deep.equal(['here']);
      desk.clock.advance(20);
      expect(desk.view(chat)).to.deep.equal(['here', 'Mira: quick']);
      expect(desk.view(mira)).to.deep.equal(['help', 'quick', 'here']);
      expect(desk.shown(mira).at(-1)?.from).to.equal(`${answer}#bridge.1`);
      expect(desk.outcomes()).to.deep.equal({ handedOff: 2, handled: 1 });
    });

    it('is somebody else’s when nobody has linked it', () => {
      const desk = new BridgeDesk({
        takesMs: ({ kind }) => (kind === 'handoff' ? 20 : 0),
        responder: react((event) => (event.kind === 'message' ? { kind: 'handoff', to } : undefined)),
      });
      desk.says(mira, 'help');
      desk.says(mira, 'quick');
      desk.clock.advance(20);
      expect(desk.view(chat)).to.deep.equal([]);
      expect(desk.outcomes()).to.deep.equal({ handedOff: 2 });
    });

    it('is known to an operator who answers before its receipt comes', () => {
      const desk = new BridgeDesk({ takesMs: () => 20 });
      desk.handOver(mira);
      desk.says(mira, 'hello');
      desk.says(chat, 'good day', { replyTo: desk.find(chat, 'hello') });
      expect(desk.view(mira)).to.deep.equal(['hello']);
      desk.clock.advance(20);
      expect(desk.view(mira)).to.deep.equal(['hello', 'good day']);
    });

    it('is told to the operators when it does not arrive, or may not have', () => {
      const desk = new BridgeDesk();
      desk.handOver(mira);
      desk.refuses = ({ conversation }) => conversation.id === 'mira';
      const said = desk.says(chat, 'hello');
      expect(desk.shown(chat).at(-1)).to.include({ text: 'This may not have reached the customer.', replyTo: said });
      expect(desk.outcomes()).to.deep.equal({ failed: 1 });
    });
  });

  it('keeps the order of a conversation with a store that takes its time', () => {
    const clock = virtualClock();
    let n = 0;
    const store = slowStore(memoryStore({ scheduler: clock }), clock, () => [7, 1, 4, 2][n++ % 4] ?? 0);
    const desk = new BridgeDesk({ clock, store, takesMs: () => 3 });
    desk.handOver(mira);
    clock.advance(100);
    for (const words of ['a', 'b', 'c']) {
      desk.says(mira, words);
      desk.says(chat, `re ${words}`, { replyTo: 'h-mira' });
    }
    clock.advance(1_000);
    desk.ends(mira);
    clock.advance(50);
    desk.says(chat, 'too late', { replyTo: 'h-mira' });
    clock.advance(1_000);
    expect(desk.view(chat).filter((line) => line.startsWith('Mira'))).to.deep.equal([
      'Mira: a',
      'Mira: b',
      'Mira: c',
      'Mira has ended the conversation.',
    ]);
    expect(desk.view(mira).filter((line) => line.startsWith('re'))).to.deep.equal(['re a', 're b', 're c']);
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });

  it('fails an event when the store does, and goes on', () => {
    const store = memoryStore();
    const desk = new BridgeDesk({ store });
    desk.handOver(mira);
    store.sync.put(`seat/${'group::team'.length}/group::team/talk/desk::mira`, { shape: 2 });
    desk.says(mira, 'hello');
    desk.says(lev, 'hello');
    expect(desk.outcomes()).to.deep.equal({ failed: 1, handled: 1 });
    expect(desk.reports).to.deep.equal(['failed']);
  });

  it('learns what stands for whom without accounts, too', () => {
    const desk = new BridgeDesk();
    const heading = desk.handOver(mira);
    desk.source.next({ ...desk.base(mira, 'm'), kind: 'message', text: 'hello' });
    desk.source.next({
      ...desk.base(chat, 'o'),
      kind: 'message',
      text: 'good day',
      replyTo: desk.find(chat, 'hello'),
    });
    desk.source.next({ ...desk.base(chat, 'x'), kind: 'edited', messageId: 'o', text: 'good evening' });
    expect(heading).to.equal('h-mira');
    expect(desk.view(mira)).to.deep.equal(['good evening']);
    expect(desk.outcomes('bridge')).to.deep.equal({ handled: 3 });
  });

  it('makes the same ids when an event comes again', () => {
    const desk = new BridgeDesk();
    desk.handOver(mira);
    const url = 'https://example.org/a';
    for (let n = 0; n < 2; n++) desk.says(mira, 'look', { id: 'same', attachments: [{ url }, { url }] });
    const ids = desk.actions.map(({ id }) => id);
    expect(ids.slice(0, 3)).to.deep.equal(['same#bridge.1', 'same#bridge.2', 'same#bridge.3']);
    expect(ids.slice(3)).to.deep.equal(ids.slice(0, 3));
  });

  it('leaves nothing open when it is unsubscribed, and says nothing more', () => {
    const desk: BridgeDesk = new BridgeDesk({
      takesMs: () => 50,
      takes: () => true,
      media: () => NEVER,
      responder: react((event) => (event.kind === 'message' ? { kind: 'handoff', to } : undefined)),
    });
    desk.says(lev, 'help');
    desk.clock.advance(10);
    desk.handOver(mira);
    desk.says(mira, 'hello');
    desk.says(chat, 'good day', { replyTo: 'h-mira' });
    desk.sends(chat, { replyTo: 'h-mira' });
    desk.says(chat, 'who?', { replyTo: 'unknown' });
    const before = desk.actions.length;
    desk.subscription.unsubscribe();
    desk.clock.advance(60_000);
    expect(desk.actions.length).to.equal(before);
    expect(desk.accounts.counts()).to.include({ inFlight: 0, late: 0 });
  });

  it('completes when nothing waits any more', () => {
    const desk: BridgeDesk = new BridgeDesk({
      media: () => timer(50, desk.clock).pipe(map(() => ({ url: 'https://example.org/a' }))),
    });
    desk.handOver(mira);
    desk.sends(mira);
    desk.source.complete();
    expect(desk.isCompleted).to.equal(false);
    desk.clock.advance(50);
    expect(desk.isCompleted).to.equal(true);
    expect(desk.view(chat).at(-1)).to.equal('[] Mira');
  });

  it('frees the lane of what is taken back, and sheds what has no room', () => {
    const clock = virtualClock();
    const desk: BridgeDesk = new BridgeDesk({ clock, media: () => NEVER, maxQueued: 1 });
    desk.handOver(mira);
    const event: InboundEvent = { ...desk.base(mira, 'file'), kind: 'media', media: {} };
    const account = desk.accounts.of('platforms');
    const trace = account.open(event);
    desk.source.next(event);
    trace.release(account);
    desk.says(mira, 'waits');
    desk.says(mira, 'has no room');
    expect(desk.outcomes()).to.deep.equal({ shed: 1 });
    trace.cancel('superseded');
    expect(desk.view(chat)).to.deep.equal(['mira waits', 'Mira: waits']);
    expect(desk.outcomes()).to.deep.equal({ shed: 1, superseded: 1, handedOff: 1 });
  });
});
