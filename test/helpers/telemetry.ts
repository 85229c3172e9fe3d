import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { ModelRouter } from 'model-router';
import { type InstrumentOptions, instrument } from 'model-router/otel';
import { onTestFinished } from 'vitest';

/** The attributes of one series of a metric, and its value. */
export interface Series {
  readonly attributes: Record<string, unknown>;
  readonly value: unknown;
}

/** Collects on demand, without timers. */
class OnDemandReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** The OpenTelemetry SDK in memory, with async contexts. It ends with the test. */
export function telemetry() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const reader = new OnDemandReader();
  const meters = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  onTestFinished(async () => {
    context.disable();
    trace.disable();
    await provider.shutdown();
  });
  return {
    tracer: provider.getTracer('model-router'),
    tracerFor: (name: string) => provider.getTracer(name),
    meter: meters.getMeter('model-router'),
    provider,
    spans: () => exporter.getFinishedSpans(),
    instrument(router: ModelRouter, options: InstrumentOptions = {}) {
      const stop = instrument(router, { tracer: this.tracer, meter: this.meter, ...options });
      onTestFinished(stop);
      return stop;
    },
    /** By name. */
    async series(): Promise<Map<string, Series[]>> {
      const { resourceMetrics } = await reader.collect();
      const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
      return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, [...dataPoints]]));
    },
  };
}

export const isCall = (span: ReadableSpan) => !span.name.startsWith('attempt ');
export const attribute = (span: ReadableSpan | undefined, name: string) => span?.attributes[name];

/** The sum of an attribute over all spans. */
export function sumOf(spans: readonly ReadableSpan[], name: string): number {
  return spans.reduce((sum, span) => sum + Number(span.attributes[name] ?? 0), 0);
}
