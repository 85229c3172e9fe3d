const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A UTC hour, day or month: no hour repeats, and a day ends at the same time everywhere. */
export type CalendarUnit = 'hour' | 'day' | 'month';

/** The number of the hour, day or month that contains a `Date.now()` time. */
export function numberOf(unit: CalendarUnit, at: number): number {
  if (unit === 'hour') return Math.floor(at / HOUR);
  if (unit === 'day') return Math.floor(at / DAY);
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** The `Date.now()` time at which it starts. */
export function startOf(unit: CalendarUnit, number: number): number {
  if (unit === 'hour') return number * HOUR;
  if (unit === 'day') return number * DAY;
  return Date.UTC(Math.floor(number / 12), number % 12);
}
