import type { SpendRow } from '../state/spend-table.js';

const COLUMNS = [
  'day',
  'deployment',
  'route',
  'tenant',
  'usd',
  'unpriced',
] as const satisfies readonly (keyof SpendRow)[];

/** One line a row, as RFC 4180 has it. */
export function spendCsv(rows: readonly SpendRow[]): string {
  const lines = [COLUMNS.join(), ...rows.map((row) => COLUMNS.map((column) => field(row[column])).join())];
  return `${lines.join('\r\n')}\r\n`;
}

/** A tenant comes from outside: a spreadsheet must not take it for a formula. */
function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return decimal(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Billionths of a dollar, never as `1e-7`. */
function decimal(usd: number): string {
  return usd.toFixed(9).replace(/\.?0+$/, '');
}
