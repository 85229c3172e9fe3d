import type { Outcome } from '../telemetry/record-types.js';

/** The outcomes that an upstream's error can have, which are also those that an application may name. */
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

/** Outcomes that an error of an upstream can have: what `classifyError` may return and `failoverOn` may list. */
export type ErrorOutcome = (typeof ERROR_OUTCOMES)[number];
