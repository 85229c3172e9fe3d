import { callRecord } from 'model-router';
import { answer, type Choose } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { openRouter, ROUTE, settled } from './choosing.ts';
import { inVirtualTime } from './clock.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

const PRICES = {
  a: { input: 0.3, output: 1.5 },
  b: { input: 0.5, output: 0.5 },
  c: { input: 0.15, output: 2.5 },
};
type Id = keyof typeof PRICES;
const IDS: readonly Id[] = ['a', 'b', 'c'];
const USUAL_OUTPUT = 300;

/** S12: lowest cost, with lengths as estimated, and with others. */
export async function run(options: DrillOptions & { readonly calls: number }): Promise<DrillResult> {
  const exact = await regret(options.calls, options.seed, () => ({ input: 1, output: USUAL_OUTPUT }));
  options.onProgress?.(0.5);
  const estimated = await regret(options.calls, options.seed, (random) => ({
    // An estimate is up to 58 % too high; answers have any length.
    input: 0.63 + 0.5 * random(),
    output: Math.round(USUAL_OUTPUT * Math.exp(0.5 * gaussian(random))),
  }));
  return resultOf({
    drill: 'S12',
    faults: 'three prices, of which each is the cheapest for some calls; 20 to 8000 words of input',
    size: `${options.calls} calls each`,
    measured: { 'regret, exact lengths': 100 * exact, 'regret, estimates': 100 * estimated },
    targets: { 'regret, exact lengths': atMost(0, '%'), 'regret, estimates': atMost(5, '%') },
    broken: new Map(),
  });
}

/**
 * How much more was paid than at the cheapest. `lengths`: the true input as a share of the estimate, and the output.
 */
function regret(
  calls: number,
  seed: number,
  lengths: (random: () => number) => { input: number; output: number },
): Promise<number> {
  return inVirtualTime(async (clock) => {
    const random = mulberry32(seed);
    let usage = { inputTokens: 0, outputTokens: USUAL_OUTPUT };
    const script: Choose = () => answer({ usage });
    const router = openRouter({ a: script, b: script, c: script }, seed, {
      deployments: Object.fromEntries(IDS.map((id) => [id, { price: PRICES[id] }])),
      routes: { [ROUTE]: { deployments: IDS, strategy: 'lowest-cost' } },
    });
    let paid = 0;
    let least = 0;
    const learning = 20;
    for (let i = 0; i < learning + calls; i += 1) {
      const words = Math.round(20 * 400 ** random());
      const body = {
        model: ROUTE,
        messages: [{ role: 'user' as const, content: 'word '.repeat(words) }],
        max_tokens: 4000,
      };
      const { input, output } = lengths(random);
      usage = { inputTokens: Math.round(input * router.explain(body).inputTokens), outputTokens: output };
      const record = callRecord(await settled(clock, router.chat.completions.create(body)));
      // The median output is known after the first few.
      if (i < learning) continue;
      const costs = IDS.map((id) => (usage.inputTokens * PRICES[id].input + output * PRICES[id].output) / 1e6);
      paid += record?.costUsd ?? Number.NaN;
      least += Math.min(...costs);
    }
    void router.close();
    return Math.max(0, Math.round(1e9 * (paid / least - 1)) / 1e9);
  });
}

const gaussian = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
