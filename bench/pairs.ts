// Compares two functions in turns in one process, so that a noisy moment of the machine affects both.
export type Work = () => Promise<unknown>;

export interface Figures {
  /** Microseconds. */
  readonly p50: number;
  readonly cpu: number;
}

export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  readonly plain: Figures;
  readonly router: Figures;
  readonly p50: Interval;
  readonly cpu: Interval;
  readonly addedCpu: Interval;
  /** Microseconds that the median call takes longer, by the tenth of the turns with the quietest neighbours. */
  readonly addedQuietly: number;
}

const gc: () => void =
  'gc' in globalThis && typeof globalThis.gc === 'function' ? () => void globalThis.gc?.() : () => {};

async function turn(work: Work, ms: number, concurrency: number): Promise<Figures> {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const end = performance.now() + ms;
  const loop = async () => {
    while (performance.now() < end) {
      const startedAt = performance.now();
      await work();
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const { user, system } = process.cpuUsage(cpu);
  return { p50: quantile(latencies, 0.5) * 1000, cpu: (user + system) / latencies.length };
}

export async function compare(
  plain: Work,
  router: Work,
  { pairs = 30, ms = 250, concurrency = 1 } = {},
): Promise<Comparison> {
  await turn(plain, 1000, concurrency);
  await turn(router, 1000, concurrency);
  const results: { plain: Figures; router: Figures }[] = [];
  // Once, not before each pair: a forced collection discards optimized code, which no server does to itself.
  gc();
  for (let i = 0; i < pairs; i++) {
    // The first one pays for the other's garbage, so they alternate in that too.
    const first = await turn(i % 2 === 0 ? plain : router, ms, concurrency);
    const second = await turn(i % 2 === 0 ? router : plain, ms, concurrency);
    results.push(i % 2 === 0 ? { plain: first, router: second } : { plain: second, router: first });
  }
  const quiet = (values: number[]) => quantile(values, 0.1);
  const over = (read: (result: { plain: Figures; router: Figures }) => number) => interval(results.map(read));
  return {
    plain: { p50: over((r) => r.plain.p50).median, cpu: over((r) => r.plain.cpu).median },
    router: { p50: over((r) => r.router.p50).median, cpu: over((r) => r.router.cpu).median },
    p50: over((r) => r.router.p50 / r.plain.p50),
    cpu: over((r) => r.router.cpu / r.plain.cpu),
    addedCpu: over((r) => r.router.cpu - r.plain.cpu),
    addedQuietly: quiet(results.map((r) => r.router.p50)) - quiet(results.map((r) => r.plain.p50)),
  };
}

/** The median, and the order statistics around it with 95 % confidence. */
function interval(values: number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const reach = 0.98 * Math.sqrt(sorted.length);
  const at = (index: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(index)))] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: quantile(sorted, 0.5), low: at(middle - reach), high: at(middle + reach) };
}

function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}
