import type { OpenAI } from 'openai';
import { optionsOf, type RequestOptions } from './internals.js';

export type { RequestOptions } from './internals.js';

/** The caller's own headers take precedence over added ones. */
export function mergeHeaders(given: RequestOptions['headers'], added: readonly HeaderRow[]): RequestOptions['headers'] {
  const rows = headerRows(given);
  const names = new Set(rows.map(([name]) => name.toLowerCase()));
  const merged = added.filter(([name]) => !names.has(name.toLowerCase()));
  return merged.length === 0 ? given : [...merged, ...rows];
}

export type HeaderRow = [string, string | null];

/**
 * Removes `X-Router-*` headers that an application's client would send by default, because they never leave the
 * process.
 */
export function withoutDefaultRouterHeaders(
  client: OpenAI,
  given: RequestOptions['headers'],
): RequestOptions['headers'] {
  const { defaultHeaders } = optionsOf(client);
  if (defaultHeaders == null) return given;
  const removed = headerRows(defaultHeaders).filter(([name]) => /^x-router-/i.test(name));
  return mergeHeaders(
    given,
    removed.map(([name]): HeaderRow => [name, null]),
  );
}

/** Headers in any shape of the SDK, as rows. `null` removes a header that a client would send. */
export function headerRows(headers: RequestOptions['headers']): HeaderRow[] {
  if (headers === undefined || headers === null) return [];
  if (isNullable(headers)) {
    return [...headers.values.entries(), ...[...headers.nulls].map((name): HeaderRow => [name, null])];
  }
  const entries: Iterable<readonly unknown[]> = Symbol.iterator in headers ? headers : Object.entries(headers);
  const rows: HeaderRow[] = [];
  for (const [name, value] of entries) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof name !== 'string' || each === undefined) continue;
      rows.push([name, each === null ? null : String(each)]);
    }
  }
  return rows;
}

/** The SDK's own object of headers to set and to remove. */
function isNullable(headers: object): headers is { values: Headers; nulls: Set<string> } {
  return 'values' in headers && headers.values instanceof Headers && 'nulls' in headers && headers.nulls instanceof Set;
}
