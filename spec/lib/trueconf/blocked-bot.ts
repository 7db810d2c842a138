import { openAccounts, react, text } from 'tidewire';
import { fromTrueConf, toTrueConf, trueconfClient } from 'tidewire/trueconf';

// A bot in a process of its own, which does nothing at all for a while when it is told "block <milliseconds>".

const client = trueconfClient({
  server: '127.0.0.1',
  port: Number(process.argv[2]),
  secure: false,
  username: 'opsbot',
  password: 's3cret-42',
  receiveUnread: true,
  reconnectMs: 1,
  jitterMs: 0,
});

fromTrueConf({ client, accounts: openAccounts() })
  .pipe(
    react((event) => {
      if (event.kind !== 'message') return undefined;
      const [, ms] = /^block (\d+)$/.exec(event.text) ?? [];
      if (ms === undefined) return text(`done: ${event.text}`);
      const until = Date.now() + Number(ms);
      while (Date.now() < until);
      return undefined;
    }),
    toTrueConf({ client }),
  )
  .subscribe({ error: () => (process.exitCode = 1) });

// Whoever started it is gone.
process.once('disconnect', () => {
  client.close();
});
