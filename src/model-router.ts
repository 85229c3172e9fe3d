import { type APIPromise, OpenAI } from 'openai';
import { type AsFetchOptions, asFetch } from './as-fetch.js';
import { Dispatcher } from './dispatch.js';
import { InvalidOptionError, NoDeploymentAvailableError } from './errors.js';
import { type AbReport, abReport } from './experiments/ab-report.js';
import { type ExplainOptions, explain } from './inspect/explain.js';
import type { Explanation } from './inspect/explanation.js';
import { type CheckOptions, type CheckResult, checkAll } from './inspect/health-check.js';
import { type SlaReport, type SlaReportOptions, slaReport } from './inspect/sla-report.js';
import { type Snapshot, snapshot } from './inspect/snapshot.js';
import { spendCsv, spendCsvChunks } from './inspect/spend-csv.js';
import type { NamedOptions, NamedSingleOptions } from './options/named-options.js';
import type {
  RouterOptions,
  SingleCallOptions,
  SingleClientOptions,
  UpdateOptions,
  ViewOptions,
} from './options/options.js';
import { callOptions } from './request/call-options.js';
import type { RouterParts } from './router-parts.js';
import { copyCredentials, overrideClient } from './sdk/internals.js';
import { watchAssignments } from './sdk/own-clients.js';
import { RoutedPromise, Run, redactRejections } from './sdk/routed-promise.js';
import { openRouter, openView, updateRouter } from './setup.js';
import { checkState, type RouterState } from './state/router-state.js';
import { callRecord } from './telemetry/call-record.js';
import type { EventOf, RouterEventType } from './telemetry/events.js';
import { TRACING, type Tracing } from './telemetry/tracing.js';
import { checkNumber, checkRecord, checkString, invalidOption, show } from './util/check.js';
import { isRecord } from './util/is-record.js';

type Request = Parameters<OpenAI['request']>[0];

/** The method with which Node, Bun and Deno print an object. */
const inspect = Symbol.for('nodejs.util.inspect.custom');
/** Set by `withOptions` only: the parts that a new object shares with its engine. */
const VIEW_OF = Symbol('model-router.viewOf');
const DISPATCHER: unique symbol = Symbol('model-router.dispatcher');

/**
 * A drop-in `OpenAI` client that routes each call to a deployment and fails over to another one. It does everything
 * that an `OpenAI` client does; docs/differences.md lists the few deliberate differences.
 *
 * The type parameters are inferred, and only check the names in the constructor's options: write `ModelRouter`.
 *
 * @example
 * const router = new ModelRouter({
 *   clients: { default: { apiKey, baseURL }, fallback: { apiKey: otherKey, baseURL: otherURL } },
 *   deployments: { primary: { client: 'default', model: 'gpt-4o' }, backup: { client: 'fallback', model: 'gpt-4o' } },
 *   routes: { standard: ['primary', 'backup'] },
 * });
 * await router.chat.completions.create({ model: 'standard', messages });
 * @throws InvalidOptionError
 */
export class ModelRouter<
  Client extends string = string,
  Deployment extends string = string,
  Route extends string = string,
  Used extends string = never,
> extends OpenAI {
  /** A symbol instead of `#` members, because applications wrap a router in a `Proxy`, or use it as a prototype. */
  declare private readonly [DISPATCHER]: Dispatcher;

  constructor(given: NamedOptions<Client, Deployment, Route, Used> | NamedSingleOptions<Deployment, Route, Used> = {}) {
    const options = given as RouterOptions | SingleClientOptions;
    const shared: RouterParts | undefined = isRecord(options) ? Reflect.get(options, VIEW_OF) : undefined;
    const parts = shared === undefined ? openRouter(options) : openView(shared, options as ViewOptions);
    super(parts.superOptions);
    copyCredentials(this, parts.passThrough);
    Object.defineProperty(this, DISPATCHER, { value: new Dispatcher(this, parts) });
    watchAssignments(this, (name, value) => this[DISPATCHER].assign(name, value));
  }

  static {
    // biome-ignore lint/complexity/noThisInStatic: the bundler would rename a reference to the class
    overrideClient(this.prototype, {
      makeRequest: ({ [DISPATCHER]: dispatcher }: ModelRouter, options, retries) =>
        dispatcher.sendList(options, retries),
      wrapList: ({ [DISPATCHER]: dispatcher }: ModelRouter, list) =>
        redactRejections(list, (error) => dispatcher.redactList(error)),
    });
  }

  /** The path of every request. Requests that are not routed go to the default client, unchanged. */
  override request<Rsp>(options: Request, remainingRetries: number | null = null): APIPromise<Rsp> {
    return new RoutedPromise<Rsp>(new Run((run) => this[DISPATCHER].start(run, options, remainingRetries)));
  }

  /** A router over the same engine: breakers and statistics are shared, and closing one closes all. */
  override withOptions(options: ViewOptions): this {
    const Router = this.constructor as new (options: object) => this;
    return new Router({ ...options, [VIEW_OF]: this[DISPATCHER].parts });
  }

  /**
   * The same engine as a `fetch`, for libraries that bring their own client or none. URLs outside `baseURL` are
   * refused, incoming credentials and unknown headers are dropped. Throws InvalidOptionError.
   */
  asFetch(options: AsFetchOptions = {}): typeof fetch {
    return asFetch({ client: this, warn: (line) => this[DISPATCHER].parts.view.log.warn(line) }, options);
  }

  /**
   * A short form: sends one user message to the route of the call's priority.
   *
   * @example
   * await router.routeRequest('Summarise this ticket.', { priority: 'premium' });
   */
  routeRequest(
    prompt: string,
    options: SingleCallOptions & { signal?: AbortSignal | null | undefined } = {},
  ): APIPromise<OpenAI.ChatCompletion> {
    try {
      if (typeof prompt !== 'string') invalidOption('routeRequest', prompt, 'the text of one message, as a string');
      // A likely mistake is a priority in this place, never a key, so the error may show it.
      if (typeof options !== 'object' || options === null || Array.isArray(options))
        invalidOption(
          'routeRequest',
          options,
          "an object of options: router.routeRequest(text, { priority: 'premium' })",
        );
      const { signal, ...rest }: typeof options = options;
      const body = { model: 'auto', messages: [{ role: 'user' as const, content: prompt }] };
      return this.chat.completions.create(body, { ...callOptions(rest), ...(signal && { signal }) });
    } catch (error) {
      return new RoutedPromise(new Run(() => Promise.reject(error)));
    }
  }

  /** Sends each deployment one request for one token. It does not reject if a deployment fails. */
  async check(options: CheckOptions = {}): Promise<CheckResult[]> {
    return checkAll(this[DISPATCHER].calls, options);
  }

  /**
   * Returns the plan for a call without making it. `body` is the body of `create`; `options` are those of `create`, or
   * plain call options.
   *
   * @example
   * String(router.explain({ model: 'auto', messages }, { priority: 'premium' }));
   * @throws InvalidOptionError
   */
  explain(body: object, options: ExplainOptions = {}): Explanation {
    return explain(this[DISPATCHER].calls, body, options);
  }

  /** Returns the state of deployments, routes, cache and spend as plain JSON. */
  snapshot(): Snapshot {
    return snapshot(this[DISPATCHER].engine);
  }

  /**
   * Reports a UTC month of all routes and deployments against their `sla`, to claim credits from a provider. `String()`
   * of the report is Markdown.
   *
   * @example
   * console.log(String(router.slaReport({ month: '2026-11' })));
   * @throws InvalidOptionError for an invalid month
   */
  slaReport(options: SlaReportOptions = {}): SlaReport {
    return slaReport(this[DISPATCHER].engine, options);
  }

  /**
   * Returns the spend since the router was made by UTC day, deployment, route and tenant, as CSV:
   * `day,deployment,route,tenant,usd,unpriced`.
   */
  spendCsv(): string {
    return spendCsv(this[DISPATCHER].engine.life.spendTable);
  }

  /** Like `spendCsv`, in chunks, for large tables: the event loop gets a turn between two chunks. */
  spendCsvChunks(): AsyncIterable<string> {
    return spendCsvChunks(this[DISPATCHER].engine.life.spendTable);
  }

  /**
   * Replaces options of the running router, each as a whole: routes, deployments, clients with their keys, limits. An
   * option that is `undefined` stays as it is. All of it is checked before anything changes; calls in flight end as they
   * began. Statistics, budgets and the cache go on, and views follow. A new key takes effect at once, and ends its
   * client's suspension.
   *
   * @throws InvalidOptionError
   * @example
   * router.update({ routes: { chat: ['qwen/Qwen3-32B', 'deepseek-ai/DeepSeek-V4-Flash'] } });
   */
  update(part: UpdateOptions): void {
    const { engine, parts } = this[DISPATCHER];
    if (engine.closed) throw new NoDeploymentAvailableError('The router is closed.');
    const options = updateRouter(parts, part);
    engine.life.events.emit({ type: 'config-updated', options });
  }

  /**
   * Compares the variants of a weighted route. The intervals stay valid however often you read them. `String()` of the
   * report is a table.
   *
   * @throws InvalidOptionError for a route that does not exist, or is not weighted
   */
  abReport(route: string): AbReport {
    checkString('abReport', route, 'the name of a weighted route');
    const { config, orders } = this[DISPATCHER].engine;
    const table = orders.get(route)?.table;
    if (table !== undefined) return abReport(route, table);
    const known = [...orders].flatMap(([name, order]) => (order.table === undefined ? [] : [name]));
    const weighted = `the weighted routes are ${known.map(show).join(', ') || 'none'}`;
    throw new InvalidOptionError(
      'abReport',
      config.routes.has(route)
        ? `the route ${show(route)} is not weighted, so it has no variants; ${weighted}.`
        : `there is no route ${show(route)}; ${weighted}.`,
    );
  }

  /**
   * Adds your own numbers to the comparison that an answer belongs to, such as `{ helpful: 1 }`. Answers of routes that
   * are not weighted are ignored.
   *
   * @throws InvalidOptionError if `answer` is not the router's, or a value is not a number
   */
  feedback(answer: unknown, numbers: Readonly<Record<string, number>>): void {
    const record = callRecord(answer);
    if (record === undefined)
      throw new InvalidOptionError('feedback', 'give an answer of this router, as it was returned.');
    for (const [name, value] of Object.entries(checkRecord('feedback.numbers', numbers, 'numbers by name')))
      checkNumber(`feedback.${name}`, value, { least: -1e12, most: 1e12, what: 'a number' });
    const found = this[DISPATCHER].engine.life.exposures.get(record.attempts);
    found?.table.feedback(found.exposure, numbers);
  }

  /** Subscribes to one event type. Returns a function that unsubscribes. */
  on<T extends RouterEventType>(type: T, listener: (event: EventOf<T>) => unknown): () => void {
    return this[DISPATCHER].engine.life.events.on(type, listener);
  }

  /**
   * Returns the router's state as plain JSON: service levels, and the spend of current budget windows. Import it into
   * another router, or into this application's next process.
   */
  exportState(): RouterState {
    return this[DISPATCHER].engine.life.keeper.export();
  }

  /**
   * Imports the result of another `exportState()`. Each process has its own part, and the newest one counts, so
   * importing twice or in another order changes nothing.
   *
   * @throws InvalidOptionError for anything else
   */
  importState(state: RouterState): void {
    this[DISPATCHER].engine.life.keeper.import(checkState('importState', state));
  }

  /** Writes the state, returns allowances to the fleet, and ends timers and breakers. Calls in flight finish; later calls fail. */
  async close(): Promise<void> {
    await this[DISPATCHER].engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Used by `model-router/otel`. */
  get [TRACING](): Tracing {
    return this[DISPATCHER].engine.life.tracing;
  }

  toJSON(): Snapshot {
    return this.snapshot();
  }

  /** A printed `OpenAI` client shows its key; a printed router shows its snapshot. */
  [inspect](): Snapshot {
    return this.snapshot();
  }
}
