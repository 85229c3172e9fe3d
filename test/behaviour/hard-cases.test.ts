import { callOptions, ModelRouter } from 'model-router';
import { answer, bytes, fail, fakeFetch, startFakeProvider } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { errorOf, messages, sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

describe('what a call leaves undefined', () => {
  it('does not lift the router’s residency', async () => {
    const deployments = { us: { region: 'us' }, eu: { region: 'eu' } };
    const built = build({ us: answer(), eu: answer() }, { deployments, routes: { r: ['us', 'eu'] }, regions: ['eu'] });
    const carried = { regions: undefined };
    expect(() => callOptions(carried as never)).toThrow('regions: it is set to undefined');
    await built.router.chat.completions.create({ model: 'r', messages }, callOptions({ priority: undefined }));
    expect(built.calledModels()).toEqual(['eu']);
  });
});

describe('an error with something that looks like a key', () => {
  it('in a number still fails over', async () => {
    const headers = { 'X-Token-Limit': '100000' };
    const built = build(
      { a: fail(500, { body: { error: { limit: 1_000_000 } } }), b: answer() },
      { deployments: { a: { headers }, b: {} }, routes: { r: ['a', 'b'] } },
    );
    await sendChat(built.router, 'r');
    expect(built.calledModels()).toEqual(['a', 'b']);
    expect(built.router.snapshot().deployments.a?.inFlight).toBe(0);
  });

  it('does not show the call’s own key', async () => {
    const received = bytes({ status: 400, chunks: ['no such key: tenant-secret-123'] });
    const { router } = build({ a: received });
    const view = router.withOptions({ defaultHeaders: { Authorization: 'Bearer tenant-secret-123' } });
    expect((await errorOf(sendChat(view, 'a'))).message).not.toContain('tenant-secret-123');
  });
});

describe('a binary answer', () => {
  it('ends when its caller aborts, with its body', async () => {
    await using provider = await startFakeProvider({ models: { voice: answer({ chunks: 20, chunkMs: 100 }) } });
    const router = new ModelRouter({ apiKey: 'sk-test-0123', baseURL: provider.url });
    const controller = new AbortController();
    const { signal } = controller;
    const body = { model: 'voice', messages };
    const response = await router.chat.completions.create({ ...body, stream: true }, { signal }).asResponse();
    controller.abort();
    await expect(response.text()).rejects.toMatchObject({ name: 'AbortError' });
    await router.close();
  });
});

describe('a failed response that its caller caused', () => {
  it('is returned unchanged, without failover and without blame', async () => {
    const failed = {
      id: 'resp_1',
      object: 'response',
      status: 'failed',
      error: { code: 'invalid_prompt', message: '' },
    };
    const event = `event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', response: failed })}\n\n`;
    const type = { 'content-type': 'text/event-stream' };
    const built = build(
      { a: bytes({ headers: type, chunks: [event] }), b: answer() },
      { routes: { r: ['a', 'b'] }, deployments: { a: {}, b: {} } },
    );
    const seen: string[] = [];
    for await (const { type } of await built.router.responses.create({ model: 'r', input: 'x', stream: true }))
      seen.push(type);
    expect(seen).toEqual(['response.failed']);
    expect(built.calledModels()).toEqual(['a']);
    expect(built.router.snapshot().deployments.a?.failures).toBe(0);
  });
});

describe('a body of the application’s own class', () => {
  it('is routed like any other', async () => {
    class Body {
      model = 's';
      messages = messages;
    }
    const fetch = fakeFetch({ models: { upstream: answer() } });
    const router = new ModelRouter({
      clients: { default: { apiKey: 'sk-test-0123', baseURL: 'https://provider.test/v1', fetch } },
      deployments: { a: { model: 'upstream' } },
      routes: { s: ['a'] },
    });
    await router.chat.completions.create(new Body());
    expect(fetch.requests[0]?.model).toBe('upstream');
    await router.close();
  });
});

describe('a cache store of the application', () => {
  it('is not passed to another account', async () => {
    const kept = new Map();
    const cacheStore = {
      get: (key: string) => kept.get(key),
      set: (key: string, value: unknown) => void kept.set(key, value),
      delete: (key: string) => void kept.delete(key),
      clear: () => kept.clear(),
    };
    const fetch = fakeFetch({ models: { m: answer() } });
    const baseURL = 'https://provider.test/v1';
    const one = new ModelRouter({ apiKey: 'sk-one-0123', baseURL, fetch, cache: true, cacheStore });
    const other = one.withOptions({ apiKey: 'sk-other-0123' });
    for (const router of [one, one, other]) await router.chat.completions.create({ model: 'm', messages });
    expect(fetch.requests).toHaveLength(2);
    await one.close();
    other.close();
  });
});
