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

export function toUsd(nano: number): number {
  return nano / NANO;
}
