import { type Choose, fail, hang, reset } from 'model-router/testing';
import { BreakerWatch } from './breaker-watch.ts';
import { mostByChance, mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { COOLDOWN_MS, DEADLINE_MS, openFleet, RETRY_TOKENS } from './fleet.ts';
import { sendLoad } from './load.ts';
import { drawMs, MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const EVERY_MS = 50;

/** How everything fails. */
const IN_WORDS = {
  errors: 'every deployment answers 503',
  hangs: 'every deployment hangs',
  mixed: 'every deployment fails: half 503, a quarter reset, a quarter hang',
} as const;

export interface S5Options extends DrillOptions {
  readonly minutes: number;
  /** @default 'mixed' */
  readonly fault?: keyof typeof IN_WORDS;
}

/** S5: everything fails for `minutes`, then recovers at once. Half of that time is calm before and after. */
export async function run({ minutes, fault = 'mixed', seed, onProgress }: S5Options): Promise<DrillResult> {
  const from = (minutes * 60_000) / 2;
  const to = 3 * from;
  const calls = (to + from) / EVERY_MS;
  const during = new Tally();
  const after = new Tally();
  const watch = new BreakerWatch(from, to);
  const { invariants, unhealed } = await inVirtualTime(async (clock) => {
    const random = mulberry32(seed);
    const script = (offset: number, errors: number): Choose => {
      const healthy = modelL(mulberry32(seed + offset), errors);
      return (request, n) => (watch.isOut() ? failure(fault, random) : healthy(request, n));
    };
    const fleet = openFleet(
      { primary: script(1, MODEL_L.primaryErrors), second: script(2, MODEL_L.otherErrors) },
      seed,
    );
    watch.listen(fleet);
    const invariants = await sendLoad({
      clock,
      fleet,
      calls,
      stepMs: EVERY_MS,
      streamEvery: 5,
      onSettled: (settled) => {
        if (settled.startedMs >= to) after.add(settled);
        else if (settled.startedMs >= from) during.add(settled);
      },
      onProgress,
    });
    const deployments = Object.values(fleet.router.snapshot().deployments);
    await fleet.router.close();
    return { invariants, unhealed: deployments.filter(({ state }) => state !== 'closed').length };
  });
  const most = during.calls * (1 + RETRY_TOKENS.perCall) + RETRY_TOKENS.perSecond * 60 * minutes;
  return resultOf({
    drill: `S5 ${fault}`,
    faults: `${IN_WORDS[fault]} for ${minutes} minutes; before and after it ${MODEL_L_IN_WORDS}; 2 deployments, deadline ${DEADLINE_MS} ms`,
    size: `${during.calls} calls in the outage, 20 a second`,
    measured: {
      'calls to one deployment': Math.max(...during.perDeployment.values()),
      'calls to both': during.attempts,
      'failed after it': after.failed,
      'primary back in use': watch.backMs,
      'not healed': unhealed,
      late: invariants.lateMs,
    },
    targets: {
      'calls to one deployment': atMost(most, 'calls'),
      // Two deployments, and one failover for each call.
      'calls to both': atMost(
        during.calls * (2 + RETRY_TOKENS.perCall) + 2 * RETRY_TOKENS.perSecond * 60 * minutes,
        'calls',
      ),
      // As many as chance explains for the share that S2 allows.
      'failed after it': atMost(mostByChance(after.calls, 0.002), 'calls'),
      'primary back in use': atMost(DEADLINE_MS + COOLDOWN_MS + EVERY_MS + DEADLINE_MS, 'ms'),
      'not healed': atMost(0, 'deployments'),
      late: atMost(0, 'ms'),
    },
    broken: invariants.broken,
  });
}

function failure(fault: keyof typeof IN_WORDS, random: () => number) {
  const kind = fault === 'mixed' ? random() : fault === 'errors' ? 0 : 1;
  if (kind >= 0.75) return hang();
  const latencyMs = Math.min(drawMs(random), DEADLINE_MS);
  return kind < 0.5 ? fail(503, { latencyMs }) : reset({ latencyMs });
}
