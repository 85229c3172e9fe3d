import type { CallRecord } from './record-types.js';

/**
 * By what the promise, result, stream, signal or error of a call carries its record. A registered symbol, so that records
 * are found across two loaded copies of this package. Not enumerable, so that it shows in no comparison, copy or JSON.
 */
export const RECORD = Symbol.for('model-router.record');

/** For what cannot carry it. One for all copies of this package, made when it is first needed. */
interface Registry {
  /** Objects that are frozen. */
  readonly frozen: WeakMap<object, CallRecord>;
  /** Answers of the SDK's stream helpers: they are built from chunks, and only the provider's id remains in them. */
  readonly byAnswerId: Map<string, CallRecord | undefined>;
}
const REGISTRY = Symbol.for('model-router.records');
const MAX_ANSWERS = 1000;

function registry(): Registry {
  const known: Registry | undefined = Reflect.get(globalThis, REGISTRY);
  if (known !== undefined) return known;
  const made: Registry = { frozen: new WeakMap(), byAnswerId: new Map() };
  Object.defineProperty(globalThis, REGISTRY, { value: made, configurable: true });
  return made;
}

/** Ties a record to what a caller may hold: a promise, a result, a stream, an error, or a part of it that copies keep. */
export function linkRecord(holder: unknown, record: CallRecord): void {
  if (typeof holder !== 'object' || holder === null || Reflect.get(holder, RECORD) === record) return;
  if (!Reflect.defineProperty(holder, RECORD, { value: record, configurable: true }))
    registry().frozen.set(holder, record);
}

function linked(holder: object): CallRecord | undefined {
  const record: CallRecord | undefined = Reflect.get(holder, RECORD);
  return record ?? (Object.isExtensible(holder) ? undefined : registry().frozen.get(holder));
}

/** Ties a record to the id that the provider gave its answer. Two answers with one id identify no call. */
export function linkAnswerId(id: string, record: CallRecord): void {
  const { byAnswerId } = registry();
  byAnswerId.set(id, byAnswerId.has(id) ? undefined : record);
  if (byAnswerId.size > MAX_ANSWERS) byAnswerId.delete(byAnswerId.keys().next().value ?? id);
}

/**
 * What became of a call: of its promise, its result (also through `.parse`, `runTools` and the stream helpers), a
 * stream, or an error. `undefined` for anything that does not come from a router. A stream's record is complete once the
 * stream has ended.
 *
 * @example
 * const completion = await router.chat.completions.create({ model: 'standard', messages });
 * callRecord(completion)?.deployment;
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
  // Only what looks like an answer: an id alone is not enough.
  const isAnswer = ('choices' in holder || 'output' in holder) && 'id' in holder && typeof holder.id === 'string';
  return isAnswer ? registry().byAnswerId.get(String(holder.id)) : undefined;
}
