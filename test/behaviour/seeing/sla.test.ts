import type { ModelRouter, RouterEvent, SlaOptions } from 'model-router';
import { answer, fail, hang, type Models } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

/** One deployment behind the route `standard`, each with the target. */
function promised(models: Models, sla: SlaOptions, more: Setup = {}) {
  return build(models, {
    deployments: { a: { sla } },
    routes: { standard: { deployments: ['a'], sla } },
    breaker: false,
    maxAttempts: 1,
    ...more,
  });
}

function alarms(router: ModelRouter): RouterEvent[] {
  const received: RouterEvent[] = [];
  router.on('sla-burning', (event) => received.push(event));
  router.on('sla-recovered', (event) => received.push(event));
  return received;
}

const ofA = (received: readonly RouterEvent[]) =>
  received.filter((event) => 'deployment' in event).map((event) => [event.type, 'severity' in event && event.severity]);

async function times(count: number, call: () => PromiseLike<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) await settled(call());
}

describe('attempts that count for a deployment', () => {
  it.each<[string, Models, number, number]>([
    ['an answer', { a: answer() }, 1, 0],
    ['a server error', { a: fail(500) }, 0, 1],
    ['a caller’s error', { a: fail(400) }, 0, 0],
    ['a context that is too long', { a: fail(400, { code: 'context_length_exceeded' }) }, 0, 0],
    ['a refused key', { a: fail(401) }, 0, 0],
    ['no credit', { a: fail(402) }, 0, 0],
    ['a forbidden prompt', { a: fail(403) }, 0, 0],
    ['a missing model', { a: fail(404, { code: 'model_not_found' }) }, 0, 0],
    ['a rate limit', { a: fail(429) }, 0, 0],
  ])('%s', async (_, models, answered, failed) => {
    const { router } = promised(models, { uptime: 0.999 });
    await settled(sendChat(router));
    expect(router.slaReport().deployments.a).toMatchObject({ answered, failed });
  });

  it('429s are counted separately', async () => {
    const { router } = promised({ a: [fail(429), answer()] }, { uptime: 0.999 });
    await times(2, () => sendChat(router));
    expect(router.slaReport().deployments.a).toMatchObject({ answered: 1, failed: 0, rateLimited: 1, uptime: 1 });
    expect(router.snapshot().deployments.a).toMatchObject({ rateLimited: 1, uptime: 1 });
  });

  it('aborted attempts and those that lost in time do not count', async () => {
    const { router } = build({ a: answer({ latencyMs: 200 }), b: answer({ latencyMs: 20 }) });
    const controller = new AbortController();
    const aborted = errorOf(sendChat(router, 'a', { signal: controller.signal }));
    await pass(10);
    controller.abort();
    await aborted;
    await settled(sendChatWith(router, { hedgeAfterMs: 100 }));
    expect(router.slaReport().deployments).toMatchObject({ a: { answered: 0 }, b: { answered: 1, failed: 0 } });
  });

  it('a call with its own credentials does not count', async () => {
    const { router } = promised({ a: fail(500) }, { uptime: 0.999 });
    await settled(sendChat(router, 'standard', { headers: { Authorization: 'Bearer own' } }));
    const { deployments, routes } = router.slaReport();
    expect([deployments.a?.failed, routes.standard?.failed]).toEqual([0, 0]);
  });
});

describe('calls that count for a route', () => {
  it('not the caller’s errors and aborts, nor refusals by the application’s limits', async () => {
    const { router } = promised({ a: [fail(400), answer()] }, { uptime: 0.999 });
    await settled(sendChat(router));
    await settled(sendChatWith(router, { maxInputTokens: 1 }));
    await settled(sendChat(router, 'standard', { signal: AbortSignal.abort() }));
    await settled(sendChat(router));
    expect(router.slaReport().routes.standard).toMatchObject({ answered: 1, failed: 0, uptime: 1 });
    expect(router.snapshot().routes.standard?.uptime).toBe(1);
  });

  it('not a call that finds all deployments full, which is the application’s limit', async () => {
    const { router } = build(
      { a: hang() },
      { deployments: { a: { maxConcurrent: 1, maxQueue: 1 } }, routes: { standard: ['a'] }, deadlineMs: 60_000 },
    );
    void sendChat(router).catch(() => undefined);
    void sendChat(router).catch(() => undefined);
    await pass(1);
    expect(await errorOf(sendChat(router))).toMatchObject({ code: 'capacity_exceeded' });
    expect(router.snapshot().routes.standard).toMatchObject({ requests: 1, failures: 0, uptime: null });
  });

  it('a deadline, or no deployment left, is a failure', async () => {
    const { router } = promised({ a: hang() }, { uptime: 0.999 });
    await settled(sendChatWith(router, { deadlineMs: 1000 }));
    await settled(sendChatWith(router, { regions: ['mars'] }));
    expect(router.slaReport().routes.standard).toMatchObject({ answered: 0, failed: 2, uptime: 0 });
  });

  it('a failover that saved the call is an answer', async () => {
    const { router } = build({ a: fail(500), b: answer() });
    await settled(sendChat(router));
    const { deployments, routes } = router.slaReport();
    expect([deployments.a?.uptime, deployments.b?.uptime, routes.standard?.uptime]).toEqual([0, 1, 1]);
  });
});

describe('the monthly target', () => {
  it('is met if no more calls failed than allowed; the report says what is left', async () => {
    const { router } = promised({ a: [fail(500), answer()] }, { uptime: 0.99 });
    await times(100, () => sendChat(router));
    const sla = () => router.snapshot().deployments.a?.sla;
    expect(sla()).toMatchObject({ uptime: 0.99, errorBudgetLeft: 0, met: true });
    await times(100, () => sendChat(router));
    expect(sla()).toMatchObject({ uptime: 0.995, errorBudgetLeft: 0.5, met: true });
    expect(router.snapshot().routes.standard?.sla).toMatchObject({ errorBudgetLeft: 0.5 });
  });

  it('needs both indicators: the smaller remaining budget counts', async () => {
    const { router } = promised(
      { a: [answer({ latencyMs: 501 }), answer({ latencyMs: 501 }), answer()] },
      {
        uptime: 0.999,
        p99Ms: 500,
      },
    );
    await times(100, () => sendChat(router));
    expect(router.snapshot().deployments.a?.sla).toMatchObject({ uptime: 1, errorBudgetLeft: -1, met: false });
  });

  it('counts an answer at exactly p99Ms as in time', async () => {
    const { router } = promised({ a: answer({ latencyMs: 500 }) }, { p99Ms: 500 });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.sla).toMatchObject({ errorBudgetLeft: 1, met: true });
  });

  it('counts a timeout with the time waited, and a stream by its first content, in its p99', async () => {
    const { router } = promised(
      { a: [hang(), answer({ latencyMs: 100, chunkMs: 5000, chunks: ['a', 'b'] })] },
      {
        uptime: 0.9,
      },
    );
    await settled(sendChatWith(router, { attemptTimeoutMs: 3000 }));
    expect(router.snapshot().deployments.a?.sla?.p99Ms).toBeCloseTo(3000, -2);
    const fresh = promised({ a: answer({ latencyMs: 100, chunkMs: 5000, chunks: ['a', 'b'] }) }, { uptime: 0.9 });
    await settled(streamChat(fresh.router).then(read));
    expect(fresh.router.snapshot().deployments.a?.sla?.p99Ms).toBeCloseTo(100, -1);
  });

  it('restarts on the first of the month, in UTC', async () => {
    vi.setSystemTime(Date.UTC(2030, 0, 31, 23, 59));
    const { router } = promised({ a: [fail(500), answer()] }, { uptime: 0.99 });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.sla?.met).toBe(false);
    await pass(60_000);
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a).toMatchObject({
      uptime: 0.5,
      uptimeBy: { hour: 1, day: 1, month: 1 },
      sla: { uptime: 1, met: true, errorBudgetLeft: 1 },
    });
    expect(router.slaReport({ month: '2030-01' }).deployments.a).toMatchObject({
      uptime: 0,
      met: false,
      days: [{ start: '2030-01-31', uptime: 0, failed: 1 }],
      hours: [{ start: '2030-01-31T23Z', uptime: 0, failed: 1 }],
    });
    expect(router.slaReport().deployments.a?.days).toMatchObject([{ start: '2030-02-01', uptime: 1, answered: 1 }]);
  });

  it('has no `sla` field and no verdict without a target', async () => {
    const { router } = build({ a: fail(500) });
    await settled(sendChat(router, 'a'));
    expect(router.snapshot().deployments.a).not.toHaveProperty('sla');
    expect(router.slaReport().deployments.a).toMatchObject({
      target: null,
      met: null,
      errorBudgetLeft: null,
      uptime: 0,
    });
  });
});

describe('alarms', () => {
  it('page once when most calls fail, and end once', async () => {
    const { router } = promised({ a: [...Array.from({ length: 10 }, () => fail(500)), answer()] }, { uptime: 0.999 });
    const received = alarms(router);
    await times(4, () => sendChat(router));
    expect(received).toEqual([]);
    await times(6, () => sendChat(router));
    expect(ofA(received)).toEqual([
      ['sla-burning', 'page'],
      ['sla-burning', 'ticket'],
    ]);
    expect(received).toContainEqual({ type: 'sla-burning', route: 'standard', severity: 'page', burnRate: 1000 });
    expect(router.snapshot().deployments.a?.burn?.burning).toEqual(['page', 'ticket']);
    // Both short windows must be calm: 5 and 30 minutes.
    await pass(31 * 60_000);
    await settled(sendChat(router));
    expect(ofA(received).slice(2)).toEqual([['sla-recovered', 'page']]);
  });

  it('end when they are read, as there are no timers', async () => {
    const { router } = promised({ a: fail(500) }, { uptime: 0.999 });
    const received = alarms(router);
    await times(5, () => sendChat(router));
    await pass(4 * 86_400_000);
    expect(ofA(received)).toHaveLength(2);
    router.snapshot();
    expect(ofA(received).slice(2)).toEqual([
      ['sla-recovered', 'page'],
      ['sla-recovered', 'ticket'],
    ]);
  });

  it('need minFailures', async () => {
    const { router } = promised({ a: fail(500) }, { uptime: 0.999, minFailures: 7 });
    const received = alarms(router);
    await times(6, () => sendChat(router));
    expect(received).toEqual([]);
    await settled(sendChat(router));
    expect(ofA(received)).toHaveLength(2);
  });

  it('of a low target need half of the calls to fail, as 14.4 times its budget is impossible', async () => {
    const failing = (share: number) => Array.from({ length: 100 }, (_, i) => (i % 100 < share ? fail(500) : answer()));
    const { router } = promised({ a: failing(49).reverse() }, { uptime: 0.9 });
    const received = alarms(router);
    await times(100, () => sendChat(router));
    expect(ofA(received)).toEqual([['sla-burning', 'ticket']]);
    await pass(0);
  });

  it('page for late answers too', async () => {
    const { router } = promised({ a: answer({ latencyMs: 600 }) }, { p99Ms: 500 });
    const received = alarms(router);
    await times(5, () => sendChat(router));
    expect(ofA(received)).toEqual([
      ['sla-burning', 'page'],
      ['sla-burning', 'ticket'],
    ]);
  });
});

describe('downtime', () => {
  it('is a minute with at least five attempts of which half failed', async () => {
    const { router } = promised(
      { a: [fail(500), fail(500), fail(500), answer(), fail(500), answer()] },
      { uptime: 0.9 },
    );
    await times(4, () => sendChat(router));
    expect(router.snapshot().deployments.a?.downtimeMinutes).toBe(0);
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.downtimeMinutes).toBe(1);
    // Later answers in the same minute outweigh the failures.
    await times(4, () => sendChat(router));
    expect(router.snapshot().deployments.a?.downtimeMinutes).toBe(0);
  });

  it('lists its periods in the report, and its rule in the options', async () => {
    const { router } = promised({ a: fail(500) }, { uptime: 0.9, downtime: { minAttempts: 1, failedShare: 1 } });
    for (let i = 0; i < 3; i++) {
      await settled(sendChat(router));
      await pass(60_000);
    }
    expect(router.slaReport().deployments.a).toMatchObject({
      downtimeMinutes: 3,
      downtime: [{ start: '2030-01-01T00:00:00.000Z', minutes: 3 }],
    });
  });
});

describe('slaReport()', () => {
  it('has what the provider reports of itself beside the measurements, in Markdown', async () => {
    const { router } = promised(
      { a: answer({ latencyMs: 300 }) },
      { uptime: 0.999, p99Ms: 500 },
      {
        deployments: { a: { region: 'eu', sla: { uptime: 0.999, p99Ms: 500 } } },
      },
    );
    const extra = { latency_p99: 0.4, region: 'eu|west', uptime_percentage: 99.95 };
    const original = globalThis.JSON.parse;
    vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
      const value: unknown = original(text, reviver);
      if (typeof value === 'object' && value !== null && 'usage' in value) Object.assign(value.usage as object, extra);
      return value;
    });
    await settled(sendChat(router));
    const report = router.slaReport({ month: '2030-01' });
    expect(report.deployments.a?.provider).toMatchObject(extra);
    const text = String(report);
    expect(text).toContain('# Service levels, 2030-01 (UTC)');
    expect(text).toMatch(/\| a \| eu \| 99.9 % \| 100 % \| 500 ms \| 30\d ms \| 100 % \| yes \| 0 \| 1 \/ 0 \| 0 \|/);
    expect(text).toContain('| a | 99.95 | 100 % | 0.4 |');
    expect(text).toContain('eu\\|west');
    expect(JSON.parse(JSON.stringify(report))).toEqual({ ...report });
  });

  it('checks its month', () => {
    const { router } = build({ a: answer() });
    for (const month of ['2030', '2030-13', '', 'now'])
      expect(() => router.slaReport({ month })).toThrow(/slaReport\.month.*2026-11/);
  });
});

describe('the option sla', () => {
  it.each<[unknown, RegExp]>([
    [{}, /sla.*promises nothing/],
    [{ uptime: 99.9 }, /sla\.uptime.*0\.999/],
    [{ uptime: 1 }, /below 1/],
    [{ uptime: 0 }, /sla\.uptime/],
    [{ p99Ms: 0 }, /sla\.p99Ms/],
    [{ p99: 500 }, /sla\.p99.*p99Ms/],
    [{ uptime: 0.9, minFailures: 0 }, /minFailures/],
    [{ uptime: 0.9, downtime: { failedShare: 2 } }, /downtime\.failedShare/],
    [{ uptime: 0.9, downtime: { minAttempts: 0.5 } }, /downtime\.minAttempts/],
    [0.999, /sla/],
  ])('%j is refused', (sla, message) => {
    const given = sla as SlaOptions;
    expect(() => build({ a: answer() }, { deployments: { a: { sla: given } } })).toThrow(message);
    expect(() =>
      build({ a: answer() }, { deployments: { a: {} }, routes: { r: { deployments: ['a'], sla: given } } }),
    ).toThrow(message);
  });
});

it('router.update() of a target keeps the counts', async () => {
  const { router } = promised({ a: [fail(500), answer()] }, { uptime: 0.9 });
  await times(10, () => sendChat(router));
  router.update({
    deployments: { a: { sla: { uptime: 0.5 } } },
    routes: { standard: { deployments: ['a'], sla: { uptime: 0.5 } } },
  });
  expect(router.snapshot().deployments.a?.sla).toMatchObject({ uptime: 0.9, errorBudgetLeft: 0.8 });
  expect(router.snapshot().routes.standard?.sla).toMatchObject({ uptime: 0.9, errorBudgetLeft: 0.8 });
});
