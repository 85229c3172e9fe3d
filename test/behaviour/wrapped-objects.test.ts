import { wrapOpenAI } from 'langsmith/wrappers';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { APIPromise, OpenAI } from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../helpers/parity-observe.js';
import { SDK } from '../helpers/sdk.js';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const body = { model: 'a', messages };

function newRouter(settings: object = {}): ModelRouter {
  const fetch = fakeFetch({ models: { a: answer({ content: 'Hello' }) } });
  return new ModelRouter({ clients: { default: { apiKey: 'sk', fetch } }, ...settings });
}

/** The ways in which tracing libraries wrap an object. */
const wraps: readonly (readonly [string, <T extends object>(object: T) => T])[] = [
  [
    'a Proxy that passes on the receiver',
    (object) => new Proxy(object, { get: (t, key, self) => Reflect.get(t, key, self) }),
  ],
  ['a Proxy without a receiver', (object) => new Proxy(object, { get: (target, key) => Reflect.get(target, key) })],
  [
    'a Proxy that binds methods',
    (object) =>
      new Proxy(object, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  ],
  ['a Proxy without traps', (object) => new Proxy(object, {})],
  ['Object.create', (object) => Object.create(object)],
];

describe.each(wraps)('%s', (_, wrap) => {
  it('works around a promise', async () => {
    const call = () => wrap(newRouter().chat.completions.create(body));
    expect(await call()).toMatchObject({ choices: [{ message: { content: 'Hello' } }] });
    expect((await call().asResponse()).status).toBe(200);
    expect(await call().withResponse()).toMatchObject({ data: { object: 'chat.completion' } });
    expect(await call()._thenUnwrap(({ object }) => object)).toBe('chat.completion');
    expect(await call().catch(() => 'failed')).toMatchObject({ object: 'chat.completion' });
    expect(await call().finally(() => undefined)).toMatchObject({ object: 'chat.completion' });
    const once = call();
    expect(await once).toBe(await once);
    expect(callRecord(once)?.deployment).toBe('default/*');
  });

  it('works around a stream', async () => {
    for (const cache of [false, true]) {
      const router = newRouter({ cache });
      for (let i = 0; i < 2; i++) {
        const stream = wrap(await router.chat.completions.create({ ...body, stream: true }));
        const chunks = await collect(stream);
        expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Hello');
      }
    }
  });

  it('works around a page', async () => {
    const page = wrap(newRouter().models.list());
    expect((await page).data).toHaveLength(1);
    expect(await collect(await wrap(newRouter().models.list()))).toHaveLength(1);
  });

  it('works around a router', async () => {
    const router = wrap(newRouter());
    expect(await router.chat.completions.create(body)).toMatchObject({ object: 'chat.completion' });
    expect(await router.withOptions({ priority: 'premium' }).chat.completions.create(body)).toMatchObject({
      object: 'chat.completion',
    });
    expect(await router.routeRequest('Hi', {}).catch((error: Error) => error.message)).toContain(
      '"auto" needs a route',
    );
    expect(router.snapshot()).toHaveProperty('deployments');
    expect(router.explain(body)).toHaveProperty('deadlineMs', 120_000);
    expect(await router.check()).toEqual([]);
    expect(JSON.stringify(router)).toContain('"deployments"');
    const fetch = router.asFetch();
    const init = { method: 'POST', body: JSON.stringify(body) };
    expect((await fetch('https://api.openai.com/v1/chat/completions', init)).status).toBe(200);
    expect(await router.post('/chat/completions', { body })).toMatchObject({ object: 'chat.completion' });
    router.on('call-ended', () => undefined)();
    router.close();
  });
});

/** As Langfuse's `observeOpenAI` does: binds functions, wraps objects, and reads the rest with the Proxy as receiver. */
function wrapDeeply<T extends object>(object: T): T {
  return new Proxy(object, {
    get(target, key, self) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value === 'function') return value.bind(target);
      return typeof value === 'object' && value !== null ? wrapDeeply(value) : Reflect.get(target, key, self);
    },
  });
}

it('a Proxy that wraps all objects it returns may read and assign the properties of a router', async () => {
  const urls: string[] = [];
  const fake = fakeFetch({ models: { a: answer() } });
  const fetch: typeof fake = Object.assign((...given: Parameters<typeof fake>) => {
    urls.push(String(given[0]));
    return fake(...given);
  }, fake);
  const baseURL = 'https://one.test/v1';
  for (const router of [
    new ModelRouter({ apiKey: 'sk', baseURL, fetch }),
    new ModelRouter({ clients: { default: { apiKey: 'sk', baseURL, fetch } } }),
  ]) {
    const wrapped = wrapDeeply(router);
    expect([wrapped.baseURL, wrapped.apiKey, wrapped.maxRetries]).toEqual([baseURL, 'sk', 2]);
    expect(await wrapped.chat.completions.create(body)).toMatchObject({ object: 'chat.completion' });
  }
  const wrapped = wrapDeeply(new ModelRouter({ apiKey: 'sk', baseURL, fetch }));
  wrapped.baseURL = 'https://two.test/v1';
  expect(wrapped.baseURL).toBe('https://two.test/v1');
  await wrapped.chat.completions.create(body);
  expect(urls.at(-1)).toBe('https://two.test/v1/chat/completions');
});

describe('a tracing library parses each answer', () => {
  const calls: readonly (readonly [string, (router: OpenAI) => APIPromise<object>])[] = [
    ['a routed call', (router) => router.chat.completions.create(body)],
    ['a call that is not routed', (router) => router.models.retrieve('a')],
  ];

  it.each(calls)('before the caller requests the response: %s', async (_, send) => {
    const promise = send(newRouter());
    const traced = promise.then((data) => data);
    const response = await promise.asResponse();
    expect([await response.json(), response.status]).toEqual([await traced, 200]);
  });

  it.each(calls)('after the caller requested the response: %s', async (_, send) => {
    const promise = send(newRouter());
    const requested = promise.asResponse();
    const traced = promise.then((data) => data);
    const response = await requested;
    expect([await response.json(), response.status]).toEqual([await traced, 200]);
  });
});

describe("langsmith's wrapOpenAI", () => {
  const fetch = fakeFetch({ models: { a: answer({ content: 'Hello' }) } });
  const clients: readonly (readonly [string, OpenAI])[] = [
    ['a plain client', new OpenAI({ apiKey: 'sk', fetch })],
    ['a router', newRouter()],
  ];

  // On openai 6 it breaks `withResponse()` of a plain client.
  it.each(clients.slice(SDK === 6 ? 1 : 0))('works around %s', async (_, plain) => {
    const client = wrapOpenAI(plain, { tracingEnabled: false });
    const call = client.chat.completions.create(body);
    expect(await call).toMatchObject({ choices: [{ message: { content: 'Hello' } }] });
    const { data, response } = await client.chat.completions.create(body).withResponse();
    expect([data.object, response.status]).toEqual(['chat.completion', 200]);
    expect((await client.chat.completions.create(body).asResponse()).status).toBe(200);
    const stream = await client.chat.completions.create({ ...body, stream: true });
    expect((await collect(stream)).length).toBeGreaterThan(1);
    expect(await client.chat.completions.parse(body)).toMatchObject({ object: 'chat.completion' });
  });
});

describe("a tracer patches the SDK's APIPromise, as Datadog's does", () => {
  const calls: readonly (readonly [string, (router: OpenAI) => APIPromise<object>])[] = [
    ['an answer', (router) => router.chat.completions.create(body)],
    ['a stream', (router) => router.chat.completions.create({ ...body, stream: true })],
    ['a parsed answer', (router) => router.chat.completions.parse(body)],
    ['a call that is not routed', (router) => router.models.retrieve('a')],
  ];
  const traced = new Map<unknown, object>();
  let sdkParse: () => Promise<object>;

  beforeEach(() => {
    traced.clear();
    sdkParse = Reflect.get(APIPromise.prototype, 'parse');
    Object.assign(APIPromise.prototype, {
      async parse(this: APIPromise<object>) {
        const answer = await Reflect.apply(sdkParse, this, []);
        traced.set(Reflect.get(this, 'responsePromise'), answer);
        return answer;
      },
    });
  });
  afterEach(() => void Object.assign(APIPromise.prototype, { parse: sdkParse }));

  it.each(calls)('it sees %s', async (_, send) => {
    for (const router of [newRouter(), newRouter({ cache: true })]) {
      const promise = send(router);
      expect(traced.get(Reflect.get(promise, 'responsePromise'))).toBeUndefined();
      expect(await promise).toBe(traced.get(Reflect.get(promise, 'responsePromise')));
    }
  });
});
