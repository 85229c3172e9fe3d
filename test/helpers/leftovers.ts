import { setTimeout as sleep } from 'node:timers/promises';

/** What keeps the process alive, by kind: sockets, servers, timers. */
export function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The kinds of which there are more now than there were. */
export function leftOver(before: Record<string, number>): string[] {
  return Object.entries(activeResources()).flatMap(([kind, now]) => {
    const more = now - (before[kind] ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

/** Waits until `read` gives nothing wrong, for at most a second, and returns what it gave last. */
export async function eventually<T>(read: () => T, isRight: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 1000;
  for (;;) {
    const value = read();
    if (isRight(value) || performance.now() > end) return value;
    await sleep(2);
  }
}
