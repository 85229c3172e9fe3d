import { marginOfMean, mostByChance } from './chance.ts';
import type { Tally } from './tally.ts';

/** A bound to compare the router with. */
export interface Target {
  readonly least?: number;
  readonly most?: number;
  /** How far a sample of this size misses it by chance once in a thousand times; 0 if chance is not involved. */
  readonly margin: number;
  readonly unit:
    | '%'
    | 'ms'
    | 'bytes'
    | 'calls'
    | 'times'
    | 'deployments'
    | 'x'
    | 'KB'
    | 'timers'
    | 'listeners'
    | 'sockets'
    | '$';
}

/** The results of one drill. */
export interface DrillResult {
  readonly drill: string;
  /** The fault model, without which a number means nothing. */
  readonly faults: string;
  readonly size: string;
  readonly measured: Readonly<Record<string, number>>;
  readonly targets: Readonly<Record<string, Target>>;
  /** Violated invariants, and how often. */
  readonly broken: ReadonlyMap<string, number>;
  /** Every target is met exactly, and no invariant was violated. */
  readonly ok: boolean;
  /** The same for a small sample: no target is missed by more than its margin. */
  readonly okForSize: boolean;
}

/** Options of every drill. */
export interface DrillOptions {
  readonly seed: number;
  /** Called from time to time with the progress, from 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export function resultOf(found: Omit<DrillResult, 'ok' | 'okForSize'>): DrillResult {
  const all = (slack: 0 | 1) =>
    Object.entries(found.targets).every(([name, target]) => meets(found.measured[name], target, slack));
  const holds = found.broken.size === 0;
  return { ...found, ok: holds && all(0), okForSize: holds && all(1) };
}

export function meets(value: number | undefined, { least, most, margin }: Target, slack: 0 | 1 = 0): boolean {
  if (value === undefined || Number.isNaN(value)) return false;
  if (least !== undefined && value < least - slack * margin) return false;
  return most === undefined || value <= most + slack * margin;
}

/** At most this value, with no margin for chance. */
export function atMost(most: number, unit: Target['unit']): Target {
  return { most, margin: 0, unit };
}

/** At most this share may fail. */
export function answered(failedShare: number, { calls }: Tally): Target {
  const margin = Math.max(0, mostByChance(calls, failedShare) / calls - failedShare);
  return { least: 100 * (1 - failedShare), margin: 100 * margin, unit: '%' };
}

/** At most this many upstream calls per call. */
export function load(most: number, { calls, attempts, attemptsSquared }: Tally): Target {
  return { most, margin: marginOfMean(calls, attempts, attemptsSquared), unit: 'x' };
}

/** One call in a hundred may be slower. The margin reaches the rank that the true p99 has with near certainty. */
export function p99(most: number, tally: Tally): Target {
  const rank = 1 - mostByChance(tally.calls, 0.01) / tally.calls;
  return { most, margin: tally.quantile(0.99) - tally.quantile(rank), unit: 'ms' };
}
