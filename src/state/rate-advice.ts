const LONGEST_MS = 60_000;
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

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

/** Servers send a number of seconds, a duration (`1m30s`, `250ms`), epoch seconds or milliseconds, or a date. */
function resetAt(text: string | null, now: number): number | undefined {
  if (text === null || text.length > 64) return undefined;
  const ms = durationOf(text.trim());
  return ms === undefined || ms < 0 ? undefined : now + Math.min(LONGEST_MS, ms);
}

function durationOf(text: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) {
    const value = Number(text);
    if (value > 1e12) return value - Date.now();
    return value > 1e9 ? value * 1000 - Date.now() : value * 1000;
  }
  if (/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) {
    const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g);
    return [...parts].reduce((sum, [, value, unit]) => sum + Number(value) * UNITS[unit as keyof typeof UNITS], 0);
  }
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - Date.now();
}
