let second = Number.NaN;
let prefix = '';

/** The time now, as `Date.prototype.toISOString` writes it. It formats the second once, because each call has such a time. */
export function isoNow(): string {
  const ms = Date.now();
  const start = ms - (ms % 1000);
  if (start !== second) {
    second = start;
    prefix = new Date(start).toISOString().slice(0, -4);
  }
  return `${prefix}${String(ms - start).padStart(3, '0')}Z`;
}
