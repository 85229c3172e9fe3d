/** Rounds to a tenth of a millisecond, for records: finer values are noise. */
export const roundMs = (ms: number): number => Math.round(ms * 10) / 10;
