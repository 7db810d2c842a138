import { invalid, Refusal, refusal, type Flaw } from './simulator-answers.js';
import type { FluidtalkAct, FluidtalkTurn } from './simulator-persona.js';

/** A file of a form. */
export interface FluidtalkFile {
  readonly name: string;
  /** `text/plain` or empty where the part says nothing. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The fields of a call, line breaks as `\n`. */
export type FluidtalkForm = Readonly<Record<string, string | FluidtalkFile>>;

/** @internal */
export type Route = 'chat' | 'action' | 'upload';

/** @internal */
export const routeOf = (url: string): Route | undefined =>
  /^\/api\/v1\/bot\/(chat|action|upload)(\?|$)/.exec(url)?.[1] as Route | undefined;

/** @internal A call of chat or action whose fields are in order. */
export type Ask = Omit<FluidtalkTurn, 'turn'>;

/** @internal */
export interface Body {
  readonly form: FluidtalkForm;
  /** What a body that is no form is answered with. */
  readonly unreadable?: Refusal;
}

const unreadable = (why: Refusal): Body => ({ form: {}, unreadable: why });

const formOf = (fields: readonly (readonly [name: string, value: string | FluidtalkFile])[]): Body => ({
  form: Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value]),
  ),
});

const readMultipart = async (contentType: string, bytes: Uint8Array<ArrayBuffer>): Promise<Body> => {
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
    const fields = [...form].map(async ([name, value]): Promise<[string, string | FluidtalkFile]> => {
      if (typeof value === 'string') return [name, value];
      return [name, { name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) }];
    });
    return formOf(await Promise.all(fields));
  } catch {
    return unreadable(new Refusal(400, 'There was an error parsing the body'));
  }
};

/** @internal Reads both forms of body, the url-encoded one at once. */
export const readForm = (contentType: string, bytes: Uint8Array<ArrayBuffer>): Body | Promise<Body> => {
  const [type] = contentType.toLowerCase().split(';');
  switch (type?.trim()) {
    case 'application/x-www-form-urlencoded':
      return formOf([...new URLSearchParams(new TextDecoder().decode(bytes))]);
    case 'multipart/form-data':
      return readMultipart(contentType, bytes);
    default:
      return unreadable(refusal(415));
  }
};

/** @internal The text of a field; an empty one counts as none. */
export const textIn = (form: FluidtalkForm, name: string): string | undefined => {
  const value = form[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** @internal */
export const fileIn = (form: FluidtalkForm): FluidtalkFile | undefined =>
  typeof form['file'] === 'object' ? form['file'] : undefined;

// A part without a type reads as `text/plain`, one that a program made without saying as `application/octet-stream`.
const PICTURES = /^(image\/(jpeg|png|webp|gif)|application\/octet-stream|text\/plain)?\s*(;|$)/i;

/** @internal */
export const invalidFile = (message: string, type: string): Refusal => invalid([['file', message, type]]);

/** @internal What is wrong with the file of a form, if something is. */
export const checkFile = (form: FluidtalkForm, maxBytes: number): Refusal | undefined => {
  const file = fileIn(form);
  if (file === undefined) return undefined;
  if (file.bytes.length === 0) return invalidFile('the file is empty', 'value_error');
  if (file.bytes.length > maxBytes) return refusal(413);
  return PICTURES.test(file.type) ? undefined : refusal(415);
};

const objectIn = (json: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};

const ACTIONS: ReadonlySet<string> = new Set(['OUTREACH', 'ENTRY_POINT', 'FOLLOW_UP']);

/** @internal The fields of chat or action, checked. */
export const askOf = (route: 'chat' | 'action', form: FluidtalkForm, textRequired: boolean): Ask | Refusal => {
  const flaws: Flaw[] = [];
  const need = (name: string): string => {
    const text = textIn(form, name);
    if (text === undefined) flaws.push([name, 'field required', 'missing']);
    return text ?? '';
  };
  const target = need('target');
  const picture = fileIn(form)?.name ?? textIn(form, 'image_url');
  const action = route === 'chat' ? 'chat' : need('action');
  if (route === 'chat' && (picture === undefined || textRequired)) need('message');
  if (route === 'action' && action !== '' && !ACTIONS.has(action)) flaws.push(['action', 'unknown action', 'enum']);
  if (action === 'ENTRY_POINT') need('entry_type');
  const json = textIn(form, 'entry_context');
  const entryContext = json === undefined ? undefined : objectIn(json);
  if (json !== undefined && entryContext === undefined) flaws.push(['entry_context', 'no JSON object', 'json_invalid']);
  if (flaws.length > 0) return invalid(flaws);
  return {
    act: action as FluidtalkAct,
    target,
    ownUsername: textIn(form, 'own_username'),
    message: textIn(form, 'message'),
    entryType: textIn(form, 'entry_type'),
    entryContext,
    picture,
  };
};

/** @internal What a client should not have sent, although the server bears it. */
export const problemsOf = (url: string, key: string, form: FluidtalkForm): readonly string[] => {
  const texts = Object.entries(form).filter(([, value]) => typeof value === 'string') as [string, string][];
  const problems = texts.filter(([, text]) => text === '').map(([name]) => `${name} is empty; leave it out`);
  if (texts.some(([, text]) => text.includes(key))) problems.push('the key is in the body');
  if (url.includes(key)) problems.push('the key is in the address');
  const pictures = ['image_url', 'file'].filter((name) => form[name] !== undefined);
  if (pictures.length > 1) problems.push('image_url and file are both there');
  if (form['action'] === 'FOLLOW_UP') problems.push(...pictures.map((name) => `${name} on FOLLOW_UP`));
  return problems;
};
