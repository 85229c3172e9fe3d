import { type FleetOptions, type FleetStore, memoryFleetStore, storeFleet } from 'model-router/redis';
import { answer, type Script } from 'model-router/testing';
import { type Built, build, type Setup } from './routers.js';

/** A thousand output tokens cost a dollar, and an input of a dozen tokens next to nothing. */
export const price = { input: 0.001, output: 1000 };
export const dollar = answer({ usage: { inputTokens: 10, outputTokens: 1000 } });

/** A store that can be disconnected, and counts. */
export interface WatchedStore extends FleetStore {
  isDown: boolean;
  isHanging: boolean;
  exchanges: number;
}

export function watchedStore(inner: FleetStore = memoryFleetStore()): WatchedStore {
  const store: WatchedStore = {
    isDown: false,
    isHanging: false,
    exchanges: 0,
    exchange(message) {
      store.exchanges += 1;
      if (store.isHanging) return new Promise(() => undefined);
      if (store.isDown)
        return Promise.reject(Object.assign(new Error('connect to secret-host'), { code: 'ECONNREFUSED' }));
      return inner.exchange(message);
    },
  };
  return store;
}

export interface Member extends Built {
  readonly warnings: string[];
}

/** Routers on one store, one per simulated process: each call costs at most a dollar. */
export function fleetOf(
  count: number,
  store: FleetStore,
  setup: Setup = {},
  options: Partial<FleetOptions> = {},
  script: Script = dollar,
): Member[] {
  return Array.from({ length: count }, () => {
    const warnings: string[] = [];
    const log = { error() {}, info() {}, debug() {}, warn: (line: string) => warnings.push(line) };
    const built = build(
      { a: script },
      {
        deployments: { a: { price, maxOutputTokens: 1000 } },
        routes: { standard: ['a'] },
        maxAttempts: 1,
        logger: log,
        logLevel: 'warn',
        ...setup,
        fleet: storeFleet(store, { name: 'test', ...options }),
      },
    );
    return { ...built, warnings };
  });
}
