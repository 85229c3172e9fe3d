import { SpendBudgetExceededError } from 'model-router';
import { memoryFleetStore } from 'model-router/redis';
import { hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { fleetOf, type Member, watchedStore } from '../../helpers/fleets.js';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../../helpers/messages.js';

useFakeTime();

const budgets = [{ usd: 10.5, window: 'day' as const }];
const spendOf = ({ router }: Member) => router.snapshot().spend.budgets[0];

/** How many of this many calls, distributed over all members, were answered. */
async function answered(members: readonly Member[], calls: number, beatEvery = 4): Promise<number> {
  let count = 0;
  for (let i = 0; i < calls; i++) {
    const member = members[i % members.length];
    if (member === undefined) break;
    const result = await settled(sendChat(member.router));
    if (result.state === 'fulfilled') count += 1;
    else expect(result.error).toBeInstanceOf(SpendBudgetExceededError);
    if (i % beatEvery === 0) await pass(1000);
  }
  return count;
}

const bill = (members: readonly Member[]) => members.reduce((sum, { fake }) => sum + fake.requests.length, 0);

describe('a budget of a fleet', () => {
  it('is spent once, not once by each process', async () => {
    const members = fleetOf(4, memoryFleetStore(), { budgets });
    expect(await answered(members, 40)).toBe(10);
    expect(bill(members)).toBe(10);
  });

  it('holds against calls of all processes at the same moment', async () => {
    const members = fleetOf(4, memoryFleetStore(), { budgets }, {}, hang());
    for (const { router } of members) for (let i = 0; i < 10; i++) watch(sendChat(router));
    await pass(150);
    expect(bill(members)).toBeLessThanOrEqual(10);
    expect(bill(members)).toBeGreaterThanOrEqual(8);
  });

  it('shows in every process what all have spent', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets });
    for (let i = 0; i < 3; i++) await settled(sendChat(members[0]?.router as never));
    await settled(sendChat(members[1]?.router as never));
    await pass(2100);
    for (const member of members)
      expect(spendOf(member)).toMatchObject({ spentUsd: expect.closeTo(4, 3), limitUsd: 10.5 });
  });

  it('reports what is left and when it resets, in the error', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets });
    await answered(members, 24);
    const error = await errorOf(sendChat(members[0]?.router as never));
    expect(error).toBeInstanceOf(SpendBudgetExceededError);
    expect(error).toMatchObject({
      limitUsd: 10.5,
      leftUsd: expect.closeTo(0.5, 1),
      resetsAt: expect.stringMatching(/^2030-01-02T00:0/),
    });
  });

  it('does not count again what the last heartbeat reported as spent', async () => {
    const store = watchedStore();
    const members = fleetOf(1, store, { budgets });
    await answered(members, 14);
    await pass(1000);
    const before = store.exchanges;
    for (let i = 0; i < 20; i++) await errorOf(sendChat(members[0]?.router as never));
    expect(store.exchanges - before).toBeLessThanOrEqual(1);
  });

  it('resets with the next window', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets: [{ usd: 3.5, window: 'hour' }] });
    expect(await answered(members, 10)).toBe(3);
    await pass(3_600_000);
    expect(await answered(members, 10)).toBe(3);
  });

  it('slides if its window slides', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets: [{ usd: 3.5, windowMs: 60_000 }] });
    expect(await answered(members, 10)).toBe(3);
    await pass(70_000);
    expect(await answered(members, 10)).toBe(3);
  });

  it('can be for each tenant, and for a route', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets: [{ usd: 2.5, window: 'day', per: 'tenant' }] });
    for (const tenant of ['one', 'two']) {
      let count = 0;
      for (let i = 0; i < 8; i++) {
        const result = await settled(sendChatWith(members[i % 2]?.router as never, { tenant }));
        if (result.state === 'fulfilled') count += 1;
        await pass(500);
      }
      expect(count, tenant).toBe(2);
    }
  });

  it('gets back what a cancelled stream had reserved', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets: [{ usd: 1.5, window: 'day' }] }, {}, hang());
    const [one, two] = members;
    const signal = new AbortController();
    watch(
      one?.router.chat.completions.create(
        { model: 'standard', messages: [], stream: true },
        { signal: signal.signal },
      ) as never,
    );
    await pass(200);
    expect(spendOf(one as Member)?.reservedUsd).toBeCloseTo(1, 3);
    await errorOf(sendChat(two?.router as never));
    expect(two?.fake.requests).toEqual([]);
    signal.abort();
    await pass(2100);
    expect(spendOf(one as Member)?.reservedUsd).toBe(0);
  });

  it('counts a cancelled stream once: what it may have cost, and no reservation beside that', async () => {
    const store = memoryFleetStore();
    const usd = [{ usd: 2.5, window: 'day' as const }];
    const [one] = fleetOf(1, store, { budgets: usd }, {}, hang());
    const [two] = fleetOf(1, store, { budgets: usd });
    const signal = new AbortController();
    const { completions } = (one as Member).router.chat;
    watch(completions.create({ model: 'standard', messages: [], stream: true }, { signal: signal.signal }));
    await pass(200);
    signal.abort();
    await pass(2100);
    expect((await settled(sendChat((two as Member).router))).state).toBe('fulfilled');
  });

  it('books a stream at its end, in every process', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets });
    // A process joins a budget with its first call.
    await settled(sendChat(members[1]?.router as never));
    await pass(2100);
    const stream = await settled(streamChat(members[0]?.router as never));
    await settled(read(stream.value as never));
    await pass(2100);
    for (const member of members) expect(spendOf(member)?.spentUsd).toBeCloseTo(2, 3);
  });
});

describe('closing', () => {
  it('returns unused money at once, so that a restart strands none', async () => {
    const store = memoryFleetStore();
    let spent = 0;
    for (let restart = 0; restart < 10; restart++) {
      const [member] = fleetOf(1, store, { budgets });
      spent += await answered([member as Member], 1, 99);
      await member?.router.close();
    }
    expect(spent).toBe(10);
    const [last] = fleetOf(1, store, { budgets });
    expect(await answered([last as Member], 1)).toBe(0);
  });

  it('leaves no timer, and nothing runs before the first call', async () => {
    const store = watchedStore();
    const [member] = fleetOf(1, store, { budgets });
    await pass(5000);
    expect(store.exchanges).toBe(0);
    await settled(sendChat((member as Member).router));
    await pass(3000);
    expect(store.exchanges).toBeGreaterThanOrEqual(3);
    await member?.router.close();
    const before = store.exchanges;
    await pass(5000);
    expect(store.exchanges).toBe(before);
  });
});
