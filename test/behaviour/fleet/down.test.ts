import { SpendBudgetExceededError } from 'model-router';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { fleetOf, type Member, watchedStore } from '../../helpers/fleets.js';
import { errorOf, sendChat } from '../../helpers/messages.js';

useFakeTime();

const budgets = [{ usd: 400, window: 'day' as const }];

async function calls(member: Member | undefined, count: number): Promise<number> {
  let answered = 0;
  for (let i = 0; i < count; i++)
    if ((await settled(sendChat((member as Member).router))).state === 'fulfilled') answered += 1;
  return answered;
}

describe('while Redis is down', () => {
  it("'share' spends a part of what was left, and no more, over all processes", async () => {
    const store = watchedStore();
    const members = fleetOf(4, store, { budgets });
    for (const member of members) await calls(member, 2);
    await pass(3000);
    store.isDown = true;
    await pass(4000);
    let answered = 0;
    for (const member of members) answered += await calls(member, 30);
    // Five per cent of 392 dollars, plus each process's allowance.
    expect(answered).toBeGreaterThanOrEqual(16);
    expect(answered).toBeLessThanOrEqual(19.6 + 4 * 4);
    store.isDown = false;
    await pass(3000);
    expect(await calls(members[0], 5)).toBe(5);
  });

  it("'refuse' uses up the allowance that it has", async () => {
    const store = watchedStore();
    const [member] = fleetOf(1, store, { budgets }, { whenDown: 'refuse' });
    await calls(member, 3);
    await pass(2000);
    store.isDown = true;
    await pass(8000);
    const answered = await calls(member, 30);
    expect(answered).toBeGreaterThanOrEqual(1);
    expect(answered).toBeLessThanOrEqual(6);
    const error = await errorOf(sendChat((member as Member).router));
    expect(error).toBeInstanceOf(SpendBudgetExceededError);
    expect(error.message).toContain("the fleet's ledger does not answer");
  });

  it("'allow' lets all calls pass, and counts them when Redis is back", async () => {
    const store = watchedStore();
    const [member, other] = fleetOf(2, store, { budgets: [{ usd: 20, window: 'day' }] }, { whenDown: 'allow' });
    store.isDown = true;
    expect(await calls(member, 8)).toBe(8);
    await pass(8000);
    expect(await calls(member, 8)).toBe(8);
    store.isDown = false;
    await pass(3000);
    expect(await calls(other, 8)).toBeLessThanOrEqual(4);
  });

  it('refuses under a budget in a process that has never reached Redis, and says so; calls without a budget pass', async () => {
    const store = watchedStore();
    store.isDown = true;
    const [limited] = fleetOf(1, store, { budgets });
    const error = await errorOf(sendChat((limited as Member).router));
    expect(error.message).toContain("the fleet's ledger has not been reached yet");
    const [free] = fleetOf(1, store);
    expect(await calls(free, 3)).toBe(3);
  });

  it('leaves some of the next window’s budget, if the window ends meanwhile', async () => {
    const store = watchedStore();
    const [member] = fleetOf(1, store, { budgets: [{ usd: 42, window: 'hour' }] });
    await calls(member, 60);
    await pass(2000);
    expect(await calls(member, 1)).toBe(0);
    store.isDown = true;
    await pass(3_605_000);
    // Five per cent of the next hour's 42 dollars.
    expect(await calls(member, 10)).toBe(2);
  });

  it('delays at most the first five calls, by no more than timeoutMs each', async () => {
    const store = watchedStore();
    const [member] = fleetOf(1, store, { budgets });
    store.isHanging = true;
    let delayed = 0;
    for (let i = 0; i < 12; i++) {
      const call = watch(sendChat((member as Member).router));
      await pass(0);
      if (call.state === 'pending') delayed += 1;
      await pass(100);
      expect(call.state).toBe('rejected');
    }
    expect(delayed).toBeGreaterThan(0);
    expect(delayed).toBeLessThanOrEqual(5);
  });

  it('logs one line when Redis goes and one when it is back, without its address', async () => {
    const store = watchedStore();
    const [member] = fleetOf(1, store, { budgets });
    await calls(member, 1);
    store.isDown = true;
    await pass(30_000);
    await calls(member, 20);
    store.isDown = false;
    await pass(5000);
    const lines = member?.warnings.filter((line) => line.includes('fleet'));
    expect(lines).toEqual([
      'model-router fleet test: Redis does not answer (ECONNREFUSED); this process uses its outage share',
      'model-router fleet test: Redis answers again',
    ]);
  });

  it('has no more than one unanswered command at a time', async () => {
    const store = watchedStore();
    const [member] = fleetOf(1, store, { budgets });
    await calls(member, 1);
    store.isHanging = true;
    await pass(6000);
    const before = store.exchanges;
    await pass(9000);
    expect(store.exchanges - before).toBeLessThanOrEqual(2);
  });
});
