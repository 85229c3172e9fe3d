import { AzureOpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { answer, cut, fail, fakeFetch, hang } from '../../../src/testing/index.js';
import { Recorder } from '../../../src/testing/recorder.js';
import { doorNames, doors, post } from './entry-points.js';

const path = '/chat/completions';

describe.each(doorNames)('a recorded request, %s', (name) => {
  it('shows how it ended', async () => {
    await using door = await doors[name]({ models: { a: answer(), b: fail(503), c: cut() } });
    await door.fetch(`${path}?x=1&y=2`, post({ model: 'a', messages: [] }, { headers: { 'X-Mine': 'yes' } }));
    await door.fetch(path, post({ model: 'b', messages: [], stream: true }));
    await (await door.fetch(path, post({ model: 'c', messages: [] }))).text().catch(() => undefined);
    await door.fetch('/models');
    expect(door.fake.requests).toMatchObject([
      {
        number: 1,
        method: 'POST',
        path: '/v1/chat/completions',
        endpoint: '/chat/completions',
        query: { x: '1', y: '2' },
        headers: { 'content-type': 'application/json', 'x-mine': 'yes' },
        body: { model: 'a', messages: [] },
        model: 'a',
        stream: false,
        status: 200,
        outcome: 'answered',
      },
      { number: 2, model: 'b', stream: true, status: 503, outcome: 'failed' },
      { number: 3, model: 'c', stream: false, status: 200, outcome: 'cut' },
      { number: 4, method: 'GET', endpoint: '/models', model: undefined, body: undefined, outcome: 'answered' },
    ]);
    const [{ startedAt, endedAt } = expect.fail()] = door.fake.requests;
    expect(endedAt).toBeGreaterThanOrEqual(startedAt);
    expect(door.fake.requestsOf('b').map(({ number }) => number)).toEqual([2]);
    expect(door.fake.count).toBe(4);
    expect(door.fake.open).toBe(0);
  });

  it('shows the name of a key and never the key', async () => {
    await using door = await doors[name]({ models: ['m'], apiKeys: { one: 'sk-one', two: 'sk-two' } });
    const statuses: number[] = [];
    for (const headers of [
      { authorization: 'Bearer sk-one' },
      { 'api-key': 'sk-two' },
      { authorization: 'Bearer sk-three', cookie: 'sk-cookie' },
      {},
    ]) {
      statuses.push(
        (await door.fetch(`${path}?api-key=sk-query`, post({ model: 'm', messages: [] }, { headers }))).status,
      );
    }
    expect(statuses).toEqual([200, 200, 401, 401]);
    expect(door.fake.requests.map(({ apiKeyOf }) => apiKeyOf)).toEqual(['one', 'two', undefined, undefined]);
    expect(door.fake.requests.map(({ headers }) => headers.authorization ?? headers['api-key'])).toEqual([
      '***',
      '***',
      '***',
      undefined,
    ]);
    expect(JSON.stringify(door.fake.requests)).not.toContain('sk-');
  });

  it('names a key by its place in a list', async () => {
    await using door = await doors[name]({ models: ['m'], apiKeys: ['sk-a', 'sk-b'] });
    const response = await door.fetch(
      path,
      post({ model: 'm', messages: [] }, { headers: { authorization: 'Bearer sk-b' } }),
    );
    expect(response.status).toBe(200);
    expect(door.fake.requests[0]?.apiKeyOf).toBe('1');
  });

  it('shows requests that still run', async () => {
    await using door = await doors[name]({ models: { m: hang() } });
    const response = door.fetch(path, post({ model: 'm', messages: [] }));
    response.catch(() => undefined);
    await vi.waitFor(() => expect(door.fake.open).toBe(1));
    expect(door.fake.requests).toMatchObject([{ outcome: 'open', status: undefined, endedAt: undefined }]);
    await door.fake.close();
    expect(door.fake.open).toBe(0);
    expect(door.fake.requests).toMatchObject([{ outcome: 'cut' }]);
    await expect(response).rejects.toThrow('fetch failed');
  });

  it('can be cleared', async () => {
    await using door = await doors[name]({ models: { m: [answer('a'), answer('b')] } });
    await door.fetch(path, post({ model: 'm', messages: [] }));
    door.fake.clear();
    expect([door.fake.requests, door.fake.count]).toEqual([[], 0]);
    expect(await (await door.fetch(path, post({ model: 'm', messages: [] }))).text()).toContain('"b"');
    expect(door.fake.count).toBe(1);
  });

  it('shows the fields and files of a form', async () => {
    await using door = await doors[name]({ models: ['m'] });
    const form = new FormData();
    form.set('model', 'm');
    form.set('file', new File(['12345'], 'a.wav', { type: 'audio/wav' }));
    form.append('kinds[]', 'word');
    form.append('kinds[]', 'segment');
    expect((await door.fetch('/audio/transcriptions', { method: 'POST', body: form })).status).toBe(200);
    expect(door.fake.requests[0]).toMatchObject({
      model: 'm',
      body: { model: 'm', file: { name: 'a.wav', type: 'audio/wav', size: 5 }, kinds: ['word', 'segment'] },
    });
  });
});

it('finds the model in an Azure path', async () => {
  const fetch = fakeFetch({ models: ['gpt'], apiKeys: { azure: 'secret' } });
  const endpoint = 'https://me.openai.azure.com';
  const client = new AzureOpenAI({ endpoint, apiKey: 'secret', apiVersion: '2026-01-01', deployment: 'gpt', fetch });
  await client.chat.completions.create({ model: 'not served', messages: [] });
  expect(fetch.requests).toMatchObject([
    {
      model: 'gpt',
      path: '/openai/deployments/gpt/chat/completions',
      endpoint: '/chat/completions',
      query: { 'api-version': '2026-01-01' },
      apiKeyOf: 'azure',
    },
  ]);
});

it.each([
  'https://provider.test/v1/chat/completions',
  'https://provider.test/api/v1/chat/completions',
  'https://provider.test/chat/completions',
  'https://provider.test/some/base/chat/completions',
])('finds the endpoint in %s', async (url) => {
  const fetch = fakeFetch(answer());
  expect((await fetch(url, post({ model: 'm', messages: [] }))).status).toBe(200);
  expect(fetch.requests[0]?.endpoint).toBe('/chat/completions');
});

it('accepts a Request, and returns a Response with its URL', async () => {
  const fetch = fakeFetch(answer());
  const url = 'https://provider.test/v1/chat/completions';
  const response = await fetch(new Request(url, post({ model: 'm', messages: [] })));
  expect(response.status).toBe(200);
  expect(response.url).toBe(url);
  expect(fetch.requests[0]).toMatchObject({ method: 'POST', body: { model: 'm' } });
});

describe('a recorder', () => {
  const arrival = {
    method: 'POST',
    path: '/v1/x',
    endpoint: '/x',
    query: {},
    headers: {},
    apiKeyOf: undefined,
    body: undefined,
    model: 'm',
    stream: false,
  };

  it('keeps the newest and counts all', () => {
    const recorder = new Recorder(3);
    for (let n = 0; n < 500; n += 1) recorder.end(recorder.start(arrival), 'answered');
    expect(recorder.requests.map(({ number }) => number)).toEqual([498, 499, 500]);
    expect([recorder.count, recorder.open]).toEqual([500, 0]);
  });

  it('records one end per request', () => {
    const recorder = new Recorder(3);
    const request = recorder.start(arrival);
    recorder.end(request, 'answered');
    recorder.end(request, 'aborted');
    expect([request.outcome, recorder.open]).toEqual(['answered', 0]);
  });
});
