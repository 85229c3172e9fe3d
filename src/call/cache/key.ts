import type { CacheRequest, Call } from '../../types.js';
import { canonicalText } from '../../util/canonical.js';
import { jsonCopy } from '../../util/json-copy.js';
import { sha256 } from '../../util/sha256.js';

/** Changes with the format of cached answers, so that a persistent store never returns an answer in an old format. */
const KEY_VERSION = 3;

/** A body with more values is neither cached nor joined: comparing such bodies costs more than it saves. */
const MAX_VALUES = 100_000;

/** Parameters for the delivery or the recipient of an answer, not its content. All others are part of the key. */
const NOT_IN_KEY = new Set(['stream', 'stream_options', 'user', 'metadata']);
/** Vectors are cached one by one, and returned in either encoding. */
const NOT_IN_KEY_OF_VECTORS = new Set([...NOT_IN_KEY, 'input', 'encoding_format']);

/** Headers for tracing, for one attempt only, or about the sender. */
const HEADERS_NOT_IN_KEY =
  /^(x-router-|x-stainless-|x-b3-|x-datadog-|x-client-request-id$|x-request-id$|x-correlation-id$|x-amzn-trace-id$|x-cloud-trace-context$|traceparent$|tracestate$|baggage$|b3$|sentry-trace$|idempotency-key$|user-agent$)/i;
/** Values that an SDK sends by default, and some callers omit. */
const USUAL_ACCEPT = /^(application\/json|text\/event-stream|\*\/\*)$/;

type Body = Record<string, unknown>;

/** A copy of a cacheable request, independent of later changes to the body. */
export type CopiedRequest = CacheRequest & { readonly body: Body };

/** Throws if the request has no key. */
export function copyOfRequest(request: CacheRequest): CopiedRequest {
  // The body of a cacheable request is a record, so its copy is one.
  return { ...request, body: jsonCopy(request.body, MAX_VALUES) as Body, query: jsonCopy(request.query) };
}

/** The cache key of a call; equal calls have the same key. Throws if it has none. */
export function keyOf(call: Call, request: CacheRequest): string {
  return hashOf(`${preludeOf(call, request)}${canonicalText(request.body, NOT_IN_KEY, MAX_VALUES)}`);
}

/** The keys of single inputs of an embeddings call, and of several inputs together. */
export function vectorKeys(call: Call, request: CacheRequest) {
  const prelude = `${preludeOf(call, request)}${canonicalText(request.body, NOT_IN_KEY_OF_VECTORS)}`;
  return {
    ofInput: (input: unknown) => hashOf(`${prelude}${canonicalText(input)}`),
    ofBatch: (inputs: readonly unknown[]) =>
      hashOf(`${prelude}${canonicalText(request.body?.encoding_format)}${canonicalText(inputs)}`),
  };
}

/** SHA-256 of a canonical text. UTF-8 has no lone surrogates, so a text with one is hashed as a JSON string. */
function hashOf(text: string): string {
  return sha256(text.isWellFormed() ? text : JSON.stringify(text));
}

/**
 * What equal calls in flight must have in common: besides the key, only streams with the same options join each other,
 * and no call fails by another one's limits.
 */
export function sharedKeyOf(
  { settings, maxAttempts, stream }: Call,
  { key, body }: { readonly key: string; readonly body: Body },
): string {
  const { maxInputTokens, maxCostUsd, overBudget, attemptTimeoutMs } = settings;
  const limits = `${key} ${stream} ${maxInputTokens} ${maxCostUsd} ${overBudget} ${maxAttempts} ${attemptTimeoutMs}`;
  if (!stream) return limits;
  const { firstChunkTimeoutMs, chunkTimeoutMs, maxStreamMs } = settings;
  return `${limits} ${firstChunkTimeoutMs} ${chunkTimeoutMs} ${maxStreamMs} ${canonicalText(body.stream_options)}`;
}

/** The names of the key's parts, without any value. */
export function keyParts({ settings, record }: Call, request: CacheRequest): string[] {
  const { query } = request;
  return [
    'version',
    'path',
    ...(record.route === null ? [] : ['route']),
    ...(settings.tenant === undefined ? [] : ['tenant']),
    'priority',
    ...(settings.regions === undefined ? [] : ['regions']),
    ...(typeof query === 'object' && query !== null ? Object.keys(query).map((name) => `query.${name}`) : []),
    ...keyedHeaders(request).map(([name]) => `headers.${name}`),
    ...Object.keys(request.body ?? {})
      .filter(
        (name) => !NOT_IN_KEY.has(name) && !(name === 'encoding_format' && request.path.startsWith('/embeddings')),
      )
      .sort()
      .map((name) => `body.${name}`),
  ];
}

function preludeOf({ settings, record }: Call, request: CacheRequest): string {
  const { path, query } = request;
  return canonicalText([
    KEY_VERSION,
    path,
    record.requestedModel,
    record.route,
    settings.tenant ?? null,
    settings.priority,
    settings.regions === undefined ? null : [...settings.regions].sort(),
    keyedHeaders(request),
    isEmpty(query) ? null : query,
  ]);
}

function keyedHeaders({ headers }: CacheRequest): (readonly [string, string | null])[] {
  if (headers.length === 0) return [];
  return headers
    .filter(([name, value]) => !HEADERS_NOT_IN_KEY.test(name) && !(isAccept(name) && USUAL_ACCEPT.test(value ?? '')))
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
}

/** No query equals an empty one, because the entry points differ in which they pass. */
const isEmpty = (query: unknown) => query == null || (typeof query === 'object' && Object.keys(query).length === 0);

const isAccept = (name: string) => name.toLowerCase() === 'accept';
