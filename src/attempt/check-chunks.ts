import { classify, embeddedError, isErrorEvent, type Reading, statusOf, whileReading } from '../classify.js';
import { errorIn, failedFinishOf, RESPONSE_FAILED } from '../protocol/answer-faults.js';
import type { ErrorOutcome } from '../protocol/error-outcomes.js';
import type { Protocol, UpstreamStream } from '../types.js';
import { isRecord } from '../util/is-record.js';

type Result = IteratorResult<unknown>;

/** Passes chunks on, and throws for a chunk that reports an error: the SDK's class for its meaning. */
export class CheckedChunks implements AsyncIterator<unknown> {
  readonly #stream: UpstreamStream;
  readonly #protocol: Protocol;
  readonly #headers: Headers;
  readonly #reading: Reading;
  /** Read ahead, to find the reason why a response failed. */
  #next: Promise<Result> | undefined;
  #hasBegun = false;

  constructor(stream: UpstreamStream, protocol: Protocol, headers: Headers, reading: Reading) {
    this.#stream = stream;
    this.#protocol = protocol;
    this.#headers = headers;
    this.#reading = reading;
  }

  next(): Promise<Result> {
    return this.#take().then(
      (result) => this.#check(result),
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  /** Like `next`, with callbacks: one more promise for each chunk would take noticeable time. */
  pull(onResult: (result: Result) => void, onError: (error: unknown) => void): void {
    this.#take().then(
      (result) => {
        let checked: Result | Promise<Result>;
        try {
          checked = this.#check(result);
        } catch (error) {
          onError(error);
          return;
        }
        if ('then' in checked) checked.then(onResult, onError);
        else onResult(checked);
      },
      (thrown: unknown) => onError(this.#errorFor(thrown)),
    );
  }

  #take(): Promise<Result> {
    const next = this.#next ?? this.#stream.chunks.next();
    this.#next = undefined;
    return next;
  }

  async return(): Promise<Result> {
    return (await this.#stream.chunks.return?.()) ?? { done: true, value: undefined };
  }

  #check(result: Result): Result | Promise<Result> {
    const { value } = result;
    if (result.done) this.#checkBody();
    if (result.done || !isRecord(value)) return result;
    if (this.#protocol === 'responses') return this.#checkEvent(result, value);
    this.#throwIf(this.#errorOf(value));
    return result;
  }

  #errorOf(data: Record<string, unknown>): unknown {
    const { choices } = data;
    if (!Array.isArray(choices)) return errorIn(data, !HAS_CHOICES.has(this.#protocol));
    let error = errorIn(data, true);
    for (const choice of choices) {
      if (error !== undefined) break;
      // A finish reason takes precedence over an error in the same choice.
      if (isRecord(choice) && choice.error !== undefined && failedFinishOf(choice) === undefined)
        error = errorIn(choice, true);
    }
    return error;
  }

  /** The server sent a whole error instead of events, which the SDK treats as an empty stream. */
  #checkBody(): void {
    const body = this.#stream.json;
    const data: unknown = Array.isArray(body) ? body[0] : body;
    if (isRecord(data)) this.#throwIf(this.#errorOf(data), 'invalid-answer');
  }

  #checkEvent(result: Result, event: Record<string, unknown>): Result | Promise<Result> {
    const { type, response } = event;
    if (typeof type !== 'string') {
      this.#throwIf(errorIn(event, false));
      return result;
    }
    if (type === 'error') this.#throwIf(event);
    if (type.endsWith('.delta') || type.endsWith('partial_image')) this.#hasBegun = true;
    // After content, the event is delivered, and the following reason is thrown in its turn.
    if (type !== 'response.failed' || !isRecord(response) || this.#hasBegun) return result;
    const error = errorIn(response, true);
    return error === undefined ? this.#reasonOf(result) : this.#failed(result, error);
  }

  /**
   * A response that failed before its first content is a failure, unless the caller caused it: then the caller gets it.
   */
  #failed(result: Result, error: unknown): Result {
    const found = embeddedError(error, this.#headers, 'server-error', this.#reading);
    if (classify(found, 0, 0).failover === 'no') return result;
    throw found;
  }

  /** The reason follows as a separate event, or never. */
  #reasonOf(result: Result): Promise<Result> {
    const next = this.#stream.chunks.next();
    return next.then(
      (following) => {
        const { value } = following;
        if (!following.done && isRecord(value) && value.type === 'error') this.#throwIf(value);
        this.#next = next;
        return this.#failed(result, RESPONSE_FAILED);
      },
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  #fail(thrown: unknown): never {
    throw this.#errorFor(thrown);
  }

  #errorFor(thrown: unknown): unknown {
    // The error that the SDK throws for an event has no status yet.
    const isWithoutStatus = isErrorEvent(thrown) && statusOf(thrown) === null;
    return isWithoutStatus ? embeddedError(thrown, this.#headers, 'server-error', this.#reading) : whileReading(thrown);
  }

  #throwIf(error: unknown, otherwise: ErrorOutcome = 'server-error'): void {
    if (error !== undefined) throw embeddedError(error, this.#headers, otherwise, this.#reading);
  }
}

const HAS_CHOICES: ReadonlySet<Protocol> = new Set(['chat', 'completions']);
