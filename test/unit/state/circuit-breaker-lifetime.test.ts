import CircuitBreaker from 'opossum';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BreakerState, createRotation, DeploymentBreaker } from '../../../src/state/circuit-breaker.js';
import { acquire, build, defaults, report } from '../../helpers/breaker-builder.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('DeploymentBreaker and what is around it', () => {
  it('is not harmed by a listener that throws, and may be asked by one', () => {
    const rotation = createRotation(10_000);
    const onChange = vi.fn<(state: BreakerState) => void>(() => {
      expect(breaker.tryAcquire()).toBeUndefined();
      throw new Error('a listener that throws');
    });
    const breaker = new DeploymentBreaker(
      { ...defaults, consecutive: 1 },
      { random: () => 0, rotate: rotation.emitter, onChange },
    );
    report(breaker, 'failure');
    const probe = breaker.force();
    expect(onChange.mock.calls).toEqual([['open'], ['halfOpen']]);
    onChange.mockImplementation(() => void acquire(breaker));
    breaker.report(probe, 'success');
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
    const { breaker, changes, rotation } = build({ consecutive: 1 });
    if (state !== 'closed') report(breaker, 'failure');
    if (state === 'halfOpen') vi.advanceTimersByTime(10_000);
    const permit = state === 'open' ? undefined : acquire(breaker);
    const before = [...changes];

    breaker.close();
    breaker.close();
    expect(rotation.emitter.listenerCount('rotate')).toBe(0);
    rotation.close();
    expect(vi.getTimerCount()).toBe(0);

    if (permit) breaker.report(permit, 'failure');
    if (permit) breaker.report(permit, 'success');
    vi.advanceTimersByTime(60_000);
    expect(breaker.tryAcquire() !== undefined).toBe(state === 'closed');
    breaker.report(breaker.force(), state === 'closed' ? 'failure' : 'success');
    expect(breaker.state).toBe(state);
    expect(changes).toEqual(before);
    expect(vi.getTimerCount()).toBe(0);
    expect(rotation.emitter.listenerCount('rotate')).toBe(0);
  });

  it('has one timer for many breakers, and one for each that is open; none keeps the process alive', () => {
    vi.useRealTimers();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const setTimer = vi.spyOn(globalThis, 'setInterval');
    const warning = vi.spyOn(process, 'emitWarning');
    const rotation = createRotation(10_000);
    const breakers = Array.from(
      { length: 50 },
      () => new DeploymentBreaker({ ...defaults, consecutive: 1 }, { random: () => 0, rotate: rotation.emitter }),
    );
    for (const breaker of breakers) report(breaker, 'failure');
    expect(setTimer).toHaveBeenCalledTimes(1);
    expect(warning).not.toHaveBeenCalled();
    expect(timers()).toBe(before);
    for (const breaker of breakers) breaker.close();
    rotation.close();
  });

  it('ends the shared rotation', () => {
    const rotation = createRotation(1_000);
    const turn = vi.fn();
    rotation.emitter.on('rotate', turn);
    vi.advanceTimersByTime(99);
    expect(turn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(turn).toHaveBeenCalledTimes(1);
    rotation.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(rotation.emitter.listenerCount('rotate')).toBe(0);
  });
});
