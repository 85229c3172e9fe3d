import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { answer, hang, stall, startFakeProvider } from '../../../src/testing/index.js';
import { post } from './entry-points.js';

afterEach(() => {
  vi.useRealTimers();
});

it('listens on loopback, on a free port or on the one given', async () => {
  const first = await startFakeProvider({ models: ['m'] });
  expect(first.url).toBe(`http://127.0.0.1:${first.port}/v1`);
  await first.close();
  await using second = await startFakeProvider({ models: ['m'], port: first.port });
  expect(second.url).toBe(first.url);
  expect((await fetch(`${second.url}/models`)).status).toBe(200);
});

it('rejects if the port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(startFakeProvider({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  other.close();
});

it('closes at once, with requests that hang, wait, stream or keep alive, and leaves no timer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const models = {
    hangs: hang(),
    waits: answer({ latencyMs: 60_000 }),
    streams: stall({ ms: 60_000 }),
    answers: answer(),
  };
  const provider = await startFakeProvider({ models });
  const calls = Object.keys(models).map(async (model) => {
    const response = await fetch(`${provider.url}/chat/completions`, post({ model, messages: [], stream: true }));
    return response.text();
  });
  const settled = Promise.allSettled(calls);
  while (provider.count < calls.length) await new Promise(setImmediate);
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await Promise.all([provider.close(), provider.close()]);
  expect(vi.getTimerCount()).toBe(0);
  expect(provider.open).toBe(0);
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  await expect(fetch(`${provider.url}/models`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});

it('answers many calls on one connection', async () => {
  await using provider = await startFakeProvider({ models: ['m'] });
  for (let call = 0; call < 20; call += 1) {
    const response = await fetch(`${provider.url}/chat/completions`, post({ model: 'm', messages: [] }));
    await response.text();
  }
  expect(provider.requests.every(({ outcome }) => outcome === 'answered')).toBe(true);
});

it('does not count a request that was not fully sent, and does not wait for it', async () => {
  const provider = await startFakeProvider({ models: ['m'] });
  const { port } = provider;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"model":');
  // When another connection is answered, the server has seen what came before on this one.
  await (await fetch(`${provider.url}/models`)).text();
  provider.clear();
  const ended = once(socket, 'close');
  socket.on('error', () => undefined);
  await provider.close();
  await ended;
  expect([provider.count, provider.open]).toEqual([0, 0]);
});
