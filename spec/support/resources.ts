/** Sockets, servers and timers of this process, by type. */
export const resources = (): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (/TCP|TLS|HTTP|Timeout/.test(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
};
