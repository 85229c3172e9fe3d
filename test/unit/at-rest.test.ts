import { describe, expect, it, vi } from 'vitest';

/** Everything that Workers forbid at module scope, or that keeps an idle process busy. */
function watch(): { calls: string[] } {
  const calls: string[] = [];
  const spy = (holder: object, name: string) => {
    const original: unknown = Reflect.get(holder, name);
    if (typeof original !== 'function') throw new Error(`there is no ${name}`);
    vi.spyOn(holder as Record<string, () => void>, name).mockImplementation(function (this: unknown, ...args) {
      calls.push(name);
      return Reflect.apply(original, this, args);
    });
  };
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch']) spy(globalThis, name);
  // Workers allow none at module scope.
  vi.stubGlobal(
    'AbortController',
    class extends AbortController {
      constructor() {
        super();
        calls.push('AbortController');
      }
    },
  );
  spy(Math, 'random');
  for (const name of ['getRandomValues', 'randomUUID']) spy(Object.getPrototypeOf(crypto), name);
  return { calls };
}

describe('no timer, no random value and no I/O', () => {
  it.each([
    ['model-router', () => import('../../src/index.js')],
    ['model-router/simulate', () => import('../../src/simulate/index.js')],
    ['model-router/otel', () => import('../../src/otel/index.js')],
    ['model-router/node', () => import('../../src/node/index.js')],
  ])('by importing %s', async (_, load) => {
    vi.resetModules();
    const watched = watch();
    await load();
    // Vite's own module loader has timers and signals; workerd sees the built package imported at module scope.
    expect(watched.calls.filter((call) => call !== 'setTimeout' && call !== 'AbortController')).toEqual([]);
  });

  it('by constructing, viewing, inspecting, explaining and closing a router', async () => {
    const { ModelRouter } = await import('../../src/index.js');
    const watched = watch();
    const router = new ModelRouter({
      clients: { default: { apiKey: 'sk-test', baseURL: 'https://a.test/v1' } },
      deployments: { a: { price: { input: 1, output: 1 } }, b: {} },
      routes: { chat: ['a', 'b'] },
      cache: { mode: 'all', staleMs: 1000 },
      budgets: [{ usd: 1, window: 'day' }],
      hedgeAfterMs: 100,
    });
    router.withOptions({ priority: 'premium' });
    router.asFetch();
    router.on('call-ended', () => {});
    router.snapshot();
    String(router.explain({ model: 'chat', messages: [{ role: 'user', content: 'hello' }], temperature: 0 }));
    await router.close();
    expect(watched.calls).toEqual([]);
  });
});
