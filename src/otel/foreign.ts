import { type Context, type Span, trace } from '@opentelemetry/api';
import { isRecord } from '../util/is-record.js';
import { nodeModule } from '../util/node-module.js';

/** Scopes of instrumentations that make a GenAI span of an OpenAI call themselves. */
const KNOWN =
  /^@opentelemetry\/instrumentation-openai$|^@(traceloop|langtrase|elastic|arizeai)\/.*openai|^openinference\.|openinference-instrumentation-openai|^openlit|^langfuse|^ai$/i;

/** The active span, where another instrumentation has made it for this very call. */
export function foreignSpan(active: Context): Span | undefined {
  const span = trace.getSpan(active);
  if (span === undefined || !span.isRecording()) return undefined;
  const scope: unknown = Reflect.get(span, 'instrumentationScope') ?? Reflect.get(span, 'instrumentationLibrary');
  const name = isRecord(scope) && typeof scope.name === 'string' ? scope.name : '';
  return KNOWN.test(name) ? span : undefined;
}

/** Whether something in the process adds headers to what undici sends: `traceparent` must not be sent twice. */
export function isPropagatedByUndici(): boolean {
  const diagnostics = nodeModule('node:diagnostics_channel');
  return diagnostics?.channel('undici:request:create').hasSubscribers === true;
}
