import { decodeBase64, encodeBase64 } from '../../util/base64.js';
import { isRecord } from '../../util/is-record.js';
import type { Source } from './fetch-task.js';

/** In either encoding: numbers, or the base64 of 32-bit floats. */
export type Vector = string | number[];

/** The vector of one input, and its share of the tokens. */
export interface CachedVector extends Source {
  readonly vector: Vector;
}

/** Texts or tokens, one or several. */
export function inputsOf(input: unknown): readonly unknown[] {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return [];
  return typeof input[0] === 'number' ? [input] : input;
}

/**
 * The vectors of an answer, in the order of the inputs. Returns `undefined` if their number or their indexes do not
 * match, because then it is unknown which vector belongs to which input.
 */
export function readVectors(data: unknown, inputs: readonly unknown[], source: Source): CachedVector[] | undefined {
  const list: unknown = isRecord(data) ? data.data : undefined;
  if (!Array.isArray(list) || list.length !== inputs.length) return undefined;
  const vectors = new Map<unknown, Vector>();
  for (const item of list) {
    if (!isRecord(item) || !isVector(item.embedding)) return undefined;
    vectors.set(item.index, item.embedding);
  }
  const shares = share(source.tokens, inputs.map(lengthOf));
  const read: CachedVector[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const vector = vectors.get(i);
    if (vector === undefined) return undefined;
    const tokens = shares?.[i] ?? null;
    const { costUsd } = source;
    const isKnown = costUsd !== null && tokens !== null && source.tokens;
    read.push({ ...source, vector, tokens, costUsd: isKnown ? (costUsd * tokens) / source.tokens : null });
  }
  return read;
}

const lengthOf = (input: unknown) => (typeof input === 'string' || Array.isArray(input) ? input.length : 1);

/**
 * The provider reports one sum for a batch. Each input gets a share by its length, and the shares add up to the sum.
 */
function share(total: number | null, weights: readonly number[]): number[] | undefined {
  if (total === null) return undefined;
  const sum = weights.reduce((all, weight) => all + weight, 0) || 1;
  let weightBefore = 0;
  let shared = 0;
  return weights.map((weight) => {
    weightBefore += weight;
    const upTo = Math.round((total * weightBefore) / sum);
    const part = upTo - shared;
    shared = upTo;
    return part;
  });
}

export function tokensIn(data: unknown): number | null {
  const usage: unknown = isRecord(data) ? data.usage : undefined;
  return isRecord(usage) && typeof usage.prompt_tokens === 'number' ? usage.prompt_tokens : null;
}

export function isVector(value: unknown): value is Vector {
  return typeof value === 'string' || (Array.isArray(value) && typeof value[0] === 'number');
}

/** As numbers, or as the base64 of little-endian 32-bit floats. A copy for each caller. */
export function encodeVector(vector: Vector, isBase64: boolean): Vector {
  if (isBase64)
    return typeof vector === 'string' ? vector : encodeBase64(new Uint8Array(Float32Array.from(vector).buffer));
  if (typeof vector !== 'string') return [...vector];
  const bytes = decodeBase64(vector);
  return [...new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))];
}
