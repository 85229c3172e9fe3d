import { describe, expect, it, vi } from 'vitest';
import { acquire, build, halfOpened, opened, report } from '../../helpers/breaker-builder.js';
import { useFakeTime } from '../../helpers/clock.js';

const NEVER = Number.POSITIVE_INFINITY;

useFakeTime();

describe('opening', () => {
  it('opens at N failures in the window, not at N-1', () => {
    const { breaker, changes } = build({ consecutive: NEVER });
    report(breaker, 'failure', 4);
    expect(breaker.state).toBe('closed');
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(changes).toEqual(['open']);
  });

  it.each([
    [5, 'open'],
    [6, 'closed'],
  ])('needs at least half of the calls to fail: %i successes, 5 failures', (successes, state) => {
    const { breaker } = build({ consecutive: NEVER });
    report(breaker, 'success', successes);
    report(breaker, 'failure', 5);
    expect(breaker.state).toBe(state);
  });

  it('can use the plain rule "N failures in M ms"', () => {
    const { breaker } = build({ minRate: 0, consecutive: NEVER });
    report(breaker, 'success', 1000);
    report(breaker, 'failure', 4);
    expect(breaker.state).toBe('closed');
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
  });

  it('opens at N failures in a row that span a second, whatever the rate', () => {
    const { breaker } = build({ failures: 1000 });
    report(breaker, 'success', 100);
    report(breaker, 'failure', 4);
    report(breaker, 'success');
    report(breaker, 'failure', 4);
    vi.advanceTimersByTime(1000);
    expect(breaker.state).toBe('closed');
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
  });

  it.each([
    [999, 'closed'],
    [1000, 'open'],
  ])('counts failures that end together as one: 9 at once, one more after %i ms', (ms, state) => {
    const { breaker } = build({ failures: 1000 });
    report(breaker, 'failure', 9);
    expect(breaker.state).toBe('closed');
    vi.advanceTimersByTime(ms);
    report(breaker, 'failure');
    expect(breaker.state).toBe(state);
  });

  it('opens at the first failure with consecutive: 1, and not at two at once with 2', () => {
    const { breaker } = build({ failures: 1000, consecutive: 1 });
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
    const two = build({ failures: 1000, consecutive: 2 }).breaker;
    report(two, 'failure', 2);
    expect(two.state).toBe('closed');
  });

  it('ends the row of an attempt at a success that ended since it began', () => {
    const { breaker } = build({ failures: 1000 });
    for (let i = 0; i < 20; i += 1) {
      const slow = acquire(breaker);
      const startedAt = performance.now();
      vi.advanceTimersByTime(400);
      // Fast calls are answered meanwhile, but never after the last slow one has failed.
      report(breaker, 'success');
      vi.advanceTimersByTime(100);
      breaker.report(slow, 'failure', startedAt);
    }
    expect(breaker.state).toBe('closed');
    // Five slow calls of one caller that started before the last success: none continues another's row.
    const slow = Array.from({ length: 8 }, () => acquire(breaker));
    const startedAt = performance.now();
    vi.advanceTimersByTime(10);
    report(breaker, 'success');
    for (const each of slow) {
      vi.advanceTimersByTime(300);
      breaker.report(each, 'failure', startedAt);
    }
    expect(breaker.state).toBe('closed');
    // Without an answer in between they are a row.
    for (let i = 0; i < 4; i += 1) report(breaker, 'failure');
    expect(breaker.state).toBe('closed');
    vi.advanceTimersByTime(1000);
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
  });

  it('ignores a neutral outcome: it neither counts nor ends a row', () => {
    const { breaker } = build({ failures: 1000 });
    report(breaker, 'failure', 4);
    vi.advanceTimersByTime(1000);
    report(breaker, 'neutral', 100);
    expect(breaker.state).toBe('closed');
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
  });

  it.each([
    [9_999, 'open'],
    [10_000, 'closed'],
  ])('forgets failures when the window has passed: the fifth after %i ms', (ms, state) => {
    const { breaker } = build({ consecutive: NEVER });
    report(breaker, 'failure', 4);
    vi.advanceTimersByTime(ms);
    report(breaker, 'failure');
    expect(breaker.state).toBe(state);
  });

  it('returns the same frozen permit for all calls of a closed breaker', () => {
    const { breaker } = build();
    const permit = acquire(breaker);
    expect(acquire(breaker)).toBe(permit);
    expect(permit).toEqual({ generation: 0, probe: false });
    expect(Object.isFrozen(permit)).toBe(true);
  });

  it('counts no more reports than permits, and none for another breaker’s permits', () => {
    const { breaker } = build({ failures: 2, consecutive: NEVER });
    const permit = acquire(breaker);
    breaker.report(permit, 'failure', performance.now());
    breaker.report(permit, 'failure', performance.now());
    acquire(breaker);
    breaker.report(acquire(build().breaker), 'failure', performance.now());
    expect(breaker.state).toBe('closed');
    breaker.report(permit, 'failure', performance.now());
    expect(breaker.state).toBe('open');
  });
});

describe('the open time', () => {
  it('ends at cooldownMs, and lets one probe through', () => {
    const { breaker, changes } = opened();
    expect(breaker.retryAt).toBe(performance.now() + 10_000);
    vi.advanceTimersByTime(9_999);
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(breaker.state).toBe('open');
    vi.advanceTimersByTime(1);
    expect(breaker.state).toBe('halfOpen');
    expect(breaker.retryAt).toBe(0);
    expect(acquire(breaker)).toEqual({ generation: 1, probe: true });
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(changes).toEqual(['open', 'halfOpen']);
  });

  it.each([
    [0.5, 9_000],
    [0.999_999, 8_000],
  ])('is shortened at random: %d gives %i ms', (chance, ms) => {
    const { breaker } = opened({}, () => chance);
    vi.advanceTimersByTime(ms - 1);
    expect(breaker.tryAcquire()).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(breaker.tryAcquire()).toBeDefined();
  });

  it('does not grow', () => {
    const { breaker } = opened();
    for (let i = 0; i < 5; i += 1) {
      vi.advanceTimersByTime(9_999);
      expect(breaker.state).toBe('open');
      vi.advanceTimersByTime(1);
      report(breaker, 'failure');
      expect(breaker.retryAt).toBe(performance.now() + 10_000);
    }
  });

  it('ends by the clock where the timer is late', () => {
    const { breaker, changes } = opened();
    const start = performance.now();
    const now = vi.spyOn(performance, 'now');
    now.mockReturnValue(start + 9_999);
    expect(breaker.tryAcquire()).toBeUndefined();
    now.mockReturnValue(start + 10_000);
    expect(breaker.retryAt).toBe(0);
    expect(acquire(breaker).probe).toBe(true);
    vi.advanceTimersByTime(10_000);
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(changes).toEqual(['open', 'halfOpen']);
  });

  it('can be longer than a timer', () => {
    const { breaker } = opened({ cooldownMs: 2 ** 32 });
    vi.advanceTimersByTime(60_000);
    expect(breaker.state).toBe('open');
  });
});

describe('half-open', () => {
  it('closes with a success, and does not open at the next failure', () => {
    const { breaker, changes } = build({ consecutive: NEVER });
    report(breaker, 'failure', 5);
    breaker.report(breaker.force(), 'success', performance.now());
    expect(breaker.state).toBe('closed');
    expect(acquire(breaker)).toEqual({ generation: 2, probe: false });
    report(breaker, 'failure', 4);
    expect(breaker.state).toBe('closed');
    report(breaker, 'failure');
    expect(changes).toEqual(['open', 'halfOpen', 'closed', 'open']);
  });

  it('opens again with a failure', () => {
    const { breaker, changes } = halfOpened();
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(changes).toEqual(['open', 'halfOpen', 'open']);
  });

  it('stays as it is with a neutral outcome, and lets the next probe through', () => {
    const { breaker, changes } = halfOpened();
    const probe = acquire(breaker);
    breaker.report(probe, 'neutral', performance.now());
    expect(breaker.retryAt).toBe(0);
    acquire(breaker);
    breaker.report(probe, 'neutral', performance.now());
    breaker.report(probe, 'success', performance.now());
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(changes).toEqual(['open', 'halfOpen']);
  });

  it('lets another probe through when the lease of a silent one has ended', () => {
    const { breaker } = halfOpened();
    acquire(breaker);
    expect(breaker.retryAt).toBe(performance.now() + 10_000);
    vi.advanceTimersByTime(9_999);
    expect(breaker.tryAcquire()).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(breaker.retryAt).toBe(0);
    expect(acquire(breaker).probe).toBe(true);
    expect(breaker.tryAcquire()).toBeUndefined();
  });

  it('closes after a probe that took longer than its lease, else slow answers could never close it', () => {
    const { breaker } = halfOpened();
    const slow = acquire(breaker);
    vi.advanceTimersByTime(15_000);
    acquire(breaker);
    breaker.report(slow, 'success', performance.now());
    expect(breaker.state).toBe('closed');
  });

  it.each(['success', 'failure', 'neutral'] as const)('ignores a late %s from before it opened', (outcome) => {
    const { breaker, early, changes } = halfOpened();
    acquire(breaker);
    breaker.report(early, outcome, performance.now());
    expect(breaker.state).toBe('halfOpen');
    expect(breaker.tryAcquire()).toBeUndefined();
    expect(changes).toEqual(['open', 'halfOpen']);
  });

  it('ignores a probe from before it opened again', () => {
    const { breaker } = halfOpened();
    const slow = acquire(breaker);
    vi.advanceTimersByTime(10_000);
    report(breaker, 'failure');
    breaker.report(slow, 'success', performance.now());
    expect(breaker.state).toBe('open');
  });
});

describe('force', () => {
  it('returns an ordinary permit if there is one', () => {
    const { breaker } = build();
    expect(breaker.force()).toBe(acquire(breaker));
    const other = halfOpened().breaker;
    expect(other.force().probe).toBe(true);
    expect(other.tryAcquire()).toBeUndefined();
  });

  it('makes an open breaker half-open early, for a whole cooldown again if it fails', () => {
    const { breaker, changes } = opened();
    vi.advanceTimersByTime(4_000);
    const probe = breaker.force();
    expect(probe.probe).toBe(true);
    expect(breaker.state).toBe('halfOpen');
    expect(breaker.tryAcquire()).toBeUndefined();
    breaker.report(probe, 'failure', performance.now());
    expect(breaker.retryAt).toBe(performance.now() + 10_000);
    vi.advanceTimersByTime(9_999);
    expect(breaker.state).toBe('open');
    vi.advanceTimersByTime(1);
    expect(changes).toEqual(['open', 'halfOpen', 'open', 'halfOpen']);
  });

  it('passes a live probe: only its own success counts', () => {
    const { breaker } = halfOpened();
    const probe = acquire(breaker);
    for (const outcome of ['failure', 'neutral'] as const) {
      const bypass = breaker.force();
      expect(bypass).toEqual({ generation: 1, probe: false });
      breaker.report(bypass, outcome, performance.now());
      breaker.report(bypass, 'success', performance.now());
      expect(breaker.state).toBe('halfOpen');
      expect(breaker.tryAcquire()).toBeUndefined();
    }
    breaker.report(breaker.force(), 'success', performance.now());
    expect(breaker.state).toBe('closed');
    breaker.report(probe, 'failure', performance.now());
    expect(breaker.state).toBe('closed');
  });
});
