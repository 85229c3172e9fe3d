import { jsonCopy } from '../util/canonical-json.js';
import { heapBytes } from '../util/heap-bytes.js';
import type { CachedAnswer } from './response-store.js';

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
    this.bytes = heapBytes(value);
  }

  get text(): string {
    return JSON.stringify(this.#value);
  }

  /** For one caller, to do with as it likes. */
  copy(): unknown {
    return jsonCopy(this.#value);
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
