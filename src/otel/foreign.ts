import { type Context, type Span, trace } from '@opentelemetry/api';
import { isRecord } from '../util/is-record.js';
import { nodeModule } from '../util/node-module.js';

/** Scopes of other instrumentations that create a GenAI span for an OpenAI call. */
const KNOWN =
  /^@opentelemetry\/instrumentation-openai$|^@(traceloop|langtrase|elastic|arizeai)\/.*openai|^openinference\.|openinference-instrumentation-openai|^openlit|^langfuse|^ai$/i;

/** The active span, if another instrumentation created it for this very call. */
export function foreignSpan(active: Context): Span | undefined {
  const span = trace.getSpan(active);
  if (span === undefined || !span.isRecording()) return undefined;
  const scope: unknown = Reflect.get(span, 'instrumentationScope') ?? Reflect.get(span, 'instrumentationLibrary');
  const name = isRecord(scope) && typeof scope.name === 'string' ? scope.name : '';
  return KNOWN.test(name) ? span : undefined;
}

/** Whether the process already adds headers to undici's requests: `traceparent` must not be sent twice. */
export function isPropagatedByUndici(): boolean {
  const diagnostics = nodeModule('node:diagnostics_channel');
  return diagnostics?.channel('undici:request:create').hasSubscribers === true;
}
