// The type of an event selects its fields: a listener sees those, and nothing else.
import type { AttemptRecord, CallRecord, EventOf, ModelRouter, RouterEvent, RouterEventType } from 'model-router';
import {
  DeadlineExceededError,
  type InterruptionReason,
  NoDeploymentAvailableError,
  StreamInterruptedError,
} from 'model-router';
import type { APIConnectionError, APIConnectionTimeoutError } from 'openai';
import { expectTrue, type Same } from './same.js';

declare const router: ModelRouter;

router.on('call-ended', (event) => {
  expectTrue<Same<typeof event, EventOf<'call-ended'>>>();
  expectTrue<Same<typeof event.record, CallRecord>>();
  // @ts-expect-error this event is about a whole call
  expectTrue<Same<typeof event.attempt, AttemptRecord>>();
});
router.on('attempt-failed', (event) => {
  expectTrue<Same<typeof event.attempt, AttemptRecord>>();
  // @ts-expect-error this event is about one attempt
  expectTrue<Same<typeof event.record, CallRecord>>();
});
router.on('breaker-opened', ({ deployment, cooldownMs }) => {
  expectTrue<Same<typeof deployment, string>>();
  expectTrue<Same<typeof cooldownMs, number>>();
});
router.on('hedge-started', ({ number, afterMs }) => {
  expectTrue<Same<typeof number, number>>();
  expectTrue<Same<typeof afterMs, number>>();
});
router.on('client-suspended', async ({ client, code }) => [client, code]);
const off = router.on('breaker-closed', () => undefined);
expectTrue<Same<typeof off, () => void>>();
// @ts-expect-error there is no such event
router.on('call-begun', () => undefined);

// All of them in one listener, distinguished by `type`.
function describe(event: RouterEvent): string {
  switch (event.type) {
    case 'call-ended':
      return event.record.id;
    case 'budget-refused':
      return `${event.budget === 'money' ? event.name : 'tokens'}: ${event.estimate} > ${event.limit}`;
    case 'count-tokens-failed':
      return event.why;
    case 'attempt-started':
    case 'hedge-started':
    case 'cache-hit':
    case 'attempt-slow':
      return event.callId;
    case 'attempt-failed':
    case 'attempt-ended':
      return event.attempt.deployment;
    case 'client-suspended':
    case 'client-resumed':
      return event.client;
    case 'budget-overrun':
      return event.callId;
    case 'budget-warning':
      return event.budget;
    case 'sample-ratio-mismatch':
      return event.route;
    case 'sla-burning':
    case 'sla-recovered':
      return event.route ?? event.deployment;
    case 'call-escalated':
    case 'escalation-capped':
      return event.callId;
    case 'config-updated':
      return event.options.join();
    case 'shadow-dropped':
    case 'capacity-refused':
      return event.why;
    default:
      return event.deployment;
  }
}
expectTrue<Same<RouterEventType, RouterEvent['type']>>();

// Errors are the SDK's own, with a `code` of their own.
declare const error: unknown;
if (error instanceof DeadlineExceededError) {
  const timeout: APIConnectionTimeoutError = error;
  expectTrue<Same<typeof error.code, 'deadline_exceeded'>>();
  expectTrue<Same<typeof error.deadlineMs, number>>();
  timeout.message.trim();
}
if (error instanceof NoDeploymentAvailableError || error instanceof StreamInterruptedError) {
  const connection: APIConnectionError = error;
  expectTrue<Same<typeof error.code, 'no_deployment_available' | 'stream_interrupted'>>();
  connection.message.trim();
}
if (error instanceof StreamInterruptedError) {
  expectTrue<Same<typeof error.reason, InterruptionReason>>();
  expectTrue<Same<typeof error.partial, readonly unknown[]>>();
}

export { describe };
