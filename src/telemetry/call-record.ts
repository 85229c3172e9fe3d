import { LRUCache } from 'lru-cache';
import type { CallRecord } from './record-types.js';

/** Not enumerable on what carries it, so that it shows in no comparison, copy or JSON. */
export const RECORD = Symbol.for('model-router.record');
/** For what cannot carry it: signals, and objects that are frozen. */
const records = new WeakMap<object, CallRecord>();
/** Of calls made by the SDK's stream helpers: they build their result from chunks, and keep no object of ours in it. */
const byAnswerId = new LRUCache<string, { record: CallRecord | undefined }>({ max: 1000 });

/** Ties a record to what a caller may hold: a promise, a result, a stream, an error, or a part of it that copies keep. */
export function linkRecord(holder: unknown, record: CallRecord): void {
  if (typeof holder !== 'object' || holder === null || Reflect.get(holder, RECORD) === record) return;
  if (Object.isExtensible(holder) && !(holder instanceof AbortSignal)) {
    Object.defineProperty(holder, RECORD, { value: record, configurable: true });
  } else {
    records.set(holder, record);
  }
}

function linked(holder: object): CallRecord | undefined {
  const record: CallRecord | undefined = Reflect.get(holder, RECORD);
  return record ?? records.get(holder);
}

/** Ties a record to the id that the provider gave its answer. Two answers of one id tell nothing. */
export function linkAnswerId(id: string, record: CallRecord): void {
  byAnswerId.set(id, { record: byAnswerId.has(id) ? undefined : record });
}

/**
 * What became of a call: of its promise, its result (also through `.parse`, `runTools` and the stream helpers), a
 * stream, or an error. `undefined` for anything that is not the router's. A stream's record is complete once the stream
 * has ended.
 */
export function callRecord(holder: unknown): CallRecord | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const own = linked(holder);
  if (own !== undefined) return own;
  // The SDK's helpers copy a result, or build one from chunks: its `usage` object stays the same one.
  const byUsage =
    'usage' in holder && typeof holder.usage === 'object' && holder.usage ? linked(holder.usage) : undefined;
  if (byUsage !== undefined) return byUsage;
  // A helper (`chat.completions.stream()`, `runTools()`) makes its calls under the signal of its own controller.
  if ('controller' in holder && holder.controller instanceof AbortController) return linked(holder.controller.signal);
  // Only what looks like an answer: an id alone says nothing.
  const isAnswer = ('choices' in holder || 'output' in holder) && 'id' in holder && typeof holder.id === 'string';
  return isAnswer ? byAnswerId.get(String(holder.id))?.record : undefined;
}
