// The router's metrics in Prometheus, through OpenTelemetry's exporter.
import assert from 'node:assert/strict';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { ModelRouter } from 'model-router';
import { instrument } from 'model-router/otel';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const provider = await startFakeProvider({
  models: { primary: fail(503), fallback: answer({ usage: { inputTokens: 900, outputTokens: 100 } }) },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { primary: {}, fallback: { price: { input: 1, output: 10 } } },
  routes: { chat: ['primary', 'fallback'] },
  budgets: [{ usd: 50, window: 'day' }],
  unknownPrice: 'allow',
  logLevel: 'off',
});

// A free port here; in an application, the port in your Prometheus configuration. Bind it to an address that only
// Prometheus reaches.
const exporter = new PrometheusExporter({ host: '127.0.0.1', port: 9464, preventServerStart: true });
const meters = new MeterProvider({ readers: [exporter] });
const stop = instrument(router, { meter: meters.getMeter('model-router') });

const { createServer } = await import('node:http');
const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = server.address();
assert(address !== null && typeof address === 'object');
const scrape = async () => (await fetch(`http://127.0.0.1:${address.port}/metrics`)).text();

// Every series exists before the first call, at 0, so an alert on a rate works from the start.
const failovers = /model_router_failovers_total\{[^}]*from="primary",to="fallback",reason="server-error"[^}]*\} (\d+)/;
assert.equal(failovers.exec(await scrape())?.[1], '0');

await router.chat.completions.create({ model: 'chat', messages: [{ role: 'user', content: 'Say hello.' }] });
const text = await scrape();
console.log('What Prometheus reads after one call with a failover, without buckets and zeros:\n');
console.log(
  text
    .split('\n')
    .filter((line) => /^(model_router|gen_ai)/.test(line) && !/_bucket| 0$/.test(line))
    .join('\n'),
);
assert.equal(failovers.exec(text)?.[1], '1');
assert.match(text, /model_router_cost_total\{[^}]*deployment="fallback"[^}]*\} 0\.0019/);
assert.match(text, /model_router_budget_limit[^\n]* 50/);

stop();
await meters.shutdown();
server.close();
await router.close();
await provider.close();
