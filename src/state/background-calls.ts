import { LRUCache } from 'lru-cache';
import { isRecord } from '../util/is-record.js';

/** The limit of background responses that are not yet billed. */
const MAX_CALLS = 10_000;
const FINAL = new Set<unknown>(['completed', 'failed', 'incomplete', 'cancelled']);

/** Bills a background response by the answer that reports its end; without an answer, at its highest possible cost. */
export type BookLater = (answer: Readonly<Record<string, unknown>> | undefined) => void;

/**
 * Background responses, until a later request reports their usage. An evicted one is billed at its highest possible
 * cost.
 */
export class BackgroundCalls {
  readonly #pending = new LRUCache<string, BookLater>({
    max: MAX_CALLS,
    dispose: (book, _, reason) => {
      if (reason === 'evict') book(undefined);
    },
  });

  add(id: string, book: BookLater): void {
    if (!this.#pending.has(id)) this.#pending.set(id, book);
  }

  /** Reads the answer to a request that is not routed, such as `responses.retrieve`. */
  report(answer: unknown): void {
    if (!isRecord(answer) || typeof answer.id !== 'string' || !FINAL.has(answer.status)) return;
    const book = this.#pending.get(answer.id);
    if (book === undefined) return;
    this.#pending.delete(answer.id);
    book(answer);
  }
}

/** Whether an answer only reports that the work has started. */
export function isPending(answer: unknown): boolean {
  return (
    isRecord(answer) && answer.background === true && (answer.status === 'queued' || answer.status === 'in_progress')
  );
}
