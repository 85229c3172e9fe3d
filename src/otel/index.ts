/** OpenTelemetry: a span for each call and attempt, the GenAI metrics, and the router's own. */
import { createNoopMeter, type Meter, metrics, type Tracer, trace } from '@opentelemetry/api';
import { InvalidOptionError } from '../errors.js';
import type { ModelRouter } from '../model-router.js';
import { TRACING, type Tracing } from '../telemetry/tracing.js';
import { checkKeys, checkOneOf, checkRecord, invalidOption } from '../util/check.js';
import { CallMetrics } from './metrics.js';
import { SpanTracer } from './tracer.js';

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Creates the spans. @default trace.getTracer('model-router') */
  tracer?: Tracer | undefined;
  /** Creates the metrics. @default metrics.getMeter('model-router') */
  meter?: Meter | undefined;
  /**
   * Names of the GenAI conventions: `published`, as current dashboards use them, or `next`, which are in development.
   * @default 'published'
   */
  names?: 'published' | 'next' | undefined;
  /** Creates a span for each attempt, below the span of its call. @default true */
  attempts?: boolean | undefined;
  /**
   * Sends `traceparent` to the provider, unless undici's instrumentation already does.
   * @default false
   */
  propagate?: boolean | undefined;
  /** Whether spans and metrics of budgets contain tenant names. @default false */
  tenantLabel?: boolean | undefined;
}

/**
 * Instruments a router's calls with OpenTelemetry. Spans and metrics contain no key and no prompt. Returns a function
 * that stops it.
 *
 * @example
 * const stop = instrument(router, { names: 'published' });
 * @throws InvalidOptionError
 */
export function instrument(router: ModelRouter, options: InstrumentOptions = {}): () => void {
  const tracing: Tracing | undefined = Reflect.get(Object(router), TRACING);
  if (tracing === undefined) throw new InvalidOptionError('instrument', 'give a router.');
  checkRecord('instrument', options, 'an object of options');
  checkKeys('instrument', options, ['tracer', 'meter', 'names', 'attempts', 'propagate', 'tenantLabel']);
  const { tracer = trace.getTracer('model-router'), meter = metrics.getMeter('model-router') } = options;
  const { names = 'published', attempts = true, propagate = false, tenantLabel = false } = options;
  checkOneOf('instrument.names', names, ['published', 'next']);
  for (const [name, value] of Object.entries({ attempts, propagate, tenantLabel }))
    if (typeof value !== 'boolean') invalidOption(`instrument.${name}`, value, 'true or false');
  if (typeof tracer.startSpan !== 'function')
    invalidOption('instrument.tracer', tracer, 'a tracer of @opentelemetry/api');
  if (typeof meter.createHistogram !== 'function')
    invalidOption('instrument.meter', meter, 'a meter of @opentelemetry/api');
  // The meter of the API alone, without an SDK.
  const isNoop = meter === createNoopMeter();
  const recorded = isNoop ? undefined : new CallMetrics(meter, router, { names, tenantLabel });
  const spans = new SpanTracer(tracer, { names, attempts, propagate, tenantLabel }, recorded);
  const remove = tracing.add(spans);
  return () => {
    remove();
    spans.end();
    recorded?.end();
  };
}
