import { connect, createServer, type Socket } from 'node:net';

/** What the way between processes and Redis does to them. */
export interface NetworkProxy {
  readonly port: number;
  mode: 'pass' | 'delay' | 'hold' | 'duplicate';
  /** Breaks all connections. */
  cut(): void;
  close(): void;
}

/** A proxy on loopback. `hold`: connections stay open and nothing comes through, as after a cable was pulled. */
export async function startProxy(target: number): Promise<NetworkProxy> {
  const sockets = new Set<Socket>();
  const proxy = { mode: 'pass' as NetworkProxy['mode'] };
  const forward = (from: Socket, to: Socket, isQuestion: boolean) =>
    from.on('data', (data) => {
      if (proxy.mode === 'hold') return;
      const send = () => {
        if (!to.destroyed) to.write(data);
      };
      if (proxy.mode === 'delay') setTimeout(send, 60 + Math.random() * 120);
      else send();
      if (proxy.mode === 'duplicate' && isQuestion && Math.random() < 0.2) send();
    });
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    forward(client, upstream, true);
    forward(upstream, client, false);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get mode() {
      return proxy.mode;
    },
    set mode(mode) {
      proxy.mode = mode;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
