import type { Desk } from './simulator-desk.js';
import type { Hooks } from './simulator-hooks.js';
import type { Messages } from './simulator-messages.js';
import { authorOf } from './simulator-model.js';
import type { Author, Room } from './simulator-model.js';
import type { Rooms } from './simulator-rooms.js';
import type { Streams } from './simulator-streams.js';
import { idOf } from './simulator-views.js';

/** @internal How rooms end. */
export class Closing {
  readonly #desk: Desk;
  readonly #rooms: Rooms;
  readonly #streams: Streams;
  readonly #hooks: Hooks;
  readonly #messages: Messages;

  constructor(desk: Desk, rooms: Rooms, streams: Streams, hooks: Hooks, messages: Messages) {
    this.#desk = desk;
    this.#rooms = rooms;
    this.#streams = streams;
    this.#hooks = hooks;
    this.#messages = messages;
  }

  close(room: Room, by: Author, comment: string, tags: readonly string[] = []): void {
    const closer = by.kind === 'visitor' ? 'visitor' : 'user';
    const closedBy = idOf(authorOf(by));
    room.closedAt = this.#desk.now();
    room.closer = closer;
    room.closedBy = closedBy;
    if (tags.length > 0) room.tags = [...new Set([...room.tags, ...tags])];
    const inquiry = this.#rooms.shut(room);
    this.#desk.write({ kind: 'closed', rid: room.id, by: closedBy._id, closer, comment, tags });
    if (inquiry !== undefined) this.#streams.inquiry('removed', inquiry);
    const { closeMessage } = this.#desk.rules;
    const say = (): void => {
      this.#messages.post(room, by, { msg: comment, t: 'livechat-close', extra: { transcriptRequested: false } });
    };
    if (closeMessage === 'before') say();
    for (const account of [...room.members.keys()]) {
      const membership = this.#rooms.leave(room, account);
      if (membership !== undefined) this.#streams.membership('removed', membership, room);
    }
    if (closeMessage === 'after') say();
    this.#hooks.session('close', 'LivechatSession', room, { closedAt: new Date(room.closedAt), closedBy, closer });
  }
}
