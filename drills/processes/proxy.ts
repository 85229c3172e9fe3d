import { connect, createServer, type Socket } from 'node:net';

/** The network between processes and Redis. */
export interface NetworkProxy {
  readonly port: number;
  /** The target of new connections. */
  target: number;
  mode: 'pass' | 'delay' | 'hold' | 'duplicate';
  /** Breaks all connections. */
  cut(): void;
  close(): void;
}

/** A proxy on loopback. `hold`: connections stay open and nothing comes through, as with an unplugged cable. */
export async function startProxy(target: number): Promise<NetworkProxy> {
  const sockets = new Set<Socket>();
  const settings: Pick<NetworkProxy, 'mode' | 'target'> = { mode: 'pass', target };
  const forward = (from: Socket, to: Socket, isQuestion: boolean) => {
    let notBefore = 0;
    from.on('data', (data) => {
      if (settings.mode === 'hold') return;
      const send = () => {
        if (!to.destroyed) to.write(data);
      };
      const now = performance.now();
      notBefore = Math.max(notBefore, now + (settings.mode === 'delay' ? 60 + Math.random() * 120 : 0));
      if (notBefore > now) setTimeout(send, notBefore - now);
      else send();
      if (settings.mode === 'duplicate' && isQuestion && Math.random() < 0.2) send();
    });
  };
  const server = createServer((client) => {
    const upstream = connect(settings.target, '127.0.0.1');
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
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(settings, {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut,
    close: () => {
      cut();
      server.close();
    },
  });
}
