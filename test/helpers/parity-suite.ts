import { ModelRouter } from 'model-router';
import { startFakeProvider } from 'model-router/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Door, Outcome, ParityCase } from './parity-case.js';
import { API_KEY, clientOf, doors, nameBehind, usualModels } from './parity-clients.js';
import { seen, view, viewError } from './parity-observe.js';
import { SDK } from './sdk.js';

/** Makes each call on a plain client and on routers, over real sockets, and compares the results. */
export function describeParity(title: string, cases: readonly ParityCase[], routers = doors): void {
  describe(title, () => {
    // Answers contain the time: the date stands still, so that two answers can be compared.
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    describe.each(routers)('%s', (door) => {
      for (const each of cases) {
        const name = each.differs === undefined ? each.name : `${each.name} (differs: ${each.differs.why})`;
        const skipped = each.only !== undefined && each.only.sdk !== SDK;
        it.skipIf(skipped)(name, async () => {
          const plain = await outcomeOf(each, 'plain client');
          const routed = await outcomeOf(each, door);
          expect(routed).toStrictEqual(each.differs === undefined ? plain : each.differs.to(plain, door));
        });
      }
    });
  });
}

/** Makes one call on one kind of client, with its own fake provider. */
async function outcomeOf(each: ParityCase, door: Door): Promise<Outcome> {
  const models = { ...usualModels, ...each.models };
  await using fake = await startFakeProvider({
    name: 'same',
    random: () => 0.5,
    apiKeys: { key: API_KEY },
    ...each.fake,
    models,
  });
  const own = typeof each.client === 'function' ? each.client(fake.url) : each.client;
  const options = { apiKey: API_KEY, baseURL: fake.url, maxRetries: 0, logLevel: 'off' as const, ...own };
  const client = clientOf(door, options, Object.keys(models), { random: () => 0.5, ...each.router });
  try {
    const arrived = (count = 1) => until(() => fake.open >= count, 'the request to arrive');
    const came = await settle(each.run(client, { m: nameBehind(door), fake, arrived }));
    await until(() => fake.open === 0, 'the fake to have nothing running');
    return { ...came, requests: fake.requests.map(seen) };
  } finally {
    if (client instanceof ModelRouter) client.close();
  }
}

async function settle(promise: PromiseLike<unknown>): Promise<Omit<Outcome, 'requests'>> {
  try {
    return { result: await view(await promise) };
  } catch (error) {
    return { error: await viewError(error) };
  }
}

/** Real time, because these tests use sockets: polls every millisecond, for at most five seconds. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const start = performance.now(); !isSo(); ) {
    if (performance.now() - start > 5000) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
