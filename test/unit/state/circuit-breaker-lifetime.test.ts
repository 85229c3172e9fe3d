import CircuitBreaker from 'opossum';
import { describe, expect, it, vi } from 'vitest';
import { type BreakerState, DeploymentBreaker } from '../../../src/state/circuit-breaker.js';
import { acquire, build, defaults, report } from '../../helpers/breaker-builder.js';
import { useFakeTime } from '../../helpers/clock.js';

useFakeTime();

describe('DeploymentBreaker and what is around it', () => {
  it('survives a listener that throws, and may be used by one', () => {
    const onChange = vi.fn<(state: BreakerState) => void>(() => {
      expect(breaker.tryAcquire()).toBeUndefined();
      throw new Error('a listener that throws');
    });
    const breaker = new DeploymentBreaker({ ...defaults, consecutive: 1 }, { random: () => 0, onChange });
    report(breaker, 'failure');
    const probe = breaker.force();
    expect(onChange.mock.calls).toEqual([['open'], ['halfOpen']]);
    onChange.mockImplementation(() => void acquire(breaker));
    breaker.report(probe, 'success', performance.now());
    expect(onChange.mock.calls).toEqual([['open'], ['halfOpen'], ['closed']]);
  });

  it('keeps no list of calls: a million in one window', () => {
    const fire = vi.spyOn(CircuitBreaker.prototype, 'fire');
    const { breaker } = build();
    report(breaker, 'success');
    const [circuit] = fire.mock.contexts;
    fire.mockRestore();
    report(breaker, 'success', 999_999);
    if (!(circuit instanceof CircuitBreaker)) throw new Error('opossum was not asked');
    expect(circuit.status.window[0]?.successes).toBe(1_000_000);
    expect(circuit.status.window[0]?.latencyTimes.length).toBeLessThan(64);
  });

  it.each(['closed', 'open', 'halfOpen'] as const)('leaves nothing when it is ended while %s', (state) => {
    const { breaker, changes } = build({ consecutive: 1 });
    if (state !== 'closed') report(breaker, 'failure');
    if (state === 'halfOpen') vi.advanceTimersByTime(10_000);
    const permit = state === 'open' ? undefined : acquire(breaker);
    const before = [...changes];

    breaker.close();
    breaker.close();
    expect(vi.getTimerCount()).toBe(0);

    if (permit) breaker.report(permit, 'failure', performance.now());
    if (permit) breaker.report(permit, 'success', performance.now());
    vi.advanceTimersByTime(60_000);
    expect(breaker.tryAcquire() !== undefined).toBe(state === 'closed');
    breaker.report(breaker.force(), state === 'closed' ? 'failure' : 'success', performance.now());
    expect(breaker.state).toBe(state);
    expect(changes).toEqual(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has one timer while open, which does not keep the process alive', () => {
    vi.useRealTimers();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const interval = vi.spyOn(globalThis, 'setInterval');
    const timeout = vi.spyOn(globalThis, 'setTimeout');
    const breakers = Array.from({ length: 50 }, () => build({ consecutive: 1 }).breaker);
    for (const breaker of breakers) report(breaker, 'success');
    expect(timeout).not.toHaveBeenCalled();
    for (const breaker of breakers) report(breaker, 'failure');
    expect(timeout).toHaveBeenCalledTimes(50);
    expect(interval).not.toHaveBeenCalled();
    expect(timers()).toBe(before);
    for (const breaker of breakers) breaker.close();
  });

  it('follows the clock without a timer: old reports are gone at the next report', () => {
    const { breaker } = build({ consecutive: Number.POSITIVE_INFINITY });
    report(breaker, 'failure', 4);
    // A frozen process: the clock has advanced, and no timer has run.
    const frozen = performance.now() + 3_600_000;
    vi.spyOn(performance, 'now').mockReturnValue(frozen);
    report(breaker, 'failure', 4);
    expect(breaker.state).toBe('closed');
    report(breaker, 'failure');
    expect(breaker.state).toBe('open');
    vi.mocked(performance.now).mockRestore();
  });
});
