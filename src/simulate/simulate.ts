import { advise } from './advice.js';
import { runBaseline } from './baseline.js';
import { CallPlans } from './call-plans.js';
import { checkDeploymentNames, checkModels, checkOptions, checkRouter } from './check.js';
import { inVirtualTime, type VirtualClock } from './clock.js';
import { Upstreams } from './context.js';
import { FaultBook, faultReports } from './fault-book.js';
import type { SimulateOptions } from './options.js';
import type { FailedCall, Simulation } from './result.js';
import { seededRandom, seedFor } from './seeded-random.js';
import { sendAll } from './send.js';
import { sendCall } from './send-call.js';
import type { Settings } from './settings.js';
import { errorOf, Tally } from './tally.js';
import { dueCalls, durationOf, kindsOf } from './traffic.js';
import { Watch } from './watch.js';

/**
 * Runs your router, with its real options, against upstreams with the faults that you define, in virtual time: minutes
 * take seconds, and the same seed gives the same result. The process's timers, `Date`, `performance`, `fetch` and
 * `Math.random` are replaced until it ends, so do nothing else meanwhile. Needs `@sinonjs/fake-timers`.
 *
 * @throws InvalidOptionError, and Error where timers are replaced already
 */
export async function simulate(options: SimulateOptions): Promise<Simulation> {
  return simulateChecked(checkOptions(options));
}

export async function simulateChecked(settings: Settings): Promise<Simulation> {
  const inside = <T>(work: (clock: VirtualClock) => Promise<T>) =>
    inVirtualTime((clock) => isolated(settings.seed, () => work(clock)));
  const { plans, ...result } = await inside((clock) => run(settings, clock));
  // With its own clock, so that the faults occur at the same times.
  const baseline =
    settings.baseline === undefined ? null : await inside((clock) => runBaseline(settings, plans, clock));
  return { ...result, baseline };
}

/** Seeds all randomness and keeps requests off the network, whatever the router's options omit. */
async function isolated<T>(seed: number, work: () => Promise<T>): Promise<T> {
  const { fetch } = globalThis;
  const { random } = Math;
  Math.random = seededRandom(seedFor(seed, 'Math.random'));
  globalThis.fetch = async () => {
    throw new Error(
      'A simulation reaches no network: build the router from offline(options), or give its clients `fetch`.',
    );
  };
  try {
    return await work();
  } finally {
    Math.random = random;
    globalThis.fetch = fetch;
  }
}

async function run(
  settings: Settings,
  clock: VirtualClock,
): Promise<Omit<Simulation, 'baseline'> & { plans: CallPlans }> {
  const { seed, traffic, stepMs, maxFailedCalls, onProgress } = settings;
  const durationMs = durationOf(traffic);
  const tally = new Tally(stepMs, durationMs);
  const book = new FaultBook(settings);
  const upstreams = new Upstreams(book, seed, () => tally.addUpstreamCall());
  const router = await settings.router(upstreams);
  checkRouter(router);
  try {
    if (!settings.mayNameOthers) checkDeploymentNames(settings, Object.keys(router.snapshot().deployments));
    const watch = new Watch(router);
    const plans = new CallPlans(router);
    upstreams.setDeployments(plans.routable);
    const failedCalls: FailedCall[] = [];
    // Before the first call: the plans of a router without statistics.
    const kinds = kindsOf(traffic).map((call) => plans.of(call));
    const explanations = kinds.map(({ explanation }) => explanation);
    const unlisted = [...new Set(kinds.flatMap(({ unlisted: model }) => model ?? []))];
    if (!settings.mayNameOthers) checkModels(settings, unlisted, plans.names);
    await sendAll({
      clock,
      calls: dueCalls(traffic, seed),
      durationMs,
      longestMs: Math.max(...explanations.map(({ deadlineMs }) => deadlineMs)),
      send: (due) => sendCall(router, due, plans.modelOf(due.call)),
      onSettled: (settled) => {
        tally.add(settled);
        watch.add(settled);
        const { error, record, due, startedMs, tookMs } = settled;
        if (error === undefined || failedCalls.length >= maxFailedCalls) return;
        const copy = record === undefined ? null : { ...structuredClone(record), id: `call_${due.number}` };
        failedCalls.push({ startedMs, tookMs, stream: due.stream, error: errorOf(error), record: copy });
      },
      problem: () => upstreams.problem ?? missedRequests(watch, upstreams),
      onProgress: onProgress && ((share) => onProgress(settings.baseline === undefined ? share : share / 2)),
    });
    const deployments = watch.end(book.wasted);
    const endMs = performance.now();
    const result = {
      ...tally.result(upstreams.count),
      seed,
      trafficMs: durationMs,
      durationMs: endMs,
      stepMs,
      deployments,
      wasted: Object.values(deployments).reduce((total, { wasted }) => total + wasted, 0),
      failedCalls,
      faults: faultReports(settings.faults, book.struck, durationMs),
    };
    return { ...result, advice: advise(result, explanations, unlisted), plans };
  } finally {
    router.close();
  }
}

/** The error for a router whose requests went elsewhere: to a client that was built with its own `fetch`. */
function missedRequests({ started }: Watch, { count }: Upstreams): Error | undefined {
  if (count > 0 || started === 0) return undefined;
  return new Error(
    'The router has sent a request that did not reach the simulation: build it from offline(options), or give its clients `fetch`.',
  );
}
