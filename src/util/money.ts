/** Money is added up in whole billionths of a dollar: sums of floats drift, and what was reserved must come back to 0. */
const NANO = 1e9;

/** Rounded to the nearest. */
export function toNano(usd: number): number {
  return Math.round(usd * NANO);
}

/** Rounded up: what is reserved must never fall short. What is a hair above a whole number is that number. */
export function toNanoUp(usd: number): number {
  return Math.ceil(usd * NANO - 1e-4);
}

/** Dollars as people read them: cents from a dollar on, below that two significant digits. */
export function showUsd(usd: number): string {
  if (usd < 0) return `-${showUsd(-usd)}`;
  const digits = usd >= 1 || usd === 0 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

export function toUsd(nano: number): number {
  return nano / NANO;
}
