import type { Attempt, Reply } from '../types.js';

/**
 * Keeps the end of an answer that the caller may not get, for the attempt's bill. A stream forgets its text soon after
 * its end, so what it delivered is read now, or from its joined chunks.
 */
export function keepEnd(attempt: Attempt, { whole, onEnd }: Reply): void {
  onEnd(({ delivered, ...end }) => {
    const written = delivered?.();
    if (written === undefined) attempt.unused = end;
    else if (whole !== undefined) attempt.unused = { ...end, answer: whole };
    else {
      const { text, length } = written;
      attempt.unused = { ...end, delivered: () => ({ text, length }) };
    }
  });
}
