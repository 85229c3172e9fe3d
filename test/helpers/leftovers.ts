import { setTimeout as sleep } from 'node:timers/promises';

/** The resources that keep the process alive, by kind: sockets, servers, timers. */
export function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The kinds of which there are more than before. */
function leftOver(before: Record<string, number>): string[] {
  return Object.entries(activeResources()).flatMap(([kind, now]) => {
    const more = now - (before[kind] ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

/** Waits until `isRight` accepts the result of `read`, for at most a second, and returns the last result. */
export async function eventually<T>(read: () => T, isRight: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 1000;
  for (;;) {
    const value = read();
    if (isRight(value) || performance.now() > end) return value;
    await sleep(2);
  }
}

/** What is left after at most a second. */
export const leftInTheEnd = (before: Record<string, number>): Promise<string[]> =>
  eventually(
    () => leftOver(before),
    (left) => left.length === 0,
  );

/** Requests that are still open after at most a second. */
export const openInTheEnd = (...upstreams: readonly { readonly open: number }[]): Promise<number> =>
  eventually(
    () => upstreams.reduce((sum, { open }) => sum + open, 0),
    (open) => open === 0,
  );
