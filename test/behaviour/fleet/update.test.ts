import { InvalidOptionError } from 'model-router';
import { memoryFleetStore, storeFleet } from 'model-router/redis';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { fleetOf, type Member } from '../../helpers/fleets.js';
import { sendChat } from '../../helpers/messages.js';

useFakeTime();

async function answered(members: readonly Member[], calls: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < calls; i++) {
    const { router } = members[i % members.length] as Member;
    if ((await settled(sendChat(router))).state === 'fulfilled') count += 1;
    if (i % 4 === 3) await pass(1000);
  }
  return count;
}

describe('an update of a router in a fleet', () => {
  it('raises a budget for the updated process, and keeps what was spent', async () => {
    const members = fleetOf(2, memoryFleetStore(), { budgets: [{ usd: 4.5, window: 'day' }] });
    expect(await answered(members, 16)).toBe(4);
    for (const { router } of members) router.update({ budgets: [{ usd: 6.5, window: 'day' }] });
    await pass(2000);
    expect(await answered(members, 16)).toBe(2);
    await pass(2000);
    expect(members[0]?.router.snapshot().spend.budgets[0]).toMatchObject({
      limitUsd: 6.5,
      spentUsd: expect.closeTo(6, 2),
    });
  });

  it('changes a rate of all processes', async () => {
    const members = fleetOf(2, memoryFleetStore(), { deployments: { a: { rpm: 60 } } });
    for (const { router } of members) {
      await settled(sendChat(router));
      router.update({ deployments: { a: { rpm: 600 } } });
    }
    await pass(3000);
    for (const { router } of members) for (let i = 0; i < 700; i++) void sendChat(router).catch(() => undefined);
    await pass(20_000);
    const before = members.reduce((sum, { fake }) => sum + fake.requests.length, 0);
    await pass(30_000);
    const started = members.reduce((sum, { fake }) => sum + fake.requests.length, 0) - before;
    expect(started).toBeGreaterThanOrEqual(240);
    expect(started).toBeLessThanOrEqual(310);
    for (const { router } of members) await router.close();
  });

  it('cannot change the fleet', () => {
    const [member] = fleetOf(1, memoryFleetStore());
    const part: object = { fleet: storeFleet(memoryFleetStore(), { name: 'another' }) };
    expect(() => (member as Member).router.update(part)).toThrow(InvalidOptionError);
    expect(() => (member as Member).router.update(part)).toThrow(/the fleet knows this process already/);
  });
});
