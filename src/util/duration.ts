const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * How long from now, in milliseconds: a number of seconds, a duration (`1m30s`, `250ms`), epoch seconds or milliseconds,
 * or a date. `undefined` if unreadable.
 */
export function durationOf(text: string): number | undefined {
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
