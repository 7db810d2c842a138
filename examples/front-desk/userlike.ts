import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userlikeSimulator, type UserlikeSimulator } from 'tidewire/simulators';
import { findLasting, followLasting, startLasting, type Following } from './lasting-userlike.js';
import { userlikeClient, userlikeWebhook, type UserlikeClient, type UserlikeWebhook } from 'tidewire/userlike';

export interface Userlike {
  readonly client: UserlikeClient;
  readonly webhook: UserlikeWebhook;
  /** How to be a customer. */
  readonly door: string;
  readonly simulator?: UserlikeSimulator;
  /** What happens at one that is a process of its own. */
  readonly lasting?: Following;
  readonly close: () => Promise<void>;
}

/** The platform of the settings, or a simulated one: with a directory for data, one that goes on when this process is killed. */
export const openUserlike = async (env: NodeJS.ProcessEnv, dir?: string): Promise<Userlike> => {
  const { USERLIKE_API_URL, USERLIKE_TOKEN } = env;
  const isReal = USERLIKE_API_URL !== undefined && USERLIKE_TOKEN !== undefined;
  const lasting = isReal || dir === undefined ? undefined : await findLasting(dir);
  const { HOOK_TOKEN = lasting?.hookToken ?? crypto.randomUUID(), PORT = String(lasting?.hookPort ?? 0) } = env;
  const { HOOK_HEADER = 'API-SECURITY-TOKEN' } = env;
  const headers = { [HOOK_HEADER]: HOOK_TOKEN };

  const webhook = userlikeWebhook({ headers, directAnswerMs: isReal || dir !== undefined ? 3_000 : 800 });
  const server = createServer(webhook.node).listen(Number(PORT), '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const hook = `http://127.0.0.1:${port}/`;
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
  const doorOf = (home: string): string =>
    `curl -d 'Where is my bicycle?' ${home}/say/sms/you # or web, telegram, threema`;
  if (dir !== undefined) {
    const { pid, url, token, home } = lasting ?? (await startLasting(dir, port, HOOK_TOKEN));
    const following = await followLasting(home);
    const close = async (): Promise<void> => {
      following.end();
      await stop();
      process.kill(pid, 'SIGTERM');
    };
    return { client: userlikeClient({ url, token }), webhook, door: doorOf(home), lasting: following, close };
  }
  const simulator = await userlikeSimulator({ webhook: { url: hook, headers } });
  const client = userlikeClient({ url: simulator.url, token: simulator.token });
  const door = doorOf(simulator.home);
  const close = async (): Promise<void> => {
    await stop();
    await simulator.close();
  };
  return { client, webhook, door, simulator, close };
};
