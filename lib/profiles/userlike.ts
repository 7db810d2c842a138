import type { CapabilityProfile } from '../model/capabilities.js';

const everywhere = {
  text: 'native',
  handoff: 'native',
  release: 'native',
  end: 'native',
  typing: 'native',
  note: 'native',
  updateContact: 'native',
  updateConversation: 'native',
  dispatch: 'native',
  platform: 'native',
} as const;

/** Choices that the platform writes as a numbered list itself, and reports as a click. */
const writtenOut = {
  ...everywhere,
  choices: 'converted',
  cards: 'converted',
  links: 'converted',
  media: 'native',
} as const;

const platform = 'userlike';
const maxTextLength = 5_000;

/**
 * What Userlike shows on which channel, from the channels chapter of its chatbot API
 * (https://www.userlike.com/en/public/tutorial/um/api/chatbots). The widget of the website shows everything; WhatsApp and
 * Facebook show up to 10 and 13 options of up to 20 characters; elsewhere the platform writes choices out as text.
 */
export const userlikeProfiles: readonly CapabilityProfile[] = [
  {
    platform,
    channel: 'web',
    actions: {
      ...everywhere,
      choices: 'native',
      cards: 'native',
      links: 'native',
      media: 'native',
      navigate: 'native',
    },
    maxTextLength,
    formats: ['plain', 'markdown'],
  },
  {
    platform,
    channel: 'whatsapp',
    actions: { ...writtenOut, choices: { as: 'native', maxOptions: 10, maxLabelLength: 20, beyond: 'converted' } },
    maxTextLength,
    formats: ['plain', 'markdown'],
  },
  {
    platform,
    channel: 'facebook',
    actions: { ...writtenOut, choices: { as: 'native', maxOptions: 13, maxLabelLength: 20, beyond: 'converted' } },
    maxTextLength,
    formats: ['plain', 'markdown'],
  },
  { platform, channel: 'sms', actions: { ...writtenOut, media: 'fallback' }, maxTextLength, formats: ['plain'] },
  { platform, channel: '*', actions: writtenOut, maxTextLength, formats: ['plain', 'markdown'] },
];
