import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callRecord, ModelRouter } from 'model-router';
import { answer } from 'model-router/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { base, lines, messages } from '../helpers/recorded-fetch.js';
import { build } from '../helpers/routers.js';

/**
 * Threat: a caller's own mistake (headers, query or body that make a request impossible) counts as the deployment's
 * failure, opens the breaker for all callers and drains the retry budget.
 */
const circular: Record<string, unknown> = { role: 'user', content: 'Hi' };
circular.socket = circular;
const deep = () => {
  let value: unknown = 'x';
  for (let i = 0; i < 200_000; i++) value = [value];
  return value;
};

const MISTAKES: Record<string, { headers?: Record<string, string>; body?: object; query?: object }> = {
  'an invalid header value': { headers: { 'x-a': 'a\nb' } },
  'an invalid header name': { headers: { 'a b': 'c' } },
  'a circular body with a property `socket`': { body: { messages: [circular] } },
  'a body with a BigInt': { body: { seed: 1n } },
  'a body that is too deep': { body: { metadata: deep() } },
};

/** Headers that only a real `fetch` refuses. */
const REFUSED_HEADERS: Record<string, Record<string, string>> = {
  expect: { expect: '100-continue' },
  'transfer-encoding': { 'transfer-encoding': 'gzip' },
  upgrade: { upgrade: 'h2c' },
  'content-length': { 'content-length': '3' },
};

describe("a caller's mistake", () => {
  it.each(Object.entries(MISTAKES))('%s is a caller-error of this call alone', async (_name, { headers, body }) => {
    const { router, fake } = build(
      { a: answer(), b: answer() },
      { breaker: { failures: 1, consecutive: 1, minRate: 0 } },
    );
    for (let i = 0; i < 6; i++) {
      const call = router.chat.completions.create({ model: 'standard', messages, ...body } as never, {
        ...(headers && { headers }),
      });
      const record = callRecord(await errorOf(call));
      expect(record?.attempts).toMatchObject([{ outcome: 'caller-error', deployment: 'a', costUsd: 0 }]);
    }
    expect(fake.count).toBe(0);
    expect(router.snapshot().deployments).toMatchObject({ a: { state: 'closed', failures: 0 }, b: { requests: 0 } });
    await router.chat.completions.create({ model: 'standard', messages });
    expect(fake.requests.map(({ model }) => model)).toEqual(['a']);
  });

  it.each(Object.entries(REFUSED_HEADERS))(
    'the header %s is one too, over a real connection',
    async (_name, headers) => {
      let requests = 0;
      const server = createServer((_request, response) => {
        requests++;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] }));
      });
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void server.close());
      const { port } = server.address() as AddressInfo;
      const router = new ModelRouter({
        clients: { default: { apiKey: 'sk-0123456789', baseURL: `http://127.0.0.1:${port}/v1` } },
        deployments: { m: {} },
        breaker: { failures: 1, consecutive: 1, minRate: 0 },
        logLevel: 'off',
      });
      onTestFinished(() => void router.close());
      for (let i = 0; i < 6; i++) {
        const error = await errorOf(
          router.chat.completions
            .create({ model: 'm', messages }, { headers })
            .then(() => Promise.reject(new Error('it was answered'))),
        );
        if (error.message === 'it was answered') continue;
        expect(callRecord(error)?.attempts).toMatchObject([{ outcome: 'caller-error' }]);
      }
      expect(router.snapshot().deployments.m).toMatchObject({ state: 'closed', failures: 0 });
      // Through `asFetch()` they are dropped.
      const before = requests;
      const init = { method: 'POST', headers, body: JSON.stringify({ model: 'm', messages }) };
      expect((await router.asFetch()(`${base}/chat/completions`, init)).status).toBe(200);
      expect(requests).toBe(before + 1);
    },
  );
});

describe("a deployment's own mistake", () => {
  it.each([
    ['a key function', { apiKey: () => Promise.reject(new Error('no token: sk-secret-token')) }, {}],
    ['headers of a deployment', {}, { headers: { 'x-a': 'a\nb' } }],
    ['headers of a client', { defaultHeaders: { 'x-a': 'a\nb' } }, {}],
  ])('%s: the next deployment answers, nothing is counted, one warning', async (_name, client, deployment) => {
    const { logger, written } = lines();
    const { router, calledModels } = build(
      { b: answer() },
      {
        clients: { default: client as object, other: {} },
        deployments: { a: deployment, b: { client: 'other' } },
        routes: { standard: ['a', 'b'] },
        breaker: { failures: 1, consecutive: 1, minRate: 0 },
        logger,
        logLevel: 'warn',
      },
    );
    for (let i = 0; i < 3; i++) {
      const completion = await router.chat.completions.create({ model: 'standard', messages });
      expect(callRecord(completion)?.attempts).toMatchObject([
        { outcome: 'connection', costUsd: 0 },
        { outcome: 'success' },
      ]);
    }
    expect(calledModels()).toEqual(['b', 'b', 'b']);
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', suspendedUntil: null, failures: 0 });
    expect(written.filter((line) => line.includes('could not be called'))).toHaveLength(1);
    expect(written.join()).not.toContain('sk-secret-token');
  });

  it('is not assumed if the name is not found or the connection is refused', async () => {
    const { router } = build({ a: answer() }, { maxAttempts: 1 });
    const broken = new ModelRouter({
      clients: {
        default: {
          apiKey: 'sk-0123456789',
          baseURL: 'https://a.test/v1',
          fetch: () =>
            Promise.reject(
              new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }),
            ),
        },
      },
      maxAttempts: 1,
      logLevel: 'off',
    });
    const error = await errorOf(
      broken.chat.completions.create({ model: 'm', messages }, { headers: { upgrade: 'h2c' } }),
    );
    expect(callRecord(error)?.attempts).toMatchObject([{ outcome: 'connection' }]);
    await router.close();
    await broken.close();
  });
});
