import { ModelRouter } from 'model-router';
import { answer, fakeFetch, hang, startFakeProvider } from 'model-router/testing';
import { OpenAI } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { errorOf, messages } from '../helpers/messages.js';

afterEach(() => vi.restoreAllMocks());

/** Waits until it holds, on real sockets. */
const until = (holds: () => boolean) => vi.waitFor(() => expect(holds()).toBe(true), { timeout: 5000, interval: 5 });

describe('requests of a client that the router built', () => {
  it('end on an abort before their headers, down to the socket', async () => {
    await using provider = await startFakeProvider({ models: { m: hang() } });
    await using router = new ModelRouter({ apiKey: 'k', baseURL: provider.url });
    const controller = new AbortController();
    const call = errorOf(router.chat.completions.create({ model: 'm', messages }, { signal: controller.signal }));
    await until(() => provider.open === 1);
    controller.abort();
    expect(await call).toMatchObject({ name: 'Error', message: 'Request was aborted.' });
    await until(() => provider.open === 0);
    expect(provider.requests[0]?.outcome).toBe('aborted');
  });

  it('get no composed signal from the SDK, whatever signal the caller passes', async () => {
    const any = vi.spyOn(AbortSignal, 'any');
    const options = { apiKey: 'k', baseURL: 'http://a.test/v1', fetch: fakeFetch(answer('Hi.')) };
    const { signal } = new AbortController();
    await using router = new ModelRouter({ clients: { default: options }, cache: true });
    await router.chat.completions.create({ model: 'm', messages }, { signal });
    expect(any).not.toHaveBeenCalled();
  });

  it.each<[string, object, object]>([
    ['shared', { cache: true }, {}],
    ['with its own signal', {}, { signal: new AbortController().signal }],
  ])('end with the signal in their client’s fetch options: %s', async (_, settings, options) => {
    const shutdown = new AbortController();
    const fetch = fakeFetch({ models: { m: hang() } });
    // Not in the SDK's types, but it works.
    const fetchOptions: object = { signal: shutdown.signal };
    const own = { apiKey: 'k', baseURL: 'http://a.test/v1', fetch, fetchOptions };
    await using router = new ModelRouter({
      clients: { default: own },
      maxAttempts: 1,
      ...settings,
    });
    const call = errorOf(router.chat.completions.create({ model: 'm', messages }, options));
    await until(() => fetch.count === 1);
    shutdown.abort();
    await call;
    await until(() => fetch.requests.every(({ outcome }) => outcome === 'aborted'));
  });

  it('are never sent if the attempt ended before its key was ready', async () => {
    vi.useFakeTimers();
    const fetch = fakeFetch(answer('Hi.'));
    const apiKey = () => new Promise<string>((resolve) => setTimeout(resolve, 100, 'k'));
    const router = new ModelRouter({ clients: { default: { apiKey, baseURL: 'http://a.test/v1', fetch } } });
    const controller = new AbortController();
    const call = errorOf(router.chat.completions.create({ model: 'm', messages }, { signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(50);
    controller.abort();
    await call;
    await vi.advanceTimersByTimeAsync(100);
    expect(fetch.count).toBe(0);
    await router.close();
    vi.useRealTimers();
  });

  it('use the classes of a custom `fetch`, as without a router', async () => {
    const inner = fakeFetch(answer('Hi.'));
    class OtherResponse extends Response {}
    const fetch = Object.assign((...given: Parameters<typeof inner>) => inner(...given), { Response: OtherResponse });
    await using router = new ModelRouter({ clients: { default: { apiKey: 'k', baseURL: 'http://a.test/v1', fetch } } });
    const file = new File(['a'], 'a.wav');
    await router.audio.transcriptions.create({ model: 'm', file });
    // The SDK requests `data:,` from a fetch without response classes.
    expect(inner.count).toBe(1);
  });
});

describe('requests of a client that the application built', () => {
  it('end by a signal, and the client keeps its own `fetch`', async () => {
    const fetch = fakeFetch(hang());
    const client = new OpenAI({ apiKey: 'k', baseURL: 'http://a.test/v1', fetch });
    await using router = new ModelRouter({ clients: { default: client } });
    expect(client['fetch']).toBe(fetch);
    const controller = new AbortController();
    const call = errorOf(router.chat.completions.create({ model: 'm', messages }, { signal: controller.signal }));
    await vi.waitFor(() => expect(fetch.open).toBe(1));
    controller.abort();
    await call;
    expect(fetch.open).toBe(0);
  });
});
