import { memoryFleetStore, redisCache } from 'model-router/redis';
import { hang, type Script } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, type Watched, watch } from '../../helpers/clock.js';
import { dollar, fleetOf, type Member, type WatchedStore, watchedStore } from '../../helpers/fleets.js';
import { sendChat, sendChatWith } from '../../helpers/messages.js';

useFakeTime();

/** The drills F1 to F6 measure the same with real processes; these tests count call by call and beat by beat. */
const TIMEOUT_MS = 100;
const BEAT_MS = 1000;

/** Redis is some milliseconds away, so that a call that sends a command visibly waits. */
const distant = (inner = memoryFleetStore()): WatchedStore =>
  watchedStore({
    exchange: async (message) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return inner.exchange(message);
    },
  });

/** Processes of one fleet, each with its own store in front of the shared one, so that one can be killed. */
function processesOf(count: number, usd: number, more: object, window: object = { window: 'hour' }, script?: Script) {
  const shared = memoryFleetStore();
  const stores = Array.from({ length: count }, () => watchedStore(shared));
  const members = stores.map((store) => {
    const [member] = fleetOf(1, store, { budgets: [{ usd, ...window }] as never }, more, script);
    return member as Member;
  });
  const kill = (i: number) => {
    (stores[i] as WatchedStore).isHanging = true;
  };
  return { members, kill };
}

/** How many calls of one process are answered until the budget is spent. */
async function spendAll({ router }: Member): Promise<number> {
  let answered = 0;
  for (let refused = 0; refused < 3; ) {
    if ((await settled(sendChat(router))).state === 'fulfilled') {
      answered += 1;
      refused = 0;
    } else {
      refused += 1;
      await pass(BEAT_MS);
    }
  }
  return answered;
}

const areAnswered = (calls: readonly Watched<unknown>[]) => calls.every(({ state }) => state === 'fulfilled');

let tenants = 0;
/**
 * Until a tenant that the ledger has not seen, and ten concurrent calls, are answered, in each process: in heartbeats. All
 * processes try at once.
 */
async function recovery(members: readonly Member[], mostBeats: number): Promise<number[]> {
  const startedAt = performance.now();
  const beats = members.map(() => Number.POSITIVE_INFINITY);
  while (beats.includes(Number.POSITIVE_INFINITY) && performance.now() - startedAt < mostBeats * BEAT_MS) {
    const tries = members.map(({ router }, i) => {
      if (beats[i] !== Number.POSITIVE_INFINITY) return [];
      tenants += 1;
      return [
        watch(sendChatWith(router, { tenant: `new-${tenants}` }, 'tenants')),
        ...Array.from({ length: 10 }, () => watch(sendChat(router))),
      ];
    });
    await pass(TIMEOUT_MS);
    for (const [i, calls] of tries.entries())
      if (calls.length > 0 && areAnswered(calls)) beats[i] = (performance.now() - startedAt) / BEAT_MS;
  }
  return beats;
}

const recovering = {
  deployments: { a: { price: { input: 0.001, output: 1000 }, maxOutputTokens: 1000 } },
  routes: { standard: ['a'], tenants: ['a'] },
  budgets: [
    { usd: 10_000, window: 'month', route: 'standard' },
    { usd: 100, window: 'month', route: 'tenants', per: 'tenant' },
  ],
} as const;

describe('while the budget lasts', () => {
  it('at most three calls in a hundred wait; a heartbeat costs one command, a call a quarter of one', async () => {
    const store = distant();
    const members = fleetOf(4, store, { budgets: [{ usd: 10_000, window: 'month' }] });
    /** The number of a minute's calls that waited, with one call per second and process. */
    const minute = async () => {
      let waited = 0;
      for (let i = 0; i < 240; i++) {
        const call = watch(sendChat((members[i % 4] as Member).router));
        await pass(5);
        if (call.state === 'pending') waited += 1;
        await pass(BEAT_MS / 4 - 5);
        expect(call.state).toBe('fulfilled');
      }
      return waited;
    };
    // The first call of each process.
    expect(await minute()).toBe(4);
    const before = store.exchanges;
    expect(await minute()).toBeLessThanOrEqual(0.03 * 240);
    expect(store.exchanges - before).toBeLessThanOrEqual(4 * 60 + 0.25 * 240);
  });
});

describe('while Redis hangs', () => {
  it('no more calls wait than arrive within timeoutMs, and none after five failed commands', async () => {
    const store = watchedStore();
    const members = fleetOf(1, store, { budgets: [{ usd: 400, window: 'month' }] });
    const { router } = members[0] as Member;
    store.isHanging = true;
    const calls: Watched<unknown>[] = [];
    const waiting = () => calls.filter(({ state }) => state === 'pending').length;
    let most = 0;
    for (let ms = 0; ms < 3000; ms++) {
      calls.push(watch(sendChat(router)));
      await pass(1);
      most = Math.max(most, waiting());
    }
    expect(most).toBeGreaterThan(TIMEOUT_MS / 2);
    expect(most).toBeLessThanOrEqual(TIMEOUT_MS + 1);
    expect(waiting()).toBe(0);
    // Five commands of `timeoutMs` each.
    expect(calls.filter(({ at = 0 }, i) => at > i + 2).length).toBeLessThanOrEqual(5 * TIMEOUT_MS + 5);
  });

  it('a call with a cache waits at most twice timeoutMs, and not at all after five failures of each', async () => {
    const store = watchedStore();
    const client = { isReady: true, sendCommand: () => new Promise(() => undefined) };
    const [member] = fleetOf(1, store, {
      budgets: [{ usd: 400, window: 'month' }],
      cacheStore: redisCache(client, { name: 'test' }),
      cache: { mode: 'all' },
    });
    store.isHanging = true;
    for (let i = 0; i < 12; i++) {
      const call = watch(sendChatWith((member as Member).router, { tenant: `${i}` }));
      if (i >= 6) await pass(0);
      else await pass(2 * TIMEOUT_MS);
      expect(call.state, `call ${i}`).not.toBe('pending');
    }
  });
});

it('a cache waits at most timeoutMs altogether, though it sends two commands', async () => {
  // The generation comes late, and the answer never.
  const sendCommand = async ([, key = '']: string[]) =>
    new Promise((resolve) => key.endsWith(':generation') && setTimeout(resolve, 0.6 * TIMEOUT_MS, null));
  const [member] = fleetOf(1, watchedStore(), {
    cacheStore: redisCache({ isReady: true, sendCommand }, { name: 'test' }),
    cache: { mode: 'all' },
  });
  const call = watch(sendChat((member as Member).router));
  await pass(TIMEOUT_MS - 1);
  expect(call.state).toBe('pending');
  await pass(1);
  expect(call.state).toBe('fulfilled');
});

describe('a fleet recovers', () => {
  it.each([3, 32])('within two heartbeats after Redis is back: %i processes', async (count) => {
    const store = watchedStore();
    const members = fleetOf(count, store, recovering as never);
    await recovery(members, 5);
    for (const phaseMs of [50, 350, 650, 950]) {
      store.isDown = true;
      await pass(20_000 + phaseMs);
      expect(Math.min(...(await recovery(members.slice(0, 1), 3)))).toBe(Number.POSITIVE_INFINITY);
      store.isDown = false;
      expect(Math.max(...(await recovery(members, 9)))).toBeLessThanOrEqual(2);
    }
  });

  it.each([3, 32])('within four heartbeats after data loss, and grants nothing more for three: %i', async (count) => {
    let inner = memoryFleetStore();
    const store = watchedStore({ exchange: (message) => inner.exchange(message) });
    const members = fleetOf(count, store, recovering as never, { whenDown: 'refuse' });
    await recovery(members, 5);
    await pass(5000);
    inner = memoryFleetStore();
    const took = await recovery(members, 9);
    expect(Math.min(...took)).toBeGreaterThan(2.5);
    expect(Math.max(...took)).toBeLessThanOrEqual(4);
  });
});

describe('a killed process', () => {
  /** One process has made five calls and is killed during the sixth; the other spends what it can. */
  async function afterKill(more: object, waitMs: number, window: object = { window: 'hour' }) {
    let calls = 0;
    const { members, kill } = processesOf(2, 40.5, more, window, (() => (++calls === 7 ? hang() : dollar)) as never);
    const [victim, survivor] = members as [Member, Member];
    await settled(sendChat(survivor.router));
    for (let i = 0; i < 5; i++) {
      await pass(BEAT_MS);
      expect((await settled(sendChat(victim.router))).state).toBe('fulfilled');
    }
    watch(sendChat(victim.router));
    await pass(1500);
    kill(0);
    await pass(waitMs);
    return { answered: 1 + (await spendAll(survivor)), survivor };
  }

  it('strands one call or 0.5 % of the limit, and its calls in flight', async () => {
    const { answered } = await afterKill({ whenDown: 'refuse' }, 5000);
    // 40 calls, less five that it has made, one in flight, and one in its allowance.
    expect(answered).toBeGreaterThanOrEqual(40 - 5 - 2);
    expect(answered).toBeLessThanOrEqual(40 - 5 - 1);
  });

  it("strands its outage share too, where whenDown is 'share'", async () => {
    const { answered } = await afterKill({}, 5000);
    // Half of five per cent of what was left.
    expect(answered).toBeGreaterThanOrEqual(40 - 5 - 2 - 1);
    expect(answered).toBeLessThanOrEqual(40 - 5 - 1);
  });

  it("releases its allowance after ten heartbeats, with lost: 'return'", async () => {
    const { answered } = await afterKill({ lost: 'return' }, 11 * BEAT_MS);
    // All but its spending: the call in flight may have cost nothing.
    expect(answered).toBe(40 - 5);
  });

  it('releases its allowance at the end of the next window, in which it could still have spent it', async () => {
    const { survivor } = await afterKill({ whenDown: 'refuse' }, 5000);
    await pass(3_600_000);
    const next = await spendAll(survivor);
    expect(next).toBeLessThanOrEqual(40 - 1);
    expect(next).toBeGreaterThanOrEqual(40 - 2);
    await pass(3_600_000);
    expect(await spendAll(survivor)).toBe(40);
  });

  it('releases its allowance after two windows and 15 minutes, where the window slides', async () => {
    const windowMs = 60_000;
    const { survivor } = await afterKill({ whenDown: 'refuse' }, 5000, { windowMs });
    // Time in which no process uses the budget does not count.
    const use = async (minutes: number) => {
      for (let i = 0; i < 2 * minutes; i++) {
        await pass(windowMs / 2);
        await settled(sendChat(survivor.router));
      }
      await pass(2 * windowMs);
    };
    await use(10);
    expect(await spendAll(survivor)).toBeLessThan(40);
    await use(10);
    expect(await spendAll(survivor)).toBe(40);
  });

  it('stays within the limit if it was only stopped for 30 s', async () => {
    const { members, kill } = processesOf(2, 40.5, {});
    const [frozen, other] = members as [Member, Member];
    await settled(sendChat(frozen.router));
    await pass(1500);
    kill(0);
    const answered = await spendAll(other);
    await pass(30_000);
    expect(answered + 1 + (await spendAll(frozen))).toBeLessThanOrEqual(40);
  });
});
