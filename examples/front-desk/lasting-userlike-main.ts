// A simulated Userlike that outlives the desk: `npm start -- --data DIR` starts it, and finds it again by the file that is named
// first. Ends when the desk ends in an orderly way, or when nothing has listened at the webhook for ten minutes.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userlikeSimulator } from 'tidewire/simulators';
import type { LastingUserlike } from './lasting-userlike.js';

const LOOK_MS = 10_000;
const LONELY_MS = 600_000;

const [, , file = '', port = '', hookToken = ''] = process.argv;
const hookPort = Number(port);
const webhook = { url: `http://127.0.0.1:${port}/`, headers: { 'API-SECURITY-TOKEN': hookToken } };
const simulator = await userlikeSimulator({ webhook });
const { url, token, home } = simulator;
const self: LastingUserlike = { pid: process.pid, url, token, home, hookPort, hookToken };
// At once: whoever reads it finds all of it.
writeFileSync(`${file}.new`, JSON.stringify(self), { mode: 0o600 });
renameSync(`${file}.new`, file);

const stop = async (): Promise<void> => {
  rmSync(file, { force: true });
  await simulator.close();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());

let heardAt = Date.now();
setInterval(() => {
  const socket = connect(hookPort, '127.0.0.1', () => {
    heardAt = Date.now();
    socket.destroy();
  });
  socket.on('error', () => {
    if (Date.now() - heardAt > LONELY_MS) void stop();
  });
}, LOOK_MS);
