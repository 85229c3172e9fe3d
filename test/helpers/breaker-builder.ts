import { vi } from 'vitest';
import {
  type BreakerOutcome,
  type BreakerSettings,
  type BreakerState,
  DeploymentBreaker,
  type Permit,
} from '../../src/state/circuit-breaker.js';

/** The router's defaults. */
export const defaults: BreakerSettings = {
  failures: 5,
  windowMs: 10_000,
  minRate: 0.5,
  consecutive: 5,
  cooldownMs: 10_000,
};

/** A breaker, and the list of its changes of state. */
export function build(settings: Partial<BreakerSettings> = {}, random = () => 0) {
  const given = { ...defaults, ...settings };
  const changes: BreakerState[] = [];
  const breaker = new DeploymentBreaker(given, {
    random,
    onChange: (state) => changes.push(state),
  });
  return { breaker, changes };
}

export function acquire(breaker: DeploymentBreaker): Permit {
  const permit = breaker.tryAcquire();
  if (permit === undefined) throw new Error('the breaker gave no permit');
  return permit;
}

/** Calls that start and end at once. */
export function report(breaker: DeploymentBreaker, outcome: BreakerOutcome, times = 1): void {
  for (let i = 0; i < times; i += 1) breaker.report(acquire(breaker), outcome, performance.now());
}

/** A breaker that has just opened, with `consecutive: 1`. */
export function opened(settings: Partial<BreakerSettings> = {}, random = () => 0) {
  const built = build({ consecutive: 1, ...settings }, random);
  const early = acquire(built.breaker);
  report(built.breaker, 'failure');
  return { ...built, early };
}

/** Half-open, without a live probe. Needs fake timers. */
export function halfOpened() {
  const built = opened();
  vi.advanceTimersByTime(defaults.cooldownMs);
  return built;
}
