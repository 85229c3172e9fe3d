import { afterEach, expect, it, vi } from 'vitest';
import { ModelRouter } from '../../../src/index.js';
import { fakeFetch } from '../../../src/testing/index.js';

const SCANS = ['includes', 'indexOf', 'find', 'findIndex', 'filter', 'map', 'flatMap', 'some', 'every'] as const;
const messages = [{ role: 'user' as const, content: 'Hello.' }];

afterEach(() => {
  vi.restoreAllMocks();
});

/** The elements of arrays that are looked at while so many calls join one call, and all but one leave it. */
async function lookedAt(count: number): Promise<number> {
  const gate = Promise.withResolvers<void>();
  const answer = fakeFetch({ models: ['m'] });
  let requests = 0;
  const fetch: typeof globalThis.fetch = async (...given) => {
    requests += 1;
    await gate.promise;
    return answer(...given);
  };
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1', fetch } },
    deployments: { d: { client: 'default', model: 'm' } },
    routes: { all: ['d'] },
    cache: true,
  });
  let looked = 0;
  for (const name of SCANS) {
    const original = Array.prototype[name] as (...args: unknown[]) => unknown;
    vi.spyOn(Array.prototype, name).mockImplementation(function counted(this: unknown[], ...args: unknown[]) {
      looked += this.length;
      return original.apply(this, args);
    } as never);
  }
  const controllers = Array.from({ length: count }, () => new AbortController());
  const calls = controllers.map(({ signal }) =>
    router.chat.completions.create({ model: 'all', messages }, { signal }).catch((error: unknown) => error),
  );
  await new Promise((resolve) => setImmediate(resolve));
  for (const controller of controllers.slice(1)) controller.abort();
  gate.resolve();
  const results = await Promise.all(calls);
  vi.restoreAllMocks();
  expect(requests).toBe(1);
  expect(results.filter((result) => result instanceof Error)).toHaveLength(count - 1);
  await router.close();
  return looked;
}

it('joining and leaving a shared call takes the same work for each, however many have joined', async () => {
  const few = await lookedAt(100);
  expect((await lookedAt(400)) / few).toBeLessThan(4.4);
});
