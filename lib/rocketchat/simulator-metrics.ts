import type { RocketchatContent, Room } from './simulator-model.js';

const date = (at: number): Date => new Date(at);
const seconds = (ms: number): number => ms / 1_000;

/** @internal How a room went: who answered, and how soon. */
export const metricsOf = ({ askedAt, answered, servedBy, createdAt, closedAt }: Room): RocketchatContent => {
  const metrics = {
    ...(askedAt !== undefined && { v: { lq: date(askedAt) } }),
    ...(answered !== undefined && servedBy !== undefined && { servedBy: { lr: date(answered.last) } }),
    ...(answered !== undefined && {
      response: {
        total: 1,
        avg: seconds(answered.first - createdAt),
        ft: seconds(answered.first - createdAt),
        tt: seconds(answered.first - createdAt),
      },
    }),
    ...(closedAt !== undefined && { chatDuration: seconds(closedAt - createdAt) }),
  };
  const responseBy =
    answered === undefined
      ? {}
      : {
          responseBy: {
            _id: answered.account.id,
            username: answered.account.username,
            firstResponseTs: date(answered.first),
            lastMessageTs: date(answered.last),
          },
        };
  return { ...(Object.keys(metrics).length > 0 && { metrics }), ...responseBy };
};
