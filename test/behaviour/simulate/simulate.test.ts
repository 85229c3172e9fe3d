import { callOptions, ModelRouter } from 'model-router';
import { lognormal, simulate } from 'model-router/simulate';
import { answer, cut, fail, fakeFetch, hang, stall } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { simulatedOptions, small } from '../../helpers/simulated.js';

const outage = { at: 'first', behavior: hang(), fromMs: 20_000, toMs: 40_000 } as const;

describe('the report of a simulation', () => {
  it('covers calls that go well', async () => {
    const result = await simulate(small());
    expect(result).toMatchObject({
      calls: 240,
      answered: 240,
      failed: 0,
      availability: 1,
      load: 1,
      upstreamCalls: 240,
      wasted: 0,
      errors: {},
      failedCalls: [],
      advice: [],
      baseline: null,
      trafficMs: 60_000,
      latencyMs: { p50: 100, p99: 100, max: 100 },
    });
    expect(result.costUsd).toBeCloseTo(240 * 0.001, 9);
    expect(result.deployments['first']).toMatchObject({ attempts: 240, answered: 240, outcomes: { success: 240 } });
    expect(result.deployments['first']?.breaker).toEqual([{ state: 'closed', fromMs: 0, toMs: result.durationMs }]);
    expect(result.deployments['second']).toMatchObject({ attempts: 0, costUsd: null });
    expect(result.series).toHaveLength(60);
    expect(result.series[0]).toMatchObject({ atMs: 0, calls: 4, answered: 4, upstreamCalls: 4, p50Ms: 100 });
  });

  it('covers an outage: who answered, what was wasted, what the breaker did', async () => {
    const { availability, deployments, wasted, faults, load } = await simulate(small({ faults: [outage] }));
    expect(availability).toBe(1);
    const { first, second } = deployments;
    expect(second?.answered).toBeGreaterThan(60);
    expect(first?.outcomes['timeout']).toBe(wasted);
    expect(first?.wasted).toBe(wasted);
    expect(wasted).toBeGreaterThan(4);
    expect(wasted).toBeLessThan(20);
    expect(load).toBe((240 + wasted) / 240);
    const states = first?.breaker.map(({ state }) => state) ?? [];
    expect(states.slice(0, 3)).toEqual(['closed', 'open', 'halfOpen']);
    expect(states.at(-1)).toBe('closed');
    const opened = first?.breaker[1]?.fromMs ?? 0;
    expect(opened).toBeGreaterThan(20_000);
    expect(opened).toBeLessThan(24_000);
    // Without gaps.
    for (const [i, band] of (first?.breaker ?? []).entries())
      expect(band.fromMs).toBe(first?.breaker[i - 1]?.toMs ?? 0);
    expect(faults).toEqual([
      {
        at: ['first'],
        behavior: 'hangs',
        share: 1,
        fromMs: 20_000,
        toMs: 40_000,
        burstMs: null,
        struck: first?.wasted,
        isOutage: true,
      },
    ]);
  });

  it('covers failed calls: their errors, and the records of the first few', async () => {
    const faults = [{ at: ['first', 'second'], behavior: fail(503) }];
    const result = await simulate(small({ faults, maxFailedCalls: 2 }));
    expect(result.availability).toBe(0);
    expect(result.errors).toEqual({ InternalServerError: 240 });
    expect(result.failedCalls).toHaveLength(2);
    expect(result.failedCalls[0]).toMatchObject({
      startedMs: 0,
      stream: false,
      error: { name: 'InternalServerError', status: 503 },
      record: { id: 'call_0', attempts: [{ deployment: 'first' }, { deployment: 'second' }, {}] },
    });
    expect(result.advice.join()).toContain('all deployments down at once');
    // While all are open, panic mode probes one early.
    const probes = result.deployments['first']?.breaker.filter(({ state }) => state === 'halfOpen').length;
    expect(probes).toBeGreaterThan(20);
  });

  it('covers pauses that a server requested', async () => {
    const behavior = fail(429, { headers: { 'retry-after': '5' } });
    const { deployments, availability } = await simulate(
      small({ faults: [{ at: 'first', behavior, fromMs: 10_000, toMs: 11_000 }] }),
    );
    expect(availability).toBe(1);
    expect(deployments['first']?.pauses).toEqual([{ fromMs: 10_000, forMs: 5000, status: 429 }]);
  });

  it('covers streams that break', async () => {
    const traffic = { perSecond: 4, durationMs: 10_000, arrivals: 'even', streamShare: 1 } as const;
    const broken = await simulate(
      small({ traffic, faults: [{ at: 'first', behavior: cut({ afterChunks: 2 }), fromMs: 5000 }] }),
    );
    expect(broken).toMatchObject({ answered: 35, errors: { StreamInterruptedError: 5 } });
    // After these five in a row, its breaker is open.
    expect(broken.timeToFirstChunkMs.p50).toBe(100);
    const stalled = await simulate(small({ traffic, faults: [{ at: 'first', behavior: stall({ afterChunks: 1 }) }] }));
    expect(stalled.answered).toBe(0);
    expect(stalled.failedCalls[0]?.tookMs).toBe(30_000);
  });

  it('covers a mix of calls, and calls at given times', async () => {
    const seen: string[] = [];
    const note = (name: string) => (request: { readonly endpoint: string; readonly stream: boolean }) => {
      seen.push(`${name} ${request.endpoint}${request.stream ? ' stream' : ''}`);
      return answer();
    };
    const calls = [
      { atMs: 5000, model: 'second', stream: true },
      { atMs: 0, endpoint: 'responses' },
      { atMs: 7000, endpoint: 'embeddings', model: 'second' },
    ] as const;
    const upstreams = { first: note('first'), second: note('second') };
    const planned = await simulate(small({ upstreams, traffic: { calls } }));
    expect(planned).toMatchObject({ calls: 3, answered: 3, trafficMs: 7000 });
    expect(seen).toEqual(['first /responses', 'second /chat/completions stream', 'second /embeddings']);

    const mix = [{ model: 'first', share: 3 }, { model: 'second' }];
    const { deployments } = await simulate(small({ traffic: { perSecond: 20, durationMs: 60_000, mix } }));
    const { first, second } = deployments;
    expect((first?.answered ?? 0) / (second?.answered ?? 1)).toBeGreaterThan(2.4);
    expect((first?.answered ?? 0) / (second?.answered ?? 1)).toBeLessThan(3.6);
  });

  it('covers the plain client, under the same faults', async () => {
    const { baseline } = await simulate(small({ faults: [outage], baseline: true }));
    // Half a deadline before the outage, and all calls during it.
    expect(baseline).toMatchObject({
      calls: 240,
      failed: 80,
      errors: { APIUserAbortError: 80 },
      latencyMs: { max: 2000 },
    });
    expect(baseline?.client).toContain('maxRetries 2');
    const retried = await simulate(small({ faults: [outage], baseline: { timeoutMs: 500, maxRetries: 1 } }));
    expect(retried.baseline?.upstreamCalls).toBeGreaterThan(300);
  });
});

describe('faults', () => {
  it('with a share affect that share of requests', async () => {
    const { deployments } = await simulate(
      small({ faults: [{ at: 'first', behavior: fail(500), share: 0.1 }] }, { breaker: false }),
    );
    const errors = deployments['first']?.outcomes['server-error'] ?? 0;
    expect(errors).toBeGreaterThan(10);
    expect(errors).toBeLessThan(40);
    expect(deployments['first']?.wasted).toBe(0);
  });

  it('with a common cause affect all of their deployments in the same periods', async () => {
    const strike = async (burstMs: number | undefined) => {
      const fault = { at: ['first', 'second'], behavior: fail(500), share: 0.3, ...(burstMs && { burstMs }) };
      const options = { breaker: false, retry: { budget: 0, minPerSecond: 0 }, maxAttempts: 2 } as const;
      return (await simulate(small({ faults: [fault] }, options))).availability ?? 0;
    };
    // Independent: 0.3 x 0.3 of calls fail at both. With a common cause, both fail together.
    expect(await strike(undefined)).toBeGreaterThan(0.86);
    expect(await strike(1000)).toBeLessThan(0.8);
  });

  it('apply the first match, else the deployment’s usual behaviour', async () => {
    const faults = [
      { at: 'first', behavior: fail(500), fromMs: 10_000, toMs: 10_001 },
      { at: 'first', behavior: fail(503), fromMs: 10_000, toMs: 10_251 },
    ];
    const { deployments } = await simulate(small({ faults, maxFailedCalls: 10 }, { maxAttempts: 1 }));
    expect(deployments['first']?.outcomes).toEqual({ success: 238, 'server-error': 2 });
  });
});

describe('the same seed', () => {
  const chancy = (seed: number) =>
    small({
      seed,
      traffic: { perSecond: 5, durationMs: 30_000, streamShare: 0.3 },
      upstreams: { first: answer({ latencyMs: lognormal({ medianMs: 300 }) }) },
      faults: [{ at: 'first', behavior: fail(503), share: 0.2 }],
    });

  it('gives the same result, another seed another', async () => {
    const once = JSON.stringify(await simulate(chancy(1)));
    expect(JSON.stringify(await simulate(chancy(1)))).toBe(once);
    expect(JSON.stringify(await simulate(chancy(2)))).not.toBe(once);
  });

  it('gives the same result if the router has no random source of its own', async () => {
    const client = { apiKey: 'sk-test', baseURL: 'https://one.test/v1' };
    const router: Parameters<typeof simulate>[0]['router'] = ({ fetch }) =>
      new ModelRouter({ ...simulatedOptions, clients: { default: { ...client, fetch }, other: { ...client, fetch } } });
    const once = await simulate({ ...chancy(1), router });
    expect(await simulate({ ...chancy(1), router })).toEqual(once);
    expect(once.deployments['first']?.outcomes['server-error']).toBeGreaterThan(10);
  });
});

describe('clients', () => {
  it('may be instances, and one may stand alone', async () => {
    const clients = {
      default: new OpenAI({ apiKey: 'sk-1', baseURL: 'https://one.test/v1', fetch: fakeFetch(hang()) }),
      other: new OpenAI({ apiKey: 'sk-2', baseURL: 'https://two.test/v1', fetch: fakeFetch(hang()) }),
    };
    expect(await simulate(small({}, { clients }))).toMatchObject({ calls: 240, answered: 240 });
    const router: Parameters<typeof simulate>[0]['router'] = ({ offline }) =>
      new ModelRouter(offline({ deployments: { only: {} } }));
    const alone = await simulate({ router, traffic: { perSecond: 1, durationMs: 5000 } });
    expect(alone.answered).toBe(alone.calls);
    expect(alone.deployments['only']?.attempts).toBe(alone.calls);
  });

  it('never reach the network', async () => {
    const { clients: _, ...rest } = simulatedOptions;
    const client = { apiKey: 'sk-test', baseURL: 'http://127.0.0.1:9/v1' };
    const clients = { default: client, other: client };
    await expect(simulate(small({ router: () => new ModelRouter({ ...rest, clients }) }))).rejects.toThrow(
      /offline\(options\)/,
    );
  });

  it('get the options of each call', async () => {
    const traffic = { perSecond: 1, durationMs: 5000, options: callOptions({ deadlineMs: 700 }) };
    const { latencyMs, failed } = await simulate(
      small({ traffic, faults: [{ at: ['first', 'second'], behavior: hang() }] }),
    );
    expect(latencyMs.max).toBe(700);
    expect(failed).toBeGreaterThan(0);
  });
});
