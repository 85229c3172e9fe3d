/** A longer name is not a misspelling of a known one. */
const MAX_LENGTH = 128;

/** The names closest to `name` by edit distance, nearest first; only those close enough to be the intended name. */
export function nearest(name: string, names: Iterable<string>, max = 3): string[] {
  return within(name, names, Math.max(2, Math.floor(name.length / 3))).slice(0, max);
}

/** The names that differ from `name` by at most `limit` letters, nearest first. */
export function within(name: string, names: Iterable<string>, limit: number): string[] {
  if (name.length > MAX_LENGTH) return [];
  const wanted = name.toLowerCase();
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) > limit) continue;
    const distance = distanceWithin(wanted, candidate.toLowerCase(), limit);
    if (distance <= limit) found.push({ candidate, distance });
  }
  return found.sort((a, b) => a.distance - b.distance).map((each) => each.candidate);
}

/** The edit distance of two names, or more than `limit` as soon as it is known to be more. */
function distanceWithin(a: string, b: string, limit: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const distance = Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next.push(distance);
      if (distance < least) least = distance;
    }
    if (least > limit) return Number.POSITIVE_INFINITY;
    row = next;
  }
  return row[b.length] ?? 0;
}
