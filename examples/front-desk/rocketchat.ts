import { map, type MonoTypeOperatorFunction } from 'rxjs';
import type { HandoffTarget, OutboundAction } from 'tidewire';
import { rocketchatClient, type RocketchatClient } from 'tidewire/rocketchat';
import { rocketchatSimulator, type RocketchatSimulator } from 'tidewire/simulators';

export interface Rocketchat {
  readonly client: RocketchatClient;
  /** Who gets the rooms of visitors who want a person. */
  readonly people: HandoffTarget;
  /** How to be a visitor. */
  readonly door: string;
  readonly simulator?: RocketchatSimulator;
  readonly close: () => Promise<void>;
}

/** Handoffs to anybody go to these people: from the queue of all, a server may give the room to the bot again. */
export const handoffsTo = (people: HandoffTarget): MonoTypeOperatorFunction<OutboundAction> =>
  map((action) => (action.kind === 'handoff' && action.to.kind === 'any' ? { ...action, to: people } : action));

/** The server of the settings, or a simulated one, which gives new rooms to the bot. */
export const openRocketchat = async (env: NodeJS.ProcessEnv): Promise<Rocketchat> => {
  const { ROCKETCHAT_URL: url, ROCKETCHAT_TOKEN: authToken, ROCKETCHAT_USER_ID: userId } = env;
  const { ROCKETCHAT_DEPARTMENT: department } = env;
  if (url !== undefined && authToken !== undefined && userId !== undefined) {
    const client = rocketchatClient({ url, authToken, userId });
    return {
      client,
      people: department === undefined ? { kind: 'any' } : { kind: 'department', id: department },
      door: `Rocket.Chat: write in the LiveChat of ${new URL(url).hostname}.`,
      close: async () => {
        client.disconnect();
        return Promise.resolve();
      },
    };
  }
  const bot = { username: 'velo', password: crypto.randomUUID() };
  const workshop = { id: 'workshop', name: 'Workshop', agents: ['nora'] };
  const simulator = await rocketchatSimulator({
    accounts: [
      // Who manages LiveChat hears of rooms that others have.
      { ...bot, roles: ['user', 'bot', 'livechat-agent', 'livechat-manager'], status: 'online' },
      { username: 'nora', name: 'Nora', status: 'online' },
    ],
    departments: [workshop],
    botsFirst: true,
  });
  const client = rocketchatClient({ url: simulator.url, user: bot.username, password: bot.password });
  const close = async (): Promise<void> => {
    client.disconnect();
    await simulator.close();
  };
  const door = `curl -d 'Where is my bicycle?' ${simulator.url}/say/you`;
  return { client, people: { kind: 'department', id: workshop.id }, door, simulator, close };
};
