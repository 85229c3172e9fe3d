/** An application's source of chance. Where it throws, or gives no number from 0 to 1, the machine's own stands in. */
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
