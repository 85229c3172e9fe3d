// What it costs to look: OpenTelemetry on a router, and the pages of a large one.
import { gzipSync } from 'node:zlib';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { ModelRouter } from 'model-router';
import { instrument } from 'model-router/otel';
import { statusHandler } from 'model-router/status';
import { leastMs } from './scale/measure.ts';
import { messages, routerOf } from './scale/setup.ts';

/** With the API alone, which records nothing. */
export function withApi(router: ModelRouter): ModelRouter {
  instrument(router);
  return router;
}

/** Reads on demand. */
class OnDemandReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** Sends nothing, and holds nothing. */
const exporter: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
};

/** With the SDK, which records every span and metric in memory. */
export function withSdk(router: ModelRouter): ModelRouter {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracers = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  const meters = new MeterProvider({ readers: [new OnDemandReader()] });
  instrument(router, { tracer: tracers.getTracer('model-router'), meter: meters.getMeter('model-router') });
  return router;
}

/** Prints what the views of a router with 100 deployments cost, each of which has answered. */
export async function printViews(): Promise<void> {
  const router = routerOf(100);
  const handle = statusHandler(router);
  const get = (path: string) => handle(new Request(`http://bench.invalid/status/${path}`)).text();
  for (let i = 0; i < 2000; i += 1) await router.chat.completions.create({ model: `d${i % 100}`, messages });
  const snapshotMs = await leastMs(50, () => router.snapshot());
  const metricsMs = await leastMs(50, () => get('metrics'));
  const files = await Promise.all(['', 'app.js', 'style.css'].map(get));
  const kb = files.reduce((sum, file) => sum + gzipSync(file).length, 0) / 1024;
  await router.close();
  console.log('\nThe views of 100 deployments; CPU time, best of 50.');
  console.log(`snapshot(): ${snapshotMs.toFixed(2)} ms (goal: 1 ms)`);
  console.log(`/metrics: ${metricsMs.toFixed(2)} ms (goal: 5 ms)`);
  console.log(`the status page with its script and styles: ${kb.toFixed(1)} KB gzip (goal: 15 KB)`);
}
