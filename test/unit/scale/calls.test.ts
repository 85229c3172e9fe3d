import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelRouter, type RouterOptions } from '../../../src/index.js';
import { fakeFetch } from '../../../src/testing/index.js';

const VISITS = ['find', 'findIndex', 'filter', 'map', 'flatMap', 'some', 'every', 'reduce', 'forEach'] as const;
const SCANS = ['includes', 'indexOf', 'slice'] as const;
type Visitor = (...args: unknown[]) => unknown;
const messages = [{ role: 'user' as const, content: 'Hello.' }];
const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `d${i}`);

afterEach(() => {
  vi.restoreAllMocks();
});

function routerOf(count: number, options: Partial<RouterOptions>): ModelRouter {
  const fetch = fakeFetch({ models: ['m'] });
  const price = { input: 1, output: 2 };
  return new ModelRouter({
    clients: { default: { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1', fetch } },
    deployments: Object.fromEntries(namesOf(count).map((name) => [name, { client: 'default', model: 'm', price }])),
    routes: { all: namesOf(count) },
    ...options,
  });
}

const limitedOf = (count: number) =>
  Object.fromEntries(namesOf(count).map((name) => [name, { client: 'default', model: 'm', maxConcurrent: 4 }]));

/** How many array elements a call reads, once the router has made some calls. */
async function lookedAt(count: number, model: string, options: Partial<RouterOptions>): Promise<number> {
  const router = routerOf(count, options);
  const call = () => router.chat.completions.create({ model, messages });
  for (let i = 0; i < 3; i += 1) await call();
  let looked = 0;
  for (const name of VISITS) {
    const original = Array.prototype[name] as Visitor;
    vi.spyOn(Array.prototype, name).mockImplementation(function counted(this: unknown[], ...args: unknown[]) {
      const [visit, ...rest] = args as [Visitor, ...unknown[]];
      const counting = (...given: unknown[]) => {
        looked += 1;
        return visit(...given);
      };
      return original.call(this, counting, ...rest);
    } as never);
  }
  for (const name of SCANS) {
    const original = Array.prototype[name] as Visitor;
    vi.spyOn(Array.prototype, name).mockImplementation(function counted(this: unknown[], ...args: unknown[]) {
      const found = original.apply(this, args);
      looked += Array.isArray(found) ? found.length : this.length;
      return found;
    } as never);
  }
  await call();
  vi.restoreAllMocks();
  await router.close();
  return looked;
}

describe('a call reads no more of a thousand deployments than of ten', () => {
  it.each<[string, (count: number) => Partial<RouterOptions>, string?]>([
    ['in a route', () => ({})],
    ['with deadlineMs', () => ({ deadlineMs: 5000 })],
    ['with a budget', () => ({ budgets: [{ usd: 1000, window: 'day' }] })],
    [
      'with a budget, and without repetition',
      () => ({ budgets: [{ usd: 1000, window: 'day' }], retry: { budget: 0, minPerSecond: 0 } }),
    ],
    ['with maxConcurrent', (count) => ({ deployments: limitedOf(count) })],
    ['as fallbacks of a deployment', (count) => ({ fallbacks: namesOf(count) }), 'd0'],
    ['as fallbacks of an unlisted model', (count) => ({ fallbacks: namesOf(count) }), 'm'],
  ])('%s', async (_, optionsOf, model = 'all') => {
    const few = await lookedAt(10, model, optionsOf(10));
    const many = await lookedAt(1000, model, optionsOf(1000));
    expect(few).toBeGreaterThan(0);
    // A plan reads at most 32 deployments ahead.
    expect(many - few).toBeLessThan(64);
  });
});
