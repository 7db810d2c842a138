import type { Conversation } from 'tidewire';
import { trueconfSimulator, type TrueconfSimulator } from 'tidewire/simulators';
import { trueconfClient, type TrueconfClient } from 'tidewire/trueconf';

export interface Trueconf {
  readonly client: TrueconfClient;
  /** The group in which people wait for customers who want a person. */
  readonly operators: Conversation;
  /** How to be a customer. */
  readonly door: string;
  readonly simulator?: TrueconfSimulator;
  readonly close: () => Promise<void>;
}

const chat = (id: string): Conversation => ({ platform: 'trueconf', id, channel: 'trueconf' });

/** The server of the settings, or a simulated one. What is said while the connection is down comes with the next one. */
export const openTrueconf = async (env: NodeJS.ProcessEnv): Promise<Trueconf> => {
  const { TRUECONF_SERVER: server, TRUECONF_TOKEN: token, TRUECONF_OPERATORS: operators } = env;
  const { TRUECONF_USERNAME: username, TRUECONF_PASSWORD: password } = env;
  if (server !== undefined && operators !== undefined) {
    const credentials = token === undefined ? { username: username ?? '', password: password ?? '' } : { token };
    const { protocol, hostname, port } = new URL(server.includes('://') ? server : `https://${server}`);
    const place = { server: hostname, secure: protocol === 'https:', ...(port !== '' && { port: Number(port) }) };
    const client = trueconfClient({ ...place, ...credentials, receiveUnread: true });
    const door = `TrueConf: write to the bot on ${hostname}.`;
    return {
      client,
      operators: chat(operators),
      door,
      close: async () => {
        client.close();
        return Promise.resolve();
      },
    };
  }
  const bot = { username: 'velo', password: crypto.randomUUID() };
  const simulator = await trueconfSimulator({ bots: { [bot.username]: bot.password } });
  const group = simulator.user('Rosa').createGroup('Front desk', bot.username);
  const place = { server: '127.0.0.1', port: simulator.port, secure: false };
  const client = trueconfClient({ ...place, ...bot, receiveUnread: true, reconnectMs: 300, jitterMs: 0 });
  const door = `curl -d 'Where is my bicycle?' ${simulator.url}/say/you`;
  const close = async (): Promise<void> => {
    client.close();
    await simulator.close();
  };
  return { client, operators: chat(group), door, simulator, close };
};
