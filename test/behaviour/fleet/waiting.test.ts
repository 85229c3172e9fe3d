import { memoryFleetStore } from 'model-router/redis';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, type Watched, watch } from '../../helpers/clock.js';
import { fleetOf, type Member, watchedStore } from '../../helpers/fleets.js';
import { sendChat } from '../../helpers/messages.js';

useFakeTime();

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** So many processes, each at a distance of its own from Redis. */
function scattered(count: number, usd: number, timeoutMs = 100) {
  const inner = memoryFleetStore();
  const members = Array.from({ length: count }, (_, i) => {
    const store = watchedStore({
      exchange: async (message) => {
        await pause(5 + 7 * (i % 5));
        return inner.exchange(message);
      },
    });
    const [member] = fleetOf(1, store, { budgets: [{ usd, window: 'month' }] }, { timeoutMs });
    return { ...(member as Member), store };
  });
  const exchanges = () => members.reduce((sum, { store }) => sum + store.exchanges, 0);
  return { members, exchanges };
}

const answeredOf = (calls: readonly Watched<unknown>[]) => calls.filter(({ state }) => state === 'fulfilled').length;

it.each([4, 8, 16])('no first call is refused where %i processes begin at once', async (count) => {
  const { members } = scattered(count, 400);
  const calls: Watched<unknown>[] = [];
  for (const { router } of members) {
    calls.push(watch(sendChat(router)));
    await pass(20);
  }
  await pass(100);
  expect(answeredOf(calls)).toBe(count);
});

it('calls that come one after the other all wait until the other process has heard of what they want', async () => {
  // It says so with its second heartbeat from now.
  const { members, exchanges } = scattered(2, 100, 3000);
  for (const { router } of members) await settled(sendChat(router));
  await pass(5000);
  const before = exchanges();
  const calls: Watched<unknown>[] = [];
  for (let i = 0; i < 40; i++) {
    calls.push(watch(sendChat((members[0] as Member).router)));
    await pass(3);
  }
  await pass(3000);
  expect(answeredOf(calls)).toBe(40);
  // Each sends a request at most; they repeat theirs together.
  expect(exchanges() - before).toBeLessThanOrEqual(40 + 8 + 2 * 4);
});

it('a burst reserves all of a budget, where its calls may wait until every process has heard of it', async () => {
  const { members, exchanges } = scattered(32, 256, 2000);
  for (const { router } of members) {
    await settled(sendChat(router));
    await pass(13);
  }
  await pass(8000);
  const before = exchanges();
  const calls: Watched<unknown>[] = [];
  for (let i = 0; i < 32; i++) {
    calls.push(...members.map(({ router }) => watch(sendChat(router))));
    await pass(1);
  }
  await pass(2000);
  expect(calls.filter(({ state }) => state === 'pending')).toEqual([]);
  // All but the outage shares of the next month: 5 % of the limit.
  expect(answeredOf(calls)).toBeGreaterThanOrEqual(0.95 * 256 - 32);
  expect(answeredOf(calls)).toBeLessThanOrEqual(256 - 32);
  // Two heartbeats, the first request, and the calls of a process repeat theirs together, eight times.
  expect(exchanges() - before).toBeLessThanOrEqual(32 * (2 + 2 + 8));
});

describe('a call that waits for its fleet', () => {
  it('waits no longer than timeoutMs altogether, however slowly Redis answers', async () => {
    const inner = memoryFleetStore();
    const store = watchedStore({
      exchange: async (message) => {
        await pause(60);
        return inner.exchange(message);
      },
    });
    // Eight processes, all short of money: none gets all that it wants at once.
    const members = fleetOf(8, store, { budgets: [{ usd: 400, window: 'month' }] });
    const calls = members.flatMap(({ router }) =>
      Array.from({ length: 20 }, () => watch(sendChat(router as Member['router']))),
    );
    await pass(101);
    expect(calls.filter(({ state }) => state === 'pending')).toEqual([]);
  });
});
