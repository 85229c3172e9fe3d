import type { Fleet } from '../state/fleet.js';
import { commandsOf, type RedisClient } from './commands.js';
import { StoreLink } from './link.js';
import { checkFleet, type FleetOptions } from './options.js';
import { redisFleetStore } from './redis-store.js';
import type { FleetStore } from './store.js';

export type { Fleet } from '../state/fleet.js';
export { redisCache, tieredCache } from './cache.js';
export type { RedisClient } from './commands.js';
export {
  answerClaim,
  type Claim,
  type Grant,
  type LedgerAnswer,
  type LedgerRules,
  type LedgerState,
  type LedgerWindow,
  type WorkerEntry,
} from './ledger/ledger.js';
export { memoryFleetStore } from './memory-fleet-store.js';
export type { FleetOptions, RedisCacheOptions, ShareOptions } from './options.js';
export type { FactMessage, FleetMessage, FleetReply, FleetStore, KeyedClaim, StoredFact } from './store.js';

/**
 * Shares budgets, rates and pauses between all processes with the same name, over Redis. No call waits for Redis longer
 * than `timeoutMs`, and none fails because it is down, except by budgets (`whenDown`).
 *
 * @example
 * const client = await createClient({ url: 'redis://127.0.0.1:6379' }).on('error', () => {}).connect();
 * new ModelRouter({ ..., fleet: redisFleet(client, { name: 'checkout-prod' }) });
 * @throws InvalidOptionError
 */
export function redisFleet(client: RedisClient, options: FleetOptions): Fleet {
  const commands = commandsOf('redisFleet', client);
  const settings = checkFleet('fleet', options);
  return { connect: (host) => new StoreLink(redisFleetStore(commands), settings, host) };
}

/**
 * The same over your own store, such as a Postgres table. `fleetStoreContract` in `model-router/testing` checks it.
 * Throws InvalidOptionError.
 */
export function storeFleet(store: FleetStore, options: FleetOptions): Fleet {
  const settings = checkFleet('fleet', options);
  return { connect: (host) => new StoreLink(store, settings, host) };
}
