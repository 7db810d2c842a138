import { readChoices } from 'tidewire';

/** Leaves the offer open: a number that is said later, about something else, is taken for a choice. */
export const readChoicesThatKeepsAsking: typeof readChoices = (config) => readChoices({ ...config, keepOffers: true });
