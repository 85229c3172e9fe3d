import { OpenAI } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelRouter } from '../../../src/index.js';
import { ASSIGNABLE } from '../../../src/sdk/own-clients.js';
import { fakeFetch } from '../../../src/testing/index.js';

afterEach(() => {
  vi.restoreAllMocks();
});

function routerOf(clients: number): ModelRouter {
  const fetch = fakeFetch({ models: ['m'] });
  const client = { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1', fetch };
  const names = Array.from({ length: clients }, (_, i) => (i === 0 ? 'default' : `client-${i}`));
  return new ModelRouter({
    clients: { default: client, ...Object.fromEntries(names.map((name) => [name, client])) },
    deployments: Object.fromEntries(names.map((name) => [`d-${name}`, { client: name, model: 'm' }])),
    routes: { all: names.map((name) => `d-${name}`) },
  });
}

/** What `work` does: properties that it defines, clients that it copies. */
function countsOf(work: () => void): { defined: number; copied: number } {
  const define = vi.spyOn(Object, 'defineProperty');
  const copy = vi.spyOn(OpenAI.prototype, 'withOptions');
  work();
  const counts = { defined: define.mock.calls.length, copied: copy.mock.calls.length };
  vi.restoreAllMocks();
  return counts;
}

describe('a view', () => {
  it.each([1, 100])('with a tenant copies none of %i clients, and defines its own properties only', (clients) => {
    const router = routerOf(clients);
    const first = countsOf(() => router.withOptions({ tenant: 'acme' }));
    for (let i = 0; i < 100; i += 1) router.withOptions({ tenant: `tenant-${i}` });
    const later = countsOf(() => router.withOptions({ tenant: 'other' }));
    expect(later).toEqual(first);
    expect(first.copied).toBe(0);
    expect(first.defined).toBeLessThan(ASSIGNABLE.length + 4);
  });

  it('is not the value of a WeakMap, which would keep it beyond its call', async () => {
    const view = routerOf(1).withOptions({ tenant: 'acme' });
    const set = vi.spyOn(WeakMap.prototype, 'set');
    await view.chat.completions.create({ model: 'all', messages: [{ role: 'user', content: 'Hello.' }] });
    const values = set.mock.calls.map(([, value]) => value);
    expect(values.length).toBeGreaterThan(0);
    expect(values).not.toContain(view);
  });

  it('with an SDK option copies only the client for unrouted calls', () => {
    const router = routerOf(100);
    expect(countsOf(() => router.withOptions({ timeout: 5000 })).copied).toBe(1);
  });
});
