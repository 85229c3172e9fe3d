import { ModelRouter } from 'model-router';
import { answer, fail, fakeFetch, hang } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { base, model, post, useDoor } from '../helpers/parity-as-fetch.js';
import { messages, sound } from '../helpers/parity-bodies.js';
import { watch } from '../helpers/parity-secrets.js';

const open = useDoor();
const endless = answer({ content: 'a b c d e f', chunks: ['a ', 'b ', 'c ', 'd ', 'e ', 'f'], chunkMs: 30 });

describe('asFetch, for code that calls fetch', () => {
  it('answers with JSON, after a failover', async () => {
    const { routed, fake } = await open({ first: fail(503), second: answer('Hello') });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.ok]).toEqual([200, true]);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({ model: 'second', choices: [{ message: { content: 'Hello' } }] });
    expect(fake.requests.map((request) => request.model)).toEqual(['first', 'second']);
  });

  it('reports the routing in headers', async () => {
    const { routed } = await open({ first: answer(), second: answer() });
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
    const { routed, fake } = await open({ first: answer(), second: answer() });
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

  it('streams a chat as server-sent events, with [DONE] at the end', async () => {
    const { routed } = await open({ first: answer({ content: 'Hello', chunks: ['Hel', 'lo'] }), second: answer() });
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
    const { routed } = await open({ first: answer(), second: answer() });
    const response = await routed(`${base}/responses`, post({ model, input: 'Hi', stream: true }));
    const text = await response.text();
    expect(text).toMatch(/^event: response\.created\ndata: \{/);
    expect(text).toContain('event: response.completed\n');
    expect(text).not.toContain('[DONE]');
  });

  it('streams each chunk as it comes', async () => {
    const { routed, fake } = await open({ first: endless, second: answer() });
    const response = await routed(`${base}/chat/completions`, post({ model, messages, stream: true }));
    const reader = response.body?.getReader();
    await reader?.read();
    expect(fake.open).toBe(1);
    await reader?.cancel();
  });

  it('passes on bytes', async () => {
    const { routed } = await open({ first: fail(500), second: answer('la la la') });
    const response = await routed(`${base}/audio/speech`, post({ model, input: 'Hi', voice: 'alloy' }));
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(response.headers.get('x-router-deployment')).toBe('second');
    expect(await response.text()).toBe('la la la');
  });

  it('passes on text', async () => {
    const { routed } = await open({ first: answer('spoken'), second: answer() });
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

  it('reads forms, and sends each deployment its own model name', async () => {
    const { routed, fake } = await open({ first: fail(503), second: answer('heard') });
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

  it('passes on requests that are not routed, with their query', async () => {
    const { routed, fake } = await open({ first: answer(), second: answer() });
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

  it('passes on each value of a query parameter that occurs twice', async () => {
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

  it('serves another base URL if you set one', async () => {
    const { router } = await open({ first: answer(), second: answer() });
    const routed = router.asFetch({ baseURL: 'http://gateway.test/openai/' });
    const response = await routed('http://gateway.test/openai/chat/completions', post({ model, messages }));
    expect(response.status).toBe(200);
    expect(() => router.asFetch({ baseURL: 'not a URL' })).toThrow(expect.objectContaining({ option: 'baseURL' }));
  });
});

describe('what asFetch lets through', () => {
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
    const { routed, fake } = await open({ first: answer(), second: answer() });
    const response = await routed(url, post({ model, messages }));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'model_router_error', code: 'invalid_url', param: null },
    });
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(fake.requests).toEqual([]);
  });

  it('refuses an unknown method, and a body that is not JSON', async () => {
    const { routed, fake } = await open({ first: answer(), second: answer() });
    const options = await routed(`${base}/models`, { method: 'OPTIONS' });
    const broken = await routed(`${base}/chat/completions`, { ...post({}), body: '{"model":' });
    expect([options.status, broken.status]).toEqual([400, 400]);
    expect(await broken.json()).toMatchObject({ error: { code: 'invalid_json' } });
    expect(fake.requests).toEqual([]);
  });

  it("drops the caller's credentials, and sends the router's", async () => {
    const { router, fake } = await open({ first: fail(503), second: answer() });
    const routed = router.asFetch({ forwardHeaders: ['X-Tag'] });
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

  it('reads the options of a call from headers, and does not send those headers', async () => {
    const { routed, fake } = await open({ first: hang(), second: hang() });
    const headers = { 'x-router-deadline-ms': '250', 'x-request-priority': 'premium' };
    const response = await routed(`${base}/chat/completions`, post({ model, messages }, { headers }));
    expect([response.status, await response.json()]).toEqual([
      504,
      { error: expect.objectContaining({ code: 'deadline_exceeded' }) },
    ]);
    expect(fake.requests.length).toBeGreaterThan(0);
    for (const request of fake.requests) {
      expect(Object.keys(request.headers).filter((name) => name.startsWith('x-router-'))).toEqual([]);
      expect(request.headers['x-request-priority']).toBe('high');
    }
  });
});
