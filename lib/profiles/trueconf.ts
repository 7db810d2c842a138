import type { CapabilityProfile } from '../model/capabilities.js';

const plain: CapabilityProfile = {
  platform: 'trueconf',
  channel: '*',
  actions: {
    text: 'native',
    choices: 'fallback',
    cards: 'fallback',
    links: 'fallback',
    media: 'native',
    survey: 'native',
    navigate: 'fallback',
    edit: 'native',
    remove: 'native',
    forward: 'native',
    handoff: 'native',
    openConversation: 'native',
    note: 'native',
    platform: 'native',
  },
  // Code points that show; markup counts little or nothing, so that as many units always fit.
  maxTextLength: 4_096,
  formats: ['plain', 'markdown', 'html'],
};

/**
 * What TrueConf shows up to server 5.5.5: choices become a numbered list, links their addresses. `handoff` and `note` need the
 * `seat` of `toTrueConf`.
 */
export const trueconfProfiles: readonly CapabilityProfile[] = [plain];

const buttons = { as: 'native', maxOptions: 64, maxLabelLength: 32 } as const;

/**
 * What it shows from about server 5.5.6 on, as far as an unreleased client tells: choices and links as buttons, and that the
 * bot is typing. Put it in front of the others, `fallbackToText({ profiles: [trueconfButtons, ...profiles] })`, and set
 * `hasButtons` of `toTrueConf`. Ids of choices are ASCII there.
 */
export const trueconfButtons: CapabilityProfile = {
  ...plain,
  actions: { ...plain.actions, choices: buttons, links: buttons, typing: 'native' },
};
