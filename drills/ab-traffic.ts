import type { AbResult, AbTable } from '../src/experiments/ab-table.ts';

/** The traffic of an experiment with two variants. */
export interface AbTraffic {
  readonly calls: number;
  /** Without keys, each call counts separately. */
  readonly keys?: number;
  readonly errors?: readonly [number, number];
  /** How much slower and more expensive the second variant is. */
  readonly slower?: number;
  readonly costlier?: number;
  /** The first variant's share. */
  readonly share?: number;
}

export const LOOK_EVERY = 100;

const hash53 = (random: () => number) => Math.floor(random() * 2 ** 32) * 2 ** 21 + Math.floor(random() * 2 ** 21);
const gaussian = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Feeds a table call by call. `look` gets it after each hundred, and may stop the traffic. */
export function feedAb(
  table: AbTable,
  random: () => number,
  { calls, keys, errors = [0.01, 0.01], slower = 1, costlier = 1, share = 0.5 }: AbTraffic,
  look: (table: AbTable) => boolean,
): AbTable {
  const users = Array.from({ length: keys ?? 0 }, () => {
    return { factor: Math.exp(0.5 * gaussian(random)), hash: hash53(random), isSecond: random() >= share };
  });
  for (let call = 1; call <= calls; call += 1) {
    const user = users[Math.floor(random() * users.length)];
    const isSecond = user?.isSecond ?? random() >= share;
    const factor = (user?.factor ?? 1) * Math.exp(0.45 * gaussian(random));
    const result: AbResult = {
      crossed: false,
      failed: random() < errors[isSecond ? 1 : 0],
      durationMs: 500 * factor * (isSecond ? slower : 1),
      timeToFirstChunkMs: null,
      costUsd: 0.002 * factor * (isSecond ? costlier : 1),
      tokens: 800 * factor,
      escalated: false,
    };
    table.record({ variant: isSecond ? 'b' : 'a', keyHash: user?.hash ?? hash53(random) }, result);
    if (call % LOOK_EVERY === 0 && look(table)) break;
  }
  return table;
}

/** What a plain z-test on errors would say at this look. */
export function zTestDiffers(table: AbTable): boolean {
  const [a, b] = [...table.variants.values()].map(({ errors }) => errors);
  if (a === undefined || b === undefined) return false;
  const pooled = (a.sum + b.sum) / (a.calls + b.calls);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.calls + 1 / b.calls));
  return Math.abs(a.sum / a.calls - b.sum / b.calls) > 1.96 * error;
}
