import type { SimulatedTraffic } from './result.js';

type Row = Pick<SimulatedTraffic, 'calls' | 'answered' | 'availability' | 'latencyMs' | 'load' | 'costUsd'>;

const NONE = '-';
const ms = (value: number | null) => (value === null ? NONE : `${Math.round(value).toLocaleString('en-US')} ms`);
const usd = (value: number | null) => (value === null ? NONE : `$${value.toFixed(value < 10 ? 4 : 2)}`);

/** Availability, percentiles, load and cost side by side, as text. */
export function simulationTable(rows: Readonly<Record<string, Row>>): string {
  const cells = [
    ['', 'calls', 'failed', 'availability', 'p50', 'p99', 'load', 'cost'],
    ...Object.entries(rows).map(([name, { calls, answered, availability, latencyMs, load, costUsd }]) => [
      name,
      calls.toLocaleString('en-US'),
      (calls - answered).toLocaleString('en-US'),
      availability === null ? NONE : `${(100 * availability).toFixed(3)} %`,
      ms(latencyMs.p50),
      ms(latencyMs.p99),
      load === null ? NONE : load.toFixed(3),
      usd(costUsd),
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return cells.map((row) => line(row).trimEnd()).join('\n');
}
