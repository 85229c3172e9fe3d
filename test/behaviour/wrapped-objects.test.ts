import { wrapOpenAI } from 'langsmith/wrappers';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
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
