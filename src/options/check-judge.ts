import { InvalidOptionError } from '../errors.js';
import type { ConfidenceScores, ScoreName } from '../telemetry/record-types.js';
import {
  checkFunction,
  checkKeys,
  checkNumber,
  checkOneOf,
  checkRecord,
  checkString,
  checkWhole,
  invalidOption,
} from '../util/check.js';
import { someOf } from '../util/some-of.js';

/** Checks an answer; `false` rejects it, and the call fails over. */
export type AcceptFunction = (answer: never) => boolean | Promise<boolean>;

/**
 * When the confidence in an answer is too low, so that the call also goes to the route's next deployment.
 *
 * @example
 * escalate: { minConfidence: 0.9, maxShare: 0.3 }
 */
export interface EscalateOptions {
  /** Escalates answers with a lower confidence, 0 to 1. `calibrate` finds the value. @default none */
  minConfidence?: number | undefined;
  /** How confidence is computed from the probabilities of an answer's tokens. @default 'mean' */
  score?: ScoreName | undefined;
  /** Your own check, in addition to `minConfidence`: `true` escalates. It gets a copy of the answer. @default none */
  when?:
    | ((
        answer: never,
        about: { readonly confidence: number | null; readonly deployment: string },
      ) => boolean | Promise<boolean>)
    | undefined;
  /** What to do with an answer whose confidence is unknown, such as a tool call. @default 'keep' */
  unknown?: 'keep' | 'escalate' | undefined;
  /** The share of calls that may be escalated, over the last 200. @default 0.5 */
  maxShare?: number | undefined;
  /** `'hold'`: streams are held back until they are checked. `'pass'`: streams are not checked. @default 'hold' */
  streams?: 'hold' | 'pass' | undefined;
}

/**
 * A second deployment that also gets a share of a route's calls. Its answers never reach a caller.
 *
 * @example
 * shadow: { deployment: 'candidate', share: 0.05 }
 */
export interface ShadowOptions {
  /** A deployment's name. */
  deployment: string;
  /** The share of calls, 0 to 1. @default 0.01 */
  share?: number | undefined;
  /** Shadow calls that may run at once; further ones are dropped. @default 4 */
  maxConcurrent?: number | undefined;
  /** Returns whether the route's own answer was good, compared with the shadow's. Reported as `good` in `shadow-ended`. @default none */
  compare?: ((answers: { readonly primary: never; readonly shadow: never }) => boolean | Promise<boolean>) | undefined;
}

export interface EscalateConfig {
  readonly minConfidence: number | undefined;
  readonly score: keyof ConfidenceScores;
  readonly when: ((answer: unknown, about: object) => unknown) | undefined;
  readonly unknown: 'keep' | 'escalate';
  readonly maxShare: number;
  readonly streams: 'hold' | 'pass';
}

export interface ShadowConfig {
  readonly deployment: string;
  readonly share: number;
  readonly maxConcurrent: number;
  readonly compare: ((answers: { primary: unknown; shadow: unknown }) => unknown) | undefined;
}

const SHARE = { least: 0, most: 1, what: 'a share from 0 to 1' };

/** Throws InvalidOptionError. */
export function checkEscalate(path: string, value: unknown): EscalateConfig | undefined {
  if (value === undefined) return undefined;
  const given: EscalateOptions = checkRecord(path, value, 'an object such as { minConfidence: 0.8 }');
  checkKeys(path, given, ['minConfidence', 'score', 'when', 'unknown', 'maxShare', 'streams']);
  const { minConfidence, score = 'mean', when, unknown = 'keep', maxShare = 0.5, streams = 'hold' } = given;
  if (minConfidence === undefined && when === undefined)
    throw new InvalidOptionError(path, 'give `minConfidence`, `when`, or both.');
  if (minConfidence !== undefined)
    checkNumber(`${path}.minConfidence`, minConfidence, { ...SHARE, what: 'a confidence from 0 to 1' });
  if (when !== undefined) checkFunction(`${path}.when`, when);
  return {
    minConfidence,
    score: checkOneOf(`${path}.score`, score, ['mean', 'lowest', 'first']),
    when: when as EscalateConfig['when'],
    unknown: checkOneOf(`${path}.unknown`, unknown, ['keep', 'escalate']),
    maxShare: checkNumber(`${path}.maxShare`, maxShare, SHARE),
    streams: checkOneOf(`${path}.streams`, streams, ['hold', 'pass']),
  };
}

/** Throws InvalidOptionError. */
export function checkAccept(path: string, value: unknown): ((answer: unknown) => unknown) | undefined {
  if (value === undefined) return undefined;
  checkFunction(path, value);
  return value as (answer: unknown) => unknown;
}

/** Throws InvalidOptionError. */
export function checkShadow(
  path: string,
  value: unknown,
  deployments: ReadonlyMap<string, unknown>,
): ShadowConfig | undefined {
  if (value === undefined) return undefined;
  const given: Partial<ShadowOptions> = checkRecord(path, value, 'an object such as { deployment, share: 0.01 }');
  checkKeys(path, given, ['deployment', 'share', 'maxConcurrent', 'compare']);
  const deployment = checkString(`${path}.deployment`, given.deployment, 'the name of a deployment');
  if (!deployments.has(deployment))
    invalidOption(`${path}.deployment`, deployment, `a deployment that exists: ${someOf(deployments.keys())}`);
  const { share = 0.01, maxConcurrent = 4, compare } = given;
  if (compare !== undefined) checkFunction(`${path}.compare`, compare);
  return {
    deployment,
    share: checkNumber(`${path}.share`, share, SHARE),
    maxConcurrent: checkWhole(`${path}.maxConcurrent`, maxConcurrent, 1),
    compare: compare as ShadowConfig['compare'],
  };
}
