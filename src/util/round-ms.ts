/** Milliseconds to a tenth, as records have them: what is finer is noise. */
export const roundMs = (ms: number): number => Math.round(ms * 10) / 10;
