import { APIPromise, OpenAI } from 'openai';
import { linkRecord, RECORD } from '../telemetry/call-record.js';
import type { CallRecord } from '../telemetry/record-types.js';
import { isPromise } from '../util/is-promise.js';
import { jsonText } from '../util/json-text.js';
import { sendableStatusText } from '../util/sendable.js';
import { isBinary, overrideParse, type ResponseProps } from './internals.js';

/** A running request, as its promise sees it. */
export class Run {
  /**
   * Whether the caller wants the response itself with its body unread. It is read when the headers arrive. It is a
   * separate object, because the router's data must not refer to the run, which holds the caller's stream.
   */
  readonly wants = { raw: false };
  /** `undefined` for calls that are not routed. */
  record: CallRecord | undefined;
  /** The request id of an answer without a response; `undefined` for all other answers. */
  requestId: string | null | undefined;
  /** Whether the caller has requested the parsed answer. */
  isTaken = false;
  /** The response for the caller, once requested. */
  response: Response | undefined;
  /** Returns the parsed answer. Set as soon as an answer is committed. */
  parse: () => unknown = () => undefined;
  /** The parsed answer, if it was parsed before. */
  parsed: { readonly data: unknown } | undefined;
  /** The one promise behind all returned promises, so that an unhandled failure is reported once. */
  readonly props: Promise<ResponseProps>;

  /** `start` fills in the run, and settles when an answer is committed. */
  constructor(start: (run: Run) => Promise<ResponseProps>) {
    this.props = start(this);
  }
}

type Parse<T> = (props: ResponseProps) => ReturnType<NonNullable<ConstructorParameters<typeof APIPromise<T>>[2]>>;

/**
 * The state of a promise. Stored under one symbol instead of `#` members, because applications wrap promises in a
 * `Proxy`.
 */
interface State<T> {
  /** The promise itself, without a `Proxy`. */
  readonly self: RoutedPromise<T>;
  readonly run: Run;
  readonly parse: Parse<T>;
  /** The answer, parsed once for all waiting callers. */
  parsed: Promise<T> | undefined;
}

const STATE: unique symbol = Symbol('model-router.promise');

/**
 * The SDK's promise of a request, for a call that any of several clients may answer. It behaves like the SDK's own: the
 * answer is parsed when it is awaited, and `asResponse()` returns it unread.
 */
export class RoutedPromise<T> extends APIPromise<T> {
  declare private readonly [STATE]: State<T>;

  constructor(run: Run, parse: Parse<T> = () => run.parse() as ReturnType<Parse<T>>) {
    // Any client will do. The SDK keeps it as a value of a `WeakMap`, which the engine collects late: with a view for
    // each call, that would cost as much as the view.
    super(OpenAI.prototype, run.props, (_, props) => {
      // Before the body is read: a tracing library parses each answer, also one whose response the caller wants.
      if (run.wants.raw) responseOf(props, run);
      return parse(props);
    });
    const state: State<T> = { self: this, run, parse, parsed: undefined };
    Object.defineProperty(this, STATE, { value: state });
  }

  static {
    // biome-ignore lint/complexity/noThisInStatic: the bundler would rename a reference to the class
    overrideParse(this.prototype, ({ [STATE]: state }: RoutedPromise<unknown>, parse) => {
      state.run.isTaken = true;
      state.parsed ??= parse(state.self);
      return state.parsed;
    });
  }

  get [RECORD](): CallRecord | undefined {
    return this[STATE].run.record;
  }

  override async asResponse(): Promise<Response> {
    const { run } = this[STATE];
    run.wants.raw = true;
    await super.asResponse();
    return responseOf(await run.props, run);
  }

  override async withResponse(): Promise<{ data: T; response: Response; request_id: string | null }> {
    const data = await this;
    const { run } = this[STATE];
    const response = responseOf(await run.props, run);
    return { data, response, request_id: response.headers.get('x-request-id') };
  }

  override _thenUnwrap<U>(transform: (data: T, props: ResponseProps) => U): APIPromise<U> {
    const { run, parse } = this[STATE];
    return new RoutedPromise<U>(run, (props) => {
      const finish = (data: T) => {
        try {
          const transformed = withRequestId(transform(data, props), run, props);
          if (run.record !== undefined) linkRecord(transformed, run.record);
          return transformed as Awaited<ReturnType<Parse<U>>>;
        } catch (error) {
          // Such as `.parse` of an answer that is cut short.
          if (run.record !== undefined) linkRecord(error, run.record);
          throw error;
        }
      };
      const parsed: PromiseLike<T> | T = parse(props);
      return isPromise(parsed) ? Promise.resolve(parsed).then(finish) : finish(parsed);
    });
  }
}

/** Removes keys from the errors of an SDK promise, including those of parsing, which starts on demand. */
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

/** Adds the request id, as the SDK does with all parsed answers. */
function withRequestId(value: unknown, { requestId: known, parsed }: Run, props: ResponseProps): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // It has its id already.
  if (value === parsed?.data && Object.hasOwn(value, '_request_id')) return value;
  return Object.defineProperty(value, '_request_id', {
    value: known === undefined ? props.response.headers.get('x-request-id') : known,
    enumerable: false,
  });
}

/** The single response of a call, in whichever way it is requested. */
function responseOf(props: ResponseProps, run: Run): Response {
  if (run.response === undefined) {
    const response = unread(props, run);
    run.response = run.record === undefined ? response : withRouterHeaders(response, run.record);
    if (run.record !== undefined) linkRecord(run.response, run.record);
  }
  return run.response;
}

/** A response whose body the caller can read, unless the caller has parsed it. */
function unread({ response, options }: ResponseProps, run: Run): Response {
  if (options.stream === true || isBinary(options)) return response;
  // The answer will be parsed, too, which would read the caller's body.
  if (run.parsed === undefined) return run.isTaken && !response.bodyUsed ? response.clone() : response;
  if (run.isTaken || !response.bodyUsed) return response;
  // The router has already read the body, so it is serialized again.
  const { data } = run.parsed;
  const { status, headers } = response;
  const statusText = sendableStatusText(response);
  return new Response(typeof data === 'string' ? data : jsonText(data), { status, statusText, headers });
}

/** The current record of the call as headers. */
export function routerHeaders(record: CallRecord): Record<string, string> {
  return {
    'x-router-deployment': record.deployment ?? '',
    'x-router-attempts': String(record.attempts.length),
    'x-router-cache': record.cache,
    ...(record.costUsd !== null && { 'x-router-cost-usd': String(record.costUsd) }),
  };
}

/**
 * The headers of a fetched response are immutable, so it gets new ones, and stays the same object for all who refer to
 * it.
 */
function withRouterHeaders(response: Response, record: CallRecord): Response {
  const headers = new Headers(response.headers);
  // An upstream must not set these.
  for (const name of response.headers.keys()) if (name.startsWith('x-router-')) headers.delete(name);
  for (const [name, value] of Object.entries(routerHeaders(record))) headers.set(name, encodeURI(value));
  if (Reflect.defineProperty(response, 'headers', { value: headers, configurable: true })) return response;
  // An application's own response class, which cannot be changed.
  return new Proxy(response, {
    get(target, property) {
      if (property === 'headers') return headers;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
