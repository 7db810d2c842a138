import { Accounts } from './simulator-accounts.js';
import { Closing } from './simulator-closing.js';
import { Deliveries, type Post } from './simulator-deliveries.js';
import type { Desk } from './simulator-desk.js';
import type { RocketchatFaults } from './simulator-faults.js';
import { Files } from './simulator-files.js';
import { Hooks } from './simulator-hooks.js';
import { Messages } from './simulator-messages.js';
import { statusOf } from './simulator-permissions.js';
import { Payloads } from './simulator-payloads.js';
import { Rooms } from './simulator-rooms.js';
import type { World } from './simulator-routes.js';
import { Routing } from './simulator-routing.js';
import { Sending } from './simulator-sending.js';
import { Streams } from './simulator-streams.js';
import { Transfers } from './simulator-transfers.js';
import { Views } from './simulator-views.js';
import { Visitors } from './simulator-visitors.js';

/** @internal The parts of a server, put together. */
export const worldOf = (desk: Desk, faults: RocketchatFaults, post: Post): World => {
  const accounts = new Accounts(desk);
  const visitors = new Visitors(desk, accounts);
  const rooms = new Rooms(desk);
  const views = new Views(desk);
  const streams = new Streams(desk, rooms, views);
  const deliveries = new Deliveries(desk, faults.hook, post);
  const hooks = new Hooks(desk, new Payloads(views), deliveries);
  const messages = new Messages(desk, streams, hooks);
  const routing = new Routing(desk, accounts, rooms, streams, hooks, messages, faults.race);
  const transfers = new Transfers(desk, routing, messages, hooks);
  const closing = new Closing(desk, rooms, streams, hooks, messages);
  const sending = new Sending(desk, rooms, messages, closing, routing, faults.race);
  const files = new Files(desk);
  return {
    desk,
    accounts,
    visitors,
    rooms,
    views,
    streams,
    deliveries,
    hooks,
    messages,
    routing,
    transfers,
    closing,
    sending,
    files,
    setStatus: (account, change) => {
      const shown = (): string => `${statusOf(account)} ${account.statusLivechat}`;
      const before = shown();
      change();
      if (shown() === before) return;
      desk.write({ kind: 'status', by: account.id, status: shown() });
      streams.status(account);
    },
  };
};
