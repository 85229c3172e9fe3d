import CircuitBreaker from 'opossum';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelRouter, type RouterOptions } from '../../../src/index.js';

const SCANS = ['includes', 'indexOf', 'find', 'findIndex', 'filter', 'map', 'flatMap', 'some', 'every'] as const;

afterEach(() => {
  vi.restoreAllMocks();
});

/** How many array elements and map keys `work` reads. */
function lookedAt(work: () => void): number {
  let count = 0;
  for (const name of SCANS) {
    const original = Array.prototype[name] as (...args: unknown[]) => unknown;
    vi.spyOn(Array.prototype, name).mockImplementation(function counted(this: unknown[], ...args: unknown[]) {
      count += this.length;
      return original.apply(this, args);
    } as never);
  }
  const { keys } = Map.prototype;
  vi.spyOn(Map.prototype, 'keys').mockImplementation(function counted(this: Map<unknown, unknown>) {
    count += this.size;
    return keys.call(this);
  });
  work();
  vi.restoreAllMocks();
  return count;
}

const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `d${i}`);
const deploymentsOf = (count: number) => Object.fromEntries(namesOf(count).map((name) => [name, { model: 'm' }]));
const client = { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1' };

function construct(options: Partial<RouterOptions>): void {
  void new ModelRouter({ clients: { default: client }, ...options }).close();
}

describe('construction time grows in proportion to the options', () => {
  it.each<[string, (count: number) => Partial<RouterOptions>]>([
    ['deployments', (count) => ({ deployments: deploymentsOf(count) })],
    ['fallbacks', (count) => ({ deployments: deploymentsOf(count), fallbacks: namesOf(count) })],
    ['a route', (count) => ({ deployments: deploymentsOf(count), routes: { all: namesOf(count) } })],
    [
      'routes of a hundred deployments',
      (count) => ({
        deployments: deploymentsOf(100),
        routes: Object.fromEntries(namesOf(count / 10).map((name) => [`route-${name}`, namesOf(100)])),
      }),
    ],
    [
      'priorities',
      (count) => ({
        deployments: deploymentsOf(1),
        routes: Object.fromEntries(namesOf(count).map((name) => [`route-${name}`, ['d0']])),
        priorities: Object.fromEntries(namesOf(count).map((name) => [name, `route-${name}`])),
      }),
    ],
  ])('%s', (_, optionsOf) => {
    const [few, many] = [optionsOf(200), optionsOf(800)];
    expect(lookedAt(() => construct(many)) / lookedAt(() => construct(few))).toBeLessThan(4.4);
  });

  it('a deployment that was never used has no breaker window', () => {
    const on = vi.spyOn(CircuitBreaker.prototype, 'on');
    construct({ deployments: deploymentsOf(1000) });
    expect(on).not.toHaveBeenCalled();
  });
});

describe('a wrong name', () => {
  it('is answered with the first few names that exist', () => {
    const options = { deployments: deploymentsOf(1000), fallbacks: ['d0', 'other'] };
    expect(() => construct(options)).toThrow(/fallbacks\[1\].*"d0", .*"d7" and 992 more/);
  });
});
