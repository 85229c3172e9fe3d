import type { SpendRow, SpendTable } from '../state/spend-table.js';

const COLUMNS = [
  'day',
  'deployment',
  'route',
  'tenant',
  'usd',
  'unpriced',
] as const satisfies readonly (keyof SpendRow)[];
const HEADER = `${COLUMNS.join()}\r\n`;
const SLICE = 500;

type Rows = Pick<SpendTable, 'rowsInSlices'>;

/** One line per row, in RFC 4180 format. */
export function spendCsv(table: Rows): string {
  let text = HEADER;
  for (const rows of table.rowsInSlices(SLICE)) text += linesOf(rows);
  return text;
}

/** The same in chunks; the event loop gets a turn between two chunks. */
export async function* spendCsvChunks(table: Rows): AsyncGenerator<string, void, undefined> {
  yield HEADER;
  for (const rows of table.rowsInSlices(SLICE)) {
    yield linesOf(rows);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

function linesOf(rows: readonly SpendRow[]): string {
  let text = '';
  // Few deployments and routes have many rows.
  const fields = new Map<string | null, string>();
  const known = (value: string | null) => {
    const found = fields.get(value) ?? field(value);
    fields.set(value, found);
    return found;
  };
  for (const { day, deployment, route, tenant, usd, unpriced } of rows)
    text += `${day},${known(deployment)},${known(route)},${field(tenant)},${usd === null ? '' : decimal(usd)},${unpriced}\r\n`;
  return text;
}

/**
 * What a spreadsheet reads as a formula: these signs and their full-width forms, at the start of a cell or, if it
 * splits cells at semicolons, after one. Blanks and invisible characters before them do not matter.
 */
const FORMULA = /(^|;)(?=[\s\ufeff\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/g;

/** A tenant comes from outside: an apostrophe turns a possible formula into text. */
function field(value: string | null): string {
  if (value === null) return '';
  // Names of these characters need neither quotes nor an apostrophe.
  if (/^\w[\w.:/@ -]*$/.test(value)) return value;
  const marked = value.replace(FORMULA, "$1'");
  const text = marked === value || marked.startsWith("'") ? marked : `'${marked}`;
  return /[",\r\n';]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Billionths of a dollar, never as `1e-7`. */
function decimal(usd: number): string {
  const text = usd.toFixed(9);
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  return text.slice(0, text.charCodeAt(end - 1) === 46 ? end - 1 : end);
}
