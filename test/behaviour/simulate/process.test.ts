import { mock } from 'node:test';
import { inVirtualTime, simulate } from 'model-router/simulate';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { small } from '../../helpers/simulated.js';

const { setTimeout: timeout, Date: date, performance: clock, fetch } = globalThis;
const { random } = Math;

function expectAllBack(): void {
  expect(globalThis.setTimeout).toBe(timeout);
  expect(globalThis.Date).toBe(date);
  expect(globalThis.performance).toBe(clock);
  expect(globalThis.fetch).toBe(fetch);
  expect(Math.random).toBe(random);
}

afterEach(() => {
  vi.useRealTimers();
});

describe('what a simulation replaces in the process', () => {
  it('is restored when it has ended', async () => {
    let inside: unknown;
    const script = () => {
      inside = globalThis.setTimeout;
      throw new Error('thrown by a script');
    };
    const { availability } = await simulate(small({ upstreams: { first: script } }));
    expect(inside).not.toBe(timeout);
    // A script that throws counts as a 500 of its deployment.
    expect(availability).toBe(1);
    expectAllBack();
  });

  it.each([
    [
      'the factory',
      {
        router: () => {
          throw new Error('thrown');
        },
      },
    ],
    [
      'the body of a call',
      {
        traffic: {
          perSecond: 1,
          durationMs: 5000,
          body: (n: number) => {
            if (n === 2) throw new Error('thrown');
            return {};
          },
        },
      },
    ],
    [
      'a listener of its progress',
      {
        onProgress: () => {
          throw new Error('thrown');
        },
      },
    ],
  ])('is restored when %s throws', async (_, changes) => {
    await expect(simulate(small(changes))).rejects.toThrow('thrown');
    expectAllBack();
    // The next simulation can start.
    expect((await simulate(small())).availability).toBe(1);
  });

  it('leaves no timers', async () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    await simulate(small({ baseline: true }));
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(before);
  });
});

describe('a simulation refuses', () => {
  it('a second one at the same time', async () => {
    const first = simulate(small());
    await expect(simulate(small())).rejects.toThrow(/another simulation runs/);
    expect((await first).availability).toBe(1);
    expectAllBack();
  });

  it('one inside another', async () => {
    await expect(inVirtualTime(() => simulate(small()))).rejects.toThrow(/another simulation runs/);
    expectAllBack();
  });

  it("vitest's fake timers", async () => {
    vi.useFakeTimers();
    await expect(simulate(small())).rejects.toThrow(/vi\.useRealTimers\(\)/);
  });

  it('the fake timers of node:test', async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    try {
      await expect(simulate(small())).rejects.toThrow(/mock\.timers\.reset\(\)/);
    } finally {
      mock.timers.reset();
    }
  });
});

describe('progress', () => {
  it('is reported from 0 to 1, over both runs', async () => {
    const shares: number[] = [];
    await simulate(small({ baseline: true, onProgress: (share) => shares.push(share) }));
    expect(shares.length).toBeGreaterThan(50);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares[0]).toBeLessThan(0.05);
    expect(shares.at(-1)).toBeGreaterThan(0.98);
  });
});
