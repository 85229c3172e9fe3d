import { APIConnectionError, APIConnectionTimeoutError, OpenAIError, RateLimitError } from 'openai';
import type { Failure } from './types.js';
import { formatStack, withoutStacks } from './util/stack.js';

/** An invalid option. The message names the option, the value and the allowed values. */
export class InvalidOptionError extends OpenAIError {
  readonly code = 'invalid_option';
  /** The option, as a path: `routes.standard.deadlineMs`. */
  readonly option: string;

  /** `cause`: the error that a function of the application threw. */
  constructor(option: string, message: string, cause?: unknown) {
    super(`${option}: ${message}`);
    this.name = 'InvalidOptionError';
    this.option = option;
    if (cause !== undefined) setHidden(this, 'cause', cause);
  }
}

/** The call did not finish before its deadline. `cause` is the last upstream error, if any. */
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

/** No deployment can take the call: region, capability, refusal, or a closed router. */
export class NoDeploymentAvailableError extends APIConnectionError {
  override readonly code = 'no_deployment_available';

  constructor(message: string, cause?: Error) {
    super({ message, cause });
    this.name = 'NoDeploymentAvailableError';
  }
}

/** All eligible deployments are full, and the queue has no room for the call or would be too slow. Nothing was sent. */
export class CapacityExceededError extends RateLimitError {
  override readonly code = 'capacity_exceeded';

  constructor(message: string) {
    super(429, { message, code: 'capacity_exceeded', type: 'capacity_exceeded' }, message, new Headers());
    this.name = 'CapacityExceededError';
  }
}

/** What a call could cost, and the limit that it exceeds. Amounts are US dollars. */
export interface SpendLimit {
  /** `maxCostUsd`, or the budget in words: `$400 a month`. */
  readonly budget: string;
  /** The highest cost that the call could have. */
  readonly estimateUsd: number;
  readonly limitUsd: number;
  /** The unused part of the limit. */
  readonly leftUsd: number;
  /** When enough may be available: ISO 8601; `null` if that is unknown or never. */
  readonly resetsAt: string | null;
}

/** The call could cost more than `maxCostUsd`, or more than a budget has left. Nothing was sent. */
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
 * The upstream answered 200 without a usable answer: an empty body, a web page, an unknown error, a completion without
 * content. `cause` is the upstream's own error, if it sent one.
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
 * A stream broke after its first content. `partial` holds the chunks that arrived. The router does not retry or fail
 * over at this point. `partial` and `text` are not enumerable, so loggers do not print them.
 */
export class StreamInterruptedError extends APIConnectionError {
  override readonly code = 'stream_interrupted';
  readonly reason: InterruptionReason;
  /** The upstream's own error code (else its type), if it sent one: `server_error`, `overloaded`, `1302`. */
  readonly upstreamCode: string | undefined;
  /** The delivered chunks, in order. A long stream keeps the chunks with the last 256 KiB of text. */
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
    formatStack(this);
    if (cause !== undefined) formatStack(cause);
  }
}

/** The code (else the type) of an error that the upstream sent. */
export function upstreamCodeOf(error: unknown): string | undefined {
  if (error instanceof InvalidAnswerError) return upstreamCodeOf(error.cause);
  if (!(error instanceof Error) || !('error' in error)) return undefined;
  return codeText(Reflect.get(error, 'code')) ?? codeText(Reflect.get(error, 'type'));
}

/** Returns a code that is safe to log: a single word or a number. Anything else may be text from a prompt. */
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
 * Carries an error from before the connection attempt: the call's own input or the deployment's configuration caused
 * it. It never reaches an application.
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

/** Carries an attempt's error through the retry loop. It never reaches an application. */
export class AttemptFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    // This stack is never shown, and capturing it costs more than the rest of a failover.
    const restore = withoutStacks();
    super(failure.outcome);
    restore();
    this.name = 'AttemptFailed';
    this.failure = failure;
  }
}

/** Not enumerable: a logger that prints an error's own properties does not print these. */
export function setHidden(target: object, key: string | symbol, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: false });
}
