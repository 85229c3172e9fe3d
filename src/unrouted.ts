import { APIPromise, type OpenAI } from 'openai';
import { InvalidOptionError, NoDeploymentAvailableError } from './errors.js';
import { carriedOptions } from './request/call-options.js';
import { withoutRouterHeaders } from './request/headers.js';
import type { RouterParts } from './router-parts.js';
import { makeRequest, optionsOf, type RequestOptions, type ResponseProps } from './sdk/internals.js';
import { type Followed, sendFollowing } from './sdk/redirects.js';
import { headerRows, mergeHeaders, withoutDefaultRouterHeaders } from './sdk/request-headers.js';
import { type Run, redactRejections } from './sdk/routed-promise.js';
import { formFor } from './sdk/upstream.js';
import { isRecord } from './util/is-record.js';
import { isWithin } from './util/is-within.js';

/** The client that gets a request, and its name. */
interface Receiver {
  readonly client: OpenAI;
  readonly name: string;
}

/** Sends a request that is not routed to the client that must get it, unchanged but for the router's headers. */
export async function sendUnrouted(
  parts: RouterParts,
  run: Run,
  given: RequestOptions,
  remainingRetries: number | null,
): Promise<ResponseProps> {
  const { client, name, options } = untouched(parts, given);
  const { storedBy } = parts.engine.life;
  const sending = sendFollowing(client, options, false, (each) => client.request<unknown>(each, remainingRetries));
  run.parse = async () => {
    const { promise } = await sending;
    const data = await redactRejections(promise, (error) => redactUnrouted(parts, error, client, options));
    parts.engine.life.background.report(data);
    if (options.method === 'post' && isRecord(data)) storedBy.remember(data.id, name, parts.view.options.tenant);
    return data;
  };
  return propsOf(parts, sending, client, options);
}

function propsOf(
  parts: RouterParts,
  sending: Promise<Followed>,
  client: OpenAI,
  options: RequestOptions,
): Promise<ResponseProps> {
  return sending.then(
    ({ props }) => props,
    (error: unknown) => {
      throw redactUnrouted(parts, error, client, options);
    },
  );
}

/** Sends requests that do not go through `request`: the pages of lists. */
export async function sendUnroutedList(
  parts: RouterParts,
  given: RequestOptions,
  remainingRetries: number | null,
): Promise<ResponseProps> {
  const { client, options } = untouched(parts, given);
  const send = (each: RequestOptions) => new APIPromise(client, makeRequest(client, each, remainingRetries));
  return propsOf(parts, sendFollowing(client, options, false, send), client, options);
}

/** Removes the keys of the call, and those that `client`, which may be a view's own, adds to it. */
export function redactUnrouted(
  { redact }: RouterParts,
  error: unknown,
  client: OpenAI,
  { headers, query }: Partial<RequestOptions>,
): unknown {
  const { defaultHeaders, defaultQuery } = optionsOf(client);
  return redact(error, {
    headers: mergeHeaders(headers, headerRows(defaultHeaders)),
    query: { ...defaultQuery, ...(isRecord(query) && query) },
  });
}

/** Who gets the request, and its options without the router's headers. Throws if it must not be sent. */
function untouched(parts: RouterParts, request: RequestOptions): Receiver & { options: RequestOptions } {
  const { engine } = parts;
  if (engine.closed) throw new NoDeploymentAvailableError('The router is closed.');
  const named = namedBy(parts, request);
  const { client, name } = withinRegions(parts, request, named ?? receiverOf(parts, request.path));
  parts.redact.note(name, client);
  const given = named === undefined ? request : { ...request, body: named.body };
  const own = given.headers == null ? given.headers : withoutRouterHeaders(given.headers);
  const headers = withoutDefaultRouterHeaders(client, own);
  return { client, name, options: headers === given.headers ? given : { ...given, headers } };
}

/**
 * A request that is not routed may still name a route (`responses.compact`, `inputTokens.count`, videos), which no
 * server knows. It goes to the first deployment of that route, with that deployment's model name.
 */
function namedBy(
  { engine, clients, passThrough }: RouterParts,
  { method, body, path = '' }: RequestOptions,
): (Receiver & { body: unknown }) | undefined {
  const isForm = body instanceof FormData;
  const named: unknown = isForm ? body.get('model') : isRecord(body) ? body.model : undefined;
  if (method !== 'post' || typeof named !== 'string') return undefined;
  const target = engine.routing.firstOfRoute(named);
  const name = target?.state.client.name;
  if (target?.model === undefined || name === undefined) return undefined;
  const client = name === engine.config.defaultClient ? passThrough : (clients.get(name) ?? passThrough);
  checkOrigin(client, path);
  const renamed = isForm ? formFor(body, target.model) : { ...(body as object), model: target.model };
  return { client, name, body: renamed };
}

/**
 * Residency: a request with a body goes to a client only if all its deployments lie within the call's regions: the
 * chosen client, else the first one that fits. Reads and deletes pass.
 */
function withinRegions(parts: RouterParts, request: RequestOptions, chosen: Receiver): Receiver {
  const { engine, view, clients, passThrough } = parts;
  const own = carriedOptions(request)?.regions;
  const regions = own ?? view.options.regions ?? engine.config.options.regions;
  if (regions === undefined || request.body == null) return chosen;
  const allowed = new Set(regions);
  const isAllowed = (name: string) => {
    const deployments = [...engine.states.values()].filter(({ client }) => client.name === name);
    return deployments.length > 0 && deployments.every(({ deployment }) => isWithin(deployment.regions, allowed));
  };
  if (isAllowed(chosen.name)) return chosen;
  const isFree = chosen.name === engine.config.defaultClient && makerOf(parts, request.path) === undefined;
  const other = isFree ? [...clients.keys()].find(isAllowed) : undefined;
  const client = other === undefined ? undefined : clients.get(other);
  if (other !== undefined && client !== undefined)
    return { client: other === engine.config.defaultClient ? passThrough : client, name: other };
  throw new NoDeploymentAvailableError(
    `This request is not routed, and the client ${chosen.name} has deployments outside of ${regions.join(', ')}.`,
  );
}

/** The client that created the object in the path; `undefined` if it is unknown. */
function makerOf({ engine }: RouterParts, path: string | undefined): string | undefined {
  const id = /^\/(?:responses|chat\/completions)\/([^/?]+)/.exec(path ?? '')?.[1];
  return id === undefined ? undefined : engine.life.storedBy.makerOf(decode(id));
}

/**
 * The client that created the object in the path, else the default client. Throws if the path leads to another
 * server.
 */
function receiverOf(parts: RouterParts, path: string | undefined): Receiver {
  const { engine, clients, passThrough } = parts;
  const { defaultClient } = engine.config;
  const maker = makerOf(parts, path);
  const other = maker === undefined || maker === defaultClient ? undefined : clients.get(maker);
  const client = other ?? passThrough;
  checkOrigin(client, path ?? '');
  return { client, name: other === undefined || maker === undefined ? defaultClient : maker };
}

/** Decodes an id in a path. An unreadable id belongs to no client. */
function decode(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return '';
  }
}

/** A client's key goes to its own server only, but the SDK would send it to any absolute URL. */
function checkOrigin(client: OpenAI, path: string): void {
  if (path.startsWith('/')) return;
  const { origin } = new URL(client.baseURL);
  if (new URL(client.buildURL(path, null)).origin !== origin) {
    throw new InvalidOptionError(
      'path',
      `it leads to another server than the client's, ${origin}; its key must not go there.`,
    );
  }
}
