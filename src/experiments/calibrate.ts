import { InvalidOptionError } from '../errors.js';
import type { ConfidenceScores, ScoreName } from '../telemetry/record-types.js';
import { binomialLowerBound, binomialTail } from '../util/binomial.js';
import { checkKeys, checkNumber, checkRecord, invalidOption } from '../util/check.js';

/** One rated answer of the cheap model, such as a `shadow-ended` event. */
export interface CalibrationRecord {
  readonly scores: ConfidenceScores;
  /** Whether the cheap answer was good enough; `null` if unknown. */
  readonly good: boolean | null;
  /** The better model's cost for this call, in US dollars. */
  readonly costUsd: number | null;
  /** The model version that gave the cheap answer. */
  readonly servedModel?: string | null | undefined;
}

/** The goal of the threshold: exactly one of the three. */
export interface CalibrationGoal {
  /** The share of kept answers that must be good, 0 to 1. Guaranteed at a risk of 10 %. */
  readonly quality?: number | undefined;
  /** The share of answers to keep, 0 to 1. */
  readonly share?: number | undefined;
  /** The highest average cost of escalations, in US dollars per call. */
  readonly costUsd?: number | undefined;
}

/** The results of one threshold: the share of answers that are not escalated, their quality, and the cost. */
export interface CalibrationPoint {
  readonly minConfidence: number;
  /** The share of answers at or above `minConfidence`: those that are not escalated. */
  readonly keptShare: number;
  /** Of the kept answers, the share that was good, and its lower bound at 90 % confidence. */
  readonly quality: { readonly seen: number; readonly low: number };
  /** Mean cost of escalations per call, in US dollars; `null` if a record has no cost. */
  readonly costUsd: number | null;
}

/** The result of `calibrate`: a threshold, or `minConfidence: null` and the reason. */
export type Calibration =
  | (CalibrationPoint & {
      readonly score: ScoreName;
      /** All tested kept shares, from 40 % upward. */
      readonly curve: readonly CalibrationPoint[];
      readonly servedModel: string | null;
    })
  | {
      readonly minConfidence: null;
      /** Why there is no threshold. */
      readonly reason: string;
      readonly curve: readonly CalibrationPoint[];
    };

const RISK = 0.1;
const SCORES = ['mean', 'lowest', 'first'] as const satisfies readonly ScoreName[];
const FIRST_SHARE = 0.4;
const SHARE_STEP = 0.025;
/** A score that is unknown for more records than this cannot be used. */
const KNOWN_SHARE = 0.8;

interface Judged {
  readonly confidence: number;
  readonly good: boolean;
  readonly costUsd: number | null;
}

/**
 * Finds the `minConfidence` of `escalate` from judged answers, such as those of `shadow-ended` events.
 *
 * With `quality`, the router tests the claim "this share of the kept answers is good": a quarter of the records chooses
 * the score, the others test kept shares of 40 %, 42.5 %, ... upward by exact binomial tests at a risk of 10 %, and the
 * first failure ends the search. So the promise is broken in at most one calibration of ten.
 *
 * @throws InvalidOptionError for a goal that is not exactly one of `quality`, `share` and `costUsd`
 * @example
 * const { minConfidence, score } = calibrate(records, { quality: 0.95 });
 */
export function calibrate(records: readonly CalibrationRecord[], goal: CalibrationGoal): Calibration {
  const { quality, share, costUsd } = checkGoal(goal);
  if (!Array.isArray(records))
    invalidOption('records', records, 'an array of judged answers: { scores, good, costUsd }');
  const judged = records.filter((each) => typeof each.good === 'boolean');
  const choosing = judged.filter((_, i) => i % 4 === 0);
  const score = bestScore(choosing, judged);
  if (score === undefined)
    return none('no score is known for most of the judged records: the model gives no token probabilities', []);
  const tested = judgedBy(
    score,
    judged.filter((_, i) => i % 4 !== 0),
  ).sort((a, b) => b.confidence - a.confidence);
  if (tested.length === 0) return none('there are no judged records', []);
  const curve = shares().map((each) => pointAt(tested, each));
  const found =
    quality !== undefined
      ? certified(tested, curve, quality)
      : share !== undefined
        ? pointAt(tested, share)
        : curve.find((each) => each.costUsd !== null && each.costUsd <= (costUsd ?? 0));
  if (found === undefined) return none(whyNone(tested, curve, goal), curve);
  return { ...found, score, curve, servedModel: records.findLast((each) => each.servedModel)?.servedModel ?? null };
}

function checkGoal(goal: unknown): CalibrationGoal {
  const given: CalibrationGoal = checkRecord('goal', goal, 'an object such as { quality: 0.95 }');
  checkKeys('goal', given, ['quality', 'share', 'costUsd']);
  const names = (['quality', 'share', 'costUsd'] as const).filter((name) => given[name] !== undefined);
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw new InvalidOptionError('goal', 'give exactly one of `quality`, `share` and `costUsd`.');
  if (name === 'costUsd')
    checkNumber('goal.costUsd', given.costUsd, { least: 0, what: 'US dollars a call, 0 or more' });
  else checkNumber(`goal.${name}`, given[name], { above: 0, most: 1, what: 'a share above 0, at most 1' });
  return given;
}

function none(reason: string, curve: readonly CalibrationPoint[]): Calibration {
  return { minConfidence: null, reason, curve };
}

function shares(): number[] {
  const steps = Math.round((1 - FIRST_SHARE) / SHARE_STEP);
  return Array.from({ length: steps + 1 }, (_, i) => FIRST_SHARE + i * SHARE_STEP);
}

function judgedBy(score: ScoreName, records: readonly CalibrationRecord[]): Judged[] {
  return records.flatMap(({ scores, good, costUsd }) => {
    const confidence = scores[score];
    return typeof confidence === 'number' && good !== null ? [{ confidence, good, costUsd }] : [];
  });
}

/** The score that separates good from bad answers best, among those that most records have. */
function bestScore(choosing: readonly CalibrationRecord[], all: readonly CalibrationRecord[]): ScoreName | undefined {
  const known = SCORES.filter((score) => all.length > 0 && judgedBy(score, all).length >= KNOWN_SHARE * all.length);
  let best: ScoreName | undefined;
  let bestArea = Number.NEGATIVE_INFINITY;
  for (const score of known) {
    const area = areaUnderCurve(judgedBy(score, choosing));
    if (area > bestArea) [best, bestArea] = [score, area];
  }
  return best;
}

/** AUROC: the probability that a good answer has a higher confidence than a bad one; ties count half. */
function areaUnderCurve(records: readonly Judged[]): number {
  const sorted = [...records].sort((a, b) => a.confidence - b.confidence);
  const good = sorted.filter((each) => each.good).length;
  const bad = sorted.length - good;
  if (good === 0 || bad === 0) return 0.5;
  let rankSum = 0;
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to + 1 < sorted.length && sorted[to + 1]?.confidence === sorted[from]?.confidence) to += 1;
    const rank = (from + to) / 2 + 1;
    for (let i = from; i <= to; i += 1) if (sorted[i]?.good) rankSum += rank;
    from = to + 1;
  }
  return (rankSum - (good * (good + 1)) / 2) / (good * bad);
}

/** The results of keeping a share of the answers. `sorted` falls by confidence; equal confidences are kept together. */
function pointAt(sorted: readonly Judged[], share: number): CalibrationPoint {
  const last = Math.max(1, Math.round(share * sorted.length)) - 1;
  const minConfidence = sorted[last]?.confidence ?? 0;
  const kept = keptAt(sorted, minConfidence);
  const good = kept.filter((each) => each.good).length;
  const escalated = sorted.slice(kept.length);
  const costs = escalated.map((each) => each.costUsd);
  return {
    minConfidence,
    keptShare: kept.length / sorted.length,
    quality: { seen: good / kept.length, low: binomialLowerBound(good, kept.length, RISK) },
    costUsd: costs.some((each) => each === null)
      ? null
      : costs.reduce<number>((sum, each) => sum + (each ?? 0), 0) / sorted.length,
  };
}

const keptAt = (sorted: readonly Judged[], minConfidence: number) =>
  sorted.filter((each) => each.confidence >= minConfidence);

/**
 * The largest kept share that passes, if every smaller one has passed too, so that the risk holds for the whole search.
 */
function certified(
  sorted: readonly Judged[],
  curve: readonly CalibrationPoint[],
  quality: number,
): CalibrationPoint | undefined {
  let found: CalibrationPoint | undefined;
  for (const point of curve) {
    const kept = keptAt(sorted, point.minConfidence);
    if (binomialTail(kept.filter((each) => each.good).length, kept.length, quality) > RISK) break;
    found = point;
  }
  return found;
}

function whyNone(sorted: readonly Judged[], curve: readonly CalibrationPoint[], goal: CalibrationGoal): string {
  const [first] = curve;
  if (goal.quality === undefined || first === undefined)
    return `no threshold keeps the cost within ${goal.costUsd} a call`;
  const kept = Math.round(first.keptShare * sorted.length);
  const percent = (100 * first.keptShare).toFixed(0);
  const needed = Math.ceil(Math.log(RISK) / Math.log(goal.quality));
  if (kept < needed && goal.quality < 1)
    return `too few records: the ${percent} % most confident are ${kept} of ${sorted.length}, and ${needed} good ones are the least that can show a quality of ${goal.quality}`;
  return `of the ${percent} % most confident answers, ${(100 * first.quality.seen).toFixed(1)} % were good (at least ${(100 * first.quality.low).toFixed(1)} % at 90 % confidence), which does not show a quality of ${goal.quality}`;
}
