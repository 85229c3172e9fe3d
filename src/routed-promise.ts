import { APIPromise, type OpenAI } from 'openai';
import { linkRecord } from './call-record.js';
import type { CallRecord } from './types.js';
import type { Handle, ResponseProps } from './upstream.js';

/** A request on its way: what its promise needs to know of it. */
export class Run {
  /** The caller wants the response itself, its body unread. Read once the headers are there. */
  wantsRaw = false;
  record: CallRecord | undefined;
  /** Settles when an answer is committed. */
  readonly answer: Promise<Handle>;
  /** The one promise that everything handed out hangs on: a failure that nobody handles is reported once. */
  readonly props: Promise<ResponseProps>;
  readonly #holders: object[] = [];

  constructor(start: (run: Run) => Promise<Handle>) {
    this.answer = start(this);
    this.props = this.answer.then((answer) => answer.props);
  }

  /** From here on `callRecord` knows the promise and what comes of it. Calls that are not routed have no record. */
  begin(record: CallRecord): void {
    this.record = record;
    for (const holder of this.#holders.splice(0)) linkRecord(holder, record);
  }

  link(holder: object): void {
    if (this.record === undefined) this.#holders.push(holder);
    else linkRecord(holder, this.record);
  }
}

type Parse<T> = ConstructorParameters<typeof APIPromise<T>>[2];

/**
 * The SDK's promise of a request, over a call that may be answered by any of several clients. It does what the SDK's own
 * does: the answer is parsed when it is awaited, and `asResponse()` gives it unread.
 */
export class RoutedPromise<T> extends APIPromise<T> {
  readonly #client: OpenAI;
  readonly #run: Run;
  readonly #parse: NonNullable<Parse<T>>;

  constructor(client: OpenAI, run: Run, parse?: Parse<T>) {
    const parseAnswer: NonNullable<Parse<T>> =
      parse ?? (async () => (await run.answer).promise as ReturnType<NonNullable<Parse<T>>>);
    const parseAndLink: NonNullable<Parse<T>> = async (parsedBy, props) => {
      const result = await parseAnswer(parsedBy, props);
      if (run.record !== undefined) linkRecord(result, run.record);
      return result;
    };
    super(client, run.props, parseAndLink);
    this.#client = client;
    this.#run = run;
    this.#parse = parseAndLink;
    run.link(this);
  }

  override asResponse(): Promise<Response> {
    this.#run.wantsRaw = true;
    return this.#run.props.then(() => this.#run.answer).then(unread);
  }

  override async withResponse(): Promise<{ data: T; response: Response; request_id: string | null }> {
    const data = await this;
    const { props } = await this.#run.answer;
    const response =
      this.#run.record === undefined ? props.response : withRouterHeaders(props.response, this.#run.record);
    return { data, response, request_id: props.response.headers.get('x-request-id') };
  }

  override _thenUnwrap<U>(transform: (data: T, props: ResponseProps) => U): APIPromise<U> {
    const parse = this.#parse;
    return new RoutedPromise<U>(this.#client, this.#run, async (client, props) => {
      const transformed = await transform(await parse(client, props), props);
      return withRequestId(transformed, props.response) as Awaited<ReturnType<NonNullable<Parse<U>>>>;
    });
  }
}

/** As the SDK does with whatever it has parsed. */
function withRequestId(value: unknown, response: Response): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.defineProperty(value, '_request_id', {
    value: response.headers.get('x-request-id'),
    enumerable: false,
  });
}

/** Asked for only after the answer was parsed, the body is gone: it is written out once more. */
async function unread({ props, promise }: Handle): Promise<Response> {
  const { response } = props;
  if (!response.bodyUsed || props.options.stream === true) return response;
  const data = await promise;
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
  for (const [name, value] of Object.entries(routerHeaders(record))) headers.set(name, encodeURI(value));
  return new Proxy(response, {
    get(target, property) {
      if (property === 'headers') return headers;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
