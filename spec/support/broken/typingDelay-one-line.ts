import { map } from 'rxjs';
import { typingDelay, type Conversation } from 'tidewire';

const conversations = new WeakMap<object, Conversation>();

/** One line for all: a talkative conversation holds up the others. */
export const typingDelayInOneLine: typeof typingDelay = (config) => (source) =>
  source.pipe(
    map((action) => {
      const conversation = { ...action.conversation, id: '' };
      conversations.set(conversation, action.conversation);
      return { ...action, conversation };
    }),
    typingDelay(config),
    map((action) => ({ ...action, conversation: conversations.get(action.conversation) ?? action.conversation })),
  );
