import { type Choose, fail, hang, reset } from 'model-router/testing';
import { mostByChance, mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { drawMs, MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { type DrillResult, mergeBroken, type Progress, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const EXTRA_SHARE = 0.1;
const RETRY_TOKENS = 10;
const FAILED_SHARE = 0.002;
const DEADLINE_MS = 2000;
const COOLDOWN_MS = 10_000;
const EVERY_MS = 50;
const MINUTE_MS = 60_000;

/** How everything fails. */
export type Fault = 'errors' | 'hangs' | 'mixed';

export interface S5Options {
  /** Of the outage; half as long before and after it. */
  readonly minutes: number;
  readonly seed: number;
  /** @default 'mixed' */
  readonly fault?: Fault;
  readonly onProgress?: Progress;
}

/** S5: everything fails at once, and is well again at once. */
export async function run({ minutes, seed, fault = 'mixed', onProgress }: S5Options): Promise<DrillResult> {
  const calmMs = (minutes * MINUTE_MS) / 2;
  const from = calmMs;
  const to = calmMs + minutes * MINUTE_MS;
  const isOut = () => performance.now() >= from && performance.now() < to;
  const during = new Tally();
  const healed = new Tally();
  const total = (to + calmMs) / EVERY_MS;
  let done = 0;
  const told = () => {
    done += 1;
    if (done % 2000 === 0) onProgress?.(done / total);
  };

  const { invariants, closedMs } = await inVirtualTime(async (clock) => {
    const random = mulberry32(seed);
    const script = (offset: number, errors: number) =>
      orFails(modelL(mulberry32(seed + offset), errors), isOut, fault, random);
    const fleet = openFleet({
      scripts: { primary: script(1, MODEL_L.primaryErrors), second: script(2, MODEL_L.otherErrors) },
      seed,
      settings: { deadlineMs: DEADLINE_MS },
    });
    const closedAt = new Map<string, number>();
    fleet.router.on('breaker-closed', ({ deployment }) => {
      if (performance.now() >= to && !closedAt.has(deployment)) closedAt.set(deployment, performance.now() - to);
    });
    const send = (untilMs: number, tally: Tally) =>
      sendLoad({
        clock,
        fleet,
        calls: Math.round((untilMs - performance.now()) / EVERY_MS),
        everyMs: EVERY_MS,
        deadlineMs: DEADLINE_MS,
        onSettled: (settled) => {
          tally.add(settled);
          told();
        },
      });
    const all = [await send(from, new Tally())];
    await clock.pass(Math.max(0, from - performance.now()));
    all.push(await send(to, during));
    await clock.pass(Math.max(0, to + COOLDOWN_MS - performance.now()));
    all.push(await send(to + calmMs, healed));
    const states = Object.entries(fleet.router.snapshot().deployments).filter(([, { state }]) => state !== 'closed');
    fleet.router.close();
    return { invariants: all, closedMs: states.length > 0 ? Number.POSITIVE_INFINITY : Math.max(...closedAt.values()) };
  });

  const requests = during.calls;
  const most = requests * (1 + EXTRA_SHARE) + RETRY_TOKENS;
  const exact = { margin: 0 } as const;
  const healedMargin = 100 * Math.max(0, mostByChance(healed.calls, FAILED_SHARE) / healed.calls - FAILED_SHARE);
  return resultOf({
    drill: `S5 (${fault})`,
    faults: `${IN_WORDS[fault]} for ${minutes} minutes, before and after it ${MODEL_L_IN_WORDS}; two deployments, deadline ${DEADLINE_MS} ms`,
    size: `${requests} calls in the outage, 20 a second`,
    measured: {
      'calls to the busiest deployment': Math.max(...during.perDeployment.values()),
      'calls to all': during.attempts,
      'retries of the same deployment': during.retries,
      late: Math.max(...invariants.map(({ lateMs }) => lateMs)),
      'healed after': closedMs,
      'answered after it': 100 * healed.answeredShare,
    },
    targets: {
      'calls to the busiest deployment': { ...exact, most, unit: 'calls' },
      'calls to all': { ...exact, most: most + requests, unit: 'calls' },
      'retries of the same deployment': { ...exact, most: requests * EXTRA_SHARE + RETRY_TOKENS, unit: 'calls' },
      late: { ...exact, most: 0, unit: 'ms' },
      // Open time, the next call, and its attempt; the second is only asked where the primary has failed.
      'healed after': { ...exact, most: calmMs, unit: 'ms' },
      'answered after it': { least: 100 * (1 - FAILED_SHARE), margin: healedMargin, unit: '%' },
    },
    broken: mergeBroken(...invariants.map(({ broken }) => broken)),
  });
}

const IN_WORDS: Readonly<Record<Fault, string>> = {
  errors: 'every deployment answers 503',
  hangs: 'every deployment hangs',
  mixed: 'every deployment fails: half 503, a quarter reset, a quarter hang',
};

function orFails(healthy: Choose, isOut: () => boolean, fault: Fault, random: () => number): Choose {
  return (request, n) => {
    if (!isOut()) return healthy(request, n);
    const kind = fault === 'mixed' ? random() : fault === 'errors' ? 0 : 1;
    if (kind >= 0.75) return hang();
    const latencyMs = Math.min(drawMs(random), DEADLINE_MS);
    return kind < 0.5 ? fail(503, { latencyMs }) : reset({ latencyMs });
  };
}
