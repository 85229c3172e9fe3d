import type { Ending } from './behaviours.js';
import type { Part } from './endpoints/endpoint.js';

interface Chunk {
  readonly type: 'chunk';
  readonly data: string | Uint8Array;
  /** The part of the answer that it delivers; faults are placed by it. */
  readonly part: Part;
}

/** Steps on the wire, in order. Both entry points play them. */
export type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'headers'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | Chunk
  | { readonly type: 'end' }
  | { readonly type: 'destroy'; readonly how: 'close' | 'reset' }
  | { readonly type: 'hang' };

export function chunk(data: string | Uint8Array, part: Part = 'content'): Chunk {
  return { type: 'chunk', data, part };
}

/** A longer wait than a timer supports means forever. */
const longestTimer = 2 ** 31 - 1;

export function* wait(ms: number): Generator<Step> {
  if (ms > longestTimer) yield { type: 'hang' };
  else if (ms > 0) yield { type: 'wait', ms };
}

export function endOf(ending: Ending): Step {
  return ending === 'close' || ending === 'reset' ? { type: 'destroy', how: ending } : { type: ending };
}

export function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data;
}
