import { callOptions, callRecord } from 'model-router';
import { answer, type Choose } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { atRate, MESSAGES, openRouter, ROUTE } from './choosing.ts';
import { inVirtualTime } from './clock.ts';
import { atMost, type DrillOptions, type DrillResult, p99, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const MEDIAN_MS = 500;
const SIGMA = 0.45;
const PREMIUM_PER_SECOND = 2;
const OVERLOAD = 3;

/** S15: premium calls while standard calls arrive at three times the capacity of the slots. */
export async function run(
  options: DrillOptions & { readonly minutes: number; readonly slots: number },
): Promise<DrillResult> {
  const { minutes, slots, seed, onProgress } = options;
  const idle = await load({ minutes, slots, seed, standardPerSecond: 0 });
  onProgress?.(0.1);
  const capacity = slots / ((MEDIAN_MS * Math.exp(SIGMA ** 2 / 2)) / 1000);
  const busy = await load({ minutes, slots, seed, standardPerSecond: OVERLOAD * capacity });
  const idleMs = idle.premium.quantile(0.99);
  const { premium, standard } = busy;
  const isOf = 60 * minutes * (capacity - PREMIUM_PER_SECOND);
  return resultOf({
    drill: 'S15',
    faults: `${slots} slots, median ${MEDIAN_MS} ms, sigma ${SIGMA}; standard at ${OVERLOAD} times capacity`,
    size: `${premium.calls} premium and ${standard.calls} standard calls in ${minutes} minutes`,
    measured: {
      'premium p99': premium.quantile(0.99),
      'premium p99, idle': idleMs,
      'premium failed': premium.failed,
      'standard of what fits': (100 * standard.answered) / isOf,
      'standard sent in vain': (100 * busy.sentInVain) / standard.calls,
      'standard queued in vain': (100 * busy.queuedInVain) / standard.calls,
    },
    targets: {
      'premium p99': p99(1.1 * idleMs, premium),
      'premium failed': atMost(0, 'calls'),
      'standard of what fits': { least: 90, margin: 100 / Math.sqrt(isOf), unit: '%' },
    },
    broken: busy.inFlight === 0 ? new Map() : new Map([['in flight at rest', busy.inFlight]]),
  });
}

interface Load {
  readonly minutes: number;
  readonly slots: number;
  readonly seed: number;
  readonly standardPerSecond: number;
}

function load({ minutes, slots, seed, standardPerSecond }: Load) {
  return inVirtualTime(async (clock) => {
    // Premium calls take equally long in both loads, so that only the wait for a slot differs.
    const random = { premium: mulberry32(seed + 7), standard: mulberry32(seed + 8) };
    const script: Choose = ({ headers }) => {
      const draw = random[headers['x-request-priority'] === 'high' ? 'premium' : 'standard'];
      const gaussian = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
      return answer({ latencyMs: MEDIAN_MS * Math.exp(SIGMA * gaussian) });
    };
    const router = openRouter({ only: script }, seed, {
      deployments: { only: { maxConcurrent: slots } },
      routes: { [ROUTE]: ['only'] },
      deadlineMs: 10_000,
    });
    const tallies = { premium: new Tally(), standard: new Tally() };
    let sentInVain = 0;
    let queuedInVain = 0;
    const call = (priority: 'premium' | 'standard') => async () => {
      const startedMs = performance.now();
      const promise = router.chat.completions.create({ model: ROUTE, messages: MESSAGES }, callOptions({ priority }));
      const end = (error?: unknown) => {
        const tookMs = performance.now() - startedMs;
        const record = callRecord(promise);
        tallies[priority].add({ startedMs, tookMs, error, record });
        if (error === undefined) return;
        if (record?.attempts.length !== 0) sentInVain += 1;
        else if (tookMs > 0) queuedInVain += 1;
      };
      await promise.then(() => end(), end);
    };
    const seconds = 60 * minutes;
    const streams = [
      atRate(clock, { perSecond: PREMIUM_PER_SECOND, calls: PREMIUM_PER_SECOND * seconds }, call('premium')),
    ];
    if (standardPerSecond > 0) {
      const calls = Math.floor(standardPerSecond * seconds);
      streams.push(atRate(clock, { perSecond: standardPerSecond, calls }, call('standard')));
    }
    await Promise.all(streams);
    const inFlight = router.snapshot().deployments.only?.inFlight ?? 0;
    void router.close();
    return { ...tallies, sentInVain, queuedInVain, inFlight };
  });
}
