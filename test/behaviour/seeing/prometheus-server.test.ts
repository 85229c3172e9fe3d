import { nodeStatusHandler } from 'model-router/status';
import { answer, fail } from 'model-router/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import dashboard from '../../../grafana/model-router.json' with { type: 'json' };
import { listening } from '../../helpers/listening.js';
import { sendChat } from '../../helpers/messages.js';
import { hasPrometheus, startPrometheus } from '../../helpers/prometheus-server.js';
import { build } from '../../helpers/routers.js';

const VARIABLES: Readonly<Record<string, string>> = {
  $instance: '.*',
  $__rate_interval: '1m',
  $__range: '1h',
};
const queries = dashboard.panels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr.replaceAll(/\$\w+/g, (name) => VARIABLES[name] ?? name)),
);

it.skipIf(!hasPrometheus)(
  'a real Prometheus reads /metrics, and answers each query of the dashboard with a number (skipped where it is not installed)',
  async () => {
    const usage = { inputTokens: 1000, outputTokens: 100 };
    const { router } = build(
      { a: [fail(503), answer({ usage })], b: answer({ usage }) },
      {
        deployments: { a: { price: { input: 1, output: 1 }, sla: { uptime: 0.99 } }, b: {} },
        routes: { standard: { deployments: ['a', 'b'], sla: { uptime: 0.99 } } },
        budgets: [{ usd: 10, window: 'day' }],
        unknownPrice: 'allow',
        breaker: false,
      },
    );
    const { host } = new URL(await listening(nodeStatusHandler(router)));
    const prometheus = await startPrometheus(host);
    onTestFinished(() => prometheus.stop());
    // A rate needs two scrapes, with a call between them.
    await vi.waitFor(async () => expect(await prometheus.query('model_router_process_info')).toEqual([1]), 30_000);
    await vi.waitFor(
      async () => {
        await sendChat(router);
        const values = await Promise.all(queries.map((query) => prometheus.query(query)));
        expect(queries.filter((_, i) => !values[i]?.some(Number.isFinite))).toEqual([]);
      },
      { timeout: 30_000, interval: 500 },
    );
    expect(await prometheus.query('up{job="app"}')).toEqual([1]);
  },
  90_000,
);
