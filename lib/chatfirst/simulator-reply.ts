/** A picture with its words and keys. */
export interface ChatfirstEntity {
  readonly handle: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly imageUrl: string | null;
  readonly options: readonly string[];
}

/** One message on its way to somebody. */
export interface ChatfirstBubble {
  /** null where only pictures or buttons are shown. */
  readonly text: string | null;
  /** Rows of buttons that are shown with it; null where there are none. */
  readonly keyboard: readonly (readonly string[])[] | null;
  readonly entities: readonly ChatfirstEntity[];
}

/** @internal An ActionResponse: what an adapter answers, and the body of a push. */
export interface Instruction {
  readonly bubbles: readonly ChatfirstBubble[];
  /** The state to enter. */
  readonly forced: string | undefined;
  /** The context message, which nobody looks into. */
  readonly forcedMessage: unknown;
}

/** @internal */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** @internal Flat labels as rows. */
export const rowsOf = (labels: readonly string[], perRow: number): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(labels.length / perRow) }, (_, row) => labels.slice(row * perRow, (row + 1) * perRow));

/** All shapes that are seen for a keyboard; a sentence for any other. */
const keyboardIn = (value: unknown, perRow: number): ChatfirstBubble['keyboard'] | string => {
  if (value === undefined || value === null) return null;
  const flat = typeof value === 'string' ? value.split(',').map((label) => label.trim()) : value;
  if (isTexts(flat)) {
    const labels = flat.filter((label) => label !== '');
    return labels.length === 0 ? null : rowsOf(labels, perRow);
  }
  return Array.isArray(flat) && flat.every(isTexts) ? flat : 'ForcedKeyboard is neither texts nor rows of texts';
};

const textOrNull = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === 'string';

const entityIn = (value: unknown): ChatfirstEntity | undefined => {
  if (!isRecord(value)) return undefined;
  const { Handle, Name, Description, ImageUrl, EntityOptions } = value;
  if (!textOrNull(Handle) || !textOrNull(Name) || !textOrNull(Description) || !textOrNull(ImageUrl)) return undefined;
  const options = EntityOptions ?? [];
  if (!isTexts(options)) return undefined;
  return {
    handle: Handle ?? '',
    name: Name ?? null,
    description: Description ?? null,
    imageUrl: ImageUrl ?? null,
    options,
  };
};

/** @internal Buttons and pictures go with the last message, or stand alone where there is none. */
export const bubblesOf = (
  texts: readonly string[],
  keyboard: ChatfirstBubble['keyboard'],
  entities: readonly ChatfirstEntity[],
): readonly ChatfirstBubble[] => {
  const bare = keyboard === null && entities.length === 0;
  if (texts.length === 0) return bare ? [] : [{ text: null, keyboard, entities }];
  return texts.map((text, n) =>
    n === texts.length - 1 ? { text, keyboard, entities } : { text, keyboard: null, entities: [] },
  );
};

/** @internal Reads an ActionResponse; a sentence when it is none. `Messages` must be there. */
export const readInstruction = (value: unknown, perRow: number): Instruction | string => {
  if (!isRecord(value)) return 'it is no object';
  const { Messages, ForcedState, ForcedKeyboard, Entities, ForcedMessage } = value;
  if (!isTexts(Messages)) return 'Messages is no list of texts';
  if (!textOrNull(ForcedState)) return 'ForcedState is no text';
  const keyboard = keyboardIn(ForcedKeyboard, perRow);
  if (typeof keyboard === 'string') return keyboard;
  const listed: unknown = Entities ?? [];
  const entities = Array.isArray(listed) ? listed.map(entityIn) : [undefined];
  const good = entities.filter((entity) => entity !== undefined);
  if (good.length < entities.length) return 'Entities is no list of entities';
  // Programs write an empty text for no state.
  const forced = ForcedState === '' || ForcedState === null ? undefined : ForcedState;
  return { bubbles: bubblesOf(Messages, keyboard, good), forced, forcedMessage: ForcedMessage ?? null };
};

/** @internal The texts of a reply, in order. */
export const textsIn = (bubbles: readonly ChatfirstBubble[]): readonly string[] =>
  bubbles.flatMap(({ text }) => (text === null ? [] : [text]));

/** @internal The buttons that are left when all of a reply was shown: those that came last. */
export const keyboardOf = (bubbles: readonly ChatfirstBubble[]): ChatfirstBubble['keyboard'] =>
  bubbles.reduce<ChatfirstBubble['keyboard']>((last, { keyboard }) => keyboard ?? last, null);
