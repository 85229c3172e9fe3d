import { memoryFleetStore } from 'model-router/redis';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime, watch } from '../../helpers/clock.js';
import { fleetOf, type Member, watchedStore } from '../../helpers/fleets.js';
import { sendChat } from '../../helpers/messages.js';

useFakeTime();

describe('a call that waits for its fleet', () => {
  it('waits no longer than timeoutMs altogether, however slowly Redis answers', async () => {
    const inner = memoryFleetStore();
    const store = watchedStore({
      exchange: async (message) => {
        await new Promise((resolve) => setTimeout(resolve, 60));
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
