import type { ActionCapability, CapabilityProfile, Rendering } from '../model/capabilities.js';
import type { Conversation } from '../model/conversation.js';
import type { OutboundAction } from '../model/action.js';
import { chatfirstProfiles } from './chatfirst.js';
import { rocketchatProfiles } from './rocketchat.js';
import { trueconfProfiles } from './trueconf.js';
import { userlikeProfiles } from './userlike.js';

/** The profiles of all platforms. To change an entry, put a profile of the same platform and channel in front. */
export const profiles: readonly CapabilityProfile[] = [
  ...userlikeProfiles,
  ...trueconfProfiles,
  ...chatfirstProfiles,
  ...rocketchatProfiles,
];

/** A channel that we know nothing of: text, and what the human side needs. */
const plain: CapabilityProfile = {
  platform: '*',
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
    release: 'native',
    end: 'native',
    openConversation: 'native',
    updateContact: 'native',
    updateConversation: 'native',
    note: 'native',
    dispatch: 'native',
    platform: 'native',
  },
  maxTextLength: 4_096,
  formats: ['plain'],
};

/** Finds profiles by platform and channel: the first of a platform's own channel, then its `*`, then plain text. */
export const profileFinder = (
  known: readonly CapabilityProfile[] = profiles,
): ((conversation: Conversation) => CapabilityProfile) => {
  const byPlatform = new Map<string, Map<string, CapabilityProfile>>();
  for (const profile of known) {
    let channels = byPlatform.get(profile.platform);
    if (channels === undefined) byPlatform.set(profile.platform, (channels = new Map<string, CapabilityProfile>()));
    if (!channels.has(profile.channel)) channels.set(profile.channel, profile);
  }
  return ({ platform, channel }) => {
    const channels = byPlatform.get(platform);
    return channels?.get(channel) ?? channels?.get('*') ?? plain;
  };
};

/** What becomes of an action under a profile, its options and labels counted. */
export const renderingOf = (action: OutboundAction, { actions }: CapabilityProfile): Rendering => {
  const capability = actions[action.kind] ?? 'rejected';
  return typeof capability === 'string'
    ? capability
    : within(action, capability)
      ? capability.as
      : (capability.beyond ?? 'fallback');
};

const within = (
  action: OutboundAction,
  { maxOptions = Infinity, maxLabelLength = Infinity }: ActionCapability,
): boolean => {
  const labels =
    action.kind === 'choices'
      ? action.choices.map(({ label }) => label)
      : action.kind === 'cards'
        ? action.cards.map(({ title }) => title)
        : action.kind === 'links'
          ? action.links.map(({ label }) => label)
          : [];
  return labels.length <= maxOptions && labels.every(({ length }) => length <= maxLabelLength);
};
