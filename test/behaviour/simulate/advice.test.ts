import { simulate } from 'model-router/simulate';
import { answer, fail, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { small } from '../../helpers/simulated.js';

const faults = [{ at: 'first', behavior: hang(), fromMs: 10_000, toMs: 50_000 }];
const advise = async (changes: Parameters<typeof small>[0], options: Parameters<typeof small>[1] = {}) =>
  (await simulate(small({ faults, ...changes }, options))).advice.join('\n');

describe('advice', () => {
  it('gives none for a good configuration', async () => {
    expect(await advise({})).toBe('');
  });

  it('reports a call without a reserve, which fails more often', async () => {
    const { advice, availability } = await simulate(small({ faults }, { maxAttempts: 1 }));
    expect(advice.join('\n')).toMatch(
      /No reserve.*2,000 ms.*`maxAttempts` is 1.*nothing is left for second when first hangs/,
    );
    expect(advice.join('\n')).toContain('The deadline leaves no time for a failover');
    expect(availability).toBeLessThan(0.98);
  });

  it('accepts an attempt timeout as long as the deadline: the router still makes its reserve', async () => {
    expect(await advise({}, { attemptTimeoutMs: 2000 })).toBe('');
  });

  it('reports a single deployment', async () => {
    expect(await advise({}, { routes: { standard: ['first'] } })).toContain('has one deployment, first');
  });

  it('reports the default deadline', async () => {
    expect(await advise({}, { deadlineMs: 120_000 })).toContain('the default deadline of 120,000 ms');
    expect(await advise({}, { deadlineMs: 119_999 })).not.toContain('default deadline');
  });

  it('reports retries that the retry budget withheld', async () => {
    const failing = [{ at: 'first', behavior: fail(503), share: 0.5 }];
    const options = { routes: { standard: ['first'] }, retry: { budget: 0, minPerSecond: 0.1 } };
    const { advice, deployments } = await simulate(small({ faults: failing }, options));
    expect(deployments.first?.retriesWithheld).toBeGreaterThan(0);
    expect(advice.join('\n')).toMatch(/The retry budget withheld \d+ retries of first/);
    expect(await advise({ faults: failing }, { routes: { standard: ['first'] } })).not.toContain('withheld');
  });

  it('reports a breaker that never opens', async () => {
    expect(await advise({}, { breaker: false })).toContain('its breaker never opened: is `breaker` off');
  });

  it('does not count on an excluded deployment', async () => {
    const options = { routes: { standard: ['first', 'second'] }, regions: ['eu'] };
    const deployments = { first: { region: 'eu' }, second: { client: 'other', region: 'us' } };
    // Excluded by its region, as if it did not exist.
    expect(await advise({}, { ...options, deployments })).toContain('has one deployment, first');
  });

  it('reports a fault that affected no request', async () => {
    const atSecond = [{ at: ['second'], behavior: fail(503), fromMs: 5000, toMs: 9000 }];
    const { advice, faults: reports } = await simulate(small({ faults: atSecond }));
    expect(advice.join('\n')).toMatch(/A fault affected no request to .*second from 5 s to 9 s .*fails with 503/);
    expect(reports).toMatchObject([{ struck: 0 }]);
    const struck = await simulate(small({ faults: [{ at: 'first', behavior: fail(503), fromMs: 59_500 }] }));
    expect(struck.advice.join('\n')).not.toContain('A fault affected no request');
    expect(struck.faults).toMatchObject([{ struck: 2, fromMs: 59_500, toMs: 60_000 }]);
  });

  it('reports a fault after the last planned call, with an end no earlier than its start', async () => {
    const late = [{ at: 'first', behavior: hang(), fromMs: 5000 }];
    const { advice, faults: reports } = await simulate(small({ traffic: { calls: [{ atMs: 1000 }] }, faults: late }));
    expect(advice.join('\n')).toContain('A fault affected no request');
    expect(reports).toMatchObject([{ fromMs: 5000, toMs: 5000 }]);
  });

  it('reports an unknown model', async () => {
    const traffic = { perSecond: 1, durationMs: 2000, model: 'another-vendor/large' };
    expect(await advise({ traffic, faults: [] })).toContain('No route or deployment is named another-vendor/large');
    // A name that resembles a known one is an error, unless unlisted models are configured.
    const meant = { traffic: { ...traffic, model: 'firsts' }, upstreams: { 'default/*': answer() }, faults: [] };
    expect(await advise(meant)).toContain('No route or deployment is named firsts');
  });

  it.each([
    ['money', { maxCostUsd: 0.0001 }, 'SpendBudgetExceededError', /A limit refused 240 of 240 calls.*`maxCostUsd`/],
    ['tokens', { maxInputTokens: 1 }, 'TokenBudgetExceededError', /A limit refused 240 of 240 calls.*`maxInputTokens`/],
  ])('reports refusals by a limit of %s', async (_, options, error, message) => {
    const result = await simulate(small({}, options));
    expect(result.advice.join('\n')).toMatch(message);
    expect(result.errors).toEqual({ [error]: 240 });
  });

  it('reports calls that found every deployment full', async () => {
    const full = { rpm: 60, maxQueue: 0, price: { input: 1, output: 1 } };
    const { advice, errors, calls } = await simulate(small({}, { deployments: { first: full, second: full } }));
    expect(errors.CapacityExceededError).toBeGreaterThan(0);
    expect(advice.join('\n')).toContain(
      `A limit refused ${errors.CapacityExceededError} of ${calls} calls before they were sent: their deployments were full`,
    );
  });

  it('reports an unknown cost', async () => {
    const deployments = { first: {}, second: { client: 'other' } };
    expect(await advise({ upstreams: { first: answer() } }, { deployments })).toContain('has a `price`');
  });
});
