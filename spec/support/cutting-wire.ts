import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which way a chunk goes, and all that is in it. */
export interface OnTheWire {
  readonly way: 'up' | 'down';
  readonly text: string;
  readonly bytes: number;
  /** Whether it belongs to a socket that is open: what goes up is masked then. */
  readonly isFrame: boolean;
}

/** Passes everything on to a server, and cuts a connection where it is told to: in the middle of whatever is on its way. */
export class CuttingWire {
  /** How many bytes of a chunk still pass before its connection is cut; `undefined` where it is not. Asked until one is. */
  rule: ((chunk: OnTheWire) => number | undefined) | undefined;
  cuts = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(to: number) {
    this.#server = createServer((client) => {
      const server = connect(to, '127.0.0.1');
      let isFrame = false;
      const both = [client, server];
      for (const one of both) {
        this.#open.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#open.delete(one);
          for (const other of both) other.destroy();
        });
      }
      const pass = (way: 'up' | 'down', from: Socket, on: Socket): void => {
        from.on('data', (data: Buffer) => {
          const text = data.toString('latin1');
          const left = this.rule?.({ way, text, bytes: data.length, isFrame });
          if (text.startsWith('HTTP/1.1 101')) isFrame = true;
          if (left === undefined) {
            on.write(data);
            return;
          }
          this.rule = undefined;
          this.cuts++;
          on.write(data.subarray(0, left), () => {
            for (const other of both) other.destroy();
          });
        });
      };
      pass('up', client, server);
      pass('down', server, client);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    for (const one of this.#open) one.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
