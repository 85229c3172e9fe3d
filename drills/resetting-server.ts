import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const BODY = JSON.stringify({
  id: 'x',
  object: 'chat.completion',
  created: 0,
  model: 'm',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'ok' } }],
});
const RESPONSE = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

/** A server that resets connections from before `kill()`, like a load balancer that has dropped them. */
export async function startResettingServer() {
  const sockets = new Map<Socket, number>();
  const state = { epoch: 0, requests: 0, resets: 0, resetsAll: false, resetAfterMs: 0 };
  const server = createServer((socket) => {
    sockets.set(socket, state.epoch);
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (state.resetsAll || (sockets.get(socket) ?? 0) < state.epoch) {
        state.resets += 1;
        if (state.resetAfterMs === 0) socket.resetAndDestroy();
        else setTimeout(() => socket.resetAndDestroy(), state.resetAfterMs);
        return;
      }
      received += data.toString();
      const [head, body] = received.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head ?? '')?.[1] ?? 0);
      if (body === undefined || Buffer.byteLength(body) < length) return;
      received = '';
      state.requests += 1;
      setTimeout(() => socket.write(RESPONSE), 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets.keys()) socket.destroy();
      server.close(() => resolve());
    });
  /** Once the connections are idle in the pool. */
  const kill = async () => {
    await sleep(50);
    state.epoch += 1;
  };
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { state, baseURL: `http://127.0.0.1:${address.port}/v1`, kill, close };
}
