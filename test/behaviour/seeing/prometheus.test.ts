import { statusHandler } from 'model-router/status';
import { answer, fail, hang, type Models } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import dashboard from '../../../grafana/model-router.json' with { type: 'json' };
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { errorOf, sendChat, sendChatWith } from '../../helpers/messages.js';
import { readPrometheus } from '../../helpers/prometheus-text.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

function measured(models: Models, setup: Setup = {}) {
  const built = build(models, setup);
  const handle = statusHandler(built.router);
  const text = () => handle(new Request('https://app.test/metrics')).text();
  const value = async (name: string, labels: Record<string, string>) => {
    const found = readPrometheus(await text()).filter(
      (each) => each.name === name && Object.entries(labels).every(([label, wanted]) => each.labels[label] === wanted),
    );
    return found.length === 0 ? undefined : found.reduce((sum, each) => sum + each.value, 0);
  };
  return { ...built, text, value };
}

const everything: Setup = {
  deployments: { a: { price: { input: 1, output: 1 }, sla: { uptime: 0.99 } }, b: {} },
  routes: { standard: { deployments: ['a', 'b'], sla: { uptime: 0.99 } } },
  budgets: [{ usd: 10, window: 'day' }],
};

describe('metrics', () => {
  it('has each series at 0 before the first call', async () => {
    const series = readPrometheus(await measured({ a: answer(), b: answer() }, everything).text());
    const counted = series.filter(({ name }) => !/_(limit|info|error_budget_left)$/.test(name));
    expect(counted.filter(({ value }) => value !== 0)).toEqual([]);
    for (const [name, labels] of [
      ['model_router_calls_total', { route: 'standard', outcome: 'failed' }],
      ['model_router_calls_total', { route: 'other', outcome: 'success' }],
      ['model_router_attempts_total', { deployment: 'b', outcome: 'timeout' }],
      ['model_router_attempt_duration_count', { deployment: 'a' }],
      ['model_router_failovers_total', { from: 'a', to: 'b', reason: 'server-error' }],
      ['model_router_breaker_state', { deployment: 'a' }],
      ['model_router_paused', { deployment: 'a' }],
      ['model_router_cache_calls_total', { cache: 'hit' }],
      ['model_router_cost_total', { deployment: 'a' }],
      ['model_router_cost_unpriced_total', { deployment: 'a' }],
    ] as const)
      expect(counted).toContainEqual({ name, labels, value: 0 });
    expect(series).toContainEqual({
      name: 'model_router_budget_limit',
      labels: { budget: '$10 a day', route: '' },
      value: 10,
    });
    expect(series.filter(({ name }) => name === 'model_router_sla_error_budget_left')).toHaveLength(2);
  });

  it('counts a failover for the deployment that failed, not for the fallback', async () => {
    const usage = { inputTokens: 1_000_000, outputTokens: 0 };
    const { router, value } = measured({ a: fail(503), b: answer({ usage, latencyMs: 30 }) });
    await settled(sendChat(router));
    expect(await value('model_router_failovers_total', { from: 'a', to: 'b', reason: 'server-error' })).toBe(1);
    expect(await value('model_router_failovers_total', {})).toBe(1);
    expect(await value('model_router_attempts_total', { deployment: 'a', outcome: 'server-error' })).toBe(1);
    expect(await value('model_router_attempts_total', { deployment: 'b', outcome: 'success' })).toBe(1);
    expect(await value('model_router_calls_total', { route: 'standard', outcome: 'success' })).toBe(1);
    expect(await value('model_router_attempt_duration_bucket', { deployment: 'b', le: '0.02' })).toBe(0);
    expect(await value('model_router_attempt_duration_bucket', { deployment: 'b', le: '0.04' })).toBe(1);
    expect(await value('model_router_attempt_duration_sum', { deployment: 'b' })).toBeCloseTo(0.03, 3);
    expect(await value('model_router_cost_unpriced_total', { deployment: 'b' })).toBe(1);
  });

  it('counts the failover of a joined call once, whichever caller pays in the end', async () => {
    const { router, value } = measured({ a: fail(503), b: answer({ latencyMs: 500 }) }, { cache: true });
    const controller = new AbortController();
    const first = errorOf(sendChat(router, 'standard', { signal: controller.signal }));
    const second = sendChat(router);
    await pass(100);
    controller.abort();
    await first;
    await settled(second);
    expect(await value('model_router_cache_calls_total', { cache: 'joined' })).toBe(1);
    expect(await value('model_router_failovers_total', {})).toBe(1);
  });

  it('have buckets beyond ten seconds', async () => {
    const { router, value } = measured({ a: answer({ latencyMs: 300_000 }) }, { deadlineMs: 600_000 });
    await settled(sendChat(router));
    expect(await value('model_router_call_duration_bucket', { route: 'standard', le: '163.84' })).toBe(0);
    expect(await value('model_router_call_duration_bucket', { route: 'standard', le: '327.68' })).toBe(1);
    expect(await value('model_router_call_duration_bucket', { route: 'standard', le: '655.36' })).toBe(1);
  });

  it('reports the outcomes of calls', async () => {
    const { router, value } = measured(
      { a: [answer(), fail(400), fail(500), hang(), answer()] },
      { maxAttempts: 1, breaker: false, deadlineMs: 1000 },
    );
    await settled(sendChat(router));
    for (let i = 0; i < 3; i++) await settled(errorOf(sendChat(router)));
    await errorOf(sendChatWith(router, { maxInputTokens: 1 }));
    const of = (outcome: string) => value('model_router_calls_total', { route: 'standard', outcome });
    expect(await Promise.all(['success', 'caller-error', 'failed', 'deadline', 'refused'].map(of))).toEqual([
      1, 1, 1, 1, 1,
    ]);
  });

  it('do not count a provider’s own limit code as a refusal by yours', async () => {
    const { router, value } = measured({ a: fail(429, { code: 'capacity_exceeded' }) }, { maxAttempts: 1 });
    await settled(errorOf(sendChat(router)));
    expect(await value('model_router_calls_total', { outcome: 'failed' })).toBe(1);
    expect(await value('model_router_calls_total', { outcome: 'refused' })).toBe(0);
  });

  it('shows breakers and pauses', async () => {
    const { router, value } = measured(
      { a: fail(500), b: fail(429, { headers: { 'retry-after': '30' } }) },
      { routes: { one: ['a'], two: ['b'] }, deployments: { a: {}, b: {} }, maxAttempts: 1, deadlineMs: 1000 },
    );
    for (let i = 0; i < 5; i++) await settled(errorOf(sendChat(router, 'one')));
    await settled(errorOf(sendChat(router, 'two')));
    expect(await value('model_router_breaker_state', { deployment: 'a' })).toBe(2);
    expect(await value('model_router_paused', { deployment: 'a' })).toBe(0);
    expect(await value('model_router_paused', { deployment: 'b' })).toBe(1);
  });

  it('have no more series for 10,000 models and tenants than for one', async () => {
    const { router, text, value } = measured({ a: answer() });
    const call = (i: number) =>
      sendChat(router, `model ${i}`).then(
        () => undefined,
        () => undefined,
      );
    await call(0);
    await sendChatWith(router, { tenant: 'tenant 0' });
    const before = readPrometheus(await text()).length;
    for (let i = 1; i <= 10_000; i += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, j) => (j % 2 ? call(i + j) : sendChatWith(router, { tenant: `${i + j}` }))),
      );
    const after = readPrometheus(await text());
    expect(after).toHaveLength(before);
    expect(JSON.stringify(after)).not.toContain('model 1');
    expect(await value('model_router_calls_total', { route: 'other' })).toBe(5001);
  }, 60_000);

  it('escape names', async () => {
    const name = 'a "quoted\\\nname"';
    const { text } = measured({ [name]: answer() });
    expect(readPrometheus(await text())).toContainEqual({
      name: 'model_router_paused',
      labels: { deployment: name },
      value: 0,
    });
  });

  it('read the router once, and have a bounded number of lines for 100 deployments', async () => {
    const models = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`model ${i}`, answer()]));
    const { router, text } = measured(models);
    const snapshot = vi.spyOn(router, 'snapshot');
    expect((await text()).split('\n').length).toBeLessThan(5000);
    expect(snapshot).toHaveBeenCalledTimes(1);
  });

  it('name the process', async () => {
    expect(readPrometheus(await measured({ a: answer() }).text())).toContainEqual({
      name: 'model_router_process_info',
      labels: { pid: String(process.pid) },
      value: 1,
    });
  });
});

describe('the Grafana dashboard', () => {
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  );

  it('has queries', () => {
    expect(queries.length).toBeGreaterThan(10);
  });

  it.each(queries)('%s: %s uses series, labels and values that exist from the start', async (_, expr) => {
    const series = readPrometheus(await measured({ a: answer(), b: answer() }, everything).text());
    const selectors = [...expr.matchAll(/(model_router_\w+)(?:\{([^}]*)\})?/g)];
    expect(selectors.length).toBeGreaterThan(0);
    const grouped = [...expr.matchAll(/by \(([\w, ]+)\)/g)].flatMap(([, names = '']) => names.split(', '));
    for (const [, name, matchers = ''] of selectors) {
      const labelled = [...matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)];
      const found = series.filter(
        (each) =>
          each.name === name &&
          labelled.every(([, label = '', operator, wanted = '']) => {
            // Prometheus itself adds these labels.
            if (label === 'instance' || label === 'job') return true;
            const value = each.labels[label];
            if (value === undefined) return false;
            const matches = operator?.endsWith('~') ? new RegExp(`^(?:${wanted})$`).test(value) : value === wanted;
            return matches === !operator?.startsWith('!');
          }),
      );
      expect(found.length, `${name}{${matchers}}`).toBeGreaterThan(0);
      for (const label of grouped) expect(found.flatMap(({ labels }) => Object.keys(labels))).toContain(label);
    }
  });

  it('queries every metric', async () => {
    const names = new Set(
      readPrometheus(await measured({ a: answer(), b: answer() }, everything).text()).map(({ name }) => name),
    );
    const unused = [...names].filter(
      (name) => !/_(sum|count)$/.test(name) && !JSON.stringify(dashboard).includes(name),
    );
    expect(unused).toEqual([]);
  });
});
