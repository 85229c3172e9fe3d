import { APIPromise, type OpenAI } from 'openai';
import { linkRecord, RECORD } from '../telemetry/call-record.js';
import type { CallRecord } from '../telemetry/record-types.js';
import type { ResponseProps } from './upstream.js';

/** A request on its way: what its promise needs to know of it. */
export class Run {
  /**
   * Whether the caller wants the response itself, its body unread. Read once the headers are there. Apart from the run,
   * which holds the caller's stream: what the router remembers of a call must not.
   */
  readonly wants = { raw: false };
  /** Calls that are not routed have none. */
  record: CallRecord | undefined;
  /** Of an answer that has no response of its own yet; `undefined` for all others. */
  requestId: string | null | undefined;
  /** Gives what the answer was parsed to; there as soon as one is committed. */
  parse: () => unknown = () => undefined;
  /** What it was parsed to, where that has been done already. */
  parsed: { readonly data: unknown } | undefined;
  /** The one promise that everything handed out hangs on: a failure that nobody handles is reported once. */
  readonly props: Promise<ResponseProps>;

  /** `start` sets what the run has learned, and settles when an answer is committed. */
  constructor(start: (run: Run) => Promise<ResponseProps>) {
    this.props = start(this);
  }
}

type Parse<T> = NonNullable<ConstructorParameters<typeof APIPromise<T>>[2]>;

/**
 * The SDK's promise of a request, over a call that may be answered by any of several clients. It does what the SDK's own
 * does: the answer is parsed when it is awaited, and `asResponse()` gives it unread.
 */
export class RoutedPromise<T> extends APIPromise<T> {
  readonly #client: OpenAI;
  readonly #run: Run;
  readonly #parse: Parse<T>;

  constructor(client: OpenAI, run: Run, parse: Parse<T> = () => run.parse() as ReturnType<Parse<T>>) {
    super(client, run.props, parse);
    this.#client = client;
    this.#run = run;
    this.#parse = parse;
  }

  get [RECORD](): CallRecord | undefined {
    return this.#run.record;
  }

  override asResponse(): Promise<Response> {
    this.#run.wants.raw = true;
    return this.#run.props.then((props) => unread(props, this.#run));
  }

  override async withResponse(): Promise<{ data: T; response: Response; request_id: string | null }> {
    const data = await this;
    const { response } = await this.#run.props;
    const { record } = this.#run;
    const shown = record === undefined ? response : withRouterHeaders(response, record);
    return { data, response: shown, request_id: response.headers.get('x-request-id') };
  }

  override _thenUnwrap<U>(transform: (data: T, props: ResponseProps) => U): APIPromise<U> {
    const parse = this.#parse;
    const run = this.#run;
    return new RoutedPromise<U>(this.#client, run, (client, props) => {
      const finish = (data: T) => {
        const transformed = withRequestId(transform(data, props), run, props);
        if (run.record !== undefined) linkRecord(transformed, run.record);
        return transformed as Awaited<ReturnType<Parse<U>>>;
      };
      const parsed: PromiseLike<T> | T = parse(client, props);
      return isThenable(parsed) ? Promise.resolve(parsed).then(finish) : finish(parsed);
    });
  }
}

/** Makes the errors of one of the SDK's promises quote no key: those of its parsing, which begins when it is asked. */
export function redactRejections<P extends Promise<unknown>>(promise: P, redact: (error: unknown) => unknown): P {
  const parse = promise.then.bind(promise);
  const safely = () =>
    parse(undefined, (error: unknown) => {
      throw redact(error);
    });
  const methods: Pick<Promise<unknown>, 'then' | 'catch' | 'finally'> = {
    // biome-ignore lint/suspicious/noThenProperty: a promise indeed
    then: (onValue, onError) => safely().then(onValue, onError),
    catch: (onError) => safely().catch(onError),
    finally: (onEnd) => safely().finally(onEnd),
  };
  return Object.assign(promise, methods);
}

function isThenable<T>(value: PromiseLike<T> | T): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** As the SDK does with whatever it has parsed. */
function withRequestId(value: unknown, { requestId: known, parsed }: Run, props: ResponseProps): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // It has been given its id already.
  if (known !== undefined && value === parsed?.data) return value;
  return Object.defineProperty(value, '_request_id', {
    value: known === undefined ? props.response.headers.get('x-request-id') : known,
    enumerable: false,
  });
}

/** Asked for only after the answer was parsed, the body is gone: it is written out once more. */
function unread({ response, options }: ResponseProps, run: Run): Response {
  if (!response.bodyUsed || options.stream === true || run.parsed === undefined) return response;
  const { data } = run.parsed;
  const { status, statusText, headers } = response;
  return new Response(typeof data === 'string' ? data : JSON.stringify(data), { status, statusText, headers });
}

/** What is known of the call by now, as headers. */
export function routerHeaders(record: CallRecord): Record<string, string> {
  return {
    'x-router-deployment': record.deployment ?? '',
    'x-router-attempts': String(record.attempts.length),
    'x-router-cache': record.cache,
    ...(record.costUsd !== null && { 'x-router-cost-usd': String(record.costUsd) }),
  };
}

/** The headers of a fetched response cannot be changed: this one shows the same response with more of them. */
function withRouterHeaders(response: Response, record: CallRecord): Response {
  const headers = new Headers(response.headers);
  // An upstream has no say in them.
  for (const name of response.headers.keys()) if (name.startsWith('x-router-')) headers.delete(name);
  for (const [name, value] of Object.entries(routerHeaders(record))) headers.set(name, encodeURI(value));
  return new Proxy(response, {
    get(target, property) {
      if (property === 'headers') return headers;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
