import type { OpenAI } from 'openai';
import { closable, type Fetch } from './closable-fetch.js';
import { isHook, type RequestOptions } from './internals.js';

/** The clients that one router object has instead of the engine's, by name. */
export type OwnClients = ReadonlyMap<string, OpenAI>;

/** Stored in the SDK's options, from the router object to the client that sends them. */
const OWN = Symbol('model-router.ownClients');
/** Distinguishes the accounts of one engine, for the cache. */
const ACCOUNT = Symbol('model-router.account');

/** Makes a request go through the clients of its router object. */
export function withOwnClients(options: RequestOptions, own: OwnClients, account: number): RequestOptions {
  return Object.assign({ ...options }, { [OWN]: own, [ACCOUNT]: account });
}

export function ownClientOf(source: object, name: string): OpenAI | undefined {
  const own: OwnClients | undefined = Reflect.get(source, OWN);
  return own?.get(name);
}

/** A different number for each account assigned to a router object; `undefined` for the original account. */
export function accountOf(source: object): number | undefined {
  const account: number | undefined = Reflect.get(source, ACCOUNT);
  return account === 0 ? undefined : account;
}

/** Methods that subclasses of the SDK's client may override. The second ones depend on a single account. */
const HOOKS = [
  'prepareOptions',
  'prepareRequest',
  'makeStatusError',
  'shouldRetry',
  'stringifyQuery',
  'defaultIdempotencyKey',
];
const HOOKS_OF_ONE_ACCOUNT = [
  'authHeaders',
  'bearerAuth',
  'adminAPIKeyAuth',
  'validateHeaders',
  'defaultQuery',
  'buildURL',
];

/** The hooks that a subclass of the router overrides, and that can be called. */
export function overriddenHooks(router: OpenAI, hasOneClient: boolean): string[] {
  return [...HOOKS, ...(hasOneClient ? HOOKS_OF_ONE_ACCOUNT : [])].filter((name) => isHook(router, name));
}

type Hook = (...args: unknown[]) => unknown;

/** Makes a client call the hooks of `router`, as the SDK would on the client itself. */
export function bindHooks(client: OpenAI, router: OpenAI, names: readonly string[]): void {
  for (const name of names) {
    const own = Reflect.get(client, name) as Hook;
    const hook: Hook = (...args) => Reflect.apply(Reflect.get(router, name) as Hook, router, args);
    const both: Hook = async (...args) => {
      // The client's own hook, which may fetch its key, then the application's.
      await Reflect.apply(own, client, args);
      await hook(...args);
    };
    const bound = name === 'shouldRetry' ? shouldRetry(client, own, hook) : name.startsWith('prepare') ? both : hook;
    Object.defineProperty(client, name, { value: bound, writable: true, configurable: true });
  }
}

/**
 * If the hook decides differently from the SDK, the router's own retries learn it through the header that both
 * understand.
 */
function shouldRetry(client: OpenAI, own: Hook, hook: Hook): Hook {
  return async (response) => {
    const [usual, should] = [await Reflect.apply(own, client, [response]), await hook(response)];
    if (usual !== should && response instanceof Response) {
      const headers = new Headers(response.headers);
      headers.set('x-should-retry', String(should));
      Object.defineProperty(response, 'headers', { value: headers, configurable: true });
    }
    return should;
  };
}

/** Properties of a client that an application may assign, and the router options for them. */
export const ASSIGNABLE = [
  'apiKey',
  'adminAPIKey',
  'organization',
  'project',
  'baseURL',
  'timeout',
  'maxRetries',
  'fetchOptions',
  'fetch',
  'logger',
  'logLevel',
  'webhookSecret',
] as const;
export type Assignable = (typeof ASSIGNABLE)[number];

/** The values of a client's assignable properties. No `#` member, because applications wrap a router in a `Proxy`. */
const VALUES = Symbol('values');
const ON_ASSIGN = Symbol('onAssign');
type OnAssign = (name: Assignable, value: unknown) => void;
interface Watched {
  readonly [VALUES]: Partial<Record<Assignable, unknown>>;
  readonly [ON_ASSIGN]: OnAssign;
}

/** All clients share these: with accessors of its own, each client would be slow to construct and to use. */
const ACCESSORS = ASSIGNABLE.map((name) => ({
  name,
  accessor: {
    get(this: Watched) {
      return this[VALUES][name];
    },
    set(this: Watched, value: unknown) {
      this[ON_ASSIGN](name, value);
      this[VALUES][name] = value;
    },
    enumerable: true,
    configurable: true,
  },
}));

/**
 * Calls `onAssign` for each assignment, with the new value. An error from it is thrown by the assignment. The properties
 * stay the client's own, because `{ ...client }` copies those only.
 */
export function watchAssignments(client: OpenAI, onAssign: OnAssign): void {
  const values: Partial<Record<Assignable, unknown>> = {};
  // Configurable, because a `Proxy` that wraps all it returns must be allowed to return something else.
  Object.defineProperty(client, VALUES, { value: values, configurable: true });
  Object.defineProperty(client, ON_ASSIGN, { value: onAssign, configurable: true });
  for (const { name, accessor } of ACCESSORS) {
    values[name] = Reflect.get(client, name);
    Object.defineProperty(client, name, accessor);
  }
}

export function assignTo(client: OpenAI, name: Assignable, value: unknown): void {
  Reflect.set(client, name, name === 'fetch' && typeof value === 'function' ? closable(value as Fetch) : value);
}
