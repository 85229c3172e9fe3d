import type { RecordedRequest } from 'model-router/testing';
import { APIError, APIUserAbortError, OpenAI, OpenAIError } from 'openai';
import { Stream } from 'openai/streaming';
import { VERSION } from 'openai/version';

/**
 * The only headers of a request that may differ, and why. All others, including the SDK's own (`user-agent`, the
 * platform's, `x-stainless-helper-method`), must equal a plain client's.
 */
const MAY_DIFFER: Readonly<Record<string, string>> = {
  host: 'each client of a test has a fake provider of its own, on a port of its own',
  'x-stainless-timeout': 'the SDK tells a timeout that was given with the call, and the router gives every attempt one',
  'x-stainless-retry-count': 'each attempt of the router is a first one to the SDK, whose own retries are off',
};

/** Response headers about the connection or the time, or that the router adds and other tests check. */
const NOT_COMPARED = /^(date|connection|keep-alive|x-router-.*)$/;

/** The provider's view of a request, without random values. */
export function seen(request: RecordedRequest): Record<string, unknown> {
  const { method, path, query, headers, body, model, stream, status, outcome, apiKeyOf } = request;
  return { method, path, query, headers: comparable(headers), body, model, stream, status, outcome, apiKeyOf };
}

function comparable(headers: RecordedRequest['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => MAY_DIFFER[name] === undefined)
      .map(([name, value]) => [name, value.replace(/boundary=\S+/, 'boundary=…')]),
  );
}

/** Any result as plain values, including its class. Reads responses and streams that are still unread. */
export async function view(value: unknown): Promise<unknown> {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof OpenAI) return 'the client';
  if (value instanceof Error) return viewError(value);
  if (value instanceof Response) return viewResponse(value);
  if (value instanceof Headers) return { class: 'Headers', ...viewHeaders(value) };
  if (value instanceof Stream) return { class: 'Stream', items: await collect(value), ...requestIdOf(value) };
  if (value instanceof ReadableStream) return { class: 'ReadableStream', text: await new Response(value).text() };
  if (Array.isArray(value)) return Promise.all(value.map(view));
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return { class: value.constructor.name, hex: hex(value) };
  const name: unknown = value.constructor?.name;
  const fields = await Promise.all(Object.entries(value).map(async ([key, each]) => [key, await view(each)]));
  return {
    ...Object.fromEntries(fields),
    ...(name !== 'Object' && { class: name }),
    ...requestIdOf(value),
  };
}

/** The SDK's hidden property on parsed results. */
const requestIdOf = (value: object) => '_request_id' in value && { _request_id: value._request_id };

async function viewResponse(response: Response): Promise<Record<string, unknown>> {
  const { status, statusText, ok, redirected, type, bodyUsed, url } = response;
  return {
    class: 'Response',
    ...{ status, statusText, ok, redirected, type, bodyUsed },
    path: url === '' ? '' : new URL(url).pathname,
    headers: viewHeaders(response.headers),
    ...(!bodyUsed && { text: await response.text() }),
    ...requestIdOf(response),
  };
}

export function viewHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !NOT_COMPARED.test(name)));
}

/** What a `catch` written for the SDK may read, and every own property of the error. */
export async function viewError(error: unknown): Promise<Record<string, unknown>> {
  if (!(error instanceof Error)) return { thrown: error };
  const { status, headers, code, param, type, requestID, error: body } = Object.assign({}, fieldsOf(error));
  return {
    class: error.constructor.name,
    name: error.name,
    message: withoutPort(error.message),
    isOpenAIError: error instanceof OpenAIError,
    isAPIError: error instanceof APIError,
    ...{ status, code, param, type, requestID, body: await view(body) },
    headers: headers instanceof Headers ? viewHeaders(headers) : headers,
    cause: error.cause === undefined || isUntold(error) ? undefined : await viewError(error.cause),
    keys: Object.keys(error).sort(),
  };
}

/** SDK 6 does not report the reason of an abort. The router does on both. */
const isUntold = (error: Error) => error instanceof APIUserAbortError && VERSION.startsWith('6.');

const fieldsOf = (error: Error): Partial<Record<string, unknown>> => ({ ...error });

const withoutPort = (text: string) => text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:port');

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function hex(bytes: ArrayBuffer | ArrayBufferView): string {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');
}
