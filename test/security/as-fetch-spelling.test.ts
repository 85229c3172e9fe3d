import { describe, expect, it } from 'vitest';
import { base, completion, messages, routerOver } from '../helpers/recorded-fetch.js';

/**
 * Threat: a tenant that reaches `asFetch()` spells a routed endpoint in a way that the router does not recognise and
 * the upstream does. The request would go out with the router's key, unlimited and unbooked.
 */
const guarded = () =>
  routerOver(() => completion(), { unlistedModels: 'refuse', budgets: [{ usd: 1, window: 'day' }] });

const post = (body: unknown, type = 'application/json', method = 'POST'): RequestInit => ({
  method,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': type },
});

const SPELLINGS = [
  '/%63hat/completions',
  '/chat/completions/',
  '//chat/completions',
  '/chat//completions',
  '/chat%2Fcompletions',
  '/chat%2fcompletions//',
  '/Chat/COMPLETIONS',
  '/chat/./completions',
  '/chat/%2e/completions',
  '/x/../chat/completions',
  '/chat\\completions',
  '/chat%5ccompletions',
  '/chat/completions%20',
  '/chat/completions%00',
  '/chat/completions%0A',
  '/chat/completions;a=b',
  '/chat/completions%3Fa=b',
  '/chat/completions%23',
  '/%63hat/completions/%zz/..',
  '/v1/chat/completions',
  '/v1/v1/chat/completions',
];

describe('a routed endpoint in another spelling', () => {
  it.each(SPELLINGS)('%s is routed, limited and booked', async (path) => {
    const { router, sent } = guarded();
    const fetch = router.asFetch();
    const refused = await fetch(base + path, post({ model: 'not-listed', messages }));
    expect([refused.status, sent.length]).toEqual([400, 0]);
    const tooMuch = await fetch(base + path, post({ model: 'm', messages, max_tokens: 2_000_000 }));
    expect([tooMuch.status, sent.length]).toEqual([402, 0]);
    const response = await fetch(base + path, post({ model: 'm', messages }));
    expect([response.status, response.headers.get('x-router-deployment')]).toEqual([200, 'm']);
    expect(sent.map(({ url }) => url)).toEqual(['https://up.test/v1/chat/completions']);
    expect(router.snapshot().deployments.m?.costUsd).toBeCloseTo(10 / 1e6, 9);
  });

  it.each([
    'application/JSON',
    'application/vnd.x+json',
    'Text/Plain',
    'application/octet-stream',
    'text/html; charset=utf-8',
    '',
  ])('a body of the type %j is read as JSON', async (type) => {
    const { router, sent } = guarded();
    const response = await router.asFetch()(`${base}/chat/completions`, post({ model: 'x', messages }, type));
    expect([response.status, sent.length]).toEqual([400, 0]);
    expect((await router.asFetch()(`${base}/chat/completions`, post({ model: 'm', messages }, type))).status).toBe(200);
  });

  it.each(['not json', '[]', '"text"', '1', 'null', ''])('the body %j is refused', async (body) => {
    const { router, sent } = guarded();
    const response = await router.asFetch()(`${base}/chat/completions`, post(body));
    expect([response.status, sent.length]).toEqual([400, 0]);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  it('a form is refused where the endpoint accepts none, and read where it does', async () => {
    const { router, sent } = guarded();
    const form = new FormData();
    form.set('model', 'not-listed');
    for (const path of ['/chat/completions', '/embeddings', '/audio/transcriptions', '/images/edits/']) {
      const response = await router.asFetch()(base + path, { method: 'POST', body: form });
      expect([path, response.status, sent.length]).toEqual([path, 400, 0]);
    }
    const body = new URLSearchParams({ model: 'not-listed' });
    const response = await router.asFetch()(`${base}/audio/translations`, { method: 'POST', body });
    expect([response.status, sent.length]).toEqual([400, 0]);
  });

  it.each(['PUT', 'PATCH'])('%s is refused', async (method) => {
    const { router, sent } = guarded();
    for (const path of ['/chat/completions', '/%65mbeddings', '/audio/speech/']) {
      const response = await router.asFetch()(base + path, post({ model: 'm', messages }, 'application/json', method));
      expect([path, response.status, sent.length]).toEqual([path, 400, 0]);
    }
  });

  it('GET of the same path (stored chats) is not routed, and ids keep their case', async () => {
    const { router, sent } = guarded();
    await router.asFetch()(`${base}/chat/completions?limit=1`);
    await router.asFetch()(`${base}/files/File-AbC%20d/content`);
    expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET https://up.test/v1/chat/completions?limit=1',
      'GET https://up.test/v1/files/File-AbC%20d/content',
    ]);
  });

  it('no path leads above the base URL', async () => {
    const { router, sent } = guarded();
    for (const path of [
      '/..%2fadmin',
      '/files/..%2f..%2fadmin',
      '/%2e%2e%2fadmin',
      '/files/..;/admin',
      '/..%5cadmin',
    ]) {
      const response = await router.asFetch()(base + path);
      expect([path, response.status, sent.length]).toEqual([path, 400, 0]);
    }
  });

  it.each(['true', 1, 'yes', 'false', {}, [], 0])(
    'stream: %j, which servers read in different ways, is refused',
    async (stream) => {
      const { router, sent } = guarded();
      const response = await router.asFetch()(`${base}/chat/completions`, post({ model: 'm', messages, stream }));
      expect([response.status, sent.length]).toEqual([400, 0]);
    },
  );
});

describe('requests that are not routed', () => {
  const requests: [string, string][] = [
    ['GET', '/models'],
    ['GET', '/models/m'],
    ['GET', '/files'],
    ['POST', '/files'],
    ['POST', '/batches'],
    ['DELETE', '/files/f'],
    ['DELETE', '/chat/completions'],
  ];
  const allowedBy = async (passThrough?: 'all' | 'reads' | readonly string[]) => {
    const { router } = routerOver(() => Response.json({}));
    const fetch = router.asFetch(passThrough === undefined ? {} : { passThrough });
    const allowed: string[] = [];
    for (const [method, path] of requests) {
      const { status } = await fetch(base + path, method === 'POST' ? post({}) : { method });
      expect([200, 400]).toContain(status);
      if (status === 200) allowed.push(`${method} ${path}`);
    }
    return allowed;
  };

  it('pass by default', async () => {
    expect(await allowedBy()).toHaveLength(requests.length);
    expect(await allowedBy('all')).toHaveLength(requests.length);
  });

  it("pass with GET only under 'reads'", async () => {
    expect(await allowedBy('reads')).toEqual(['GET /models', 'GET /models/m', 'GET /files']);
  });

  it('pass if the list names them', async () => {
    expect(await allowedBy([])).toEqual([]);
    expect(await allowedBy(['GET /models'])).toEqual(['GET /models']);
    expect(await allowedBy(['GET /models/*', 'DELETE /files/*'])).toEqual(['GET /models/m', 'DELETE /files/f']);
  });

  it('an invalid option is refused when the fetch is made', () => {
    const { router } = routerOver(() => Response.json({}));
    for (const passThrough of ['none', ['models'], ['GET models'], ['HEAD /models'], ['GET  /models'], 5])
      expect(() => router.asFetch({ passThrough: passThrough as 'all' })).toThrow(/passThrough/);
    for (const forwardHeaders of ['x-a', ['a b'], ['Connection'], ['Content-Length'], [''], [1]])
      expect(() => router.asFetch({ forwardHeaders: forwardHeaders as string[] })).toThrow(/forwardHeaders/);
    expect(() => router.asFetch({ baseUrl: base } as object)).toThrow(/baseURL/);
    expect(() => router.asFetch({ baseURL: '/v1' })).toThrow(/baseURL/);
  });
});
