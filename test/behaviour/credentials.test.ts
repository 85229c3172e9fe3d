import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { CursorPage } from 'openai/pagination';
import { describe, expect, it } from 'vitest';
import { messages } from '../helpers/parity-bodies.js';
import { watch } from '../helpers/parity-secrets.js';

const origin = 'https://provider.test';
const model = 'standard';

/** Two clients with their own keys, whose first deployment always fails. */
function openRouter({
  baseURL = `${origin}/v1`,
  ...rest
}: {
  baseURL?: string;
  defaultHeaders?: Record<string, string>;
} = {}) {
  const fake = fakeFetch({ models: { first: fail(503), second: answer() }, unknownModels: 'answer' });
  const { fetch, sent } = watch(fake);
  const router = new ModelRouter({
    clients: {
      default: { apiKey: 'sk-default-0123456789', baseURL, fetch, organization: 'org-default' },
      other: { apiKey: 'sk-other-0123456789', baseURL: 'https://other.test/v1', fetch },
    },
    deployments: { first: { client: 'default' }, second: { client: 'other' } },
    routes: { standard: ['first', 'second'] },
    logLevel: 'off',
    retry: { baseMs: 0, maxMs: 0 },
    ...rest,
  });
  const tags = () => sent.map(({ url, headers }) => `${url.host} ${headers.get('authorization')}`);
  return { router, fake, sent, tags, [Symbol.dispose]: () => router.close() };
}

/** A call that may throw as well as reject. */
const attempt = async (make: () => unknown) => make();

const DEFAULT = 'provider.test Bearer sk-default-0123456789';
const OTHER = 'other.test Bearer sk-other-0123456789';

describe("a client's key", () => {
  it('goes to its own server only', async () => {
    using open = openRouter();
    await open.router.chat.completions.create({ model, messages });
    expect(open.tags()).toEqual([DEFAULT, OTHER]);
  });

  const elsewhere = [
    'https://evil.test/v1/models',
    'http://provider.test/v1/models',
    'https://provider.test:8443/v1/models',
    'HTTPS://evil.test/',
    '//evil.test/models',
    '///evil.test/models',
    '/\\evil.test/models',
    '\\\\evil.test/models',
    '@evil.test/models',
    ':secret@evil.test/models',
    ':8443/models',
    '.evil.test/models',
    '-evil.test/models',
    '/../../@evil.test/models',
    '/models@evil.test',
    '\t//evil.test/models',
    ' https://evil.test/models',
    'ht\ntps://evil.test/models',
  ];
  const bases = [`${origin}/v1`, `${origin}/v1/`, origin, `${origin}/`, `${origin}/v1?team=red`];
  const ways: Record<string, (client: OpenAI, path: string) => PromiseLike<unknown>> = {
    get: (client, path) => client.get(path),
    'post, like a routed call': (client, path) => client.post(path, { body: { model, messages } }),
    put: (client, path) => client.put(path),
    patch: (client, path) => client.patch(path),
    delete: (client, path) => client.delete(path),
    request: (client, path) => client.request({ method: 'get', path }),
    'a list': (client, path) => client.getAPIList(path, CursorPage),
    'a list, its options a promise': (client, path) => client.getAPIList(path, CursorPage, Promise.resolve({})),
  };

  describe.each(bases)('of the base URL %s', (baseURL) => {
    it.each(Object.entries(ways))('stays on its host by %s, whatever the path', async (_, send) => {
      for (const path of elsewhere) {
        using open = openRouter({ baseURL });
        // It may throw, reject or be sent to its own server.
        await attempt(() => send(open.router, path)).catch(() => undefined);
        expect([path, open.sent.map(({ url }) => url.origin).filter((each) => each !== origin)]).toEqual([path, []]);
      }
    });
  });

  it.each(['https://evil.test/v1/models', '@evil.test/models'])('is refused to %j with a clear error', async (path) => {
    using open = openRouter({ baseURL: origin });
    for (const send of Object.values(ways)) {
      await expect(attempt(() => send(open.router, path))).rejects.toMatchObject({
        code: 'invalid_option',
        option: 'path',
      });
    }
    expect(open.sent).toEqual([]);
  });

  it('stays on its host by asFetch', async () => {
    using open = openRouter();
    const routed = open.router.asFetch({ baseURL: 'https://api.test/v1' });
    for (const path of elsewhere) {
      await attempt(() => routed(`https://api.test/v1${path}`)).catch(() => undefined);
      await attempt(() => routed(path)).catch(() => undefined);
    }
    const origins = new Set(open.sent.map(({ url }) => url.origin));
    expect([...origins].filter((each) => each !== origin)).toEqual([]);
  });

  it('of the client that made a stored object is used for it', async () => {
    using open = openRouter();
    const { id } = await open.router.responses.create({ model, input: 'Hi' });
    open.sent.length = 0;
    await open.router.responses.retrieve(id);
    await open.router.responses.inputItems.list(id);
    await open.router.responses.delete(id);
    expect(open.tags()).toEqual([OTHER, OTHER, OTHER]);
  });

  it('is not sent when the router is closed', async () => {
    using open = openRouter();
    await open.router.close();
    for (const call of [
      () => open.router.chat.completions.create({ model, messages }),
      () => open.router.models.retrieve('first'),
      () => open.router.models.list(),
      () => open.router.post('/chat/completions', { body: '{}' }),
    ]) {
      await expect(attempt(call)).rejects.toMatchObject({ code: 'no_deployment_available' });
    }
    expect(open.sent).toEqual([]);
  });
});

describe('credentials given with a call', () => {
  const given = {
    Authorization: 'Bearer sk-of-the-caller',
    'api-key': 'sk-of-the-caller',
    Cookie: 'session=1',
    'OpenAI-Organization': 'org-of-the-caller',
    'OpenAI-Project': 'proj-of-the-caller',
  };
  const shapes: Record<string, (name: string, value: string) => OpenAI.RequestOptions['headers']> = {
    'an object': (name, value) => ({ [name]: value }),
    'an object, in lower case': (name, value) => ({ [name.toLowerCase()]: value, 'X-Tag': null }),
    'an object of lists': (name, value) => ({ [name]: [value] }),
    Headers: (name, value) => new Headers({ [name]: value }),
    pairs: (name, value) => [
      ['X-Tag', 'call'],
      [name, value],
    ],
  };

  describe.each(Object.entries(given))('%s', (name, value) => {
    it.each(Object.entries(shapes))('pins it to its first deployment, given as %s', async (_, shape) => {
      using open = openRouter();
      const call = open.router.chat.completions.create({ model, messages }, { headers: shape(name, value) });
      await expect(call).rejects.toMatchObject({ status: 503 });
      expect(open.sent.length).toBeGreaterThan(0);
      for (const { url, headers } of open.sent) expect([url.host, headers.get(name)]).toEqual(['provider.test', value]);
    });

    it('pins every call of a view that has it', async () => {
      using open = openRouter();
      const view = open.router.withOptions({ defaultHeaders: { [name]: value } });
      await expect(view.chat.completions.create({ model, messages })).rejects.toMatchObject({ status: 503 });
      expect(new Set(open.sent.map(({ url }) => url.host))).toEqual(new Set(['provider.test']));
    });
  });

  it('do not bind a call without credentials', async () => {
    using open = openRouter();
    const result = await open.router.chat.completions.create({ model, messages }, { headers: { 'X-Tag': 'call' } });
    expect(callRecord(result)?.attempts.map(({ deployment }) => deployment)).toEqual(['first', 'second']);
  });

  it('appear in explain', () => {
    using open = openRouter();
    const { deployments } = open.router.explain({ model, messages }, { headers: { Authorization: 'Bearer x' } });
    expect(deployments).toEqual([{ id: 'first' }, { id: 'second', excluded: expect.stringContaining('credentials') }]);
  });
});

describe('X-Router-*', () => {
  const headers = {
    'X-Router-Deadline-Ms': '5000',
    'x-router-cache': 'no-store',
    'X-Router-Anything': '1',
    'X-Tag': 'a',
  };
  const sentNames = (open: ReturnType<typeof openRouter>) =>
    open.sent.flatMap((each) => [...each.headers.keys()].filter((name) => name.startsWith('x-router')));
  const shapes: Record<string, OpenAI.RequestOptions['headers']> = {
    'an object': headers,
    Headers: new Headers(headers),
    pairs: Object.entries(headers),
    'an object of lists': { 'X-Router-Anything': ['1', '2'], 'X-Tag': ['a'] },
  };

  it.each(Object.entries(shapes))('stay in the process, given with a routed call as %s', async (_, given) => {
    using open = openRouter();
    await open.router.chat.completions.create({ model, messages }, { headers: given });
    expect(open.sent).toHaveLength(2);
    expect(sentNames(open)).toEqual([]);
    expect(open.sent.map((each) => each.headers.get('x-tag'))).toEqual(['a', 'a']);
  });

  it('stay in the process, given with a call that is not routed', async () => {
    using open = openRouter();
    await open.router.models.retrieve('first', { headers });
    await open.router.models.list({ headers });
    expect(open.sent).toHaveLength(2);
    expect(sentNames(open)).toEqual([]);
  });

  it('stay in the process, given to a view', async () => {
    using open = openRouter();
    const view = open.router.withOptions({ defaultHeaders: headers });
    await view.chat.completions.create({ model, messages });
    await view.models.retrieve('first');
    expect(sentNames(open)).toEqual([]);
  });

  it('stay in the process, given to the router', async () => {
    using open = openRouter({ defaultHeaders: headers });
    await open.router.chat.completions.create({ model, messages });
    await open.router.models.retrieve('first');
    expect(sentNames(open)).toEqual([]);
  });

  it('stay in the process, given to a router of one client', async () => {
    const { fetch, sent } = watch(fakeFetch({ unknownModels: 'answer' }));
    await using router = new ModelRouter({
      apiKey: 'sk-one-0123456789',
      baseURL: `${origin}/v1`,
      fetch,
      defaultHeaders: headers,
    });
    await router.chat.completions.create({ model: 'any', messages });
    await router.models.list();
    expect(sent.flatMap((each) => [...each.headers.keys()].filter((name) => name.startsWith('x-router')))).toEqual([]);
  });

  it('stay in the process, given to asFetch', async () => {
    using open = openRouter();
    const body = JSON.stringify({ model, messages });
    await open.router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      body,
      headers: { ...headers, 'content-type': 'application/json' },
    });
    expect(open.sent).toHaveLength(2);
    expect(sentNames(open)).toEqual([]);
  });
});

describe('options of a call', () => {
  it('never reach the wire', async () => {
    using open = openRouter();
    await open.router.chat.completions.create(
      { model, messages },
      callOptions({ deadlineMs: 4321, priority: 'standard' }),
    );
    expect(open.sent).toHaveLength(2);
    for (const { url, headers, body } of open.sent) {
      expect(`${url} ${JSON.stringify([...headers])} ${body}`).not.toMatch(/4321|deadlineMs/);
    }
  });

  it('are not modified: the same object serves for many calls', async () => {
    using open = openRouter();
    const headers = { 'X-Router-Deadline-Ms': '5000', 'X-Tag': 'a' };
    const request = { method: 'post' as const, path: '/chat/completions', body: { model, messages }, headers };
    const before = structuredClone(request);
    await open.router.request(request);
    await open.router.request(request);
    expect(request).toEqual(before);
  });
});
