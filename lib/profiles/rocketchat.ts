import type { CapabilityProfile } from '../model/capabilities.js';

const plain: CapabilityProfile = {
  platform: 'rocketchat',
  channel: '*',
  actions: {
    text: 'native',
    choices: 'fallback',
    cards: 'fallback',
    links: 'fallback',
    media: 'native',
    survey: 'fallback',
    navigate: 'fallback',
    typing: 'native',
    edit: 'native',
    remove: 'native',
    forward: 'native',
    handoff: 'native',
    end: 'native',
    updateContact: 'native',
    updateConversation: 'native',
    note: 'native',
    platform: 'native',
  },
  maxTextLength: 5_000,
  formats: ['plain', 'markdown'],
};

/**
 * What LiveChat on Rocket.Chat shows on any channel, of what an agent sends: choices become a numbered list, links their
 * addresses. 5 000 characters is the server's default.
 */
export const rocketchatProfiles: readonly CapabilityProfile[] = [plain];

/**
 * What its own widget shows: choices as buttons, whose click is a message with the label, which `readChoices` turns into a
 * `choice`. Put it in front of the others, `fallbackToText({ profiles: [rocketchatButtons, ...profiles] })`, and set `hasButtons`
 * of `toRocketChat`.
 */
export const rocketchatButtons: CapabilityProfile = {
  ...plain,
  actions: { ...plain.actions, choices: 'converted' },
};
