import { callRecord, ModelRouter } from 'model-router';
import { afterEach, describe, expect, it } from 'vitest';
import { startResettingServer } from '../../drills/resetting-server.ts';

// Real sockets, because only they can be dead in a pool.
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startServer() {
  const server = await startResettingServer();
  closers.push(server.close);
  return server;
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
    // Not a separate attempt, but a count on the one that was answered.
    expect(records.every((record) => record?.attempts.length === 1)).toBe(true);
    const resends = records.reduce((sum, record) => sum + (record?.attempts[0]?.resends ?? 0), 0);
    expect(resends).toBe(server.state.resets);
    expect(router.snapshot().deployments.d0).toMatchObject({ failures: 0, state: 'closed', retriesWithheld: 0 });
  });

  it('of the first host delay no call to it', async () => {
    const [first, second] = [await startServer(), await startServer()];
    const { calls } = await open([first, second]);
    await calls(5);
    await first.kill();
    const results = await calls(50);
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect([first.state.requests, second.state.requests]).toEqual([55, 0]);
  });

  it('cost one attempt at most two resends, and none if the origin has never answered', async () => {
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

  it('do not excuse a server that resets after more than a second', async () => {
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
