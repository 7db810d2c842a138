/** A part of a key that says where it ends: what begins with it begins with no other. */
const part = (text: string): string => `${text.length}/${text}/`;

/**
 * Begins every key that is about a conversation, and no key about another, whatever its id looks like: so that `forget`
 * finds what is kept of it, whoever keeps it. The conversation by its `conversationKey`.
 *
 * @internal
 */
export const keysOf = (conversation: string): string => `of/${part(conversation)}`;

/**
 * Begins the keys of `name` among them, and those of no other name.
 *
 * @internal
 */
export const keysOfName = (conversation: string, name: string): string => keysOf(conversation) + part(name);

/**
 * Says, among the keys of a conversation, that the same store has something about it under another key.
 *
 * @internal
 */
export const pointerTo = (conversation: string, key: string): string => keysOfName(conversation, POINTS) + key;

/**
 * What a key of a conversation points to, if it does.
 *
 * @internal
 */
export const pointedTo = (conversation: string, key: string): string | undefined => {
  const pointers = pointerTo(conversation, '');
  return key.startsWith(pointers) ? key.slice(pointers.length) : undefined;
};

const POINTS = 'elsewhere';
