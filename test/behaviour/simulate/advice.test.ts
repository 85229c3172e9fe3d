import { answer, hang, simulate } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { small } from '../../helpers/simulated.js';

const faults = [{ at: 'first', does: hang(), fromMs: 10_000, toMs: 50_000 }];
const advise = async (changes: Parameters<typeof small>[0], options: Parameters<typeof small>[1] = {}) =>
  (await simulate(small({ faults, ...changes }, options))).advice.join('\n');

describe('advice', () => {
  it('is silent on a good configuration', async () => {
    expect(await advise({})).toBe('');
  });

  it('tells of a call without a reserve, and it is answered less often', async () => {
    const { advice, availability } = await simulate(small({ faults }, { maxAttempts: 1 }));
    expect(advice.join('\n')).toMatch(
      /No reserve.*2,000 ms.*`maxAttempts` is 1.*nothing is left for second when first hangs/,
    );
    expect(advice.join('\n')).toContain('The fallback is not reached within the deadline');
    expect(availability).toBeLessThan(0.98);
  });

  it('is silent on an attempt timeout of the whole deadline: the router keeps its reserve all the same', async () => {
    expect(await advise({}, { attemptTimeoutMs: 2000 })).toBe('');
  });

  it('tells of a single deployment', async () => {
    expect(await advise({}, { routes: { standard: ['first'] } })).toContain('has one deployment, first');
  });

  it('tells of the default deadline', async () => {
    expect(await advise({}, { deadlineMs: 120_000 })).toContain('the default deadline of 120,000 ms');
    expect(await advise({}, { deadlineMs: 119_999 })).not.toContain('default deadline');
  });

  it('tells of a breaker that never opens', async () => {
    expect(await advise({}, { breaker: false })).toContain('its breaker never opened: is `breaker` off');
  });

  it('does not count on a deployment that is ruled out', async () => {
    const options = { routes: { standard: ['first', 'second'] }, regions: ['eu'] };
    const deployments = { first: { region: 'eu' }, second: { client: 'other', region: 'us' } };
    // Left out by its region: as if it were not there.
    expect(await advise({}, { ...options, deployments })).toContain('has one deployment, first');
  });

  it('tells of a cost that is not known', async () => {
    const deployments = { first: {}, second: { client: 'other' } };
    expect(await advise({ upstreams: { first: answer() } }, { deployments })).toContain('has a `price`');
  });
});
