import { bimodal, lognormal, simulate } from 'model-router/simulate';
import { answer, fail, hang, reset } from 'model-router/testing';
import { expect, it } from 'vitest';
import { small } from '../../helpers/simulated.js';

// The result is the same on every version of Node in CI. Times are rounded, because a last millisecond may differ.
it('one seed gives one result, on every version of Node', async () => {
  const { availability, errors, load, wasted, deployments, latencyMs, calls } = await simulate(
    small({
      seed: 42,
      traffic: { perSecond: 10, durationMs: 120_000, streamShare: 0.25, model: 'standard' },
      upstreams: {
        first: answer({ latencyMs: lognormal({ medianMs: 350 }) }),
        second: answer({ latencyMs: bimodal({ medianMs: 300, slowShare: 0.05 }) }),
      },
      faults: [
        { at: 'first', behavior: hang(), fromMs: 30_000, toMs: 60_000 },
        { at: ['first', 'second'], behavior: fail(503), share: 0.05, burstMs: 2000 },
        { at: 'second', behavior: reset(), share: 0.02 },
      ],
    }),
  );
  const { first, second } = deployments;
  const rounded = (ms: number | null) => Math.round((ms ?? 0) / 10) * 10;
  expect({
    calls,
    answered: Math.round((availability ?? 0) * calls),
    errors,
    load: load?.toFixed(3),
    wasted,
    first: first?.outcomes,
    second: second?.outcomes,
    openings: first?.breaker.filter(({ state }) => state === 'open').length,
    p50: rounded(latencyMs.p50),
    p99: rounded(latencyMs.p99),
  }).toMatchInlineSnapshot(`
    {
      "answered": 1125,
      "calls": 1195,
      "errors": {
        "DeadlineExceededError": 25,
        "InternalServerError": 45,
      },
      "first": {
        "server-error": 104,
        "success": 803,
        "timeout": 47,
      },
      "load": "1.131",
      "openings": 25,
      "p50": 300,
      "p99": 2000,
      "second": {
        "deadline": 25,
        "server-error": 42,
        "success": 322,
      },
      "wasted": 24,
    }
  `);
});
