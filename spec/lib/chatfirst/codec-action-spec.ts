import { expect } from 'chai';
import fc from 'fast-check';
import { either as E } from 'fp-ts';
import { cards, choices, end, fallbackToText, handoff, media, text, type OutboundAction, type Reply } from 'tidewire';
import {
  encodeAction,
  encodeResponse,
  forceState,
  mergeResponses,
  outputReplies,
  repliesIn,
  type ChatfirstResponse,
} from 'tidewire/chatfirst';
import { of } from 'rxjs';

const states = { handoff: 'Operator', end: 'Bye' };
const conversation = { platform: 'chatfirst', account: 'teashop', id: 'u-77', channel: 'telegram' };
const actionOf = (reply: Reply): OutboundAction => ({ ...reply, id: 'a', conversation });
const said = (reply: Reply): ChatfirstResponse => {
  const encoded = encodeAction(actionOf(reply), states);
  if (E.isLeft(encoded)) throw encoded.left;
  return encoded.right;
};
const refused = (reply: Reply): string => {
  const encoded = encodeAction(actionOf(reply), states);
  if (E.isRight(encoded)) throw new Error('expected an error');
  return `${encoded.left.kind}: ${encoded.left.message}`;
};
const nothing = { messages: [], keyboard: [], entities: [] };
const JPG = 'https://img.test/s.jpg';

describe('encodeAction of Chatfirst', () => {
  it('makes messages, keyboards, entities and states of actions', () => {
    const table: readonly (readonly [Reply, Partial<ChatfirstResponse>])[] = [
      [text('hi'), { messages: ['hi'] }],
      [choices('Which?', ['Green', 'Black']), { messages: ['Which?'], keyboard: ['Green', 'Black'] }],
      [
        choices('Which?', ['Green'], { header: { text: 'Tea', media: { url: JPG } }, footer: 'We brew' }),
        { messages: ['Tea\n\nWhich?\n\nWe brew'], keyboard: ['Green'], entities: [{ imageUrl: JPG, options: [] }] },
      ],
      [
        cards([{ title: 'Sencha', text: 'Japan', image: JPG, choices: [{ id: 'b', label: 'Buy' }] }], { text: 'Look' }),
        {
          messages: ['Look'],
          entities: [{ name: 'Sencha', description: 'Japan', imageUrl: JPG, options: ['Buy'] }],
        },
      ],
      [
        cards([{ id: 's', title: 'Sencha', image: JPG }]),
        { entities: [{ name: 'Sencha', imageUrl: JPG, options: ['Sencha'] }] },
      ],
      [cards([{ id: 's', title: 'Sencha', text: 'Japan' }]), { messages: ['Sencha\nJapan'], keyboard: ['Sencha'] }],
      [media(JPG, 'Sencha'), { entities: [{ description: 'Sencha', imageUrl: JPG, options: [] }] }],
      [
        media({ url: 'https://x.test/1', mimeType: 'image/png' }),
        { entities: [{ imageUrl: 'https://x.test/1', options: [] }] },
      ],
      [media('https://x.test/menu.pdf', 'The menu'), { messages: ['The menu\n\nhttps://x.test/menu.pdf'] }],
      [media({ url: 'https://x.test/1', mimeType: 'video/mp4' }), { messages: ['https://x.test/1'] }],
      [handoff({ kind: 'group', id: 7 }), { state: 'Operator' }],
      [end(), { state: 'Bye' }],
      [forceState('Menu'), { state: 'Menu' }],
      [
        { kind: 'platform', name: 'response', payload: { Messages: ['raw'], ForcedMessage: 7 } },
        { messages: ['raw'], forcedMessage: 7 },
      ],
      [
        { kind: 'text', text: 'hi', extra: { New: 1 } },
        { messages: ['hi'], extra: { New: 1 } },
      ],
    ];
    for (const [reply, expected] of table) expect(said(reply)).to.deep.equal({ ...nothing, ...expected });
    expect(encodeResponse(said({ kind: 'text', text: 'hi', extra: { Count: 9, New: 1 } }))).to.include({
      Count: 9,
      New: 1,
    });
  });

  it('refuses what cannot be expressed, with a sentence that says nothing of it', () => {
    const table: readonly (readonly [Reply, RegExp])[] = [
      [text(' '), /unsupported.*says nothing/],
      [text('hush'.repeat(1_025)), /overflow.*4100 characters, 4096/],
      [choices('hush', []), /at least one option/],
      [choices('hush', [{ id: 'x', label: '' }]), /needs a label/],
      [choices('hush', ['a'], { header: { media: { url: 'hush' } } }), /everybody can reach/],
      [cards([]), /at least one card/],
      [cards([{ title: 'hush', image: '/hush.jpg' }]), /everybody can reach/],
      [cards([{ title: 'hush', image: 'http://localhost/hush.jpg' }]), /everybody can reach/],
      [cards([{ title: 'hush', image: JPG, links: [{ label: 'hush', url: JPG }] }]), /no links/],
      [cards([{ id: 'x', title: '', image: JPG }]), /needs a label/],
      [media('file:///hush'), /everybody can reach/],
      [media({ fileId: 'hush' }), /everybody can reach/],
      [{ kind: 'typing' }, /typing has no meaning/],
      [{ kind: 'platform', name: 'forceState', payload: { state: '' } }, /payload of forceState/],
      [{ kind: 'platform', name: 'response', payload: { hush: 1 } }, /words of the wire/],
      [{ kind: 'platform', name: 'hush', payload: {} }, /forceState or response/],
    ];
    for (const [reply, sentence] of table) expect(refused(reply)).to.match(sentence).and.not.include('hush');
    for (const reply of [handoff(), end()]) {
      const encoded = encodeAction(actionOf(reply));
      expect(E.isLeft(encoded) && encoded.left.message).to.match(/needs the name of the state/);
    }
  });

  it('has what its profile calls native, and leaves the rest to fallbackToText', () => {
    const shown: OutboundAction[] = [];
    const links = actionOf({ kind: 'links', text: 'More', links: [{ label: 'Site', url: 'https://x.test' }] });
    of(links, actionOf(text('x'.repeat(5_000))), actionOf(choices('?', ['a'])))
      .pipe(fallbackToText())
      .subscribe((action) => shown.push(action));
    expect(shown.map(({ kind }) => kind)).to.deep.equal(['text', 'text', 'text', 'choices']);
    for (const action of shown) expect(E.isRight(encodeAction(action)), action.kind).to.equal(true);
  });
});

describe('mergeResponses', () => {
  it('puts answers behind each other; the last state counts', () => {
    const merged = mergeResponses(
      [text('a'), choices('b', ['x', 'y']), forceState('One'), choices('c', ['y', 'z']), end(), media(JPG)].map(said),
    );
    expect(merged).to.deep.equal({
      messages: ['a', 'b', 'c'],
      keyboard: ['x', 'y', 'z'],
      entities: [{ imageUrl: JPG, options: [] }],
      state: 'Bye',
    });
    expect(mergeResponses([])).to.deep.equal(nothing);
    const further = [
      { ...nothing, forcedMessage: 1, extra: { a: 1 } },
      { ...nothing, extra: { b: 2 } },
    ];
    expect(mergeResponses(further)).to.deep.include({ forcedMessage: 1, extra: { a: 1, b: 2 } });
  });
});

describe('repliesIn', () => {
  const label = fc.string({ unit: 'grapheme', minLength: 1 }).filter((it) => it.trim() !== '');
  const labels = fc.uniqueArray(label, { minLength: 1, maxLength: 5 });
  const option = (it: string): { id: string; label: string } => ({ id: it, label: it });

  it('gives back what encodeAction made: read(encode(x)) = x', () => {
    const texts = fc.array(
      label.map((it): Reply => text(it)),
      { maxLength: 4 },
    );
    const picture = fc
      .tuple(label, fc.option(label, { nil: undefined }), fc.option(labels, { nil: undefined }))
      .map(([title, told, buttons]) => ({
        title,
        image: JPG,
        ...(told !== undefined && { text: told }),
        ...(buttons !== undefined && { choices: buttons.map(option) }),
      }));
    const last = fc.oneof(
      fc.constant<readonly Reply[]>([]),
      fc.tuple(label, labels).map(([asked, list]): Reply[] => [choices(asked, list)]),
      fc.array(picture, { minLength: 1, maxLength: 3 }).map((list): Reply[] => [cards(list)]),
      fc
        .array(fc.option(label, { nil: undefined }), { minLength: 1, maxLength: 3 })
        .map((captions): Reply[] => captions.map((caption) => media(JPG, caption))),
    );
    const going = fc.constantFrom<readonly Reply[]>([], [handoff()], [end()], [forceState('Menu')]);
    fc.assert(
      fc.property(texts, last, going, (...parts) => {
        const replies = parts.flat();
        expect(repliesIn(mergeResponses(replies.map(said)), states)).to.deep.equal(replies);
      }),
    );
  });

  it('asks in words of its own where buttons have none', () => {
    const keyboard = ['a'];
    expect(repliesIn({ ...nothing, keyboard })).to.deep.equal([choices('Please choose:', ['a'])]);
    expect(repliesIn({ ...nothing, keyboard }, {}, 'Bitte wählen:')).to.deep.equal([choices('Bitte wählen:', ['a'])]);
    const entities = [{ imageUrl: JPG, options: [] }];
    expect(repliesIn({ messages: ['Look', ' '], keyboard, entities }).map(({ kind }) => kind)).to.deep.equal([
      'text',
      'media',
      'choices',
    ]);
  });

  it('shows pictures with names as cards, also without a picture', () => {
    const entities = [
      { name: 'Sencha', options: [] },
      { imageUrl: JPG, options: [] },
    ];
    expect(repliesIn({ ...nothing, entities })).to.deep.equal([
      cards([{ title: 'Sencha' }, { title: '', image: JPG }]),
    ]);
  });

  it('reads the second generation message by message', () => {
    const photo = { name: 'Sencha', imageUrl: JPG, options: [] };
    const replies = outputReplies({
      messages: [
        { id: '1', text: 'Menu', entities: [], keyboard: [['Green', 'Black'], ['Stop']] },
        { id: '2', text: 'Чай', photo, entities: [], keyboard: [] },
        { id: '3', entities: [], keyboard: [] },
      ],
    });
    expect(replies).to.deep.equal([
      choices('Menu', ['Green', 'Black', 'Stop']),
      text('Чай'),
      cards([{ title: 'Sencha', image: JPG }]),
    ]);
  });
});
