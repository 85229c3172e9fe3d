/** Does not occur in texts, or hardly ever. */
const SEPARATOR = '\u0001';

/** Some values in little memory: texts as one text, numbers that count up as the first of them, anything else as JSON. */
export type Column = { readonly texts: string } | { readonly from: number } | { readonly json: string };

export function columnOf(values: readonly unknown[]): Column {
  if (values.every(isPlain)) return { texts: values.join(SEPARATOR) };
  const [from] = values;
  if (Number.isSafeInteger(from) && values.every((value, i) => value === Number(from) + i))
    return { from: Number(from) };
  return { json: JSON.stringify(values) };
}

/** Of values that are JSON texts already. */
export function jsonColumnOf(texts: readonly unknown[]): Column {
  return { json: `[${texts.join(',')}]` };
}

/** The column of `first`, which has `count` values, and then `second`; `undefined` if they are stored in different ways. */
export function joinedColumn(first: Column, count: number, second: Column): Column | undefined {
  // As a new text: one put together by `+` would hold on to its parts.
  if ('texts' in first && 'texts' in second) return { texts: [first.texts, second.texts].join(SEPARATOR) };
  if ('json' in first && 'json' in second) return { json: [first.json.slice(0, -1), second.json.slice(1)].join(',') };
  return 'from' in first && 'from' in second && second.from === first.from + count ? first : undefined;
}

/** Its `count` values. */
export function valuesOf(column: Column, count: number): unknown[] {
  if ('texts' in column) return column.texts.split(SEPARATOR);
  if ('from' in column) return Array.from({ length: count }, (_, i) => column.from + i);
  return JSON.parse(column.json) as unknown[];
}

/** In characters. */
export function sizeOf(column: Column): number {
  if ('texts' in column) return column.texts.length;
  return 'from' in column ? 1 : column.json.length;
}

const isPlain = (value: unknown) => typeof value === 'string' && !value.includes(SEPARATOR);
