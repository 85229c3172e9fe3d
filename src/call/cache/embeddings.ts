import type { CachedAnswer } from '../../state/cache-store.js';
import { entryBytes } from '../../state/memory-store.js';
import type { CacheRequest, CacheSettings, Call, CallReply } from '../../types.js';
import { isPromise } from '../../util/is-promise.js';
import { parseJson } from '../../util/parse-json.js';
import { cachedAnswer } from './cached-reply.js';
import { isDeploymentFault } from './errors.js';
import type { FetchedAnswer, FetchTask } from './fetch-task.js';
import { type CopiedRequest, copyOfRequest, vectorKeys } from './key.js';
import type { Found } from './lookup.js';
import { dataOf, headersOf } from './reply-parts.js';
import type { ResponseCache } from './response-cache.js';
import { type CachedVector, encodeVector, inputsOf, isVector, readVectors, tokensIn } from './vectors.js';

/** A batch takes at most this share of the router's own store, so that it does not evict everything else. */
const BATCH_SHARE = 1 / 4;

/** One input of a call, and its stored vector, if any. */
interface EmbeddingInput {
  readonly value: unknown;
  readonly key: string;
  readonly found: Found | undefined;
}

type Keys = ReturnType<typeof vectorKeys>;

/**
 * Caches embeddings by single input: a batch sends only its missing inputs. Returns `undefined` for a call without
 * inputs. Throws if the inputs have no key.
 */
export function answerVectors(
  cache: ResponseCache,
  call: Call,
  given: CacheRequest,
  settings: CacheSettings,
): Promise<CallReply> | undefined {
  const request = copyOfRequest(given);
  const keys = vectorKeys(call, request);
  const values = inputsOf(request.body.input);
  if (values.length === 0) return undefined;
  const ofInputs = values.map((value) => keys.ofInput(value));
  const batchOf = (found: readonly (Found | undefined)[]) => {
    const inputs = ofInputs.map((key, i) => ({ value: values[i], key, found: found[i] }));
    return new Batch(cache, call, request, keys, settings, inputs);
  };
  if (request.directive === 'no-cache') return batchOf([]).fetch();
  const found = ofInputs.map((key) => cache.lookup.get(key, settings, call.signal));
  const known = found.flatMap((each) => (isPromise(each) ? [] : [each]));
  if (known.length === found.length) return batchOf(known).answer();
  return Promise.all(found).then((all) => batchOf(all).answer());
}

class Batch {
  constructor(
    readonly cache: ResponseCache,
    readonly call: Call,
    readonly request: CopiedRequest,
    readonly keys: Keys,
    readonly settings: CacheSettings,
    readonly inputs: readonly EmbeddingInput[],
  ) {}

  answer(): Promise<CallReply> {
    const { cache, call, inputs } = this;
    const states = inputs.map(({ found }) => found?.state);
    const isUsable = states.every((state) => state === 'fresh' || state === 'stale');
    const vectors = isUsable ? this.#cached() : undefined;
    if (vectors === undefined) return this.fetch();
    const stale = unique(inputs.filter(({ found }) => found?.state === 'stale'));
    if (stale.length > 0 && !cache.refresh(call, this.request, this.#taskOf(stale))) return this.fetch();
    cache.useCached(call, stale.length > 0 ? 'stale' : 'hit', vectors, this.#ageMs());
    return Promise.resolve(this.#compose(vectors));
  }

  fetch(): Promise<CallReply> {
    const { cache, call, inputs } = this;
    const missing = unique(inputs.filter(({ found }) => found?.state !== 'fresh'));
    const fetched = this.#fetchMissing(missing);
    if (!inputs.every(({ found }) => found !== undefined && isForErrors(found, this.settings))) return fetched;
    return fetched.catch((error: unknown) => {
      const vectors = isDeploymentFault(error) ? this.#cached() : undefined;
      if (vectors === undefined) throw error;
      cache.useCached(call, 'stale-if-error', vectors, this.#ageMs());
      return this.#compose(vectors);
    });
  }

  async #fetchMissing(missing: readonly EmbeddingInput[]): Promise<CallReply> {
    const reply = await this.cache.fetch(this.call, this.request, this.#taskOf(missing));
    if (missing.length === this.inputs.length) return reply;
    // The answer to a shortened request is never returned. If it cannot be completed, the whole batch is sent.
    return this.#fill(missing, reply) ?? this.cache.fetch(this.call, this.request, this.#taskOf(this.inputs));
  }

  #taskOf(inputs: readonly EmbeddingInput[]): FetchTask {
    const { cache, keys, settings, call } = this;
    const { body } = this.request;
    const values = inputs.map(({ value }) => value);
    return {
      key: keys.ofBatch(values),
      body: values.length === this.inputs.length ? body : { ...body, input: values },
      toolCalls: settings.toolCalls,
      store: (fetched) => {
        const stored = this.#entriesOf(inputs, fetched).map(([key, answer]) =>
          cache.lookup.set(key, answer, settings, call.settings.tenant),
        );
        return stored.some(isPromise) ? Promise.all(stored) : undefined;
      },
    };
  }

  #entriesOf(
    inputs: readonly EmbeddingInput[],
    { data, source, requestId }: FetchedAnswer,
  ): [key: string, CachedAnswer][] {
    const { size } = this.cache.lookup;
    const values = inputs.map(({ value }) => value);
    const entries: [string, CachedAnswer][] = [];
    let bytes = 0;
    for (const [i, { vector, ...rest }] of (readVectors(data, values, source) ?? []).entries()) {
      const key = inputs[i]?.key ?? '';
      const text = JSON.stringify(vector);
      const answer: CachedAnswer = { kind: 'vector', text, storedAt: Date.now(), requestId, ...rest };
      bytes += entryBytes(key, answer);
      if (
        size !== undefined &&
        (bytes > size.maxBytes * BATCH_SHARE || i + 1 > Math.max(1, size.maxEntries * BATCH_SHARE))
      )
        break;
      entries.push([key, answer]);
    }
    return entries;
  }

  /** Combines the answer with the stored vectors. Returns `undefined` if they do not fit together. */
  #fill(missing: readonly EmbeddingInput[], reply: CallReply): CallReply | undefined {
    const { record } = this.call;
    const data = dataOf(reply);
    const { deployment, servedModel, region, usage } = record;
    const source = { deployment, servedModel, region, costUsd: null, tokens: usage?.inputTokens ?? tokensIn(data) };
    const values = missing.map(({ value }) => value);
    const fetched = readVectors(data, values, source);
    if (fetched === undefined) return undefined;
    const byKey = new Map(missing.map(({ key }, i) => [key, fetched[i]]));
    const cached: CachedVector[] = [];
    const all: CachedVector[] = [];
    for (const { key, found } of this.inputs) {
      const vector = byKey.get(key) ?? (found && vectorOf(found));
      if (vector === undefined) return undefined;
      if (!byKey.has(key)) cached.push(vector);
      all.push(vector);
    }
    this.cache.addSaved(cached);
    return this.#compose(all, headersOf(reply));
  }

  #cached(): CachedVector[] | undefined {
    const vectors = this.inputs.flatMap(({ found }) => (found && vectorOf(found)) ?? []);
    return vectors.length === this.inputs.length ? vectors : undefined;
  }

  #ageMs(): number {
    return this.inputs.reduce((oldest, { found }) => Math.max(oldest, found?.ageMs ?? 0), 0);
  }

  #compose(all: readonly CachedVector[], headers?: Headers) {
    const { record } = this.call;
    const isBase64 = this.request.body.encoding_format === 'base64';
    const tokens = all.reduce((sum, each) => sum + (each.tokens ?? 0), 0);
    const data = all.map(({ vector }, index) => ({
      object: 'embedding',
      index,
      embedding: encodeVector(vector, isBase64),
    }));
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    record.providerUsage ??= usage;
    const [only] = this.inputs.length === 1 ? this.inputs : [];
    const requestId = headers?.get('x-request-id') ?? only?.found?.answer.requestId ?? null;
    const model = all[0]?.servedModel ?? record.requestedModel;
    return cachedAnswer({ object: 'list', data, model, usage }, requestId, headers);
  }
}

const isForErrors = ({ ageMs, state }: Found, { ttlMs, staleIfErrorMs }: CacheSettings) =>
  state === 'stale' || ageMs < ttlMs + staleIfErrorMs;

/** A repeated input is sent once. */
function unique(inputs: readonly EmbeddingInput[]): EmbeddingInput[] {
  return [...new Map(inputs.map((input) => [input.key, input])).values()];
}

function vectorOf({ answer }: Found): CachedVector | undefined {
  const vector = parseJson(answer.text);
  if (!isVector(vector)) return undefined;
  const { deployment, servedModel, region, costUsd, tokens } = answer;
  return { vector, deployment, servedModel, region, costUsd, tokens };
}
