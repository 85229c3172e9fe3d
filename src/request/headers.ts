import { InvalidOptionError } from '../errors.js';
import type { HeaderOption, SingleCallOptions } from '../options/options.js';
import { headerRows, type RequestOptions } from '../sdk/request-headers.js';
import { checkOneOf, invalidOption, MAX_MS } from '../util/check.js';

/** Headers that identify the caller. A call with its own credentials goes to one deployment only. */
export const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'api-key',
  'x-api-key',
  'cookie',
  'openai-organization',
  'openai-project',
]);

export interface HeaderReading {
  /** The headers that may leave the process. */
  readonly headers: RequestOptions['headers'];
  readonly options: SingleCallOptions;
  readonly hasCredentials: boolean;
  readonly cache: 'no-store' | 'no-cache' | undefined;
}

/** Reads options from headers, if allowed, and removes `X-Router-*` from the request. */
export function readHeaders(headers: RequestOptions['headers'], allowed: ReadonlySet<HeaderOption>): HeaderReading {
  const options: SingleCallOptions = {};
  const rows = headerRows(headers);
  let hasCredentials = false;
  let cache: HeaderReading['cache'];
  const forwarded = rows.filter(([name, value]) => {
    const lower = name.toLowerCase();
    if (CREDENTIALS.has(lower)) hasCredentials = true;
    if (lower === 'x-request-priority' && value !== null && allowed.has('priority')) {
      options.priority = value;
      return false;
    }
    if (!lower.startsWith('x-router-')) return true;
    if (lower === 'x-router-deadline-ms' && value !== null && allowed.has('deadline'))
      options.deadlineMs = readMs(value);
    if (lower === 'x-router-route' && value !== null && allowed.has('route')) options.route = value;
    if (lower === 'x-router-tenant' && value !== null && allowed.has('tenant')) options.tenant = value;
    if (lower === 'x-router-scope' && value !== null && allowed.has('tenant'))
      throw new InvalidOptionError('X-Router-Scope', 'there is no such header; did you mean `X-Router-Tenant`?');
    if (lower === 'x-router-cache' && value !== null && allowed.has('cache')) cache = readDirective(value);
    return false;
  });
  return { headers: forwarded.length === rows.length ? headers : forwarded, options, hasCredentials, cache };
}

const NOTHING: ReadonlySet<HeaderOption> = new Set();

/** For requests that are not routed: removes the router's headers without reading them. */
export function withoutRouterHeaders(headers: RequestOptions['headers']): RequestOptions['headers'] {
  return readHeaders(headers, NOTHING).headers;
}

function readDirective(value: string): 'no-store' | 'no-cache' {
  return checkOneOf('X-Router-Cache', value.trim().toLowerCase(), ['no-store', 'no-cache']);
}

function readMs(value: string): number {
  const ms = value.trim() === '' ? Number.NaN : Number(value);
  return ms > 0 && ms <= MAX_MS
    ? ms
    : invalidOption('X-Router-Deadline-Ms', value, 'milliseconds above 0, such as 2000');
}
