/** The application's random source. If it throws, or returns no number from 0 to 1, `Math.random` is used. */
export function safeRandom(random: () => number): () => number {
  return function drawSafely() {
    try {
      const drawn = random();
      if (drawn >= 0 && drawn <= 1) return drawn;
    } catch {
      // The random source's error must not fail the call.
    }
    return Math.random();
  };
}
