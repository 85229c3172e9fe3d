import { heapBytes } from '../util/heap-bytes.js';
import type { CachedAnswer } from './memory-store.js';

/** A value, and those of its properties that are objects: what has to be copied, found once. */
interface Part {
  readonly value: Values | readonly unknown[];
  readonly names: readonly string[];
  readonly parts: readonly Part[];
}

type Values = Record<string, unknown>;

/** Of a part, beside its value: an object and two arrays. */
const PART_BYTES = 160;

/** An answer in this process's own memory: as the value itself, which is copied faster than text is parsed. */
export class KeptTree implements CachedAnswer {
  readonly kind: CachedAnswer['kind'];
  readonly storedAt: number;
  readonly requestId: string | null;
  readonly deployment: string | null;
  readonly servedModel: string | null;
  readonly region: string | null;
  readonly costUsd: number | null;
  readonly tokens: number | null;
  readonly bytes: number;
  readonly #value: unknown;
  readonly #part: Part | undefined;

  /** `value` is plain JSON, and nobody else's. */
  constructor(value: unknown, facts: Omit<CachedAnswer, 'text'>) {
    this.kind = facts.kind;
    this.storedAt = facts.storedAt;
    this.requestId = facts.requestId;
    this.deployment = facts.deployment;
    this.servedModel = facts.servedModel;
    this.region = facts.region;
    this.costUsd = facts.costUsd;
    this.tokens = facts.tokens;
    this.#value = value;
    this.#part = isObject(value) ? partOf(value) : undefined;
    this.bytes = heapBytes(value) + PART_BYTES * countOf(this.#part);
  }

  get text(): string {
    return JSON.stringify(this.#value);
  }

  asText(): CachedAnswer {
    const { kind, text, storedAt, requestId, deployment, servedModel, region, costUsd, tokens } = this;
    return { kind, text, storedAt, requestId, deployment, servedModel, region, costUsd, tokens };
  }

  /** For one caller, to do with as it likes. */
  copy(): unknown {
    return this.#part === undefined ? this.#value : copyOf(this.#part);
  }
}

/** An answer's value, for one caller. `undefined` where its text cannot be read. */
export function readValue(answer: CachedAnswer): unknown {
  if (answer instanceof KeptTree) return answer.copy();
  try {
    const value: unknown = JSON.parse(answer.text);
    return value;
  } catch {
    return undefined;
  }
}

function partOf(value: Part['value']): Part {
  const names: string[] = [];
  const parts: Part[] = [];
  // Not `Object.entries`: a vector is long, and has nothing to be copied in it.
  if (!Array.isArray(value) || value.some(isObject)) {
    for (const [name, each] of Object.entries(value)) {
      if (!isObject(each)) continue;
      names.push(name);
      parts.push(partOf(each));
    }
  }
  return { value, names, parts };
}

function countOf(part: Part | undefined): number {
  return part === undefined ? 0 : part.parts.reduce((sum, each) => sum + countOf(each), 1);
}

function copyOf({ value, names, parts }: Part): object {
  // Spread makes even a key such as `__proto__` one of the copy's own, which can then be set like any other.
  const copy = (Array.isArray(value) ? value.slice() : { ...value }) as Values;
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at];
    if (part !== undefined) copy[names[at] ?? ''] = copyOf(part);
  }
  return copy;
}

const isObject = (value: unknown): value is Part['value'] => typeof value === 'object' && value !== null;
