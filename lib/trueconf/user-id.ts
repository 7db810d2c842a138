/**
 * A TrueConf id without the instance that servers of a federation and the bot's own connection put behind a slash:
 * `bot@tc.example.org/4c9d20aa` is `bot@tc.example.org`.
 */
export const bareId = (id: string): string => {
  const slash = id.indexOf('/');
  return slash < 0 ? id : id.slice(0, slash);
};

/** Whether two ids are the same user: without instances, in any case. An id without a host is no other's. */
export const isSameUser = (one: string, other: string): boolean =>
  one === other || bareId(one).toLowerCase() === bareId(other).toLowerCase();

/** An id with a host: that of `server`, where it has none. */
export const completeId = (id: string, server: string): string => {
  if (id.includes('@')) return id;
  const bare = bareId(id);
  return `${bare}@${server}${id.slice(bare.length)}`;
};
