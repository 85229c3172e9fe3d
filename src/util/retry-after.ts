/** No server keeps us away for longer than this. */
const MOST_MS = 60_000;

/**
 * How long a server asks us to stay away, in milliseconds: `retry-after-ms`, or `retry-after` as seconds or as an
 * HTTP date. Nonsense (negative, not finite, in the past, unreadable) is `undefined`; 60 s is the most.
 */
export function parseRetryAfter(headers: Headers): number | undefined {
  return inMs(number(headers.get('retry-after-ms'))) ?? secondsOrDate(headers.get('retry-after')?.trim());
}

function secondsOrDate(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  const seconds = number(value);
  if (seconds !== undefined) return inMs(seconds * 1000);
  return /[a-z]/i.test(value) ? inMs(Date.parse(value) - Date.now()) : undefined;
}

function number(value: string | null): number | undefined {
  if (value === null || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return undefined;
  return Number(value);
}

function inMs(ms: number | undefined): number | undefined {
  return ms !== undefined && Number.isFinite(ms) && ms > 0 ? Math.min(ms, MOST_MS) : undefined;
}
