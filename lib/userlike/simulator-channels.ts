/** An option as a contact sees it. */
export interface SimulatedOption {
  readonly id: string;
  readonly label: string;
}

/** @internal What a contact sees of one event. */
export interface Sight {
  readonly text: string;
  /** Options that can be clicked. */
  readonly buttons: readonly SimulatedOption[];
  /** Options that are answered by their number. */
  readonly numbered: readonly SimulatedOption[];
}

type Payload = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = (value: unknown): readonly Payload[] => (Array.isArray(value) ? (value as readonly Payload[]) : []);
/** The first of several spellings that is there: the documentation does not show every key. */
const alias = (payload: Payload, ...keys: readonly string[]): unknown =>
  keys.map((key) => payload[key]).find((value) => value !== undefined);

/** @internal */
export const optionsIn = (payload: Payload): readonly SimulatedOption[] =>
  list(payload['options']).map((option) => {
    const label = text(alias(option, 'label', 'headline'));
    return { id: text(option['id']) || label, label };
  });

const sight = (said: string): Sight => ({ text: said, buttons: [], numbered: [] });
const lines = (...parts: readonly unknown[]): string =>
  parts
    .map(text)
    .filter((part) => part !== '')
    .join('\n');

/** Where choices can be clicked, by channel, number of options and length of labels; everywhere else they are text. */
const clickable = (channel: string, name: string, options: readonly SimulatedOption[]): boolean => {
  if (channel === 'web') return true;
  if (name === 'carousel' || options.some(({ label }) => label.length > 20)) return false;
  const most = { button_template: 3, list_template: 10 }[name] ?? Infinity;
  if (channel === 'whatsapp_business') return options.length <= Math.min(10, most);
  return channel === 'facebook' && options.length <= Math.min(13, most);
};

const choice = (channel: string, name: string, payload: Payload): Sight => {
  const options = optionsIn(payload);
  if (clickable(channel, name, options)) {
    const full = channel === 'whatsapp_business' && name !== 'bubbles';
    const header = alias(payload, 'header', 'header_text');
    const top =
      typeof header === 'object' && header !== null ? (alias(header as Payload, 'text', 'link') ?? '') : header;
    return {
      text: full ? lines(top, payload['body'], payload['footer']) : text(payload['body']),
      buttons: options,
      numbered: [],
    };
  }
  const images = name === 'carousel' ? list(payload['options']).map((option) => text(option['media'])) : [];
  const numbered = options.map(({ label }, n) => `${n + 1}. ${label}${images[n] ? ` ${images[n]}` : ''}`);
  return { text: lines(payload['fallback'], ...numbered), buttons: [], numbered: options };
};

/** @internal What a contact on this channel sees of an event; nothing for events that are not shown. */
export const sightOf = (channel: string, name: string, payload: Payload): Sight | undefined => {
  switch (name) {
    case 'message': {
      const body = text(payload['body']);
      return sight(channel === 'sms' && payload['text_format'] === 'markdown_v1' ? body.replace(/[*_`~]/g, '') : body);
    }
    case 'bubbles':
    case 'carousel':
    case 'button_template':
    case 'list_template':
      return choice(channel, name, payload);
    case 'button':
      return sight(lines(payload['body'], alias(payload, 'link', 'url')));
    case 'buttons': {
      const buttons = list(alias(payload, 'buttons', 'options'));
      const written = buttons.map(
        (button) => `${text(alias(button, 'label', 'text'))}: ${text(alias(button, 'link', 'url'))}`,
      );
      return sight(lines(payload['body'], ...written));
    }
    case 'media':
      return channel === 'sms' ? undefined : sight(`[file] ${text(payload['link'])}`);
    case 'navigate':
      return channel === 'web' ? sight(`[goes to] ${text(alias(payload, 'link', 'url'))}`) : undefined;
    default:
      return undefined;
  }
};
