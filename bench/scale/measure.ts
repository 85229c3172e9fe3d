// How the curves are measured: CPU time of the main thread, which excludes other processes, in turns; or counts.
export type Work = () => unknown;

/** One curve: `at` gives its figure at each of some sizes. */
export interface Curve {
  readonly name: string;
  readonly unit: string;
  /** The goal for the largest size. */
  readonly goal: string;
  readonly sizes: readonly number[];
  readonly at: (size: number) => Promise<number>;
}

/** CPU time of the main thread in milliseconds: some platforms count it in steps of 10 ms. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of CPU per call, over a turn of at least this many milliseconds. */
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

/** As long as in `pairs.ts`: before that, much of a call still runs as code that the engine has not optimized. */
const WARM_UP_MS = 1000;

/** The median CPU time of each function in milliseconds, in turns. */
export async function inTurns(works: readonly Work[], { turns = 9, turnMs = 200 } = {}): Promise<number[]> {
  for (const work of works) await turn(work, WARM_UP_MS);
  const times = works.map((): number[] => []);
  for (let i = 0; i < turns; i += 1)
    for (const [at, work] of works.entries()) times[at]?.push(await turn(work, turnMs));
  return times.map(median);
}

const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

/** How many times as long the second function takes. */
export async function ratioOf(plain: Work, router: Work): Promise<number> {
  const [one = Number.NaN, other = Number.NaN] = await inTurns([plain, router]);
  return other / one;
}

/** The shortest of several runs in milliseconds: for work in one piece that may be interrupted. */
export async function leastMs(times: number, work: Work): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i += 1) {
    const startedAt = performance.now();
    await work();
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}

/** The longest time that `work` blocked the event loop, in milliseconds. */
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

/** Bytes on and off the heap, after a full collection. */
export async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
