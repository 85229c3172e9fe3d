type Result = IteratorResult<unknown, undefined>;

export const DONE: Result = { done: true, value: undefined };

/** What a reader reads from. */
export interface ReaderSource {
  /** `reader` must not be garbage-collected as long as it waits for the result. */
  next(reader: object): Promise<Result>;
  return(): Promise<Result>;
}

/** From a reader to its source, which removes itself once nothing is left to read. */
export interface ReaderLink {
  source: ReaderSource | undefined;
}

/**
 * The iterator of a caller's stream. The router refers to the source, and only the caller to the reader, so that a
 * stream that its caller drops can be garbage-collected. A reader that the caller keeps does not keep the call.
 */
export class StreamReader implements AsyncIterableIterator<unknown, undefined> {
  readonly #link: ReaderLink;

  constructor(link: ReaderLink) {
    this.#link = link;
  }

  next(): Promise<Result> {
    return this.#link.source?.next(this) ?? Promise.resolve(DONE);
  }

  return(): Promise<Result> {
    return this.#link.source?.return() ?? Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
