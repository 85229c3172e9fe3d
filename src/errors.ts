import { APIConnectionError, APIConnectionTimeoutError, OpenAIError, RateLimitError } from 'openai';
import type { Failure } from './types.js';

/** A wrong option: the message names the option, the value and what is allowed. */
export class InvalidOptionError extends OpenAIError {
  readonly code = 'invalid_option';
  /** The option, as a path: `routes.standard.deadlineMs`. */
  readonly option: string;

  /** `cause`: what a function of the application has thrown. */
  constructor(option: string, message: string, cause?: unknown) {
    super(`${option}: ${message}`);
    this.name = 'InvalidOptionError';
    this.option = option;
    if (cause !== undefined) setHidden(this, 'cause', cause);
  }
}

/** The call's time was over. `cause` is the last error of an upstream, if there was one. */
export class DeadlineExceededError extends APIConnectionTimeoutError {
  override readonly code = 'deadline_exceeded';
  readonly deadlineMs: number;

  constructor(deadlineMs: number, cause: Error | undefined) {
    super({ message: `The call did not end within its deadline of ${deadlineMs} ms.` });
    this.name = 'DeadlineExceededError';
    this.deadlineMs = deadlineMs;
    if (cause !== undefined) setHidden(this, 'cause', cause);
  }
}

/** No deployment may be asked: region, capability, refusal, or a closed router. */
export class NoDeploymentAvailableError extends APIConnectionError {
  override readonly code = 'no_deployment_available';

  constructor(message: string, cause?: Error) {
    super({ message, cause });
    this.name = 'NoDeploymentAvailableError';
  }
}

/** All deployments that may answer are full, and the queue cannot take the call, or not in time. Nothing was sent. */
export class CapacityExceededError extends RateLimitError {
  override readonly code = 'capacity_exceeded';

  constructor(message: string) {
    super(429, { message, code: 'capacity_exceeded', type: 'capacity_exceeded' }, message, new Headers());
    this.name = 'CapacityExceededError';
  }
}

/** What a call could cost, and what stood in its way. Amounts are US dollars. */
export interface SpendLimit {
  /** `maxCostUsd`, or the budget in words: `$400 a month`. */
  readonly budget: string;
  /** The most that the call could cost. */
  readonly estimateUsd: number;
  readonly limitUsd: number;
  /** What is left of the limit. */
  readonly leftUsd: number;
  /** When there may be enough again: ISO 8601, or `null` where that is not known, or never. */
  readonly resetsAt: string | null;
}

/** The call could cost more than `maxCostUsd`, or than is left of a budget. Nothing was sent. */
export class SpendBudgetExceededError extends OpenAIError implements SpendLimit {
  readonly code = 'spend_budget_exceeded';
  readonly budget: string;
  readonly estimateUsd: number;
  readonly limitUsd: number;
  readonly leftUsd: number;
  readonly resetsAt: string | null;

  constructor(message: string, { budget, estimateUsd, limitUsd, leftUsd, resetsAt }: SpendLimit) {
    super(message);
    this.name = 'SpendBudgetExceededError';
    this.budget = budget;
    this.estimateUsd = estimateUsd;
    this.limitUsd = limitUsd;
    this.leftUsd = leftUsd;
    this.resetsAt = resetsAt;
  }
}

/**
 * The upstream answered, but with something that is not an answer: an empty or broken body, an error that says nothing
 * known, a completion without content. `cause` is what the upstream said, where it said something.
 */
export class InvalidAnswerError extends APIConnectionError {
  override readonly code = 'invalid_answer';

  constructor(message: string, cause?: Error) {
    super({ message, cause });
    this.name = 'InvalidAnswerError';
    if (cause !== undefined) setHidden(this, 'cause', cause);
  }
}

/** Why a stream broke after its first content; `too-long` is `maxStreamMs`. */
export type InterruptionReason = 'cut' | 'stalled' | 'error-event' | 'missing-end' | 'malformed' | 'too-long';

/**
 * A stream broke after its first content. What had arrived is in `partial`; nothing is repeated and no other deployment
 * is tried. `partial` and `text` do not show up when the error is logged.
 */
export class StreamInterruptedError extends APIConnectionError {
  override readonly code = 'stream_interrupted';
  readonly reason: InterruptionReason;
  /** The upstream's own code (else its type) for what broke, where it sent one: `server_error`, `overloaded`, `1302`. */
  readonly upstreamCode: string | undefined;
  /** The chunks that were delivered, in order; of a long stream, those with the last 256 KiB of its text. */
  declare readonly partial: readonly unknown[];
  /** The text in these chunks. */
  declare readonly text: string;

  constructor(
    reason: InterruptionReason,
    partial: readonly unknown[],
    text: string,
    cause: Error | undefined,
    upstreamCode = upstreamCodeOf(cause),
  ) {
    super({ message: `The stream broke after its first content (${reason}).`, cause });
    this.name = 'StreamInterruptedError';
    this.reason = reason;
    this.upstreamCode = upstreamCode;
    setHidden(this, 'partial', partial);
    setHidden(this, 'text', text);
  }
}

/** The code (else the type) of an error that the upstream sent. */
export function upstreamCodeOf(error: unknown): string | undefined {
  if (error instanceof InvalidAnswerError) return upstreamCodeOf(error.cause);
  if (!(error instanceof Error) || !('error' in error)) return undefined;
  return codeText(Reflect.get(error, 'code')) ?? codeText(Reflect.get(error, 'type'));
}

/** A code as providers write them, a word or a number: it may be in logs. Anything else may be a text. */
export function codeText(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value) ? value : undefined;
}

/** The input may have more tokens than `maxInputTokens` allows. Nothing was sent. */
export class TokenBudgetExceededError extends OpenAIError {
  readonly code = 'token_budget_exceeded';
  /** Tokens, with the estimate's margin. */
  readonly estimate: number;
  /** `maxInputTokens`. */
  readonly limit: number;

  constructor(estimate: number, limit: number) {
    super(
      `The input has about ${estimate} tokens, and maxInputTokens allows ${limit}. Nothing was sent. Shorten the input, or ` +
        'raise maxInputTokens: for this call by callOptions({ maxInputTokens }), else on its route or the router.',
    );
    this.name = 'TokenBudgetExceededError';
    this.estimate = estimate;
    this.limit = limit;
  }
}

/**
 * Carries what was thrown while a request was made, before a connection was tried: by what the call brought, or by what
 * the deployment did. It never reaches an application.
 */
export class NotSentError extends Error {
  constructor(
    readonly by: 'call' | 'deployment',
    readonly error: Error,
  ) {
    super(`The request could not be made, because of the ${by}.`);
    this.name = 'NotSentError';
  }
}

/** Carries what an attempt threw, whatever it was, through the retry loop; it never reaches an application. */
export class AttemptFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    // Nobody sees where it was made, and to find that out costs more than all else that a failover does.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(failure.outcome);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'AttemptFailed';
    this.failure = failure;
  }
}

/** Not enumerable: a logger that prints an error's own properties does not print these. */
export function setHidden(target: object, key: string | symbol, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: false });
}
