import { writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tap } from 'rxjs';
import { traceOf } from 'tidewire';
import { lmdbFile, lmdbQueue } from 'tidewire/lmdb';
import { toQueue } from 'tidewire/queue';
import { fromUserlike, userlikeWebhook } from 'tidewire/userlike';

// A webhook in front of a queue on the disk: `hook <dir> [early]`. `early` answers before it writes, as it must not.
const [, , dir = '', mode] = process.argv;
const queue = lmdbQueue({ file: lmdbFile({ dir }), name: 'in' });
const webhook = userlikeWebhook({ headers: { 'API-SECURITY-TOKEN': 'secret' }, directAnswerMs: 0.001 });
fromUserlike({ webhook })
  .pipe(
    tap((event) => {
      if (mode === 'early') traceOf(event)?.cancel('queued');
    }),
    toQueue(queue),
  )
  .subscribe({ error: () => undefined });
const server = createServer(webhook.node).listen(0, '127.0.0.1', () => {
  writeSync(1, `${(server.address() as AddressInfo).port}\n`);
});
// Whoever is traced outlives the tracer: it ends when nobody talks to it any more.
process.stdin.on('end', () => process.exit(0)).resume();
