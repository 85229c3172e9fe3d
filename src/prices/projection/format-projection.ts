import type { Projection } from './project-cost.js';

const UNITS: readonly [least: number, sign: string][] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
];

/** The projection as a text table, one line per stage. */
export function formatProjection({ against, stages }: Projection): string {
  const isCompared = against !== null;
  const head = ['tokens a month', 'cost a month', ...(isCompared ? [against, 'saved'] : [])];
  const rows = stages.map((stage) => [
    tokens(stage.tokensPerMonth),
    usd(stage.usdPerMonth),
    ...(isCompared ? [usd(stage.againstUsdPerMonth ?? 0), percent(stage.savedShare)] : []),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [head, ...rows].map((row) => row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')).join('\n');
}

/** `5M` for five millions. */
function tokens(count: number): string {
  const [least, sign] = UNITS.find(([unit]) => count >= unit) ?? [1, ''];
  return `${Number((count / least).toFixed(2))}${sign}`;
}

/** Cents; below one cent, as many digits as needed. */
function usd(value: number): string {
  const digits = value > 0 && value < 0.01 ? 6 : 2;
  return `$${value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: digits })}`;
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(share * 100).toFixed(1)} %`;
}
