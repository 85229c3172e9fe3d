import { createServer } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { callRecord, DeadlineExceededError, ModelRouter } from 'model-router';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// On real sockets, because only there an answer waits while the process is busy.
const ANSWER_MS = 50;
const ATTEMPT_MS = 300;

let hangs = false;
let received = 0;
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    received += 1;
    if (hangs) return;
    setTimeout(() => {
      response.setHeader('content-type', 'application/json');
      const message = { role: 'assistant', content: 'ok' };
      response.end(JSON.stringify({ id: 'x', model: 'm', choices: [{ index: 0, finish_reason: 'stop', message }] }));
    }, ANSWER_MS);
  });
});

beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
afterAll(() => server.closeAllConnections());

function open(settings: { deadlineMs?: number } = {}) {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const router = new ModelRouter({
    clients: { default: { apiKey: 'k', baseURL: `http://127.0.0.1:${address.port}/v1`, logLevel: 'off' } },
    deployments: { a: {} },
    routes: { standard: ['a'] },
    attemptTimeoutMs: ATTEMPT_MS,
    maxAttempts: 1,
    breaker: { consecutive: 1 },
    logLevel: 'off',
    ...settings,
  });
  const call = (signal?: AbortSignal) =>
    router.chat.completions.create({ model: 'standard', messages: [] }, { ...(signal && { signal }) });
  return { router, call };
}

/** Blocks for this long, outside of the event loop's timer phase. */
async function block(ms: number): Promise<void> {
  await turn();
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('a blocked event loop', () => {
  it.each([
    ['without a signal', undefined],
    ['with one', new AbortController().signal],
  ])('does not time out answers that have arrived: %s', async (_, signal) => {
    hangs = false;
    const { router, call } = open();
    // The first call of a process may take longer than an attempt may.
    await router.withOptions({ attemptTimeoutMs: 10_000 }).chat.completions.create({ model: 'standard', messages: [] });
    received = 0;
    const sent = Promise.allSettled(Array.from({ length: 8 }, () => call(signal)));
    // The server runs in this process: it has all requests, and answers from a timer that is due before theirs.
    while (received < 8) await turn();
    await block(ATTEMPT_MS + 700);
    const results = await sent;
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
    await router.close();
  });

  it('makes a timeout neutral, without a latency sample', async () => {
    hangs = true;
    const { router, call } = open();
    const pending = call().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await block(ATTEMPT_MS + 200);
    const error = await pending;
    expect(callRecord(error)?.attempts).toMatchObject([{ outcome: 'timeout' }]);
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
    await router.close();
  });

  it('ends a call whose deadline has passed meanwhile with DeadlineExceededError', async () => {
    hangs = true;
    const { router, call } = open({ deadlineMs: ATTEMPT_MS + 100 });
    const pending = call().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await block(ATTEMPT_MS + 400);
    expect(await pending).toBeInstanceOf(DeadlineExceededError);
    await router.close();
  });
});
