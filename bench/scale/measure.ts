// How the curves are measured: CPU time of the main thread, which other processes do not add to, in turns; or counts.
export type Work = () => unknown;

/** One curve: `at` gives its figure at each of three sizes. */
export interface Curve {
  readonly name: string;
  readonly unit: string;
  /** What we aim for at the largest size. */
  readonly goal: string;
  readonly sizes: readonly [number, number, number];
  readonly at: (size: number) => Promise<number>;
}

/** CPU time of the main thread in milliseconds: some platforms count it in steps of 10 ms. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of CPU a call, over a turn of at least so many milliseconds. */
async function turn(work: Work, forMs: number): Promise<number> {
  const end = performance.now() + forMs;
  const before = cpuMs();
  let calls = 0;
  do {
    await work();
    calls += 1;
  } while (performance.now() < end);
  return (cpuMs() - before) / calls;
}

/** The median milliseconds of CPU that each of some works takes, in turns. */
export async function inTurns(works: readonly Work[], { turns = 9, turnMs = 200 } = {}): Promise<number[]> {
  for (const work of works) await turn(work, 2 * turnMs);
  const times = works.map((): number[] => []);
  for (let i = 0; i < turns; i += 1)
    for (const [at, work] of works.entries()) times[at]?.push(await turn(work, turnMs));
  return times.map(median);
}

const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

/** How much more the second takes than the first. */
export async function ratioOf(plain: Work, router: Work): Promise<number> {
  const [one = Number.NaN, other = Number.NaN] = await inTurns([plain, router]);
  return other / one;
}

/** The least milliseconds of some times: for what is done in one piece, and may be interrupted. */
export async function leastMs(times: number, work: Work): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i += 1) {
    const startedAt = performance.now();
    await work();
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}

/** The longest time that the event loop was held while `work` ran, in milliseconds. */
export async function longestHoldMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  let last = performance.now();
  const watch = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) setImmediate(watch);
  };
  setImmediate(watch);
  await work();
  watch();
  isDone = true;
  return longest;
}

/** Bytes on the heap, and beside it, after a full collection. */
export async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
