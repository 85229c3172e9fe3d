import { callRecord, ModelRouter, type RouterEvent } from 'model-router';
import { answer, type Behaviour, bytes, errorEvent, fail, fakeFetch, type Script } from 'model-router/testing';
import { AzureOpenAI, type OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '../../src/telemetry/events.js';
import { collect } from '../helpers/parity-observe.js';
import { watch, writtenOut } from '../helpers/parity-secrets.js';

const KEYS = {
  default: 'sk-default-0123456789',
  function: 'sk-from-a-function-0123456789',
  azure: 'azure-key-0123456789',
};
const GATEWAY_KEY = 'key-in-a-header-0123456789';
const PROMPT = 'my-most-secret-prompt';
const messages = [{ role: 'user' as const, content: `Please keep this: ${PROMPT}` }];
const model = 'route';

/** A provider's behaviour, made from the secrets that it received. */
type Say = (received: string) => Behaviour;

const SECRET_HEADERS = ['authorization', 'api-key', 'x-api-key'];

/** A router of clients with keys of every kind, whose deployments all behave the same; and all its output. */
function openRouter(
  say: Say,
  settings: { clientHeaders?: Record<string, string>; headers?: Record<string, string> } = {},
) {
  const received = () => SECRET_HEADERS.flatMap((name) => sent.at(-1)?.headers.get(name) ?? []).join(' and ');
  const script: Script = () => say(received());
  const { fetch, sent } = watch(fakeFetch({ unknownModels: script, withoutModel: script }));
  const events: RouterEvent[] = [];
  const lines: unknown[] = [];
  const write = (...args: unknown[]) => lines.push(args);
  const { clientHeaders: defaultHeaders, headers } = settings;
  const plain = { baseURL: 'https://provider.test/v1', fetch, ...(defaultHeaders && { defaultHeaders }) };
  const router = new ModelRouter({
    clients: {
      default: { ...plain, apiKey: KEYS.default },
      function: { ...plain, apiKey: async () => KEYS.function },
      azure: new AzureOpenAI({ apiKey: KEYS.azure, endpoint: 'https://azure.test', apiVersion: '1', fetch }),
    },
    deployments: {
      a: { client: 'default', ...(headers && { headers }) },
      b: { client: 'function' },
      c: { client: 'azure' },
    },
    routes: { route: ['a', 'b', 'c'] },
    retry: { baseMs: 0, maxMs: 0 },
    slowMs: 0.001,
    breaker: { failures: 1, minRate: 0, consecutive: 1 },
    logger: { error: write, warn: write, info: write, debug: write },
    logLevel: 'info',
  });
  for (const type of EVENT_TYPES) router.on(type, (event) => events.push(event));
  return { router, events, lines, sent, [Symbol.dispose]: () => router.close() };
}

function expectNoKey(text: string): void {
  for (const [name, key] of Object.entries({ ...KEYS, gateway: GATEWAY_KEY })) {
    expect([name, text.includes(key)]).toEqual([name, false]);
  }
}

const headersOf = (received: string) => ({
  'x-echo': received,
  'x-request-id': `req of ${received}`,
  'retry-after-ms': '1',
});
const errorOfEach = (received: string) => ({
  message: `Wrong key: ${received}`,
  code: received,
  type: received,
  param: received,
});
const failAll =
  (status: number): Say =>
  (received) =>
    fail(status, { ...errorOfEach(received), headers: headersOf(received) });

/** Every place in which a provider can quote the keys that it received. */
const echoes: Record<string, Say> = {
  'a 401': failAll(401),
  'a 400': failAll(400),
  'a 500': failAll(500),
  'a 429': failAll(429),
  'a 404': failAll(404),
  'only the message': (received) => fail(400, { message: received }),
  'only the headers': (received) => fail(400, { headers: { 'x-echo': received } }),
  'only the request id': (received) => fail(400, { headers: { 'x-request-id': received } }),
  'only `code`': (received) => fail(400, { code: received }),
  'only `type`': (received) => fail(400, { type: received }),
  'only `param`': (received) => fail(400, { param: received }),
  'a text': (received) => fail(500, { body: `Wrong key: ${received}` }),
  'a body of another form': (received) => fail(400, { body: { detail: [{ key: received, [received]: 1 }] } }),
  'a web page': (received) =>
    bytes({ status: 502, chunks: [`<h1>${received}</h1>`], headers: { 'content-type': 'text/html' } }),
  'a 200 with an error': (received) => errorEvent({ error: errorOfEach(received) }),
  'a 200 that is not JSON': (received) =>
    bytes({ chunks: [received], headers: { 'content-type': 'application/json' } }),
};

const calls: Record<string, (router: ModelRouter) => PromiseLike<unknown>> = {
  chat: (router) => router.chat.completions.create({ model, messages }),
  'a chat stream': async (router) => collect(await router.chat.completions.create({ model, messages, stream: true })),
  embeddings: (router) => router.embeddings.create({ model, input: PROMPT }),
  asResponse: (router) => router.responses.create({ model, input: PROMPT }).asResponse(),
  'a stream helper': (router) => router.chat.completions.stream({ model, messages }).done(),
  'an unlisted model': (router) => router.chat.completions.create({ model: 'unlisted', messages }),
};

const unrouted: Record<string, (client: OpenAI) => PromiseLike<unknown>> = {
  'an unrouted call': (client) => client.files.retrieve('file-1'),
  'a list': (client) => client.files.list(),
};

async function errorOf(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

describe('no key in the error, when the provider echoes it in', () => {
  describe.each(Object.entries(echoes))('%s', (named, say) => {
    it.each(Object.entries(calls))('of %s', async (_name, call) => {
      using open = openRouter(say);
      const thrown = await errorOf(call(open.router));
      if (thrown !== undefined) expect(thrown).toBeInstanceOf(Error);
      expectNoKey(writtenOut(thrown));
      expectNoKey(writtenOut(callRecord(thrown)));
      expectNoKey(writtenOut([open.events, open.lines, open.router.snapshot()]));
      expect(open.sent.length).toBeGreaterThan(0);
    });

    it.each(Object.entries(unrouted))('of %s', async (_name, call) => {
      using open = openRouter(say);
      const thrown = await errorOf(call(open.router.withOptions({ maxRetries: 0 })));
      expect(thrown === undefined).toBe(named === 'a 200 with an error');
      expectNoKey(writtenOut(thrown));
    });
  });

  it.each([
    ['before the first content', 0],
    ['after it', 2],
  ])('an error within a stream, %s', async (_, afterChunks) => {
    using open = openRouter((received) =>
      errorEvent({ afterChunks, error: errorOfEach(received), headers: headersOf(received) }),
    );
    const thrown = await errorOf(calls['a chat stream']?.(open.router) ?? Promise.resolve());
    expect(thrown).toBeInstanceOf(Error);
    expectNoKey(writtenOut(thrown));
    expectNoKey(writtenOut([open.events, open.lines]));
  });

  it("a key in a client's default header", async () => {
    using open = openRouter(failAll(400), { clientHeaders: { 'X-Api-Key': GATEWAY_KEY } });
    const thrown = await errorOf(open.router.chat.completions.create({ model, messages }));
    expect(thrown).toMatchObject({ status: 400 });
    expectNoKey(writtenOut(thrown));
  });

  it("a key in a deployment's header", async () => {
    using open = openRouter(failAll(400), { headers: { 'X-Api-Key': GATEWAY_KEY } });
    const thrown = await errorOf(open.router.chat.completions.create({ model, messages }));
    expect(thrown).toMatchObject({ status: 400 });
    expectNoKey(writtenOut(thrown));
  });

  it('the answer of check()', async () => {
    using open = openRouter(failAll(401));
    const results = await open.router.check();
    expect(results.map(({ ok }) => ok)).toEqual([false, false, false]);
    expectNoKey(writtenOut(results));
  });

  it('an error that asFetch returns', async () => {
    using open = openRouter(failAll(400));
    const response = await open.router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model, messages }),
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(400);
    expectNoKey(`${await response.text()} ${JSON.stringify([...response.headers])}`);
  });
});

describe('no key in what a router prints of itself', () => {
  it.each<[string, (router: ModelRouter) => unknown]>([
    ['the router', (router) => router],
    ['a view', (router) => router.withOptions({ priority: 'premium' })],
    ['router.chat', (router) => router.chat],
    ['router.chat.completions', (router) => router.chat.completions],
    ['router.responses', (router) => router.responses],
    ['router.models', (router) => router.models],
    ['an object with a router in it', (router) => ({ deep: [{ router }] })],
    ['snapshot()', (router) => router.snapshot()],
    ['explain()', (router) => router.explain({ model, messages })],
    ['asFetch()', (router) => router.asFetch()],
  ])('%s', (_, part) => {
    using open = openRouter(() => answer());
    const text = writtenOut(part(open.router));
    expect(text.length).toBeGreaterThan(10);
    expectNoKey(text);
  });

  it('a call, its answer and its stream', async () => {
    using open = openRouter(() => answer());
    const call = open.router.chat.completions.create({ model, messages });
    expectNoKey(writtenOut(call));
    expectNoKey(writtenOut(await call));
    expectNoKey(writtenOut(call));
    const stream = await open.router.chat.completions.create({ model, messages, stream: true });
    expectNoKey(writtenOut(stream));
    await collect(stream);
    expectNoKey(writtenOut([stream, callRecord(stream)]));
    expectNoKey(writtenOut(await open.router.models.list()));
  });

  it('an error about a wrong option', () => {
    const wrong = { apiKey: KEYS.default, defaultHeaders: { Authorization: GATEWAY_KEY } };
    for (const options of [
      { clients: { default: { ...wrong, baseURL: 7 } } },
      { clients: { default: wrong }, apiKey: KEYS.default },
      { clients: { default: wrong }, deployments: { a: { headers: { 'X-Key': [GATEWAY_KEY] } } } },
      { clients: KEYS.default },
      { clients: { default: KEYS.default } },
      { clients: { default: wrong }, apikey: KEYS.default },
      { clients: { default: wrong }, timeout: KEYS.default },
    ]) {
      let thrown: unknown;
      try {
        Reflect.construct(ModelRouter, [options]).close();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Error);
      expectNoKey(writtenOut(thrown));
    }
  });
});

describe('no prompt in events, logs and records', () => {
  const quoting = { message: `I do not like "${PROMPT}".`, code: 'nope', param: PROMPT, type: PROMPT };
  const says: Record<string, Say> = {
    'an answer': () => answer(`You said ${PROMPT}`),
    'a 400 that quotes it': () => fail(400, quoting),
    'a 500 that quotes it': () => fail(500, quoting),
    'a 404 that quotes it': () => fail(404, { ...quoting, code: 'model_not_found' }),
    'a 429 that quotes it': () => fail(429, { ...quoting, headers: { 'retry-after-ms': '1' } }),
    'a text that quotes it': () => fail(500, { body: PROMPT }),
    'a 200 that quotes it': () => bytes({ chunks: [PROMPT], headers: { 'content-type': 'application/json' } }),
    'an error in a stream that quotes it': () =>
      errorEvent({ afterChunks: 2, error: quoting, content: `You said ${PROMPT}` }),
  };

  describe.each(Object.entries(says))('%s', (_, say) => {
    it.each(Object.entries(calls))('of %s', async (_name, call) => {
      using open = openRouter(say);
      const thrown = await errorOf(call(open.router));
      const record = callRecord(thrown);
      expect(open.events.some(({ type }) => type === 'call-ended')).toBe(true);
      expect(open.lines.length).toBeGreaterThan(0);
      const text = writtenOut([open.events, open.lines, record && { ...record, providerUsage: null }]);
      expect(text).not.toContain(PROMPT);
    });
  });

  it('nor in a StreamInterruptedError, unless you request it', async () => {
    using open = openRouter(() => errorEvent({ afterChunks: 3, content: `You said ${PROMPT}`, chunks: 4, error: {} }));
    const thrown = await errorOf(calls['a chat stream']?.(open.router) ?? Promise.resolve());
    expect(thrown).toMatchObject({ code: 'stream_interrupted', text: expect.stringContaining('You said') });
    expect(JSON.stringify(thrown)).not.toContain('You said');
    expect(writtenOut(Object.entries(thrown ?? {}))).not.toContain('You said');
  });

  it('nor in the snapshot and the plan', async () => {
    using open = openRouter(() => fail(400, quoting));
    await errorOf(open.router.chat.completions.create({ model, messages }));
    expect(writtenOut([open.router, open.router.explain({ model, messages })])).not.toContain(PROMPT);
  });
});
