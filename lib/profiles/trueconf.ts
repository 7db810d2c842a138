import type { CapabilityProfile } from '../model/capabilities.js';

const platform = 'trueconf';
const channel = '*';
/** Code points that show; markup counts little or nothing, so that as many units always fit. */
const maxTextLength = 4_096;
const formats = ['plain', 'markdown', 'html'] as const;

const everywhere = {
  text: 'native',
  media: 'native',
  survey: 'native',
  edit: 'native',
  remove: 'native',
  forward: 'native',
  handoff: 'native',
  note: 'native',
  openConversation: 'native',
  platform: 'native',
  cards: 'fallback',
  navigate: 'fallback',
} as const;

/**
 * What TrueConf shows up to server 5.5.5: choices become a numbered list, links their addresses. `handoff` and `note` need the
 * `seat` of `toTrueConf`.
 */
export const trueconfProfiles: readonly CapabilityProfile[] = [
  {
    platform,
    channel,
    actions: { ...everywhere, choices: 'fallback', links: 'fallback' },
    maxTextLength,
    formats,
  },
];

const buttons = { as: 'native', maxOptions: 64, maxLabelLength: 32 } as const;

/**
 * What it shows from about server 5.5.6 on, as far as an unreleased client tells: choices and links as buttons, and that the
 * bot is typing. In front of the others, `fallbackToText({ profiles: [trueconfButtons, ...profiles] })`, and with the option
 * `hasButtons` of `toTrueConf`. Ids of choices are ASCII there.
 */
export const trueconfButtons: CapabilityProfile = {
  platform,
  channel,
  actions: { ...everywhere, choices: buttons, links: buttons, typing: 'native' },
  maxTextLength,
  formats,
};
