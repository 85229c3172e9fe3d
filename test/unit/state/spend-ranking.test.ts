import { describe, expect, it } from 'vitest';
import { SpendRanking } from '../../../src/state/spend-ranking.js';

interface Item {
  place: number;
  amount: number;
}

function rankingOf(amounts: readonly number[], time: number) {
  const ranking = new SpendRanking<Item>();
  const items = amounts.map((amount) => ({ place: -1, amount }));
  for (const item of items) {
    ranking.add(item);
    ranking.set(item, item.amount, time);
  }
  let looks = 0;
  const top = (count: number, now: number) => {
    looks = 0;
    const found = ranking.top(count, now, ({ amount }) => {
      looks += 1;
      return amount;
    });
    return { amounts: found.map(({ amount }) => amount), looks };
  };
  return { ranking, items, top };
}

const rising = Array.from({ length: 1000 }, (_, i) => i);

describe('SpendRanking', () => {
  it('returns the highest in order without computing known amounts', () => {
    const { top } = rankingOf(rising, 1);
    expect(top(3, 1)).toEqual({ amounts: [999, 998, 997], looks: 0 });
  });

  it('computes few amounts after time has passed, in any order of items', () => {
    for (const amounts of [rising, rising.toReversed()]) {
      const { top } = rankingOf(amounts, 1);
      expect(top(3, 2).looks).toBeLessThan(200);
      expect(top(3, 2).looks).toBe(0);
    }
  });

  it('finds the new highest items after others have fallen', () => {
    const { items, top } = rankingOf(rising, 1);
    for (const item of items.slice(500)) item.amount = 0;
    expect(top(2, 2).amounts).toEqual([499, 498]);
  });

  it('applies changes of amounts', () => {
    const { ranking, items, top } = rankingOf([1, 2, 3], 1);
    for (const item of items.slice(0, 1)) {
      item.amount += 5;
      ranking.change(item, 5);
    }
    expect(top(2, 1)).toEqual({ amounts: [6, 3], looks: 0 });
  });

  it('recomputes amounts from a later time, because they can be higher if the clock was set back', () => {
    const { items, top } = rankingOf([9, 1, 2], 5);
    expect(top(1, 5).amounts).toEqual([9]);
    for (const item of items.slice(1, 2)) item.amount = 10;
    expect(top(1, 4).amounts).toEqual([10]);
  });

  it('forgets removed items, and keeps the amounts of the others', () => {
    const { ranking, items, top } = rankingOf(rising, 1);
    for (const item of items.filter(({ amount }) => amount % 2 === 1)) ranking.remove(item);
    expect(top(3, 1)).toEqual({ amounts: [998, 996, 994], looks: 0 });
    expect(top(1000, 1).amounts).toHaveLength(500);
  });

  it('keeps the amounts of the others also if a removed item changes', () => {
    const { ranking, items, top } = rankingOf([5, 3, 4], 1);
    for (const item of items.slice(0, 1)) {
      ranking.remove(item);
      ranking.set(item, 0, 1);
      ranking.change(item, 1);
    }
    expect(top(1, 1)).toEqual({ amounts: [4], looks: 0 });
  });
});
