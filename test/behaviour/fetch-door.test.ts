import { ModelRouter, type RouterOptions } from 'model-router';
import {
  answer,
  cut,
  errorEvent,
  type FakeProvider,
  fail,
  fakeFetch,
  hang,
  html,
  type Models,
  reset,
  startFakeProvider,
} from 'model-router/testing';
import { OpenAI } from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { messages, picture, sound } from '../helpers/parity-bodies.js';
import { collect } from '../helpers/parity-observe.js';
import { watch } from '../helpers/parity-secrets.js';
import { until } from '../helpers/parity-suite.js';

const base = 'https://api.openai.com/v1';
const model = 'standard';
const endless = answer({ content: 'a b c d e f', chunks: ['a ', 'b ', 'c ', 'd ', 'e ', 'f'], chunkMs: 30 });

const TWO = { maxAttempts: 2 };

let fake: FakeProvider;
let router: ModelRouter;

async function open(models: Models, options: Partial<RouterOptions> = {}): Promise<typeof fetch> {
  fake = await startFakeProvider({ models, apiKeys: { ours: 'sk-ours-0123456789' } });
  router = new ModelRouter({
    clients: { default: { apiKey: 'sk-ours-0123456789', baseURL: fake.url } },
    deployments: { first: { price: { input: 1, output: 1 } }, second: {} },
    routes: { standard: ['first', 'second'] },
    retry: { baseMs: 0, maxMs: 0 },
    logLevel: 'off',
    ...options,
  });
  return router.asFetch();
}

beforeEach(() => {
  expect.hasAssertions();
});
afterEach(async () => {
  router.close();
  await fake.close();
});

const post = (body: unknown, init: RequestInit = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  ...init,
  headers: { 'content-type': 'application/json', ...init.headers },
});

describe('asFetch, for those who call fetch', () => {
  it('answers with JSON, after a failover', async () => {
    const routed = await open({ first: fail(503), second: answer('Hello') });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.ok]).toEqual([200, true]);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({ model: 'second', choices: [{ message: { content: 'Hello' } }] });
    expect(fake.requests.map((request) => request.model)).toEqual(['first', 'second']);
  });

  it('tells of the routing in headers', async () => {
    const routed = await open({ first: answer(), second: answer() });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    const { headers } = response;
    expect(headers.get('x-router-deployment')).toBe('first');
    expect(headers.get('x-router-attempts')).toBe('1');
    expect(headers.get('x-router-cache')).toBe('off');
    expect(Number(headers.get('x-router-cost-usd'))).toBeCloseTo(33 / 1e6, 9);
    expect(headers.get('x-request-id')).toMatch(/^req_/);
    const { headers: unpriced } = await routed(`${base}/chat/completions`, post({ model: 'second', messages }));
    expect(unpriced.has('x-router-cost-usd')).toBe(false);
  });

  it('takes a URL, a Request and a string', async () => {
    const routed = await open({ first: answer(), second: answer() });
    const url = `${base}/chat/completions`;
    const init = post({ model, messages });
    for (const response of [
      await routed(url, init),
      await routed(new URL(url), init),
      await routed(new Request(url, init)),
      await routed(new Request(url, { method: 'POST' }), init),
    ]) {
      expect(await response.json()).toMatchObject({ object: 'chat.completion' });
    }
    expect(fake.requests.map((request) => request.body)).toEqual(Array(4).fill({ model: 'first', messages }));
  });

  it('streams a chat as server-sent events, its end included', async () => {
    const routed = await open({ first: answer({ content: 'Hello', chunks: ['Hel', 'lo'] }), second: answer() });
    const response = await routed(`${base}/chat/completions`, post({ model, messages, stream: true }));
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const text = await response.text();
    const events = text.split('\n\n').filter((event) => event !== '');
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks: unknown[] = events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, '')));
    expect(chunks).toMatchObject([
      { choices: [{ delta: { role: 'assistant' } }] },
      { choices: [{ delta: { content: 'Hel' } }] },
      { choices: [{ delta: { content: 'lo' } }] },
      { choices: [{ finish_reason: 'stop' }] },
    ]);
  });

  it('streams a response as named events, without [DONE]', async () => {
    const routed = await open({ first: answer(), second: answer() });
    const response = await routed(`${base}/responses`, post({ model, input: 'Hi', stream: true }));
    const text = await response.text();
    expect(text).toMatch(/^event: response\.created\ndata: \{/);
    expect(text).toContain('event: response.completed\n');
    expect(text).not.toContain('[DONE]');
  });

  it('streams as it comes, and not when all is there', async () => {
    const routed = await open({ first: endless, second: answer() });
    const response = await routed(`${base}/chat/completions`, post({ model, messages, stream: true }));
    const reader = response.body?.getReader();
    await reader?.read();
    expect(fake.open).toBe(1);
    await reader?.cancel();
  });

  it('hands on bytes', async () => {
    const routed = await open({ first: fail(500), second: answer('la la la') });
    const response = await routed(`${base}/audio/speech`, post({ model, input: 'Hi', voice: 'alloy' }));
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(response.headers.get('x-router-deployment')).toBe('second');
    expect(await response.text()).toBe('la la la');
  });

  it('hands on text', async () => {
    const routed = await open({ first: answer('spoken'), second: answer() });
    const body = new FormData();
    body.set('model', model);
    body.set('response_format', 'text');
    body.set('file', await sound());
    const response = await routed(`${base}/audio/transcriptions`, { method: 'POST', body });
    expect([await response.text(), response.headers.get('content-type')]).toEqual([
      'spoken\n',
      'text/plain; charset=utf-8',
    ]);
  });

  it('reads forms, and sends them on to each deployment under its own name', async () => {
    const routed = await open({ first: fail(503), second: answer('heard') });
    const body = new FormData();
    body.set('model', model);
    body.set('file', await sound());
    body.append('timestamp_granularities[]', 'word');
    body.append('timestamp_granularities[]', 'segment');
    const response = await routed(`${base}/audio/transcriptions`, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ text: 'heard' });
    const file = { name: 'sound.wav', type: 'audio/wav', size: 5 };
    const rest = { file, timestamp_granularities: ['word', 'segment'] };
    expect(fake.requests.map((request) => request.body)).toEqual([
      { model: 'first', ...rest },
      { model: 'second', ...rest },
    ]);
  });

  it('hands on what is not routed, its query included', async () => {
    const routed = await open({ first: answer(), second: answer() });
    const list = await routed(`${base}/models?limit=3&include[]=a&include[]=b`);
    expect(await list.json()).toMatchObject({ data: [{ id: 'first' }, { id: 'second' }] });
    expect(new URL(`http://x?${new URLSearchParams(fake.requests[0]?.query)}`).searchParams.get('limit')).toBe('3');
    const missing = await routed(`${base}/files/file-none`, { method: 'DELETE' });
    expect([missing.status, await missing.json()]).toEqual([404, { error: expect.objectContaining({ param: null }) }]);
    expect(fake.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/models',
      'DELETE /v1/files/file-none',
    ]);
  });

  it('hands on each value of a query that has a name twice', async () => {
    await open({ first: answer(), second: answer() });
    const { fetch: watched, sent } = watch(fakeFetch({ unknownModels: 'answer' }));
    await using plain = new ModelRouter({
      apiKey: 'sk-query-0123',
      baseURL: 'https://provider.test/v1',
      fetch: watched,
    });
    const client = new OpenAI({ apiKey: 'unused', fetch: plain.asFetch(), baseURL: base, maxRetries: 0 });
    const query = { include: ['file_search_call.results', 'message.output_text.logprobs'], metadata: { a: '1' } };
    await client.get('/models', { query });
    expect(sent.map(({ url }) => [...url.searchParams])).toEqual([
      [
        ['include[]', 'file_search_call.results'],
        ['include[]', 'message.output_text.logprobs'],
        ['metadata[a]', '1'],
      ],
    ]);
  });

  it('serves below another base URL, if asked to', async () => {
    await open({ first: answer(), second: answer() });
    const routed = router.asFetch({ baseURL: 'http://gateway.test/openai/' });
    const response = await routed('http://gateway.test/openai/chat/completions', post({ model, messages }));
    expect(response.status).toBe(200);
    expect(() => router.asFetch({ baseURL: 'not a URL' })).toThrow(expect.objectContaining({ option: 'baseURL' }));
  });
});

describe('asFetch, and what it lets through', () => {
  it.each([
    'https://evil.test/v1/chat/completions',
    'http://api.openai.com/v1/chat/completions',
    'https://api.openai.com/chat/completions',
    'https://api.openai.com/v1beta/chat/completions',
    'https://api.openai.com/v1/../admin',
    'https://api.openai.com/v1/%2e%2e/admin',
    'https://api.openai.com:8443/v1/models',
    'https://api.openai.com.evil.test/v1/models',
    'data:,',
  ])('refuses %s', async (url) => {
    const routed = await open({ first: answer(), second: answer() });
    const response = await routed(url, post({ model, messages }));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'model_router_error', code: 'invalid_url', param: null },
    });
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(fake.requests).toEqual([]);
  });

  it('refuses a method that it does not know, and JSON that is none', async () => {
    const routed = await open({ first: answer(), second: answer() });
    const options = await routed(`${base}/models`, { method: 'OPTIONS' });
    const broken = await routed(`${base}/chat/completions`, { ...post({}), body: '{"model":' });
    expect([options.status, broken.status]).toEqual([400, 400]);
    expect(await broken.json()).toMatchObject({ error: { code: 'invalid_json' } });
    expect(fake.requests).toEqual([]);
  });

  it("drops the caller's credentials, and sends the router's", async () => {
    const routed = await open({ first: fail(503), second: answer() });
    const headers = {
      authorization: 'Bearer sk-of-the-caller',
      'api-key': 'sk-of-the-caller',
      'x-api-key': 'sk-of-the-caller',
      'proxy-authorization': 'Basic abc',
      cookie: 'session=1',
      'openai-organization': 'org-caller',
      'openai-project': 'proj-caller',
      'x-tag': 'kept',
    };
    for (const response of [
      await routed(`${base}/chat/completions`, post({ model, messages }, { headers })),
      await routed(`${base}/models`, { headers }),
    ]) {
      expect(response.status).toBe(200);
    }
    expect(fake.requests).toHaveLength(3);
    for (const request of fake.requests) {
      expect(request.apiKeyOf).toBe('ours');
      expect(request.headers['x-tag']).toBe('kept');
      for (const name of Object.keys(headers).filter((each) => each !== 'authorization' && each !== 'x-tag')) {
        expect([name, request.headers[name]]).toEqual([name, undefined]);
      }
    }
  });

  it('reads the options of a call from headers, and keeps them', async () => {
    const routed = await open({ first: hang(), second: hang() });
    const headers = { 'x-router-deadline-ms': '60', 'x-request-priority': 'premium' };
    const response = await routed(`${base}/chat/completions`, post({ model, messages }, { headers }));
    expect([response.status, await response.json()]).toEqual([
      504,
      { error: expect.objectContaining({ code: 'deadline_exceeded' }) },
    ]);
    for (const request of fake.requests) {
      expect(Object.keys(request.headers).filter((name) => name.startsWith('x-router-'))).toEqual([]);
      expect(request.headers['x-request-priority']).toBe('high');
    }
  });
});

describe('asFetch, when it fails', () => {
  it("leaves a provider's error the response that it was", async () => {
    const headers = { 'x-request-id': 'req_theirs', 'x-ratelimit-remaining-tokens': '7', 'retry-after-ms': '1' };
    const routed = await open(
      { first: fail(503), second: fail(429, { code: 'slow', message: 'Slow.', headers }) },
      TWO,
    );
    const response = await routed(`${base}/chat/completions`, post({ model, messages }, { headers: {} }));
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({ error: { code: 'slow', message: 'Slow.', param: null, type: 'requests' } });
    expect(response.headers.get('x-request-id')).toBe('req_theirs');
    expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('7');
  });

  it("writes a provider's web page as an error in JSON, with its status", async () => {
    const routed = await open({ first: html({ status: 502 }), second: html({ status: 502 }) });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'application/json']);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('It works!') } });
  });

  it.each<[string, number, string, Partial<RouterOptions>]>([
    ['the deadline is over', 504, 'deadline_exceeded', { deadlineMs: 60 }],
    ['an attempt takes too long', 504, 'upstream_timeout', { attemptTimeoutMs: 60, maxAttempts: 1 }],
    ['no region is allowed', 503, 'no_deployment_available', { regions: ['nowhere'] }],
    ['the model is refused', 400, 'invalid_option', { unlistedModels: 'refuse', routes: { other: ['first'] } }],
  ])('says so in JSON that is not to be retried: %s', async (_, status, code, options) => {
    const routed = await open({ first: hang(), second: hang() }, options);
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect([response.status, await response.json()]).toEqual([
      status,
      { error: { message: expect.any(String), type: 'model_router_error', code, param: null } },
    ]);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  it('says that nobody could be reached', async () => {
    const routed = await open({ first: reset(), second: reset() });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect([response.status, await response.json()]).toEqual([
      503,
      { error: expect.objectContaining({ code: 'upstream_unreachable', type: 'model_router_error' }) },
    ]);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  it('says that the router is closed, of calls that are routed and of others', async () => {
    const routed = await open({ first: answer(), second: answer() });
    router.close();
    for (const response of [
      await routed(`${base}/chat/completions`, post({ model, messages })),
      await routed(`${base}/models`),
    ]) {
      expect([response.status, await response.json()]).toMatchObject([
        503,
        { error: { message: expect.stringContaining('closed') } },
      ]);
    }
  });

  it('rejects an abort with its reason, before the call and in flight', async () => {
    const routed = await open({ first: hang(), second: hang() });
    const url = `${base}/chat/completions`;
    const reason = new RangeError('enough');
    const before = routed(url, post({ model, messages }, { signal: AbortSignal.abort(reason) }));
    await expect(before).rejects.toBe(reason);
    const controller = new AbortController();
    const call = routed(url, post({ model, messages }, { signal: controller.signal }));
    const settled = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => fake.open === 1, 'the request to arrive');
    controller.abort();
    await settled;
    await until(() => fake.open === 0, 'the request to be given up');
    expect(fake.requests.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });
});

describe('asFetch, and the end of its body', () => {
  const stream = (routed: typeof fetch, init: RequestInit = {}) =>
    routed(`${base}/chat/completions`, post({ model, messages, stream: true }, init));

  it('closes the upstream when it is cancelled', async () => {
    const response = await stream(await open({ first: endless, second: answer() }));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await until(() => fake.open === 0, 'the upstream to be closed');
    expect(fake.requests.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  it('fails where the stream broke off, and does not look whole', async () => {
    const response = await stream(await open({ first: cut({ afterChunks: 2 }), second: answer() }));
    expect(response.status).toBe(200);
    let text = '';
    const read = async () => {
      for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString();
    };
    await expect(read()).rejects.toMatchObject({ code: 'stream_interrupted', reason: 'cut' });
    expect(text).toContain('"content":"');
    expect(text).not.toContain('[DONE]');
  });

  it('fails where the stream had an error in it', async () => {
    const response = await stream(await open({ first: errorEvent({ afterChunks: 2 }), second: answer() }));
    await expect(response.text()).rejects.toMatchObject({ reason: 'error-event' });
  });

  it('is never of two deployments', async () => {
    const response = await stream(await open({ first: errorEvent({ afterChunks: 0 }), second: answer('Second.') }));
    const text = await response.text();
    expect(text).toContain('"model":"second"');
    expect(text).not.toContain('"model":"first"');
  });

  it('ends when its signal is aborted', async () => {
    const controller = new AbortController();
    const response = await stream(await open({ first: endless, second: answer() }), { signal: controller.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    controller.abort();
    await expect((async () => collectReads(reader))()).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => fake.open === 0, 'the upstream to be closed');
    expect(fake.requests[0]?.outcome).toBe('aborted');
  });
});

async function collectReads(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  while (reader !== undefined && !(await reader.read()).done);
}

describe('asFetch, as the fetch of a plain OpenAI client', () => {
  const clientOf = (routed: typeof fetch) =>
    new OpenAI({ apiKey: 'unused', fetch: routed, maxRetries: 0, baseURL: base, logLevel: 'off' });

  it('answers, streams, speaks and reads uploads', async () => {
    const client = clientOf(await open({ first: fail(503), second: answer('Hello') }));
    expect((await client.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe('Hello');
    const chunks = await collect(await client.chat.completions.create({ model, messages, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Hello');
    expect(await client.chat.completions.stream({ model, messages }).finalContent()).toBe('Hello');
    expect((await client.responses.create({ model, input: 'Hi' })).output_text).toBe('Hello');
    expect((await client.responses.stream({ model, input: 'Hi' }).finalResponse()).output_text).toBe('Hello');
    expect(await (await client.audio.speech.create({ model, input: 'Hi', voice: 'alloy' })).text()).toBe('Hello');
    expect(await client.audio.transcriptions.create({ model, file: await sound() })).toMatchObject({ text: 'Hello' });
    expect((await client.embeddings.create({ model: 'second', input: 'a' })).data[0]?.embedding).toHaveLength(8);
    expect(await collect(client.models.list())).toMatchObject([{ id: 'first' }, { id: 'second' }]);
    const file = await client.files.create({ file: await sound(), purpose: 'assistants' });
    expect(await (await client.files.content(file.id)).text()).toBe('sound');
  });

  it('streams the answers to uploads', async () => {
    const client = clientOf(await open({ first: fail(503), second: answer('Hello') }));
    const heard = await client.audio.transcriptions.create({ model, file: await sound(), stream: true });
    expect((await collect(heard)).map(({ type }) => type)).toEqual([
      ...Array(4).fill('transcript.text.delta'),
      'transcript.text.done',
    ]);
    const drawn = await client.images.edit({ model, image: await picture(), prompt: 'A hat', stream: true });
    expect((await collect(drawn)).map(({ type }) => type)).toEqual(['image_edit.completed']);
    expect(fake.requests.map(({ model: asked, outcome }) => [asked, outcome])).toEqual([
      ['first', 'failed'],
      ['second', 'answered'],
      ['first', 'failed'],
      ['second', 'answered'],
    ]);
  });

  it('keeps the request id, and the errors what they are', async () => {
    const client = clientOf(
      await open({ first: fail(400, { code: 'nope', message: 'No.', param: 'messages' }), second: answer() }),
    );
    expect((await client.chat.completions.create({ model: 'second', messages }))._request_id).toMatch(/^req_/);
    const error: unknown = await client.chat.completions.create({ model, messages }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: 'nope',
      param: 'messages',
      message: '400 No.',
      requestID: expect.stringMatching(/^req_/),
    });
  });

  it('does not make it retry what the router has given up', async () => {
    const routed = await open({ first: hang(), second: hang() }, { deadlineMs: 60 });
    const client = new OpenAI({ apiKey: 'unused', fetch: routed, baseURL: base, maxRetries: 2, logLevel: 'off' });
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({
      status: 504,
      code: 'deadline_exceeded',
    });
    expect(fake.count).toBeLessThanOrEqual(2);
  });

  it('passes its abort on', async () => {
    const client = clientOf(await open({ first: hang(), second: hang() }));
    const controller = new AbortController();
    const call = client.chat.completions.create({ model, messages }, { signal: controller.signal });
    const settled = expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await until(() => fake.open === 1, 'the request to arrive');
    controller.abort();
    await settled;
    await until(() => fake.open === 0, 'the request to be given up');
    expect(fake.count).toBe(1);
  });
});
