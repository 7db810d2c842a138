import type { ActionKind, Conversation, OutboundAction, WithoutAddress } from 'tidewire';

type Sample<K extends ActionKind> = WithoutAddress<Extract<OutboundAction, { readonly kind: K }>>;

/** One reply of every kind, as a program would write it. */
export const sampleActions = (to: Conversation): { readonly [K in ActionKind]: Sample<K> } => ({
  text: { kind: 'text', text: 'Your bicycle is ready.' },
  choices: {
    kind: 'choices',
    text: 'When do you come?',
    choices: [
      { id: 'today', label: 'Today' },
      { id: 'later', label: 'Later' },
    ],
  },
  cards: {
    kind: 'cards',
    text: 'Our bicycles',
    cards: [{ id: 'city', title: 'City', image: 'https://shop.test/c.png' }],
  },
  links: { kind: 'links', text: 'More', links: [{ label: 'Prices', url: 'https://shop.test/prices' }] },
  media: { kind: 'media', media: { url: 'https://shop.test/map.png', mimeType: 'image/png', name: 'map.png' } },
  survey: { kind: 'survey', title: 'How was it?', survey: 'spring' },
  navigate: { kind: 'navigate', url: 'https://shop.test/prices' },
  typing: { kind: 'typing', forMs: 10 },
  edit: { kind: 'edit', messageId: 'nothing', text: 'Your bicycle was ready.' },
  remove: { kind: 'remove', messageId: 'nothing' },
  forward: { kind: 'forward', messageId: 'nothing', to },
  handoff: { kind: 'handoff', to: { kind: 'any' }, onFailure: 'unassign' },
  release: { kind: 'release' },
  end: { kind: 'end' },
  openConversation: { kind: 'openConversation', with: 'somebody', text: 'Hello.' },
  updateContact: { kind: 'updateContact', name: 'Kim' },
  updateConversation: { kind: 'updateConversation', subject: 'Repair' },
  note: { kind: 'note', text: 'Comes often.' },
  dispatch: { kind: 'dispatch', to: { kind: 'contact' } },
  platform: { kind: 'platform', name: 'nothing', payload: {} },
});
