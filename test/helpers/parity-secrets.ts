import { inspect } from 'node:util';
import type { FakeFetch } from 'model-router/testing';

/** A request as it left the process. */
export interface Sent {
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

/** The same fake, and everything that it received, including keys. */
export function watch(fake: FakeFetch) {
  const sent: Sent[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const body = typeof init?.body === 'string' ? init.body : '';
    sent.push({ url: new URL(request.url), headers: request.headers, body });
    return fake(input, init);
  };
  return { fetch, sent };
}

/** Every way in which a program may serialize a value. */
export function writtenOut(value: unknown): string {
  return [
    inspect(value, { depth: 20, maxArrayLength: null, maxStringLength: null }),
    inspect(value, { depth: 8, showHidden: true, getters: true }),
    json(value),
    String(value),
    ...(value instanceof Error ? errorTexts(value) : []),
  ].join('\n');
}

function errorTexts(error: Error): string[] {
  const fields = Object.getOwnPropertyNames(error).map((name) => `${name}: ${inspect(Reflect.get(error, name))}`);
  const headers: unknown = Reflect.get(error, 'headers');
  return [
    error.message,
    error.stack ?? '',
    ...fields,
    ...(headers instanceof Headers ? [...headers].map(([name, value]) => `${name}: ${value}`) : []),
    ...(error.cause === undefined ? [] : [writtenOut(error.cause)]),
  ];
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}
