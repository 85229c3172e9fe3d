/**
 * Amounts are added up in whole billionths of a dollar: sums of floats drift, and reservations must return to exactly
 * 0.
 */
const NANO = 1e9;

/** Rounded to the nearest. */
export function toNano(usd: number): number {
  return Math.round(usd * NANO);
}

/** Rounded up, because a reservation must never be too low. A value a hair above a whole number is that number. */
export function toNanoUp(usd: number): number {
  return Math.ceil(usd * NANO - 1e-4);
}

/** Dollars for people: cents from one dollar on, below that two significant digits. */
export function showUsd(usd: number): string {
  if (usd < 0) return `-${showUsd(-usd)}`;
  const digits = usd >= 1 || usd === 0 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

export function toUsd(nano: number): number {
  return nano / NANO;
}

/** An estimate for people and events: in whole billionths, rounded up as its reservation is. */
export function roundUpUsd(usd: number): number {
  return toUsd(toNanoUp(usd));
}
