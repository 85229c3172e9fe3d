import { answer, type Choose, hang } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { atRate, MESSAGES, openRouter, ROUTE, settled } from './choosing.ts';
import { inVirtualTime } from './clock.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

const PER_SECOND = 20;

/** S17: shadow traffic that hangs, beside the same calls without shadow traffic. */
export async function run(options: DrillOptions & { readonly calls: number }): Promise<DrillResult> {
  const { calls, seed, onProgress } = options;
  const plain = await load(calls, seed, false);
  onProgress?.(0.5);
  const shadowed = await load(calls, seed, true);
  return resultOf({
    drill: 'S17',
    faults: 'every call is sent to a shadow deployment too, which hangs; answers take 50 to 950 ms',
    size: `${calls} calls, whole answers and streams, beside the same without shadow`,
    measured: {
      'calls whose time changed': shadowed.took.filter((ms, i) => ms !== plain.took[i]).length,
      failed: calls - shadowed.answered,
      'timers left': shadowed.timers,
      'shadow calls': shadowed.shadows,
    },
    targets: {
      'calls whose time changed': atMost(0, 'calls'),
      failed: atMost(0, 'calls'),
      'timers left': atMost(0, 'timers'),
      'shadow calls': { least: 1, margin: 0, unit: 'calls' },
    },
    broken: new Map(),
  });
}

function load(calls: number, seed: number, isShadowed: boolean) {
  return inVirtualTime(async (clock) => {
    const random = mulberry32(seed + 3);
    let shadows = 0;
    const primary: Choose = () => answer({ latencyMs: 50 + Math.floor(900 * random()) });
    const better: Choose = () => {
      shadows += 1;
      return hang();
    };
    const shadow = { deployment: 'better', share: 1, maxConcurrent: 50, compare: () => true };
    const router = openRouter({ primary, better }, seed, {
      routes: { [ROUTE]: { deployments: ['primary'], ...(isShadowed && { shadow }) } },
      deadlineMs: 5000,
    });
    const took: number[] = [];
    let answered = 0;
    await atRate(clock, { perSecond: PER_SECOND, calls }, async (index) => {
      const startedAt = performance.now();
      const stream = index % 3 === 0;
      const reply = await router.chat.completions.create({ model: ROUTE, messages: MESSAGES, stream });
      if (Symbol.asyncIterator in reply) for await (const _ of reply);
      took[index] = performance.now() - startedAt;
      answered += 1;
    });
    await clock.finishMoment();
    await settled(clock, router.close());
    return { took, answered, shadows, timers: clock.timers };
  });
}
