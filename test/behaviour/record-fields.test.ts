import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { errorOf, messages, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

describe('the record of a call', () => {
  it('has the tenant, the endpoint and the start time of the call', async () => {
    vi.setSystemTime(Date.UTC(2026, 10, 29, 10, 30));
    const { router } = build({ a: answer(), e: answer() }, { routes: { standard: ['a'] } });
    expect(callRecord(await sendChatWith(router, { tenant: 'acme', route: 'standard' }))).toMatchObject({
      tenant: 'acme',
      endpoint: '/chat/completions',
      stream: false,
      startedAt: '2026-11-29T10:30:00.000Z',
      metadata: {},
    });
    const stream = await streamChat(router, 'a');
    await read(stream);
    expect(callRecord(stream)).toMatchObject({ tenant: null, endpoint: '/chat/completions', stream: true });
    const vectors = router.embeddings.create({ model: 'e', input: 'Hi' }, { query: { v: '1' } });
    expect(callRecord(await vectors)).toMatchObject({ endpoint: '/embeddings', stream: false });
  });

  it('reads no more of a body’s metadata than it copies', () => {
    const { router } = build({ a: answer() });
    let reads = 0;
    const metadata = new Proxy(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 'v'])), {
      get(target, name: string) {
        if (name.startsWith('k')) reads += 1;
        return target[name];
      },
    });
    router.explain({ model: 'a', messages, metadata });
    expect(reads).toBe(16);
  });

  it('has the metadata of the option, else the plain strings in the body', async () => {
    const { router } = build({ a: answer() }, { metadata: { team: 'red' } });
    const body = { model: 'a', messages, metadata: { feature: 'search', n: 5, long: 'x'.repeat(513) } as never };
    const metadataOf = async (client: ModelRouter, options = {}) =>
      callRecord(await client.chat.completions.create(body, options))?.metadata;
    expect(await metadataOf(router)).toEqual({ team: 'red' });
    expect(await metadataOf(router, callOptions({ metadata: { ticket: '7' } }))).toEqual({ ticket: '7' });
    expect(await metadataOf(build({ a: answer() }).router)).toEqual({ feature: 'search' });
    expect(() => build({}, { metadata: { n: 5 } as never })).toThrow('metadata.n: 5 is not allowed; give a string.');
  });

  it('does not send the option, and still sends the body’s own metadata', async () => {
    const { router, fake } = build({ a: answer() });
    await router.chat.completions.create(
      { model: 'a', messages, metadata: { feature: 'search' } },
      callOptions({ metadata: { ticket: '7' } }),
    );
    expect(fake.requests[0]?.body).toMatchObject({ metadata: { feature: 'search' } });
    expect(JSON.stringify(fake.requests[0])).not.toContain('ticket');
  });

  it('has the provider’s id for each attempt, of answers, streams and errors', async () => {
    const headers = { 'x-request-id': 'req_1' };
    const { router } = build({ a: fail(500, { headers }), b: answer({ headers: { 'x-request-id': 'req_2' } }) });
    const ids = (holder: unknown) => callRecord(holder)?.attempts.map(({ requestId }) => requestId);
    expect(ids(await sendChat(router))).toEqual(['req_1', 'req_2']);
    const stream = await streamChat(router);
    await read(stream);
    expect(ids(stream)?.at(-1)).toBe('req_2');
    expect(ids(await errorOf(sendChat(build({ a: fail(400, { headers }) }).router)))).toEqual(['req_1']);
  });

  it('has no id that quotes a key, or is not a plain word', async () => {
    const apiKey = 'sk-quoted-0123456789';
    for (const id of [apiKey, `req of ${apiKey}`, 'two words']) {
      const fetch = fakeFetch({ models: { a: answer({ headers: { 'x-request-id': id } }) } });
      const router = new ModelRouter({ clients: { default: { apiKey, fetch } } });
      expect(callRecord(await router.chat.completions.create({ model: 'a', messages }))?.attempts).toMatchObject([
        { requestId: null },
      ]);
    }
  });

  it('has times in tenths of a millisecond', async () => {
    let now = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => (now += 0.123_456_789));
    const { router } = build({ a: fail(500), b: answer() });
    const record = callRecord(await sendChat(router));
    spy.mockRestore();
    const times = [
      record?.durationMs,
      ...(record?.attempts.flatMap((each) => [each.startedMs, each.durationMs]) ?? []),
    ];
    expect(times).toHaveLength(5);
    for (const ms of times) expect(Math.round((ms ?? Number.NaN) * 10) / 10).toBe(ms);
    expect(record?.durationMs).toBeGreaterThan(0);
  });
});

vi.resetModules();
const other = await import('model-router');

describe('callRecord of another copy of this package', () => {
  it('finds the record of a promise, a result, a stream, a helper’s result and an error', async () => {
    expect(other.callRecord).not.toBe(callRecord);
    const { router } = build({ a: answer(), b: fail(400) });
    const promise = sendChat(router, 'a');
    const result = await promise;
    const stream = await streamChat(router, 'a');
    await read(stream);
    const helper = router.chat.completions.stream({ model: 'a', messages });
    const { value: final } = await settled(helper.finalChatCompletion());
    const error = await errorOf(sendChat(router, 'b'));
    const { error: frozen } = await settled(
      new ModelRouter({
        apiKey: 'sk',
        fetch: () => Promise.reject(Object.freeze(new TypeError('frozen'))),
      }).chat.completions.create({ model: 'a', messages }, { maxRetries: 0 }),
    );
    for (const holder of [promise, result, stream, helper, final, error, frozen]) {
      const record = other.callRecord(holder);
      expect(record).toBeDefined();
      expect(record).toBe(callRecord(holder));
    }
    expect(other.callRecord({ id: 'chatcmpl-unknown', choices: [] })).toBeUndefined();
  });
});

it('the record of a call that may be cached says how it was answered, as without a cache', async () => {
  const fieldsWith = async (cache: boolean) => {
    const models = { a: answer({ latencyMs: 100, logprob: -3 }), b: answer({ latencyMs: 100 }) };
    const deployments = { a: {}, b: {} };
    const escalate = { minConfidence: 0.5 };
    const route = { deployments: ['a', 'b'], strategy: 'weighted' as const, escalate, cache };
    const { router } = build(models, { deployments, routes: { standard: route } });
    const { value } = await settled(sendChat(router));
    const record = callRecord(value);
    return [record?.chosenBy, record?.confidence, record?.escalated, record?.deployment];
  };
  const plain = await fieldsWith(false);
  expect(plain).toEqual(['weighted', expect.any(Number), true, 'b']);
  expect(await fieldsWith(true)).toEqual(plain);
});

it('the record of a call that may be cached has the time that the call waited in a queue', async () => {
  const deployments = { a: { maxConcurrent: 1 } };
  const { router } = build(
    { a: answer({ latencyMs: 100 }) },
    { deployments, routes: { standard: ['a'] }, cache: true },
  );
  const first = sendChat(router);
  const second = router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Then?' }] });
  await settled(Promise.all([first, second]));
  expect([callRecord(first)?.queuedMs, callRecord(second)?.queuedMs]).toEqual([0, 100]);
});
