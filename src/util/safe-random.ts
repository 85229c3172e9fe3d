/** The application's source of randomness. If it throws, or returns no number from 0 to 1, `Math.random` is used. */
export function trusted(random: () => number): () => number {
  return function trusted() {
    try {
      const drawn = random();
      if (drawn >= 0 && drawn <= 1) return drawn;
    } catch {
      // Its fault, not the call's.
    }
    return Math.random();
  };
}
