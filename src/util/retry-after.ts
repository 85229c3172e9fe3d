import { durationOf } from './duration.js';

/** The longest pause that a server can request. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Longer values are nonsense, and are ignored. */
const MAX_LENGTH = 64;

/**
 * The pause that a server requests, in milliseconds: `retry-after-ms`, or `retry-after` as seconds (`1`, `1.5`, `1s`)
 * or as an HTTP date, by the server's own clock if the answer has a `date`. If a proxy has doubled the header (`1, 1`),
 * the first value counts. Nonsense (negative, not finite, in the past, unreadable) is `undefined`; 60 s is the maximum.
 */
export function parseRetryAfter(headers: Headers): number | undefined {
  return (
    inMs(number(readable(headers.get('retry-after-ms')), /^ms$/i)) ??
    secondsOrDate(readable(headers.get('retry-after')), headers)
  );
}

/**
 * The pause that an error body requests, in milliseconds. One of more than 60 s is `undefined`: it is the reset of a
 * daily limit, for which no call can wait.
 */
export function parseRequestedWait(value: string | number): number | undefined {
  const text = readable(String(value));
  const ms = text === undefined ? undefined : durationOf(text);
  return ms !== undefined && ms <= MAX_RETRY_AFTER_MS ? inMs(ms) : undefined;
}

function readable(value: string | null): string | undefined {
  const text = value?.trim();
  return text === undefined || text === '' || text.length > MAX_LENGTH ? undefined : text;
}

function secondsOrDate(value: string | undefined, headers: Headers): number | undefined {
  if (value === undefined) return undefined;
  const seconds = number(value, /^s$/i);
  if (seconds !== undefined) return inMs(seconds * 1000);
  if (!/[a-z]/i.test(value)) return undefined;
  // The clock of this machine may be wrong, as after a virtual machine slept.
  const now = Date.parse(headers.get('date') ?? '');
  return inMs(Date.parse(value) - (Number.isNaN(now) ? Date.now() : now));
}

/** The leading number, if only its unit or a comma follows. */
function number(value: string | undefined, unit: RegExp): number | undefined {
  if (value === undefined) return undefined;
  const [, digits, rest = ''] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([^\s,]*)\s*(?:,.*)?$/i.exec(value) ?? [];
  return digits !== undefined && (rest === '' || unit.test(rest)) ? Number(digits) : undefined;
}

function inMs(ms: number | undefined): number | undefined {
  return ms !== undefined && Number.isFinite(ms) && ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
}
