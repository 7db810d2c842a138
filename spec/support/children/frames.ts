import { tap } from 'rxjs';
import { traceOf } from 'tidewire';
import { lmdbFile, lmdbQueue } from 'tidewire/lmdb';
import { toQueue } from 'tidewire/queue';
import { fromTrueConf, trueconfClient } from 'tidewire/trueconf';

// A TrueConf account in front of a queue on the disk: `frames <dir> <port> [early]`. `early` acknowledges before it writes,
// as it must not.
const [, , dir = '', port = '', mode] = process.argv;
const queue = lmdbQueue({ file: lmdbFile({ dir }), name: 'in' });
const client = trueconfClient({
  server: '127.0.0.1',
  port: Number(port),
  secure: false,
  username: 'opsbot',
  password: 's3cret-42',
  receiveUnread: true,
});
fromTrueConf({ client, acknowledge: 'settled' })
  .pipe(
    tap((event) => {
      if (mode === 'early') traceOf(event)?.cancel('queued');
    }),
    toQueue(queue),
  )
  .subscribe({ error: () => undefined });
// Whoever is traced outlives the tracer: it ends when nobody talks to it any more.
process.stdin.on('end', () => process.exit(0)).resume();
