import { hash } from 'node:crypto';
import { type Circumstances, circumstancesOf, printOf, type Question } from '../../state/question.js';
import type { CacheRequest, Call } from '../../types.js';
import { canonicalText } from '../../util/canonical.js';

/** Changes with the meaning of what is kept, so that a store that outlives the process gives no answer of another kind. */
const KEY_VERSION = 1;

/** Parameters that say how an answer is delivered, or for whom, and not what it says. Everything else is in the key. */
const NOT_IN_KEY = new Set(['stream', 'stream_options', 'user', 'metadata']);
/** Vectors are kept one by one, and given out in either encoding. */
const NOT_IN_KEY_OF_VECTORS = new Set([...NOT_IN_KEY, 'input', 'encoding_format']);

/** Headers that follow a request for tracing, are of one try only, or tell who made it. */
const NOT_KEYED =
  /^(x-router-|x-stainless-|x-b3-|x-datadog-|x-client-request-id$|x-request-id$|x-correlation-id$|x-amzn-trace-id$|x-cloud-trace-context$|traceparent$|tracestate$|baggage$|b3$|sentry-trace$|idempotency-key$|user-agent$)/i;
/** What an SDK says by itself, and some callers do not say. */
const USUAL_ACCEPT = /^(application\/json|text\/event-stream|\*\/\*)$/;

/** A text that stands for the question of a call. Throws where the body cannot be written as JSON. */
export function digestOf(call: Call, request: CacheRequest): string {
  return digest(`${preludeOf(call, request)}${canonicalText(request.body, NOT_IN_KEY)}`);
}

/** What counts of a call beside its body. Its request is nobody else's. */
export function restOf(
  { settings, record }: Call,
  request: CacheRequest,
  before: Circumstances | undefined,
): Circumstances {
  const { path, query } = request;
  const { tenant, priority, regions } = settings;
  const headers = keyedHeaders(request);
  const values = [
    path,
    record.requestedModel,
    record.route,
    tenant,
    priority,
    regions && [...regions].sort(),
    isEmpty(query) ? null : query,
    headers.length === 0 ? null : headers,
  ];
  return circumstancesOf(values, before);
}

/** A question with this body, which is nobody else's. `undefined` where only its digest will do. */
export function questionOf(rest: Circumstances, body: Question['body'], largest: number): Question | undefined {
  const print = printOf(rest, body, NOT_IN_KEY, largest);
  return print === undefined ? undefined : { rest, body, skip: NOT_IN_KEY, print };
}

/** The keys of the single inputs of an embeddings call. Throws where the body cannot be written as JSON. */
export function vectorKeys(call: Call, request: CacheRequest, inputs: readonly unknown[]): string[] {
  const prelude = `${preludeOf(call, request)}${canonicalText(request.body, NOT_IN_KEY_OF_VECTORS)}`;
  return inputs.map((input) => digest(`${prelude}${canonicalText(input)}`));
}

/**
 * What two calls in flight must share beside the key: streams join streams that tell as much, and one caller's limits are
 * not for the others to fail by.
 */
export function termsOf({ settings, maxAttempts, stream }: Call, body: Question['body']): string {
  const { maxInputTokens, maxCostUsd, overBudget, attemptTimeoutMs } = settings;
  const { firstChunkTimeoutMs, chunkTimeoutMs, maxStreamMs } = settings;
  const limits = `${maxInputTokens} ${maxCostUsd} ${overBudget} ${maxAttempts} ${attemptTimeoutMs}`;
  return stream
    ? `${limits} ${firstChunkTimeoutMs} ${chunkTimeoutMs} ${maxStreamMs} ${canonicalText(body.stream_options)}`
    : limits;
}

/** The names of what is in the key: nothing of what they say. */
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
  const prelude = canonicalText([
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
  return prelude ?? '';
}

function keyedHeaders({ headers }: CacheRequest): (readonly [string, string | null])[] {
  if (headers.length === 0) return [];
  return headers
    .filter(([name, value]) => !NOT_KEYED.test(name) && !(isAccept(name) && USUAL_ACCEPT.test(value ?? '')))
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
}

/** No query is an empty one: the doors differ in how they say it. */
const isEmpty = (query: unknown) => query == null || (typeof query === 'object' && Object.keys(query).length === 0);

const isAccept = (name: string) => name.toLowerCase() === 'accept';

const digest = (text: string) => hash('sha256', text, 'base64url');
