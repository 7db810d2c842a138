import type { CapabilityProfile } from '../model/capabilities.js';

/**
 * What a Chatfirst scenario's users see, whatever their messenger is: the platform renders for it. From the sources of its
 * client for Python, https://github.com/chatfirst/chatfirst (0.2, read 2025-03-01).
 */
export const chatfirstProfiles: readonly CapabilityProfile[] = [
  {
    platform: 'chatfirst',
    channel: '*',
    actions: {
      text: 'native',
      choices: 'native',
      cards: 'native',
      media: 'native',
      links: 'fallback',
      navigate: 'fallback',
      survey: 'fallback',
      handoff: 'native',
      end: 'native',
      platform: 'native',
    },
    maxTextLength: 4_096,
    formats: ['plain'],
  },
];
