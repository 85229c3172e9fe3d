import { gzipSync } from 'node:zlib';
import { callOptions, type ModelRouter } from 'model-router';
import { type Status, statusHandler } from 'model-router/status';
import { answer, fail, hang, type Models } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { errorOf, sendChat, sendChatWith } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const at = 'https://app.test/admin/status/';

function served(models: Models, options: Setup & { page?: Parameters<typeof statusHandler>[1] } = {}) {
  const { page, ...setup } = options;
  const built = build(models, setup);
  const handle = statusHandler(built.router, page);
  const get = (path: string, method = 'GET') => handle(new Request(new URL(path, at), { method }));
  const status = async () => (await get('status.json').json()) as Status;
  return { ...built, handle, get, status };
}

describe('the routes of the page', () => {
  it.each([
    ['', 'text/html'],
    ['app.js', 'text/javascript'],
    ['style.css', 'text/css'],
    ['status.json', 'application/json'],
    ['metrics', 'text/plain; version=0.0.4'],
    ['events', 'text/event-stream'],
  ])('%j is served, never cached, under a policy that allows only the page itself', async (path, type) => {
    const response = served({ a: answer() }).get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    await response.body?.cancel();
  });

  it.each(['', 'app.js', 'status.json', 'metrics', 'events'])('HEAD of %j has no body', async (path) => {
    const response = served({ a: answer() }).get(path, 'HEAD');
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', (method) => {
    const response = served({ a: answer() }).get('status.json', method);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    ['https://app.test/admin/status', './status/'],
    ['https://app.test/status?x=1', './status/'],
    ['https://app.test/a%20b', './a%20b/'],
  ])('%s redirects to the same path with a slash', (url, location) => {
    const response = served({ a: answer() }).handle(new Request(url));
    expect([response.status, response.headers.get('location')]).toEqual([302, location]);
  });

  it.each(['favicon.ico', 'javascript:alert(1)', 'app.js.map', '..%2f..;x'])('%s is not found', (path) => {
    const response = served({ a: answer() }).handle(new Request(`https://app.test/status/${path}`));
    expect([response.status, response.headers.get('location')]).toEqual([404, null]);
  });

  it('is at most 15 KB, with all its assets', async () => {
    const { get } = served({ a: answer() });
    const sizes = await Promise.all(
      ['', 'app.js', 'style.css'].map(async (path) => gzipSync(await get(path).text()).length),
    );
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(15_000);
  });

  it('refuses anything but a router', () => {
    const none = {} as unknown as ModelRouter;
    expect(() => statusHandler(none)).toThrow('statusHandler: an empty object is not allowed; give a router.');
  });

  it('treats its title as text, and refuses unknown options', async () => {
    const { get, router } = served({ a: answer() }, { page: { title: '</title><script>' } });
    const html = await get('').text();
    expect(html).toContain('<title>&lt;/title&gt;&lt;script&gt;</title>');
    expect(() => statusHandler(router, { titel: 'x' } as object)).toThrow('titel');
    expect(() => statusHandler(router, { showTenants: 'yes' } as object)).toThrow('statusHandler.showTenants');
  });
});

describe('status.json', () => {
  it('reports where a failing deployment is, since when, and why, and does not blame the fallback', async () => {
    const { router, status } = served(
      { a: [answer(), fail(503)], b: answer() },
      { deployments: { a: { region: 'eu' }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    await sendChat(router);
    await pass(60_000);
    await sendChat(router);
    await pass(5000);
    await sendChat(router);
    const { deployments, process: shown, trouble, calls } = await status();
    expect(deployments.a).toMatchObject({
      health: 'failing',
      region: 'eu',
      state: 'closed',
      since: '2030-01-01T00:01:00.000Z',
      failedAttempts: 2,
      lastFailure: { at: '2030-01-01T00:01:05.000Z', outcome: 'server-error', status: 503 },
    });
    expect(deployments.b).toMatchObject({ health: 'working', lastFailure: null, failedAttempts: 0 });
    expect(deployments.a?.minutes.slice(-2)).toEqual([
      [1, 0],
      [0, 2],
    ]);
    expect(shown).toEqual({ id: process.pid, since: '2030-01-01T00:00:00.000Z' });
    expect(calls).toEqual({ counted: 3, answered: 3, failovers: 2 });
    expect(trouble.map(({ attempts, outcome }) => [outcome, ...attempts.map((each) => each.deployment)])).toEqual([
      ['success', 'a', 'b'],
      ['success', 'a', 'b'],
    ]);
  });

  it('follows a breaker from down over probing to working', async () => {
    const { router, status } = served(
      { a: [...Array.from({ length: 5 }, () => fail(500)), answer()] },
      { maxAttempts: 1 },
    );
    const health = async () => (await status()).deployments.a?.health;
    expect(await health()).toBe('unused');
    for (let i = 0; i < 5; i++) await errorOf(sendChat(router));
    expect(await health()).toBe('down');
    await pass(15_000);
    await settled(sendChat(router));
    expect((await status()).deployments.a).toMatchObject({
      health: 'working',
      since: '2030-01-01T00:00:15.000Z',
      lastFailure: { at: '2030-01-01T00:00:00.000Z' },
    });
  });

  it('calls no deployment working that has only failed, also before the handler was made', async () => {
    const { router } = build({ a: fail(500), b: answer() }, { breaker: false });
    await sendChat(router);
    const { deployments } = (await statusHandler(router)(new Request(`${at}status.json`)).json()) as Status;
    expect(deployments.a).toMatchObject({ health: 'failing', failedAttempts: 1, since: null, lastFailure: null });
    expect(deployments.b).toMatchObject({ health: 'working', failedAttempts: 0 });
  });

  it('shows pauses and refused keys', async () => {
    const { router, status } = served(
      { a: fail(429, { headers: { 'retry-after': '30' } }), b: fail(401), c: answer() },
      {
        clients: ['default', 'other'],
        deployments: { a: {}, b: { client: 'other' }, c: {} },
        routes: { standard: ['a', 'b', 'c'] },
      },
    );
    await sendChat(router);
    const { deployments } = await status();
    expect(deployments.a).toMatchObject({ health: 'paused', since: '2030-01-01T00:00:00.000Z' });
    expect(deployments.b).toMatchObject({ health: 'suspended', since: '2030-01-01T00:00:00.000Z' });
  });

  it('does not count the caller’s mistakes', async () => {
    const { router, status } = served({ a: [answer(), fail(400), hang()] });
    await sendChat(router);
    await errorOf(sendChat(router));
    const controller = new AbortController();
    const aborted = watch(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(10);
    controller.abort();
    await pass(10);
    expect(aborted.state).toBe('rejected');
    const { calls, deployments, trouble } = await status();
    expect(calls).toMatchObject({ counted: 1, answered: 1 });
    expect(deployments.a).toMatchObject({ health: 'working', failedAttempts: 0 });
    expect(trouble).toEqual([]);
  });

  it.each([false, true])('names tenants only if configured: %s', async (showTenants) => {
    const { router, get, status } = served(
      { a: [fail(500), answer()] },
      {
        deployments: { a: { price: { input: 1, output: 1 } } },
        routes: { standard: ['a'] },
        budgets: [{ usd: 10, window: 'day', per: 'tenant' }],
        page: { showTenants },
      },
    );
    await sendChatWith(router, { tenant: 'mail@customer.test' });
    expect((await get('status.json').text()).includes('mail@customer.test')).toBe(showTenants);
    expect((await status()).spend.budgets).toHaveLength(showTenants ? 1 : 0);
    expect(await get('metrics').text()).not.toContain('customer');
  });

  it('has no key and no prompt, and sends nothing to a model', async () => {
    const { router, get, fake } = served({
      a: fail(401),
      b: fail(400, { message: 'secret-prompt sk-key-of-default' }),
    });
    const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'secret-prompt' }] };
    await errorOf(router.chat.completions.create(body, callOptions({ metadata: { secret: 'secret-prompt' } })));
    const sent = fake.requests.length;
    for (const path of ['', 'status.json', 'metrics']) {
      const text = await get(path).text();
      expect(text).not.toContain('secret-prompt');
      expect(text).not.toContain('sk-key');
    }
    expect(fake.requests).toHaveLength(sent);
  });

  it('counts from the first call where the router was created before there was a clock, as on Workers', async () => {
    vi.setSystemTime(0);
    const { router, status } = served({ a: answer() });
    vi.setSystemTime(Date.UTC(2030, 0, 2));
    await sendChat(router);
    await pass(1000);
    expect((await status()).process.since).toBe('2030-01-02T00:00:00.000Z');
  });

  it('is counted once, however many pages there are', async () => {
    const { router, status } = served({ a: answer() });
    const second = statusHandler(router, { title: 'another' });
    await sendChat(router);
    expect((await status()).calls.counted).toBe(1);
    expect(await second(new Request(`${at}status.json`)).json()).toMatchObject({ calls: { counted: 1 } });
  });
});

describe('events', () => {
  const open = (get: (path: string) => Response) => {
    const response = get('events');
    return { response, reader: response.body?.pipeThrough(new TextDecoderStream()).getReader() };
  };
  const at = (event: string | undefined) => (JSON.parse(event?.slice('data: '.length) ?? '') as Status).at;

  it('come at once and every 2 seconds, and no timer runs before or after', async () => {
    const { get } = served({ a: answer() });
    expect(vi.getTimerCount()).toBe(0);
    const { reader } = open(get);
    expect(at((await reader?.read())?.value)).toBe('2030-01-01T00:00:00.000Z');
    const next = watch(reader?.read() ?? Promise.reject(new Error('no stream')));
    await pass(1999);
    expect(next.state).toBe('pending');
    await pass(1);
    expect(at(next.value?.value)).toBe('2030-01-01T00:00:02.000Z');
    await reader?.cancel();
    await pass(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are for 20 clients at once; the next one is refused until one leaves', async () => {
    const { get } = served({ a: answer() });
    const all = Array.from({ length: 20 }, () => get('events'));
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(get('events').status).toBe(503);
    await all[7]?.body?.cancel();
    expect(get('events').status).toBe(200);
    expect(get('events').status).toBe(503);
  });

  it('are dropped if no client reads them', async () => {
    const { get } = served({ a: answer() });
    for (let i = 0; i < 20; i++) get('events');
    await pass(40_000);
    expect(get('events').status).toBe(200);
  });

  it('end with the router, and browsers do not reconnect', async () => {
    const { router, get } = served({ a: answer() });
    const { reader } = open(get);
    await reader?.read();
    router.close();
    await pass(2000);
    expect((await reader?.read())?.done).toBe(true);
    expect(get('events').status).toBe(204);
    expect(vi.getTimerCount()).toBe(0);
  });
});
