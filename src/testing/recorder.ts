/**
 * How a request ended: answered with a status below 400, failed with 400 or above, aborted by the client, cut by the
 * fake; or still open.
 */
export type RequestOutcome = 'answered' | 'failed' | 'aborted' | 'cut' | 'open';

/** A request that the fake received. */
export interface RecordedRequest {
  /** From 1, in the order of arrival. */
  readonly number: number;
  readonly method: string;
  /** The requested path: `/v1/chat/completions`. */
  readonly path: string;
  /** Without the base path: `/chat/completions`. */
  readonly endpoint: string;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. Credentials are `***`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The name of the `apiKeys` entry that was sent, or its index in a list. */
  readonly apiKeyOf: string | undefined;
  /** Parsed JSON, the fields of a form (a file with its name, type and size), or the text. */
  readonly body: unknown;
  readonly model: string | undefined;
  /** Whether the request wants a stream. */
  readonly stream: boolean;
  /** A `performance.now()` time in milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  /** The status of the response; undefined before its headers. */
  readonly status: number | undefined;
  readonly outcome: RequestOutcome;
}

/** The same request while it runs: the fake updates it. */
export type OpenRequest = {
  -readonly [Field in keyof RecordedRequest]: RecordedRequest[Field];
};

type Arrival = Omit<RecordedRequest, 'number' | 'startedAt' | 'endedAt' | 'status' | 'outcome'>;

/** Records the newest `keep` requests. */
export class Recorder {
  readonly #keep: number;
  #requests: OpenRequest[] = [];
  #count = 0;
  #open = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  get requests(): readonly RecordedRequest[] {
    this.#trim(this.#keep);
    return this.#requests;
  }

  /** Requests since the start or the last `clear`, including those beyond `keep`. */
  get count(): number {
    return this.#count;
  }

  get open(): number {
    return this.#open;
  }

  requestsOf(model: string): readonly RecordedRequest[] {
    return this.requests.filter((request) => request.model === model);
  }

  start(arrival: Arrival): OpenRequest {
    this.#count += 1;
    this.#open += 1;
    const request: OpenRequest = {
      number: this.#count,
      ...arrival,
      startedAt: performance.now(),
      endedAt: undefined,
      status: undefined,
      outcome: 'open',
    };
    this.#requests.push(request);
    // Trimmed only occasionally, because removing from the front moves all the rest.
    this.#trim(2 * this.#keep + 100);
    return request;
  }

  end(request: OpenRequest, outcome: Exclude<RequestOutcome, 'open'>): void {
    if (request.outcome !== 'open') return;
    request.outcome = outcome;
    request.endedAt = performance.now();
    this.#open -= 1;
  }

  clear(): void {
    this.#requests = [];
    this.#count = 0;
  }

  #trim(length: number): void {
    if (this.#requests.length > length) this.#requests.splice(0, this.#requests.length - this.#keep);
  }
}
