import { hostname } from 'node:os';
import type { Owner } from '../queue/shelf.js';

/** @internal Who this process is where leases and claims are told apart. */
export const ownOwner = (): Required<Owner> => ({
  id: globalThis.crypto.randomUUID(),
  pid: process.pid,
  host: hostname(),
});

/** @internal Whether a process of this machine is known to have ended. Of ourselves, and of other machines, nothing is known. */
export const isGone = ({ pid, host }: Owner): boolean => {
  if (pid === undefined || pid === process.pid || host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'ESRCH';
  }
};

/** @internal Whether somebody wrote it down as an owner. */
export const isOwner = (value: unknown): value is Owner => {
  if (typeof value !== 'object' || value === null) return false;
  const { id, pid, host } = value as { readonly [name in keyof Owner]?: unknown };
  // 0 and below are no process, but groups of them.
  const isProcess = pid === undefined || (Number.isInteger(pid) && Number(pid) > 0);
  return typeof id === 'string' && isProcess && (host === undefined || typeof host === 'string');
};

/** @internal The same of whatever somebody wrote down. */
export const isGoneOwner = (value: unknown): boolean => isOwner(value) && isGone(value);
