import { callRecord } from 'model-router';
import { answer, type Choose, fail } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { atRate, MESSAGES, openRouter, ROUTE } from './choosing.ts';
import { inVirtualTime } from './clock.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

const SIGMA = 0.45;
const SLOW = { share: 0.02, factor: 8 };
/** The mean of an answer, as a multiple of the median. */
const MEAN = Math.exp(SIGMA ** 2 / 2) * (1 + SLOW.share * (SLOW.factor - 1));
const SWAP_S = 120;
const USAGE = { inputTokens: 100, outputTokens: 150 };

/** Median milliseconds by deployment; a deployment without one answers 429 in 5 ms. */
type Medians = (second: number) => Readonly<Record<string, number | undefined>>;
const steady: Medians = () => ({ slow: 900, fast: 350, middle: 500 });
const swapped: Medians = (second) => (second < SWAP_S ? steady(0) : { slow: 350, fast: 900, middle: 500 });
const refusing: Medians = () => ({ slow: 900, fast: undefined, middle: 500 });

interface Chosen {
  readonly second: number;
  readonly id: string;
}

/** S11: lowest latency at rest, after the fastest becomes the slowest, and beside one that refuses quickly. */
export async function run(options: DrillOptions & { readonly seconds: number }): Promise<DrillResult> {
  const { seconds, seed, onProgress } = options;
  const runs = [2, 5, 20] as const;
  let atRest = 0;
  for (const [i, perSecond] of runs.entries()) {
    atRest = Math.max(atRest, excess(await chosen(perSecond, seconds, steady, seed + i), steady));
    onProgress?.((i + 1) / 6);
  }
  let afterSwap = 0;
  const back: number[] = [];
  for (const [i, perSecond] of [20, 5].entries()) {
    const calls = (await chosen(perSecond, SWAP_S + seconds, swapped, seed + 10 + i)).filter(
      ({ second }) => second >= SWAP_S,
    );
    afterSwap = Math.max(afterSwap, excess(calls, swapped));
    back.push(backAfter(calls, perSecond));
    onProgress?.((4 + i) / 6);
  }
  const refused = await chosen(20, seconds, refusing, seed + 20);
  // The wait for the next probe doubles from 1 s to 60 s: six in the first minute, then one a minute.
  const probes = 7 + Math.ceil(seconds / 60);
  const toRefusing = refused.filter(({ id }) => id === 'fast').length;
  return resultOf({
    drill: 'S11',
    faults: `medians 900, 350 and 500 ms, sigma ${SIGMA}, 2 % take 8 times as long; the fastest and the slowest swap after ${SWAP_S} s; or the fastest answers 429 in 5 ms`,
    size: `${seconds} s each at 2, 5 and 20 calls/s`,
    measured: {
      'at rest, over the fastest': 100 * atRest,
      'after a swap': 100 * afterSwap,
      'back at 20/s': 1000 * (back[0] ?? 0),
      'back at 5/s': 1000 * (back[1] ?? 0),
      'calls to one that refuses': toRefusing,
    },
    targets: {
      // The cost of learning weighs more in a short run.
      'at rest, over the fastest': { ...atMost(10, '%'), margin: 100 / Math.sqrt(2 * seconds) },
      'after a swap': { ...atMost(15, '%'), margin: 100 / Math.sqrt(5 * seconds) },
      'back at 20/s': atMost(10_000, 'ms'),
      'back at 5/s': atMost(30_000, 'ms'),
      'calls to one that refuses': atMost(probes, 'calls'),
    },
    broken: new Map(),
  });
}

/** The deployment that each call tried first. */
function chosen(perSecond: number, seconds: number, medians: Medians, seed: number): Promise<Chosen[]> {
  return inVirtualTime(async (clock) => {
    const random = mulberry32(seed + 100);
    const script =
      (id: string): Choose =>
      () => {
        const median = medians(performance.now() / 1000)[id];
        if (median === undefined) return fail(429, { latencyMs: 5 });
        const gaussian = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
        const slow = random() < SLOW.share ? SLOW.factor : 1;
        return answer({ latencyMs: median * Math.exp(SIGMA * gaussian) * slow, usage: USAGE });
      };
    const ids = Object.keys(steady(0));
    const router = openRouter(Object.fromEntries(ids.map((id) => [id, script(id)])), seed, {
      routes: { [ROUTE]: { deployments: ids, strategy: 'lowest-latency' } },
    });
    const calls: Chosen[] = [];
    await atRate(clock, { perSecond, calls: seconds * perSecond }, async () => {
      const second = performance.now() / 1000;
      const promise = router.chat.completions.create({ model: ROUTE, messages: MESSAGES });
      const id = callRecord(await promise)?.attempts[0]?.deployment;
      if (id !== undefined) calls.push({ second, id });
    });
    void router.close();
    return calls.sort((a, b) => a.second - b.second);
  });
}

/** How much longer calls took at the mean of their deployments than at the fastest. */
function excess(calls: readonly Chosen[], medians: Medians): number {
  const mean = ({ second, id }: Chosen) => MEAN * (medians(second)[id] ?? 0);
  const best = ({ second }: Chosen) =>
    MEAN * Math.min(...Object.values(medians(second)).map((ms) => ms ?? Number.POSITIVE_INFINITY));
  const sum = (of: (call: Chosen) => number) => calls.reduce((total, call) => total + of(call), 0);
  return sum(mean) / sum(best) - 1;
}

/** Seconds after the swap until eight of ten calls in a row go to the new fastest. */
function backAfter(calls: readonly Chosen[], perSecond: number): number {
  const at = calls.findIndex((_, i) => {
    const next = calls.slice(i, i + Math.max(10, perSecond));
    return next.filter(({ id }) => id === 'slow').length >= 0.8 * next.length;
  });
  return at === -1 ? Number.POSITIVE_INFINITY : (calls[at]?.second ?? 0) - SWAP_S;
}
