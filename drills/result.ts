import type { Invariants } from './load.ts';

/** A bound to hold the router against. */
export interface Target {
  readonly least?: number;
  readonly most?: number;
  /** How far a sample of this size may miss it by chance (one in a thousand); 0 for what is no matter of chance. */
  readonly margin: number;
  readonly unit: '%' | 'ms' | 'calls' | 'x';
}

/** What one drill has found. */
export interface DrillResult {
  readonly drill: string;
  readonly faults: string;
  readonly size: string;
  readonly measured: Readonly<Record<string, number>>;
  readonly targets: Readonly<Record<string, Target>>;
  readonly broken: Invariants['broken'];
  /** Every target is met as it stands, and nothing was broken. */
  readonly ok: boolean;
  /** The same for a small sample: no target is missed by more than its margin. */
  readonly okForSize: boolean;
}

/** Told now and then how far a drill is: a share from 0 to 1. */
export type Progress = (share: number) => void;

export function resultOf(found: Omit<DrillResult, 'ok' | 'okForSize'>): DrillResult {
  const holds = found.broken.size === 0;
  const all = (slack: 0 | 1) =>
    Object.entries(found.targets).every(([name, target]) => meets(found.measured[name], target, slack));
  return { ...found, ok: holds && all(0), okForSize: holds && all(1) };
}

export function meets(value: number | undefined, { least, most, margin }: Target, slack: 0 | 1): boolean {
  if (value === undefined || Number.isNaN(value)) return false;
  if (least !== undefined && value < least - slack * margin) return false;
  return most === undefined || value <= most + slack * margin;
}

export function mergeBroken(...all: readonly Invariants['broken'][]): Map<string, number> {
  const merged = new Map<string, number>();
  for (const each of all) for (const [what, times] of each) merged.set(what, (merged.get(what) ?? 0) + times);
  return merged;
}
