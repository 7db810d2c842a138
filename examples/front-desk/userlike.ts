import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userlikeSimulator, type UserlikeSimulator } from 'tidewire/simulators';
import { userlikeClient, userlikeWebhook, type UserlikeClient, type UserlikeWebhook } from 'tidewire/userlike';

export interface Userlike {
  readonly client: UserlikeClient;
  readonly webhook: UserlikeWebhook;
  /** How to be a customer. */
  readonly door: string;
  readonly simulator?: UserlikeSimulator;
  readonly close: () => Promise<void>;
}

/** The platform of the settings, or a simulated one. */
export const openUserlike = async (env: NodeJS.ProcessEnv): Promise<Userlike> => {
  const { USERLIKE_API_URL, USERLIKE_TOKEN, HOOK_TOKEN = crypto.randomUUID(), PORT = '0' } = env;
  const { HOOK_HEADER = 'API-SECURITY-TOKEN' } = env;
  const isReal = USERLIKE_API_URL !== undefined && USERLIKE_TOKEN !== undefined;
  const headers = { [HOOK_HEADER]: HOOK_TOKEN };

  const webhook = userlikeWebhook({ headers, directAnswerMs: isReal ? 3_000 : 800 });
  const server = createServer(webhook.node).listen(Number(PORT), '127.0.0.1');
  await once(server, 'listening');
  const hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const stop = async (): Promise<void> => {
    server.close();
    server.closeIdleConnections();
    return Promise.resolve();
  };
  if (isReal) {
    const client = userlikeClient({ url: USERLIKE_API_URL, token: USERLIKE_TOKEN });
    const door = `Userlike: the webhook listens on ${hook}; put a public address in front of it.`;
    return { client, webhook, door, close: stop };
  }
  const simulator = await userlikeSimulator({ webhook: { url: hook, headers } });
  const client = userlikeClient({ url: simulator.url, token: simulator.token });
  const door = `curl -d 'Where is my bicycle?' ${simulator.home}/say/sms/you # or web, telegram, threema`;
  const close = async (): Promise<void> => {
    await stop();
    await simulator.close();
  };
  return { client, webhook, door, simulator, close };
};
