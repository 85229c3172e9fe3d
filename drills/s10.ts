import { callOptions, callRecord, type ModelRouter } from 'model-router';
import { answer } from 'model-router/testing';
import { atRate, MESSAGES, openRouter, ROUTE } from './choosing.ts';
import { inVirtualTime } from './clock.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

const WEIGHTS = { a: 70, b: 25, c: 5 };
/** The variants of `user-0` to `user-99`, in every process, version and language. */
const GOLDEN = 'baaabaabbcabcaabaaaaaaaabbabbabaaabaaaaaabaaaaabaaaabaaaabcaaaaaabaaaabbcaabaaababaaaaaaaaabaaaaaaaa';

const scripts = { a: () => answer(), b: () => answer(), c: () => answer() };
const open = (seed: number, weights: Readonly<Record<string, number>>) =>
  openRouter(scripts, seed, {
    routes: { [ROUTE]: { deployments: Object.keys(weights), strategy: { by: 'weighted', weights } } },
  });

const body = { model: ROUTE, messages: MESSAGES };
const variantOf = (router: ModelRouter, assignmentKey: string) =>
  router.explain(body, { assignmentKey }).deployments[0]?.id ?? '';

/** S10: weighted shares, and the keys that a change of weights moves. */
export function run(options: DrillOptions & { readonly calls: number; readonly keys: number }): Promise<DrillResult> {
  const { calls, keys, seed, onProgress } = options;
  return inVirtualTime(async (clock) => {
    const router = open(seed, WEIGHTS);
    const counts = new Map<string, number>();
    await atRate(clock, { perSecond: 1000, calls }, async (index) => {
      if (index % 1000 === 0) onProgress?.(index / calls);
      const options = index % 2 === 0 ? {} : { assignmentKey: `user-${index}` };
      const variant = callRecord(await router.chat.completions.create(body, callOptions(options)))?.variant ?? '';
      counts.set(variant, (counts.get(variant) ?? 0) + 1);
    });
    const sigmas = Object.entries(WEIGHTS).map(([id, weight]) => {
      const share = weight / 100;
      return Math.abs((counts.get(id) ?? 0) - calls * share) / Math.sqrt(calls * share * (1 - share));
    });
    const golden = Array.from({ length: 100 }, (_, i) => variantOf(router, `user-${i}`));
    const [before, after] = [open(seed, { a: 1, b: 1 }), open(seed, { a: 1, b: 1.5 })];
    let moved = 0;
    for (let i = 0; i < keys; i += 1) if (variantOf(before, `user-${i}`) !== variantOf(after, `user-${i}`)) moved += 1;
    const d = 1.5 / 2.5 - 1 / 2;
    const least = (2 * d) / (1 + d);
    for (const each of [router, before, after]) void each.close();
    return resultOf({
      drill: 'S10',
      faults: 'none: weights 70, 25 and 5, half of the calls with keys; then 1:1 becomes 1:1.5',
      size: `${calls} calls, ${keys} keys`,
      measured: {
        'furthest from its share, in sigmas': Math.max(...sigmas),
        'keys moved, of the fewest': moved / keys / least,
        'keys elsewhere than they were': golden.filter((id, i) => id !== GOLDEN[i]).length,
      },
      targets: {
        'furthest from its share, in sigmas': atMost(3, 'x'),
        'keys moved, of the fewest': {
          ...atMost(1.05, 'x'),
          margin: (3.09 * Math.sqrt((least * (1 - least)) / keys)) / least,
        },
        'keys elsewhere than they were': atMost(0, 'times'),
      },
      broken: new Map(),
    });
  });
}
