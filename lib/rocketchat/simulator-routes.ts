import type { Observable } from 'rxjs';
import type { Part } from '../trueconf/simulator-multipart.js';
import type { Accounts } from './simulator-accounts.js';
import type { Closing } from './simulator-closing.js';
import type { Deliveries } from './simulator-deliveries.js';
import type { Desk } from './simulator-desk.js';
import type { Fields, Schema } from './simulator-fields.js';
import type { Files } from './simulator-files.js';
import type { Hooks } from './simulator-hooks.js';
import type { Messages } from './simulator-messages.js';
import type { Account, RocketchatContent } from './simulator-model.js';
import type { Rooms } from './simulator-rooms.js';
import type { Routing } from './simulator-routing.js';
import type { Sending } from './simulator-sending.js';
import type { Streams } from './simulator-streams.js';
import type { Transfers } from './simulator-transfers.js';
import type { Views } from './simulator-views.js';
import type { Visitors } from './simulator-visitors.js';

/** @internal The parts of the server. */
export interface World {
  readonly desk: Desk;
  readonly accounts: Accounts;
  readonly visitors: Visitors;
  readonly rooms: Rooms;
  readonly views: Views;
  readonly streams: Streams;
  readonly deliveries: Deliveries;
  readonly hooks: Hooks;
  readonly messages: Messages;
  readonly routing: Routing;
  readonly transfers: Transfers;
  readonly closing: Closing;
  readonly sending: Sending;
  readonly files: Files;
  /** Somebody's status has changed. */
  readonly setStatus: (account: Account, change: () => void) => void;
}

/** @internal A call as a route sees it. */
export interface Asked {
  /** What stands in the path in place of `:names`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Fields;
  readonly body: Fields;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Who is logged in; there is somebody where the route wants a login. */
  readonly user: Account;
  /** The parts of a form; nothing where the body is none. */
  readonly parts: readonly Part[] | undefined;
}

/** @internal A call of the API under `/api/v1/`. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly needsLogin?: boolean;
  /** One of them is needed. */
  readonly permissions?: readonly string[];
  /** All of them are needed. */
  readonly allPermissions?: readonly string[];
  readonly query?: Schema;
  readonly body?: Schema;
  /** Of the newer kind: checked before calls are counted, and without brackets. */
  readonly isTyped?: boolean;
  /** Has a limit of its own. */
  readonly isOfVisitors?: boolean;
  /** Answered without `success`. */
  readonly isUnmarked?: boolean;
  readonly handle: (asked: Asked) => RocketchatContent | Observable<RocketchatContent>;
}

/** @internal A route that agents and managers call. */
export const forUsers = (route: Omit<Route, 'needsLogin'>): Route => ({ ...route, needsLogin: true });
