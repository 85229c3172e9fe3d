import { describe, type Reading } from '../classify.js';
import type { ClassifyError, UpstreamError } from '../options/options.js';
import { ERROR_OUTCOMES, type ErrorOutcome } from '../protocol/error-outcomes.js';
import { readNeeds } from '../protocol/requirements.js';
import { CALLER_OUTCOMES } from '../telemetry/call-outcome.js';
import type { Outcome } from '../telemetry/record-types.js';
import type { Attempt, Failure } from '../types.js';
import { show } from '../util/check.js';
import { ignoreRejection } from '../util/ignore-rejection.js';

const WARN_EVERY_MS = 60_000;
/**
 * After these outcomes the call continues in the same way, and the caller sees the error itself, so no warning is
 * needed.
 */
const UNREMARKABLE: ReadonlySet<Outcome> = new Set(['invalid-answer', ...CALLER_OUTCOMES]);

/** Classifies upstream errors: the application's `classifyError` first, then the router's tables. */
export class ErrorReader {
  #hasWarned = false;
  readonly #warnedAt = new Map<string, number>();

  constructor(readonly classifyError: ClassifyError | undefined) {}

  /** How to read an error of this attempt. */
  readingFor(attempt: Attempt): Reading {
    const namesStored = () => readNeeds(attempt.call.body).storedIds.length > 0;
    return this.classifyError === undefined
      ? { namesStored }
      : { namesStored, named: (error) => this.#classify(attempt, error) };
  }

  /** Only the error's text decided the outcome, for this call alone, so the operator should know. */
  warnIfFromText({ call, target }: Attempt, { outcome, isFromText, status, endedAt }: Failure): void {
    if (!isFromText || UNREMARKABLE.has(outcome)) return;
    const { id } = target.state;
    const key = `${outcome} ${id}`;
    if (endedAt - (this.#warnedAt.get(key) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return;
    this.#warnedAt.set(key, endedAt);
    call.log.warn(
      `${id} answered ${status ?? 'an error'}; only its wording says "${outcome}", so other calls are not affected. ` +
        'If that is right, let classifyError return it.',
    );
  }

  /** A key function, headers or a hook of a client failed. No server is to blame, so nothing else reports it. */
  warnNotSent({ call, target }: Attempt, { error, endedAt }: Failure): void {
    const { id } = target.state;
    const key = `not-sent ${id}`;
    if (endedAt - (this.#warnedAt.get(key) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return;
    this.#warnedAt.set(key, endedAt);
    call.log.warn(
      `${id} could not be called: no request could be made with its key function, headers, \`adapt\` and client (${describe(error)}). Nothing was sent.`,
    );
  }

  #classify({ call, target }: Attempt, error: Omit<UpstreamError, 'deployment'>): ErrorOutcome | undefined {
    const { classifyError } = this;
    try {
      const outcome: unknown = classifyError?.({ ...error, deployment: target.state.id });
      if (outcome === undefined || isErrorOutcome(outcome)) return outcome;
      ignoreRejection(outcome);
      this.#warn(call.log, `it returned ${typeof outcome === 'string' ? show(outcome) : typeof outcome}`);
    } catch {
      this.#warn(call.log, 'it threw an error');
    }
    return undefined;
  }

  #warn(log: Attempt['call']['log'], what: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    log.warn(
      `classifyError is ignored where it fails: ${what}, and may return undefined or one of ` +
        `${ERROR_OUTCOMES.join(', ')}. This warning appears once.`,
    );
  }
}

function isErrorOutcome(value: unknown): value is ErrorOutcome {
  return ERROR_OUTCOMES.some((outcome) => outcome === value);
}
