import { inspect } from 'node:util';
import { ModelRouter, type RouterEvent, type RouterEventType } from 'model-router';
import { AzureOpenAI, OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { lines, messages, recordedFetch, type Sent } from '../helpers/recorded-fetch.js';

/**
 * Threat: a reader of errors, logs, events, records or metrics finds a key. The upstream is hostile: it quotes
 * everything it received, in each form in which a text can be written.
 */
const KEY = 'sk-MARK/0123+456789=abc';
const OTHER = 'MARK-other-secret-99';
const MARKS = [KEY, OTHER];

const base64 = (text: string) => Buffer.from(text).toString('base64');
const forms = (text: string) => [
  text,
  encodeURIComponent(text),
  encodeURIComponent(text).replace(/%../g, (byte) => byte.toLowerCase()),
  JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  base64(text),
  Buffer.from(text).toString('base64url'),
  base64(`${text}:`),
  base64(text).replace(/=+$/, ''),
];
/** The forbidden strings: every form, and the beginning of the base64. */
const needles = [...MARKS.flatMap(forms), ...MARKS.map((mark) => base64(mark).slice(0, 16)), 'MARK'];

function echo({ url, headers, body }: Sent): Response {
  const plain = [url, decodeURIComponent(url), body, ...[...headers].flat()].join(' | ');
  const received = [plain, ...MARKS.filter((mark) => plain.includes(mark)).flatMap(forms)].join(' | ');
  return Response.json(
    {
      error: {
        message: `You sent ${received}`,
        code: 'invalid_api_key',
        type: received,
        param: { [received]: [received] },
      },
    },
    { status: 401, headers: { 'x-echo': received, 'x-request-id': received } },
  );
}

type Setup = (fetch: typeof globalThis.fetch, more: object) => ModelRouter;
const url = 'https://up.test/v1';
const one =
  (options: object, settings: object = {}): Setup =>
  (fetch, more) =>
    new ModelRouter({
      clients: { default: { apiKey: OTHER, baseURL: url, fetch, ...options } },
      ...settings,
      ...more,
    });

const SETUPS: Record<string, Setup> = {
  'options of a client': one({ apiKey: KEY }),
  'a key with a trailing newline': one({ apiKey: `${KEY}\n` }),
  'a key with blanks around': one({ apiKey: `  ${KEY} ` }),
  'a client': (fetch, more) =>
    new ModelRouter({ clients: { default: new OpenAI({ apiKey: KEY, baseURL: url, fetch }) }, ...more }),
  'an Azure client': (fetch, more) =>
    new ModelRouter({
      clients: { default: new AzureOpenAI({ apiKey: KEY, endpoint: 'https://a.test', apiVersion: '1', fetch }) },
      ...more,
    }),
  'a single client': (fetch, more) => new ModelRouter({ apiKey: KEY, baseURL: url, fetch, ...more }),
  'a key function': one({ apiKey: async () => KEY }),
  'an admin key': one({ adminAPIKey: KEY }),
  'headers of a client': one({ defaultHeaders: { 'x-auth': KEY, 'X-Pass': OTHER } }),
  'headers of the router': one({}, { defaultHeaders: { 'x-password': KEY } }),
  'headers of a deployment': one({}, { deployments: { m: { headers: { 'x-passphrase': KEY } } } }),
  'headers of a prefix': one({}, { prefixes: { m: { client: 'default', headers: { 'x-gateway-token': KEY } } } }),
  'the path of the base URL': one({ baseURL: `https://up.test/${encodeURIComponent(KEY)}/v1` }),
  'the query of the base URL': one({ baseURL: `https://up.test/v1?key=${encodeURIComponent(KEY)}` }),
  'the user info of the base URL': one({ baseURL: `https://user:${encodeURIComponent(KEY)}@up.test/v1` }),
  'the query of a client': one({ defaultQuery: { api_key: KEY } }),
  'headers of a view': (fetch, more) => one({})(fetch, more).withOptions({ defaultHeaders: { 'x-secret': KEY } }),
};

const TYPES: RouterEventType[] = ['call-ended', 'attempt-started', 'attempt-failed', 'client-suspended'];

describe('a key', () => {
  it('is tested in seventeen set-ups', () => {
    expect(Object.keys(SETUPS)).toHaveLength(17);
  });

  it.each(Object.entries(SETUPS))('of %s appears in no output', async (name, setup) => {
    const { fetch, sent } = recordedFetch(echo);
    const { logger, written } = lines();
    const router = setup(fetch, { logger, logLevel: 'info', slowMs: 0.001 });
    const events: RouterEvent[] = [];
    for (const type of TYPES) router.on(type, (event) => events.push(event));
    const outputs: string[] = [];
    const calls: (() => PromiseLike<unknown>)[] = [
      () => router.chat.completions.create({ model: 'm', messages }),
      () => router.embeddings.create({ model: 'm', input: 'Hi' }),
      () => router.files.retrieve('f'),
      async () => {
        for await (const each of router.models.list()) void each;
      },
      async () => {
        const init = { method: 'POST', body: JSON.stringify({ model: 'm', messages }) };
        const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', init);
        throw new Error(`${JSON.stringify([...response.headers])} ${await response.text()}`);
      },
    ];
    for (const call of calls) {
      const error = await Promise.resolve()
        .then(call)
        .then(
          () => new Error('it was answered'),
          (thrown: Error) => thrown,
        );
      expect(error.message).not.toBe('it was answered');
      const { headers, requestID, error: body } = error as InstanceType<typeof OpenAI.APIError>;
      outputs.push(inspect(error, { depth: 9, showHidden: true }), String(error.stack), JSON.stringify(error));
      outputs.push(JSON.stringify([error.message, [...(headers ?? [])], requestID, body]));
    }
    // The SDK's own lines, which quote the upstream's request id, are not the router's.
    outputs.push(
      written.filter((line) => line.startsWith('model-router')).join('\n'),
      JSON.stringify(events),
      inspect(router, { depth: 9 }),
      JSON.stringify(router),
    );
    outputs.push(inspect(router.explain({ model: 'm', messages }), { depth: 9 }), router.spendCsv());
    // `fetch` itself refuses the user info of a URL, with a message that contains it.
    expect(sent.length > 0 || name.includes('user info')).toBe(true);
    for (const needle of needles) for (const output of outputs) expect(output).not.toContain(needle);
  });

  it('is still masked shortly after its rotation', async () => {
    let turn = 0;
    const keyOf = (n: number) => `sk-MARK-rotated-${n}`;
    const { fetch } = recordedFetch(({ headers }) => {
      // It has received the keys of earlier calls.
      const received = [
        headers.get('authorization'),
        ...Array.from({ length: 4 }, (_, i) => keyOf(Math.max(1, turn - i))),
      ].join();
      return Response.json({ error: { message: received } }, { status: 400 });
    });
    const router = new ModelRouter({
      clients: { default: { apiKey: async () => keyOf(++turn), baseURL: url, fetch, logLevel: 'off' } },
    });
    for (let i = 0; i < 20; i++) {
      const error = await router.chat.completions.create({ model: 'm', messages }).catch((thrown: Error) => thrown);
      expect((error as Error).message).not.toContain('MARK');
    }
  });

  it('of the call itself is masked in calls that are not routed, too', async () => {
    const { fetch } = recordedFetch(echo);
    const router = new ModelRouter({
      clients: { default: { apiKey: 'sk-another-key', baseURL: url, fetch } },
      logLevel: 'off',
    });
    const headers = { Authorization: `Bearer ${KEY}`, 'x-auth': OTHER };
    const error = await router.files.retrieve('f', { headers }).catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(Error);
    for (const needle of needles) expect(inspect(error, { depth: 9 })).not.toContain(needle);
  });

  it('hides no ordinary word', async () => {
    const { fetch } = recordedFetch(() =>
      Response.json(
        { error: { message: 'inference of gpt-4o-2024-05-13 in compatible-mode failed' } },
        { status: 400 },
      ),
    );
    const router = new ModelRouter({
      apiKey: 'sk-0123456789',
      baseURL: 'https://up.test/compatible-mode/inference/gpt-4o-2024-05-13/v1?api-version=2024-10-21',
      fetch,
      logLevel: 'off',
    });
    const error = await router.chat.completions.create({ model: 'm', messages }).catch((thrown: Error) => thrown);
    expect((error as Error).message).toContain('inference of gpt-4o-2024-05-13 in compatible-mode failed');
  });
});
