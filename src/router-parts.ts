import type { ClientOptions, OpenAI } from 'openai';
import type { Engine } from './engine.js';
import { InvalidOptionError } from './errors.js';
import { CALL_KEYS } from './options/call-options.js';
import { checkUnsized, ONE_STORE } from './options/check-cache.js';
import { checkCall } from './options/check-call.js';
import type { CallOptions, RouterOptions, SingleClientOptions, ViewOptions } from './options/options.js';
import { withoutRouterHeaders } from './request/headers.js';
import { attemptsOf, type RouterView } from './request/read-call.js';
import { checkBaseURL, checkHeaderBag, checkLogger, constructorOptionsOf, copyOf } from './sdk/clients.js';
import { optionsOf } from './sdk/internals.js';
import { type Assignable, assignTo, bindHooks, type OwnClients, overriddenHooks } from './sdk/own-clients.js';
import type { Redact } from './sdk/redact.js';
import { headerRows, mergeHeaders } from './sdk/request-headers.js';
import { Log } from './telemetry/log.js';
import { checkMs } from './util/check.js';
import { pick } from './util/pick.js';

/**
 * The parts of one router object. `setup.ts` builds the first; views (`withView`), assignments (`assign`) and subclasses
 * (`withHooks`) derive others from it.
 */
export interface RouterParts {
  readonly engine: Engine;
  readonly view: RouterView;
  readonly clients: ReadonlyMap<string, OpenAI>;
  /** Clients of this router object only: with an assigned key, or with the hooks of a subclass. */
  readonly own: OwnClients | undefined;
  /** A different number for each assigned account; 0 for the original one. */
  readonly account: number;
  /** Receives requests that are not routed. */
  readonly passThrough: OpenAI;
  readonly redact: Redact;
  /** The options of a router over one client. `withOptions` may give it another account. */
  readonly single: SingleClientOptions | undefined;
  /** For the SDK's own constructor. */
  readonly superOptions: ClientOptions;
  /** What `update` replaces, for this router object and all its views. */
  readonly live: LiveConfiguration;
  /** Returns this router object with another configuration. */
  readonly over: (base: RouterParts) => RouterParts;
}

/** The current configuration. */
export interface LiveConfiguration {
  base: RouterParts;
  /** The options that it was created from. */
  options: RouterOptions | SingleClientOptions;
}

/** The SDK options that have the same name and meaning in the router. */
export const SHARED_KEYS = [
  'defaultHeaders',
  'defaultQuery',
  'logger',
  'logLevel',
] as const satisfies readonly (keyof ViewOptions)[];

/** The SDK options of a router over several clients. The first two become `attemptTimeoutMs` and `maxAttempts`. */
export const SDK_KEYS = ['timeout', 'maxRetries', ...SHARED_KEYS] as const;

export type SdkOptions = Pick<ViewOptions, (typeof SDK_KEYS)[number]>;

/** The SDK options that a view may set: these, and two that do not affect requests. */
export const VIEW_KEYS = [...SDK_KEYS, 'webhookSecret', 'dangerouslyAllowBrowser'] as const;

/** Returns the parts of a view: a router object with other options, over the same engine. Throws InvalidOptionError. */
export function withView(from: RouterParts, options: ViewOptions): RouterParts {
  checkHeaderBag('defaultHeaders', options.defaultHeaders);
  checkLogger('logger', options.logger);
  const { view, engine } = from;
  const { defaultHeaders, defaultQuery } = options;
  const callOptions = checkCall('', callOptionsOf(options), engine.config.priorities);
  checkUnsized('cache', options.cache, ONE_STORE);
  const sdk = sdkOptionsFor(from, options);
  const isSame = Object.keys(sdk).length === 0;
  const passThrough = isSame && from.own === undefined ? from.passThrough : copyOf(from.passThrough, sdk);
  // On a router of one client, assigned values go to views as they do in the SDK's own `withOptions`.
  const own = from.single && from.own && new Map([[engine.config.defaultClient, passThrough]]);
  return {
    ...from,
    own,
    single: from.single && { ...from.single, ...withoutUndefined(options) },
    passThrough,
    superOptions: constructorOptionsOf(passThrough),
    over: (base) => withView(from.over(base), options),
    view: {
      options: { ...view.options, ...callOptions },
      headers: defaultHeaders === undefined ? view.headers : defaultHeaders,
      query: defaultQuery === undefined ? view.query : defaultQuery,
      log: options.logger === undefined && options.logLevel === undefined ? view.log : logOf(passThrough),
    },
  };
}

/**
 * Returns the router object's parts after an assignment to one of its properties. With one client it takes effect for
 * later calls, as on a plain client. Throws InvalidOptionError.
 */
export function assign(from: RouterParts, name: Assignable, value: unknown): RouterParts {
  if (name === 'webhookSecret') return withView(from, { [name]: value as string });
  if (name === 'logger' || name === 'logLevel') {
    const assigned = withView(from, { [name]: value });
    from.engine.life.changes.log = assigned.view.log;
    return assigned;
  }
  if (from.single === undefined) {
    const place =
      name === 'timeout' || name === 'maxRetries'
        ? `give it to the constructor, or to a view: router.withOptions({ ${name} })`
        : `it belongs to one of \`clients\`: clients.default.${name}`;
    throw new InvalidOptionError(name, `it cannot be assigned where there are \`clients\`; ${place}.`);
  }
  if (name === 'timeout' || name === 'maxRetries') return withView(from, { [name]: value });
  if (name === 'baseURL') checkBaseURL(name, value);
  const client = from.own === undefined ? copyOf(from.passThrough, {}) : from.passThrough;
  assignTo(client, name, value);
  const own = new Map([[from.engine.config.defaultClient, client]]);
  const account = from.engine.nextAccount();
  return {
    ...from,
    own,
    passThrough: client,
    account,
    over: (base) => ({ ...from.over(base), own, passThrough: client, account }),
  };
}

/** Returns the parts with clients that call the methods which a subclass of the router overrides. */
export function withHooks(from: RouterParts, router: OpenAI): RouterParts {
  const names = overriddenHooks(router, from.single !== undefined);
  if (names.length === 0) return from;
  const { defaultClient } = from.engine.config;
  const own = new Map(
    [...from.clients].map(([name, client]) => {
      const copy = copyOf(name === defaultClient ? from.passThrough : (from.own?.get(name) ?? client), {});
      bindHooks(copy, router, names);
      return [name, copy];
    }),
  );
  return { ...from, own, passThrough: own.get(defaultClient) ?? from.passThrough };
}

/** The router's own options, completed with the SDK's where those are not set. */
export function callOptionsOf(options: Pick<SdkOptions, 'timeout' | 'maxRetries'> & CallOptions): CallOptions {
  const { timeout, maxRetries } = options;
  return {
    ...(timeout !== undefined && { attemptTimeoutMs: checkMs('timeout', timeout) }),
    ...(maxRetries !== undefined && { maxAttempts: attemptsOf(maxRetries) }),
    ...pick(options, CALL_KEYS),
  };
}

/**
 * Drops undefined options of the router, so that they do not lift earlier values. The SDK's own options are left as
 * they are.
 */
export function withoutUndefined(options: ViewOptions): ViewOptions {
  const silent = new Set<string>(CALL_KEYS.filter((key) => options[key] === undefined));
  return Object.fromEntries(Object.entries(options).filter(([key]) => !silent.has(key)));
}

/**
 * Options of the default client for requests that are not routed. A client among others keeps its own headers and
 * query.
 */
function sdkOptionsFor({ clients, engine, single }: RouterParts, options: ViewOptions): Partial<ClientOptions> {
  const sdk = pick(options, VIEW_KEYS);
  const client = clients.get(engine.config.defaultClient);
  const own = single === undefined && client !== undefined ? optionsOf(client) : undefined;
  const { defaultHeaders, defaultQuery } = sdk;
  return {
    ...sdk,
    ...(defaultHeaders !== undefined && {
      defaultHeaders: mergeHeaders(withoutRouterHeaders(defaultHeaders), headerRows(own?.defaultHeaders)),
    }),
    ...(defaultQuery !== undefined && { defaultQuery: { ...own?.defaultQuery, ...defaultQuery } }),
  };
}

export function logOf(client: OpenAI): Log {
  return new Log(client.logger, client.logLevel ?? 'warn');
}
