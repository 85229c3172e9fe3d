import { ModelRouter } from 'model-router';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { base, completion, lines, messages, recordedFetch, routerOver } from '../helpers/recorded-fetch.js';

/**
 * Threat: a tenant's request headers reach the upstream (credentials of another system, headers that change how the
 * connection is used), or the upstream's cookies reach a tenant.
 */
const DROPPED: Record<string, string> = {
  'x-goog-api-key': 'theirs',
  'x-auth-token': 'theirs',
  'helicone-auth': 'Bearer theirs',
  authorization: 'Bearer theirs',
  'api-key': 'theirs',
  'x-api-key': 'theirs',
  cookie: 'a=theirs',
  'openai-organization': 'theirs',
  'openai-project': 'theirs',
  'openai-api-key': 'theirs',
  'x-http-method-override': 'DELETE',
  'x-forwarded-for': '127.0.0.1',
  te: 'trailers',
  trailer: 'theirs',
  'content-encoding': 'gzip',
  'keep-alive': 'timeout=5',
  expect: '100-continue',
  upgrade: 'h2c',
  'transfer-encoding': 'chunked',
  'proxy-authorization': 'Basic theirs',
};
const SENT: Record<string, string> = {
  'user-agent': 'tenant/1',
  'openai-beta': 'assistants=v2',
  'idempotency-key': 'once',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'x-request-id': 'r1',
};

function open(forwardHeaders?: string[]) {
  const { logger, written } = lines();
  const { router, sent } = routerOver(
    ({ url }) => {
      const response = url.endsWith('/models') ? Response.json({ data: [] }) : completion();
      response.headers.set('set-cookie', 'session=upstream');
      response.headers.set('x-router-cost-usd', '-1');
      response.headers.set('x-kept', 'yes');
      return response;
    },
    { logger, logLevel: 'warn' },
  );
  const fetch = router.asFetch(forwardHeaders === undefined ? {} : { forwardHeaders });
  const both = async (headers: Record<string, string>) => [
    await fetch(`${base}/models`, { headers }),
    await fetch(`${base}/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: 'not-listed', messages }),
    }),
  ];
  return { both, sent, written };
}

describe('request headers', () => {
  it('are sent if listed, and no others', async () => {
    const { both, sent } = open();
    await both({ ...DROPPED, ...SENT });
    expect(sent).toHaveLength(2);
    for (const { headers } of sent) {
      for (const [name, value] of Object.entries(SENT)) expect([name, headers.get(name)]).toEqual([name, value]);
      expect(headers.get('authorization')).toBe('Bearer sk-ours-0123456789');
      for (const name of Object.keys(DROPPED))
        if (name !== 'authorization') expect([name, headers.get(name)]).toEqual([name, null]);
      expect(JSON.stringify([...headers])).not.toContain('theirs');
    }
  });

  it('cause one warning for each that is dropped, by its name alone', async () => {
    const { both, written } = open();
    await both({ 'x-goog-api-key': 'theirs', 'x-tag': 'theirs' });
    await both({ 'x-goog-api-key': 'theirs', cookie: 'theirs', te: 'trailers', 'sec-fetch-mode': 'cors' });
    const ours = written.filter((line) => line.includes('asFetch'));
    expect(ours).toHaveLength(2);
    expect(ours[0]).toContain('x-goog-api-key');
    expect(ours[1]).toContain('x-tag');
    expect(written.join()).not.toContain('theirs');
  });

  it('cause warnings for at most a hundred names', async () => {
    const { both, written } = open();
    for (let i = 0; i < 30; i++)
      await both(Object.fromEntries(Array.from({ length: 10 }, (_, j) => [`x-name-${i}-${j}`, '1'])));
    expect(written.filter((line) => line.includes('asFetch'))).toHaveLength(100);
  });

  it('are sent if forwardHeaders names them, and Connection does not', async () => {
    const { both, sent, written } = open(['X-Tag', 'x-goog-api-key']);
    await both({ 'x-tag': 'a', 'x-goog-api-key': 'chosen' });
    await both({ 'x-tag': 'b', 'user-agent': 'b', connection: 'close, X-Tag, User-Agent' });
    expect(sent.map(({ headers }) => headers.get('x-tag'))).toEqual(['a', 'a', null, null]);
    expect(sent.map(({ headers }) => headers.get('user-agent') === 'b')).toEqual([false, false, false, false]);
    expect(sent[0]?.headers.get('x-goog-api-key')).toBe('chosen');
    expect(written.filter((line) => line.includes('asFetch'))).toEqual([]);
  });
});

describe('response headers', () => {
  it('include no cookie, and none of the router’s own names', async () => {
    const { both } = open();
    const [models, chat] = await both({});
    for (const response of [models, chat]) {
      expect(response?.headers.get('set-cookie')).toBeNull();
      expect(response?.headers.get('x-kept')).toBe('yes');
      expect(response?.headers.get('x-router-cost-usd')).not.toBe('-1');
    }
  });

  it('are dropped in an error as well', async () => {
    const { router } = routerOver(() =>
      Response.json(
        { error: { message: 'no' } },
        { status: 400, headers: { 'set-cookie': 'a=b', 'x-router-cost-usd': '-1' } },
      ),
    );
    const response = await router.asFetch()(`${base}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', messages }),
    });
    expect([response.status, response.headers.get('set-cookie')]).toEqual([400, null]);
    expect(response.headers.get('x-router-cost-usd')).not.toBe('-1');
  });
});

describe('X-Router-* headers', () => {
  it('never leave as default headers of a client, a router, a view, a call or a deployment', async () => {
    const { router, sent } = routerOver(() => completion());
    const headers = { 'X-Router-Tenant': 'secret-tenant', 'X-Tag': '1' };
    const given = { apiKey: 'k', baseURL: 'https://up.test/v1', logLevel: 'off' as const };
    const { fetch, sent: more } = recordedFetch();
    const others = [
      new ModelRouter({ clients: { default: { ...given, fetch, defaultHeaders: headers } } }),
      new ModelRouter({ clients: { default: new OpenAI({ ...given, fetch, defaultHeaders: headers }) } }),
      new ModelRouter({ ...given, fetch, defaultHeaders: headers }),
      new ModelRouter({ clients: { default: { ...given, fetch } }, defaultHeaders: headers }),
      new ModelRouter({ clients: { default: { ...given, fetch } } }).withOptions({ defaultHeaders: headers }),
    ];
    for (const other of others) {
      await other.chat.completions.create({ model: 'x', messages });
      await other.models.list();
      await other.get('/models');
    }
    await router.chat.completions.create({ model: 'm', messages }, { headers });
    await router.get('/models', { headers });
    expect([more.length, sent.length]).toEqual([15, 2]);
    for (const each of [...more, ...sent]) {
      expect(each.headers.get('x-tag')).toBe('1');
      expect([...each.headers.keys()].filter((name) => name.startsWith('x-router-'))).toEqual([]);
    }
  });
});
