import { durationOf } from '../util/duration.js';

const LONGEST_MS = 60_000;

interface Left {
  readonly requests: number | undefined;
  readonly tokens: number | undefined;
  /** `performance.now()` times. */
  readonly requestsResetAt: number | undefined;
  readonly tokensResetAt: number | undefined;
}

/**
 * The remaining quota from a provider's `x-ratelimit-*` headers. It is only advice: it puts a deployment after the
 * others, and never excludes one.
 */
export class RateAdvice {
  #left: Left | undefined;

  read(headers: Headers, now: number): void {
    const requests = countOf(headers, 'x-ratelimit-remaining-requests');
    const tokens = countOf(headers, 'x-ratelimit-remaining-tokens');
    if (requests === undefined && tokens === undefined) return;
    this.#left = {
      requests,
      tokens,
      requestsResetAt: resetAt(headers.get('x-ratelimit-reset-requests'), now),
      tokensResetAt: resetAt(headers.get('x-ratelimit-reset-tokens'), now),
    };
  }

  /** Whether nothing is left until the given reset, at most a minute away. */
  isDepleted(now: number): boolean {
    const left = this.#left;
    if (left === undefined) return false;
    const isOut = (count: number | undefined, at: number | undefined) => count === 0 && at !== undefined && now < at;
    return isOut(left.requests, left.requestsResetAt) || isOut(left.tokens, left.tokensResetAt);
  }
}

function countOf(headers: Headers, name: string): number | undefined {
  const text = headers.get(name);
  // Some servers send -1 for "no limit".
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function resetAt(text: string | null, now: number): number | undefined {
  if (text === null || text.length > 64) return undefined;
  const ms = durationOf(text.trim());
  return ms === undefined || ms < 0 ? undefined : now + Math.min(LONGEST_MS, ms);
}
