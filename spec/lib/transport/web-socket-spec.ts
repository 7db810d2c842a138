import { once } from 'node:events';
import { Socket, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { WebSocketServer } from 'ws';
import { openWebSocket } from '../../../lib/transport/web-socket.js';

describe('openWebSocket', () => {
  const original = Object.getOwnPropertyDescriptor(Socket.prototype, 'setKeepAlive');
  afterEach(() => {
    if (original !== undefined) Object.defineProperty(Socket.prototype, 'setKeepAlive', original);
  });

  it('keeps the connection alive for whatever cuts those that look idle', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const kept: unknown[][] = [];
    Object.defineProperty(Socket.prototype, 'setKeepAlive', {
      configurable: true,
      value(this: Socket, ...given: unknown[]) {
        if (this.remotePort === port) kept.push(given);
        return this;
      },
    });
    const socket = openWebSocket(`ws://127.0.0.1:${port}`, [], 1_000);
    await new Promise<void>((resolve) => {
      socket.addEventListener('open', () => {
        resolve();
      });
    });
    expect(kept).to.deep.include([true, 15_000]);
    socket.close();
    for (const one of server.clients) one.terminate();
    server.close();
    await once(server, 'close');
  });
});
