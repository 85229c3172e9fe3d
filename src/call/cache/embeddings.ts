import { hash } from 'node:crypto';
import { readValue } from '../../state/kept-tree.js';
import type { CachedAnswer } from '../../state/memory-store.js';
import { type CacheRequest, type CacheSettings, type Call, type CallReply, isKept } from '../../types.js';
import { isRecord } from '../../util/is-record.js';
import { keptAnswer } from './cached-reply.js';
import { isOfTargets } from './errors.js';
import { vectorKeys } from './key.js';
import { isPromise, type Recalled } from './lookup.js';
import { type Asker, learned, type Order } from './order.js';

type Body = Record<string, unknown>;
type Vector = string | number[];

/** One input of a call, and what is known of it. */
interface Input {
  readonly value: unknown;
  readonly key: string;
  readonly found: Recalled | undefined;
}

/** A vector for one input, in whichever encoding it came, and its share of the tokens. */
interface Told extends Pick<CachedAnswer, 'deployment' | 'servedModel' | 'region' | 'costUsd' | 'tokens'> {
  readonly vector: Vector;
}

/** Embeddings are kept by single input: of a batch only what is missing is asked for. */
export function answerVectors(
  cached: Asker,
  call: Call,
  request: CacheRequest,
  body: Body,
  settings: CacheSettings,
): Promise<CallReply> {
  const values = inputsOf(body.input);
  if (values.length === 0) return cached.bypass(call);
  const keys = vectorKeys(call, request, values);
  const inputs = (found: readonly (Recalled | undefined)[]): Input[] =>
    keys.map((key, i) => ({ value: values[i], key, found: found[i] }));
  if (request.directive === 'no-cache') return new Batch(cached, call, request, body, settings, inputs([])).ask();
  const found = keys.map((key) => cached.memory.recall(key, settings, call.signal));
  const known = found.flatMap((each) => (isPromise(each) ? [] : [each]));
  if (known.length === found.length) return new Batch(cached, call, request, body, settings, inputs(known)).answer();
  return Promise.all(found).then((all) => new Batch(cached, call, request, body, settings, inputs(all)).answer());
}

class Batch {
  constructor(
    readonly cached: Asker,
    readonly call: Call,
    readonly request: CacheRequest,
    readonly body: Body,
    readonly settings: CacheSettings,
    readonly inputs: readonly Input[],
  ) {}

  answer(): Promise<CallReply> {
    const { cached, call, inputs } = this;
    const states = inputs.map(({ found }) => found?.state);
    const kept = states.every((state) => state === 'fresh' || state === 'stale') ? this.#kept() : undefined;
    if (kept === undefined) return this.ask();
    const stale = unique(inputs.filter(({ found }) => found?.state === 'stale'));
    if (stale.length > 0) cached.refresh(call, this.request, this.#order(stale));
    cached.tell(call, stale.length > 0 ? 'stale' : 'hit', kept, this.#ageMs());
    return Promise.resolve(this.#compose(kept));
  }

  ask(): Promise<CallReply> {
    const { cached, call, inputs } = this;
    const missing = unique(inputs.filter(({ found }) => found?.state !== 'fresh'));
    const reply = cached.fly(call, this.request, this.#order(missing)).then((reply) => this.#fill(missing, reply));
    if (!inputs.every(({ found }) => found !== undefined && isForErrors(found, this.settings))) return reply;
    return reply.catch((error: unknown) => {
      const kept = isOfTargets(error) ? this.#kept() : undefined;
      if (kept === undefined) throw error;
      cached.tell(call, 'stale-if-error', kept, this.#ageMs());
      return this.#compose(kept);
    });
  }

  #order(missing: readonly Input[]): Order {
    const { body, cached, settings } = this;
    const isWhole = missing.length === this.inputs.length;
    return {
      key: hash('sha256', JSON.stringify([body.encoding_format, missing.map(({ key }) => key)]), 'base64url'),
      body: isWhole ? body : { ...body, input: missing.map(({ value }) => value) },
      keep: (data, flight, requestId) => {
        const { costUsd, tokens, ...source } = learned(flight);
        for (const [i, told] of (read(data, missing, { costUsd, tokens, ...source }) ?? []).entries()) {
          const { vector, ...rest } = told;
          const key = missing[i]?.key ?? '';
          const facts = { kind: 'vector', storedAt: Date.now(), requestId, ...rest } as const;
          const own = typeof vector === 'string' ? vector : [...vector];
          cached.memory.keepValue(key, own, facts, settings);
        }
      },
    };
  }

  /** What came, together with what was there. */
  #fill(missing: readonly Input[], reply: CallReply): CallReply {
    const { call, inputs } = this;
    if (missing.length === inputs.length) return reply;
    const data = isKept(reply) ? reply.kept.data : reply.answer.data;
    const { deployment, servedModel, region, usage } = call.record;
    const tokens = usage?.inputTokens ?? tokensIn(data);
    const came = read(data, missing, { deployment, servedModel, region, costUsd: null, tokens });
    // An answer of another length than the question is handed on as it is: nobody can say what belongs to what.
    if (came === undefined) return reply;
    const byKey = new Map(missing.map(({ key }, i) => [key, came[i]]));
    const kept: Told[] = [];
    const all: Told[] = [];
    for (const { key, found } of inputs) {
      const told = separate(byKey.get(key)) ?? (found && toldOf(found));
      if (told === undefined) return reply;
      if (!byKey.has(key)) kept.push(told);
      all.push(told);
    }
    this.cached.save(kept);
    const filled = this.#compose(all);
    const headers = isKept(reply) ? reply.kept.headers : reply.answer.headers;
    return { ...filled, kept: { ...filled.kept, headers, requestId: headers?.get('x-request-id') ?? null } };
  }

  #kept(): Told[] | undefined {
    const kept = this.inputs.flatMap(({ found }) => (found === undefined ? [] : (toldOf(found) ?? [])));
    return kept.length === this.inputs.length ? kept : undefined;
  }

  #ageMs(): number {
    return Math.max(...this.inputs.map(({ found }) => found?.ageMs ?? 0));
  }

  #compose(all: readonly Told[]) {
    const isBase64 = this.body.encoding_format === 'base64';
    const tokens = all.reduce((sum, told) => sum + (told.tokens ?? 0), 0);
    const data = all.map(({ vector }, index) => ({ object: 'embedding', index, embedding: encode(vector, isBase64) }));
    const model = all[0]?.servedModel ?? this.call.record.requestedModel;
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    this.call.record.providerUsage ??= usage;
    const [only] = this.inputs.length === 1 ? this.inputs : [];
    return keptAnswer({ object: 'list', data, model, usage }, only?.found?.answer.requestId ?? null);
  }
}

const isForErrors = ({ ageMs }: Recalled, { ttlMs, staleIfErrorMs }: CacheSettings) => ageMs < ttlMs + staleIfErrorMs;

function unique(inputs: readonly Input[]): Input[] {
  return [...new Map(inputs.map((input) => [input.key, input])).values()];
}

/** Text or tokens, one or several. */
function inputsOf(input: unknown): readonly unknown[] {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return [];
  return typeof input[0] === 'number' ? [input] : input;
}

function toldOf({ answer }: Recalled): Told | undefined {
  const vector = readValue(answer);
  if (!isVector(vector)) return undefined;
  const { deployment, servedModel, region, costUsd, tokens } = answer;
  return { vector, deployment, servedModel, region, costUsd, tokens };
}

/** An input that comes twice has a vector of its own each time. */
const separate = (told: Told | undefined) =>
  Array.isArray(told?.vector) ? { ...told, vector: [...told.vector] } : told;

/** The vectors of an answer, in the order of the inputs. */
function read(data: unknown, inputs: readonly Input[], source: Omit<Told, 'vector'>): Told[] | undefined {
  const list: unknown = isRecord(data) ? data.data : undefined;
  if (!Array.isArray(list) || list.length !== inputs.length) return undefined;
  const vectors: Vector[] = [];
  for (const item of list) {
    if (!isRecord(item) || typeof item.index !== 'number' || !isVector(item.embedding)) return undefined;
    vectors[item.index] = item.embedding;
  }
  const shares = share(
    source.tokens,
    inputs.map(({ value }) => (typeof value === 'string' || Array.isArray(value) ? value.length : 1)),
  );
  const told = inputs.flatMap((_, i): Told[] => {
    const vector = vectors[i];
    if (vector === undefined) return [];
    const tokens = shares?.[i] ?? null;
    const costUsd =
      source.costUsd === null || tokens === null || !source.tokens ? null : (source.costUsd * tokens) / source.tokens;
    return [{ ...source, vector, tokens, costUsd }];
  });
  return told.length === inputs.length && vectors.length === inputs.length ? told : undefined;
}

/** The tokens of a batch are told as one sum: each input gets its share by length, and the shares make the sum again. */
function share(total: number | null, weights: readonly number[]): number[] | undefined {
  if (total === null) return undefined;
  const sum = weights.reduce((all, weight) => all + weight, 0) || 1;
  let before = 0;
  let given = 0;
  return weights.map((weight) => {
    before += weight;
    const upTo = Math.round((total * before) / sum);
    const part = upTo - given;
    given = upTo;
    return part;
  });
}

function tokensIn(data: unknown): number | null {
  const usage: unknown = isRecord(data) ? data.usage : undefined;
  return isRecord(usage) && typeof usage.prompt_tokens === 'number' ? usage.prompt_tokens : null;
}

function isVector(value: unknown): value is Vector {
  return typeof value === 'string' || (Array.isArray(value) && typeof value[0] === 'number');
}

/** As numbers, or as the base64 of 32-bit floats, little end first. */
function encode(vector: Vector, isBase64: boolean): Vector {
  if (isBase64)
    return typeof vector === 'string' ? vector : Buffer.from(Float32Array.from(vector).buffer).toString('base64');
  if (typeof vector !== 'string') return vector;
  const bytes = new Uint8Array(Buffer.from(vector, 'base64'));
  return [...new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))];
}
