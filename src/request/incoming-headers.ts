import { InvalidOptionError } from '../errors.js';
import { isSecretHeader } from '../sdk/secret-headers.js';
import { checkStrings, show } from '../util/check.js';
import { CREDENTIALS } from './headers.js';

/** Request headers that `asFetch()` sends on by default. */
const FORWARDED =
  /^(accept|content-type|user-agent|x-request-priority|idempotency-key|openai-[\w-]+|x-router-[\w-]+|x-stainless-helper-method|traceparent|tracestate|baggage|b3|x-b3-[\w-]+|x-datadog-[\w-]+|sentry-trace|x-request-id|x-client-request-id|x-correlation-id|x-trace-id|x-amzn-trace-id|x-cloud-trace-context)$/;

/** Headers of one connection, and headers about bytes that are encoded again. */
export const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'content-encoding',
] as const;

const NOT_SENT_ON: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'expect', 'host', 'accept-encoding']);

/** Browsers and the SDK send these with every request, so dropping them needs no warning. */
const USUAL =
  /^(accept-language|accept-charset|cache-control|pragma|dnt|origin|referer|priority|via|forwarded|x-forwarded-[\w-]+|x-real-ip|sec-[\w-]+|x-stainless-[\w-]+|upgrade-insecure-requests)$/;

/** The number of dropped header names to remember. */
const MAX_WARNED = 100;

/** Checks `forwardHeaders`. Throws InvalidOptionError. */
export function checkForwardHeaders(value: unknown): ReadonlySet<string> {
  const names = checkStrings('forwardHeaders', value, 'an array of names of headers').map((name) => name.toLowerCase());
  for (const [i, name] of names.entries()) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
      throw new InvalidOptionError(`forwardHeaders[${i}]`, `${show(name)} is not the name of a header.`);
    if (NOT_SENT_ON.has(name))
      throw new InvalidOptionError(
        `forwardHeaders[${i}]`,
        `${show(name)} belongs to one connection and cannot be sent on.`,
      );
  }
  return new Set(names);
}

/** Picks the headers of an incoming request that may be sent on. `onDropped` gets each other name once. */
export function headerFilter(
  forward: ReadonlySet<string>,
  onDropped: (name: string) => void,
): (headers: Headers) => [string, string][] {
  const warned = new Set<string>();
  return (headers) => {
    const named = new Set((headers.get('connection') ?? '').split(',').map((name) => name.trim().toLowerCase()));
    return [...headers].filter(([name]) => {
      if (NOT_SENT_ON.has(name) || named.has(name)) return false;
      if (forward.has(name)) return true;
      if (CREDENTIALS.has(name)) return false;
      if (FORWARDED.test(name) && !isSecretHeader(name)) return true;
      if (!USUAL.test(name) && !warned.has(name) && warned.size < MAX_WARNED) {
        warned.add(name);
        onDropped(name);
      }
      return false;
    });
  };
}
