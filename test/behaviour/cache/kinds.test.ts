import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';
import { APIError, APIUserAbortError, type OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { collect, errorOf, messages, sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const use = (holder: unknown) => callRecord(holder)?.cache;

describe('kinds of answers', () => {
  it('completions, whole and as a stream', async () => {
    const { router, calledModels } = build({ a: answer({ content: 'Five days.' }) }, { cache: true });
    const body = { model: 'standard', prompt: 'Refunds?' };
    const first = await router.completions.create(body);
    const second = await router.completions.create(body);
    expect([use(first), use(second)]).toEqual(['miss', 'hit']);
    expect(second).toEqual(first);
    const stream = await router.completions.create({ ...body, stream: true });
    const { chunks } = await collect(stream);
    expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('Five days.');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(use(stream)).toBe('hit');
    expect(calledModels()).toHaveLength(1);
  });

  it('structured outputs, parsed for each caller', async () => {
    const { router, calledModels } = build({ a: answer({ content: '{"days":[5]}' }) }, { cache: true });
    const parse = (name: string) =>
      router.chat.completions.parse({
        model: 'standard',
        messages,
        response_format: { type: 'json_schema', json_schema: { name, strict: true, schema: { type: 'object' } } },
      } as const);
    await parse('s');
    for (let i = 0; i < 3; i++) {
      const completion = await parse('s');
      expect(completion.choices[0]?.message.content).toBe('{"days":[5]}');
      expect(use(completion)).toBe('hit');
      completion.choices.length = 0;
    }
    expect(use(await parse('another schema'))).toBe('miss');
    expect(calledModels()).toHaveLength(2);
  });

  it('streams of the SDK’s helper, whose record comes from the stream', async () => {
    const { router, calledModels } = build({ a: answer({ content: 'Hello.' }) }, { cache: true });
    await settled(router.chat.completions.stream({ model: 'standard', messages }).finalChatCompletion());
    const stream = router.chat.completions.stream({ model: 'standard', messages });
    const { value: completion } = await settled(stream.finalChatCompletion());
    expect(completion?.choices[0]?.message.content).toBe('Hello.');
    expect(use(stream)).toBe('hit');
    // Two answers with the same id, and nothing else that distinguishes them.
    expect(callRecord(completion)).toBeUndefined();
    const counted = router.chat.completions.stream({
      model: 'standard',
      messages,
      stream_options: { include_usage: true },
    });
    expect(use((await settled(counted.finalChatCompletion())).value)).toBe('hit');
    expect(calledModels()).toHaveLength(1);
  });

  it('not a call with its own fetch options', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    await sendChat(router);
    expect(use(await sendChat(router, 'standard', { fetchOptions: { credentials: 'omit' } }))).toBe('bypass');
    expect(calledModels()).toHaveLength(2);
  });
});

describe('errors of joined calls', () => {
  it('have their own headers and body', async () => {
    const script = fail(500, { latencyMs: 10, headers: { 'x-why': 'down' } });
    const { router } = build({ a: script }, { cache: true, maxAttempts: 1 });
    const calls = [errorOf(sendChat(router)), errorOf(sendChat(router)), errorOf(sendChat(router))];
    await pass(10);
    const [one, two, three] = await Promise.all(calls);
    if (!(one instanceof APIError && two instanceof APIError && three instanceof APIError))
      throw new Error('No errors');
    for (const error of [one, two]) {
      error.headers?.set('x-why', 'changed');
      if (error.error !== undefined) Object.assign(error.error, { message: 'changed' });
    }
    expect(three.headers?.get('x-why')).toBe('down');
    expect(three.error).toMatchObject({ message: expect.not.stringMatching('changed') });
  });
});

describe('the size of the store', () => {
  const store = { get: () => undefined, set: () => undefined, delete: () => undefined, clear: () => undefined };

  it('is refused on a route if the application has its own store', () => {
    const clients = { default: { apiKey: 'sk-a', baseURL: 'https://a.test/v1' } };
    const routes = { standard: { deployments: ['a'], cache: { mode: 'all', maxEntries: 5 } } } as const;
    expect(() => new ModelRouter({ clients, deployments: { a: {} }, routes, cacheStore: store })).toThrow(
      expect.objectContaining({ code: 'invalid_option', option: 'routes.standard.cache.maxEntries' }),
    );
  });

  it.each<[string, object]>([
    ['the same account', { cache: true }],
    ['another account', { apiKey: 'sk-other', cache: true }],
    ['another account of a view', {}],
  ])('does not change with a view: %s', async (name, options) => {
    const fetch = fakeFetch({ models: { m: answer() } });
    const single = { apiKey: 'sk-one', baseURL: 'https://one.test/v1', fetch, cache: { mode: 'all', maxEntries: 2 } };
    const router = new ModelRouter(single as ConstructorParameters<typeof ModelRouter>[0]);
    const from = name === 'another account of a view' ? router.withOptions({ cache: true }) : router;
    const view = from.withOptions(name === 'another account of a view' ? { apiKey: 'sk-other' } : options);
    for (const query of ['1', '2', '3']) await sendChat(view, 'm', { query: { query } });
    expect(view.snapshot().cache.entries).toBe(2);
    await router.close();
    view.close();
  });
});

describe('a closed router', () => {
  it('returns no cached answers, and an aborted call returns nothing', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    await sendChat(router);
    await sendChat(router);
    const aborted = errorOf(sendChat(router, 'standard', { signal: AbortSignal.abort() }));
    expect(await aborted).toBeInstanceOf(APIUserAbortError);
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const logger = { error: log, warn: log, info: log, debug: log } satisfies OpenAI['logger'];
    const hit = await sendChat(router.withOptions({ logger, logLevel: 'info' }));
    expect(lines).toEqual([expect.stringContaining(callRecord(hit)?.id ?? 'no id')]);
    const ended: unknown[] = [];
    router.on('call-ended', ({ record }) => ended.push([record.id, record.cache]));
    const again = await sendChat(router, 'standard', callOptions({ deadlineMs: 5 }));
    expect(ended).toEqual([[callRecord(again)?.id, 'hit']]);
    await router.close();
    expect(await errorOf(sendChat(router))).toMatchObject({ code: 'no_deployment_available' });
  });
});
