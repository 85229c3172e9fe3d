import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { callRecord, ModelRouter } from 'model-router';
import { afterEach, describe, expect, it } from 'vitest';

/** Real sockets: only they can be dead in a pool. */
const BODY = JSON.stringify({
  id: 'x',
  object: 'chat.completion',
  created: 0,
  model: 'm',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'ok' } }],
});
const RESPONSE = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that resets what comes on a connection from before `kill()`, as a load balancer does that has dropped it. */
async function startServer() {
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
  closers.push(
    () =>
      new Promise((resolve) => {
        for (const socket of sockets.keys()) socket.destroy();
        server.close(() => resolve());
      }),
  );
  /** Once the connections are idle in the pool. */
  const kill = async () => {
    await sleep(50);
    state.epoch += 1;
  };
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { state, baseURL: `http://127.0.0.1:${address.port}/v1`, kill };
}

async function open(hosts: readonly { baseURL: string }[]) {
  const router = new ModelRouter({
    clients: Object.fromEntries(hosts.map(({ baseURL }, i) => [`c${i}`, { apiKey: 'k', baseURL, logLevel: 'off' }])),
    deployments: Object.fromEntries(hosts.map((_, i) => [`d${i}`, { client: `c${i}` }])),
    routes: { standard: hosts.map((_, i) => `d${i}`) },
    logLevel: 'off',
  });
  closers.push(async () => router.close());
  const call = () => router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'hi' }] });
  const calls = async (n: number) => await Promise.allSettled(Array.from({ length: n }, call));
  return { router, calls };
}

describe('dead pooled sockets', () => {
  it.each([
    [5, 50],
    [30, 100],
  ])('%i of them fail none of %i calls, and touch neither breaker nor budget', async (dead, n) => {
    const server = await startServer();
    const { router, calls } = await open([server]);
    await calls(dead);
    await server.kill();
    const results = await calls(n);
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(server.state.resets).toBeGreaterThan(0);
    const records = results.map((each) => callRecord(each.status === 'fulfilled' ? each.value : each.reason));
    // No attempt of its own: a count on the one that was answered.
    expect(records.every((record) => record?.attempts.length === 1)).toBe(true);
    const resends = records.reduce((sum, record) => sum + (record?.attempts[0]?.resends ?? 0), 0);
    expect(resends).toBe(server.state.resets);
    expect(router.snapshot().deployments.d0).toMatchObject({ failures: 0, state: 'closed', retriesWithheld: 0 });
  });

  it('of the first host keep no call from it', async () => {
    const [first, second] = [await startServer(), await startServer()];
    const { calls } = await open([first, second]);
    await calls(5);
    await first.kill();
    const results = await calls(50);
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect([first.state.requests, second.state.requests]).toEqual([55, 0]);
  });

  it('are met at most twice more by one attempt, and not at all where the origin has never answered', async () => {
    const server = await startServer();
    server.state.resetsAll = true;
    const first = await openOnce(server);
    expect(callRecord(await first())?.attempts).toMatchObject([{ outcome: 'connection', resends: 0 }]);
    expect(server.state.resets).toBe(1);
    server.state.resetsAll = false;
    await first();
    server.state.resetsAll = true;
    expect(callRecord(await first())?.attempts).toMatchObject([{ outcome: 'connection', resends: 2 }]);
    expect(server.state.resets).toBe(4);
  });

  it('are no excuse for a server that resets after more than a second', async () => {
    const server = await startServer();
    const call = await openOnce(server);
    await call();
    Object.assign(server.state, { resetsAll: true, resetAfterMs: 1100 });
    expect(callRecord(await call())?.attempts).toMatchObject([{ outcome: 'connection', resends: 0 }]);
  });
});

/** Calls of one attempt each; the answer or the error. */
async function openOnce(server: { baseURL: string }) {
  const { router } = await open([server]);
  const view = router.withOptions({ maxAttempts: 1 });
  return (): Promise<unknown> =>
    view.chat.completions.create({ model: 'standard', messages: [] }).catch((error: unknown) => error);
}
