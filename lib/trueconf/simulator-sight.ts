import { TYPE, type Account, type Chat, type Message, type TrueconfContent } from './simulator-model.js';

/** @internal A text as the server keeps it: cut at 4096 code points. */
export const cutText = (text: string): string =>
  text.length <= 4096 ? text : Array.from(text).slice(0, 4096).join('');

const record = (value: unknown): TrueconfContent =>
  typeof value === 'object' && value !== null ? (value as TrueconfContent) : {};
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** @internal What a person sees of a content, in a line. */
export const lineOf = (type: number, content: TrueconfContent): string => {
  const { title, name, caption } = content;
  switch (type) {
    case TYPE.forwarded:
      return lineOf(Number(content['type']), record(content['content']));
    case TYPE.file: {
      const under = text(record(caption)['text']);
      return under === '' ? text(name) : `${text(name)}: ${under}`;
    }
    case TYPE.location:
      return text(title) || `${String(content['latitude'])}, ${String(content['longitude'])}`;
    case TYPE.voice:
      return 'voice message';
    default:
      return text(content['text']) || text(title);
  }
};

/** @internal Whether somebody can see a message. */
export const isSeen = ({ chat, box, hiddenFrom }: Message, account: Account): boolean => {
  const member = chat.members.get(account);
  return member !== undefined && box > member.after && !hiddenFrom.has(account);
};

/** @internal What somebody can see in a chat, oldest first. */
export const seenOf = (chat: Chat, account: Account): readonly Message[] =>
  chat.messages.filter((message) => isSeen(message, account));

/** @internal Who can see a message. */
export const seersOf = (message: Message): readonly Account[] =>
  [...message.chat.members.keys()].filter((member) => isSeen(message, member));

/** @internal The content of a message, with the state that its file is in now. */
export const contentOf = ({ content, file, type }: Message): TrueconfContent =>
  file === undefined || type !== TYPE.file ? content : { ...content, readyState: file.state };
