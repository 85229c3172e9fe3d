import type { CallRecord } from './record-types.js';

/**
 * The key of the record on a call's promise, result, stream, signal or error. It is a registered symbol, so that two
 * loaded copies of this package find each other's records, and not enumerable, so that comparisons, copies and JSON
 * skip it.
 */
export const RECORD = Symbol.for('model-router.record');

/** Records of objects that cannot carry the symbol. Shared by all copies of this package; created on first use. */
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

/** Links a record to an object that the caller holds: a promise, result, stream or error, or a part that copies share. */
export function linkRecord(holder: unknown, record: CallRecord): void {
  if (typeof holder !== 'object' || holder === null || Reflect.get(holder, RECORD) === record) return;
  if (!Reflect.defineProperty(holder, RECORD, { value: record, configurable: true }))
    registry().frozen.set(holder, record);
}

function linked(holder: object): CallRecord | undefined {
  const record: CallRecord | undefined = Reflect.get(holder, RECORD);
  return record ?? (Object.isExtensible(holder) ? undefined : registry().frozen.get(holder));
}

/** Links a record to the provider's answer id. If two answers share an id, it identifies no call. */
export function linkAnswerId(id: string, record: CallRecord): void {
  const { byAnswerId } = registry();
  byAnswerId.set(id, byAnswerId.has(id) ? undefined : record);
  if (byAnswerId.size > MAX_ANSWERS) byAnswerId.delete(byAnswerId.keys().next().value ?? id);
}

/**
 * Returns the record of a call from its promise, its result (also through `.parse`, `runTools` and the stream helpers),
 * its stream, its `Response` or its error, and `undefined` for anything that does not come from a router. A stream's
 * record is complete once the stream has ended.
 *
 * @example
 * const completion = await router.chat.completions.create({ model: 'standard', messages });
 * callRecord(completion)?.deployment;
 */
export function callRecord(holder: unknown): CallRecord | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const own = linked(holder);
  if (own !== undefined) return own;
  // The SDK's helpers copy a result, or build one from chunks, but they keep the same `usage` object.
  const byUsage =
    'usage' in holder && typeof holder.usage === 'object' && holder.usage ? linked(holder.usage) : undefined;
  if (byUsage !== undefined) return byUsage;
  // A helper (`chat.completions.stream()`, `runTools()`) uses its own controller's signal for its calls.
  if ('controller' in holder && holder.controller instanceof AbortController) return linked(holder.controller.signal);
  // Only an object that looks like an answer: an id alone is not enough.
  const isAnswer = ('choices' in holder || 'output' in holder) && 'id' in holder && typeof holder.id === 'string';
  return isAnswer ? registry().byAnswerId.get(String(holder.id)) : undefined;
}
