import { ModelRouter, type RouterSettings } from 'model-router';
import { type FakeProvider, type Script, startFakeProvider } from 'model-router/testing';
import { expect } from 'vitest';
import { saidByFallback } from './faults.js';
import { activeResources, leftInTheEnd, openInTheEnd } from './leftovers.js';

export interface TwoProviders {
  readonly router: ModelRouter;
  readonly primary: FakeProvider;
  readonly fallback: FakeProvider;
}

/**
 * Runs `use` with a router over two providers on real sockets, and expects that nothing of them is left afterwards.
 *
 * @param script the primary's behaviour; `refused`: no server listens on its port
 */
export async function withTwoProviders(
  script: Script | 'refused',
  options: RouterSettings,
  use: (providers: TwoProviders) => Promise<void>,
): Promise<void> {
  const before = activeResources();
  const primary = await startFakeProvider({ models: script === 'refused' ? {} : { m: script } });
  const fallback = await startFakeProvider({ models: { m: saidByFallback } });
  if (script === 'refused') await primary.close();
  const router = new ModelRouter({
    clients: {
      primary: { apiKey: 'sk-primary', baseURL: primary.url, logLevel: 'off' },
      fallback: { apiKey: 'sk-fallback', baseURL: fallback.url, logLevel: 'off' },
    },
    deployments: { first: { client: 'primary', model: 'm' }, second: { client: 'fallback', model: 'm' } },
    routes: { standard: ['first', 'second'] },
    ...options,
  });
  try {
    await use({ router, primary, fallback });
    expect(await openInTheEnd(primary, fallback)).toBe(0);
  } finally {
    await router.close();
    await primary.close();
    await fallback.close();
  }
  expect(await leftInTheEnd(before)).toEqual([]);
}
