import type { Outcome } from '../telemetry/record-types.js';

/** The possible outcomes of an upstream's error, which an application may also return. */
export const ERROR_OUTCOMES = [
  'caller-error',
  'context-length',
  'content-filter',
  'unauthorized',
  'forbidden',
  'model-not-found',
  'server-error',
  'rate-limited',
  'connection',
  'timeout',
  'invalid-answer',
] as const satisfies readonly Outcome[];

/** Outcomes of an upstream's error: what `classifyError` may return and `failoverOn` may list. */
export type ErrorOutcome = (typeof ERROR_OUTCOMES)[number];
