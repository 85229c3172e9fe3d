import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';
import { APIError, OpenAI } from 'openai';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { SDK } from '../helpers/sdk.js';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const body = { model: 'a', messages };
const apiKey = 'sk-own-0123456789';
const HOOKED = 'sk-hooked-0123456789';
const ROTATED = 'sk-rotated-0123456789';
const OTHER = 'sk-other-0123456789';
const apiKeys = { own: apiKey, hooked: HOOKED, rotated: ROTATED, other: OTHER };
const newFetch = () =>
  fakeFetch({ apiKeys, models: { a: answer(), bad: fail(400, { message: 'No.' }), down: fail(500) } });

/** The same subclass of a plain client and of the router. */
const hooked = (Base: typeof OpenAI) =>
  class Hooked extends Base {
    team = 'red';
    calls: string[] = [];
    protected override async prepareOptions(options: never): Promise<void> {
      this.calls.push('prepareOptions');
      return super.prepareOptions(options);
    }
    protected override async prepareRequest(request: RequestInit): Promise<void> {
      this.calls.push('prepareRequest');
      (request.headers as Headers).set('x-team', this.team);
    }
    protected override async authHeaders(): Promise<never> {
      this.calls.push('authHeaders');
      const values = new Headers({ authorization: `Bearer ${HOOKED}` });
      return super.authHeaders({} as never).then((given) => Object.assign(given as never, { values }));
    }
    protected override defaultQuery() {
      return { v: '2' };
    }
    override buildURL(...args: Parameters<OpenAI['buildURL']>): string {
      return `${super.buildURL(...args)}&team=${this.team}`;
    }
    protected override makeStatusError(status: number, ...rest: unknown[]): APIError {
      const [error, , headers] = rest as [object, string, Headers];
      return Object.assign(APIError.generate(status, error, '', headers), { message: `hooked ${status}` });
    }
  };

const PlainHooked = hooked(OpenAI);
const RouterHooked = hooked(ModelRouter as unknown as typeof OpenAI);

describe('a subclass that overrides hooks', () => {
  it.each([
    ['a plain client', PlainHooked],
    ['a router', RouterHooked],
  ])('gets them called, whole and streamed, routed and not: %s', async (_, Hooked) => {
    const fetch = newFetch();
    const client = new Hooked({ apiKey, fetch, maxRetries: 0 });
    await client.chat.completions.create(body);
    await client.chat.completions.create({ ...body, stream: true });
    await client.models.list();
    const sent = { headers: { 'x-team': 'red' }, query: { v: '2', team: 'red' }, apiKeyOf: 'hooked' };
    expect(fetch.requests).toMatchObject([sent, sent, sent]);
    expect(client.calls.filter((name) => name === 'prepareRequest')).toHaveLength(3);
    expect(client.calls.filter((name) => name === 'prepareOptions')).toHaveLength(3);
    expect((await errorOf(client.chat.completions.create({ model: 'bad', messages }))).message).toBe('hooked 400');
    const view = client.withOptions({ timeout: 5000 });
    view.team = 'blue';
    await view.chat.completions.create(body);
    expect(fetch.requests.at(-1)).toMatchObject({ headers: { 'x-team': 'blue' } });
    await client.chat.completions.create(body);
    expect(fetch.requests.at(-1)).toMatchObject({ headers: { 'x-team': 'red' } });
  });

  it('gets those called that depend on no account, where there are clients', async () => {
    const fetch = newFetch();
    const clients = { default: { apiKey, fetch }, other: { apiKey: OTHER, fetch } };
    const options = { clients, deployments: { b: { client: 'other', model: 'a' } } };
    const router = new RouterHooked(options as never);
    await router.chat.completions.create({ model: 'b', messages });
    const { headers, query, apiKeyOf } = fetch.requests[0] ?? {};
    expect([headers?.['x-team'], apiKeyOf]).toEqual(['red', 'other']);
    expect(query).toEqual({});
    expect(router.calls).toEqual(['prepareOptions', 'prepareRequest']);
  });

  it('may prevent a retry with shouldRetry', async () => {
    class Never extends ModelRouter {}
    // Private in the SDK's types, but its code calls it.
    Reflect.set(Never.prototype, 'shouldRetry', async () => false);
    const fetch = newFetch();
    const retry = { baseMs: 0, maxMs: 0 };
    const usual = await errorOf(
      new ModelRouter({ apiKey, fetch, retry }).chat.completions.create({ ...body, model: 'down' }),
    );
    expect(callRecord(usual)?.attempts.length).toBeGreaterThan(1);
    const never = await errorOf(
      new Never({ apiKey, fetch, retry }).chat.completions.create({ ...body, model: 'down' }),
    );
    expect(callRecord(never)?.attempts).toHaveLength(1);
  });
});

describe('properties that are assigned to a router', () => {
  it('with clients throw an error that says where they belong', () => {
    const router = new ModelRouter({ clients: { default: { apiKey } } });
    for (const [name, place] of [
      ['apiKey', 'clients.default.apiKey'],
      ['baseURL', 'clients.default.baseURL'],
      ['timeout', 'router.withOptions({ timeout })'],
      ['maxRetries', 'router.withOptions({ maxRetries })'],
    ] as const) {
      const before: unknown = Reflect.get(router, name);
      expect(() => Object.assign(router, { [name]: 5 })).toThrow(place);
      expect(Reflect.get(router, name)).toBe(before);
    }
  });

  it.each([
    ['one client', { apiKey }],
    ['clients', { clients: { default: { apiKey } } }],
  ])('pass the webhook secret to views, of %s, without making another account', async (_, options) => {
    const router = new ModelRouter(options as never);
    onTestFinished(() => router.close());
    expect(router.withOptions({ webhookSecret: 'whsec_a' }).webhookSecret).toBe('whsec_a');
    router.webhookSecret = 'whsec_b';
    const view = router.withOptions({ timeout: 5000 });
    expect([router.webhookSecret, view.webhookSecret]).toEqual(['whsec_b', 'whsec_b']);
    await view.close();
    await expect(router.models.list()).rejects.toThrow('closed');
  });

  it('limit the attempts of one client', async () => {
    const router = new ModelRouter({ apiKey, fetch: newFetch(), retry: { baseMs: 0, maxMs: 0 } });
    router.maxRetries = 0;
    router.timeout = 700;
    expect(router.explain(body)).toMatchObject({ maxAttempts: 1, attemptTimeoutMs: 700 });
    expect(router.withOptions({}).explain(body)).toMatchObject({ maxAttempts: 1, attemptTimeoutMs: 700 });
    expect(() => Object.assign(router, { baseURL: '' })).toThrow('baseURL: it is empty');
  });

  it('make another account, which shares the engine and no cached answers', async () => {
    const fetch = newFetch();
    const router = new ModelRouter({ apiKey, fetch, cache: true });
    await router.chat.completions.create(body);
    await router.chat.completions.create(body);
    expect(fetch.count).toBe(1);
    router.apiKey = ROTATED;
    await router.chat.completions.create(body);
    expect(fetch.requests.at(-1)?.apiKeyOf).toBe('rotated');
    expect(router.snapshot().deployments['default/*']?.requests).toBe(2);
  });

  it('are masked in errors', async () => {
    const router = new ModelRouter({
      apiKey,
      fetch: fakeFetch({ unknownModels: fail(401, { message: 'Wrong key sk-rotated-0123456789' }) }),
    });
    router.apiKey = 'sk-rotated-0123456789';
    expect((await errorOf(router.chat.completions.create(body))).message).toBe('401 Wrong key ***');
  });
});

describe('credentials that other code reads from the router itself', () => {
  it('are those of the client, and no placeholder', () => {
    const admin = new OpenAI({ apiKey: null, adminAPIKey: 'sk-admin' });
    const router = new ModelRouter({ clients: { default: admin } });
    expect([router.apiKey, router.adminAPIKey]).toEqual([null, 'sk-admin']);
    const alone = new ModelRouter({ apiKey: null, adminAPIKey: 'sk-admin' });
    expect([alone.apiKey, alone.adminAPIKey]).toEqual([null, 'sk-admin']);
    for (const each of [router, alone])
      expect(JSON.stringify(Object.values(each).map(String))).not.toContain('none-yet');
    const key = async () => 'sk-from-a-function';
    const { apiKey: shown } = new ModelRouter({ apiKey: key });
    expect(shown).toBe(new OpenAI({ apiKey: key }).apiKey);
  });

  it('are a plain client’s on a WebSocket', async () => {
    const { OpenAIRealtimeWebSocket } = await import('openai/realtime/websocket');
    let opened: unknown[] = [];
    vi.stubGlobal(
      'WebSocket',
      class extends EventTarget {
        constructor(...given: unknown[]) {
          super();
          opened = given;
        }
      },
    );
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    const open = (client: OpenAI) => {
      new OpenAIRealtimeWebSocket({ model: 'm', dangerouslyAllowBrowser: true }, client);
      return JSON.stringify(opened);
    };
    for (const options of [{ apiKey }, { apiKey: null, adminAPIKey: 'sk-admin-0123456789' }]) {
      const plain = open(new OpenAI(options));
      expect(plain).toContain('realtime');
      expect(open(new ModelRouter(options))).toBe(plain);
      expect(open(new ModelRouter({ clients: { default: new OpenAI(options) } }))).toBe(plain);
    }
  });

  it.skipIf(SDK === 6)('are left to a provider', async () => {
    const { bedrock } = await import('openai/providers/bedrock').catch(() => ({ bedrock: undefined }));
    if (bedrock === undefined) return;
    const provider = bedrock({ region: 'us-east-1', apiKey: 'sk-bedrock' } as never);
    const plain = new OpenAI({ provider });
    const router = new ModelRouter({ provider });
    expect([router.apiKey, router.baseURL]).toEqual([plain.apiKey, plain.baseURL]);
    const switched = new ModelRouter({ apiKey }).withOptions({ provider });
    expect(switched.baseURL).toBe(plain.baseURL);
  });
});
