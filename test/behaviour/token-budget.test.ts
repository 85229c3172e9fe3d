import {
  type CountTokens,
  callOptions,
  callRecord,
  ModelRouter,
  type RouterEvent,
  type RouterSettings,
  TokenBudgetExceededError,
} from 'model-router';
import { answer, fail } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { errorOf, messages, sendChat, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

const body = { model: 'standard', messages };
/** The estimate of `messages`: this limit accepts it, and one less does not. */
const size = sizeOf();

function sizeOf(): number {
  const router = new ModelRouter({ apiKey: 'sk-a', baseURL: 'https://a.test/v1' });
  const { inputTokens } = router.explain(body);
  void router.close();
  return inputTokens;
}

describe('maxInputTokens', () => {
  it('accepts an input at the limit, and refuses a longer one before anything is sent', async () => {
    const at = build({ a: answer() }, { maxInputTokens: size });
    await sendChat(at.router);
    expect(at.calledModels()).toEqual(['a']);

    const above = build({ a: answer() }, { maxInputTokens: size - 1 });
    const error = await errorOf(sendChat(above.router));
    expect(above.calledModels()).toEqual([]);
    expect(error).toBeInstanceOf(TokenBudgetExceededError);
    expect(error).toBeInstanceOf(OpenAI.OpenAIError);
    expect(error).toMatchObject({ code: 'token_budget_exceeded', estimate: size, limit: size - 1 });
    expect(error.message).toContain(`${size} tokens`);
    expect(error.message).toContain(`allows ${size - 1}`);
    expect(error.message).toContain('callOptions({ maxInputTokens })');
  });

  it('refuses streams, responses and embeddings alike', async () => {
    const { router, calledModels } = build({ a: answer() }, { maxInputTokens: 1 });
    for (const refused of [
      streamChat(router),
      router.responses.create({ model: 'standard', input: 'Say hello to all of us.' }),
      router.embeddings.create({ model: 'standard', input: ['Say hello', 'to all of us.'] }),
      router.completions.create({ model: 'standard', prompt: 'Say hello to all of us.' }),
    ]) {
      expect(await errorOf(refused)).toBeInstanceOf(TokenBudgetExceededError);
    }
    expect(calledModels()).toEqual([]);
  });

  it('uses the nearest value: call, view, route, constructor', async () => {
    const setup: Setup = {
      maxInputTokens: 1,
      deployments: { a: {} },
      routes: { standard: ['a'], wide: { deployments: ['a'], maxInputTokens: size } },
    };
    const { router } = build({ a: answer() }, setup);
    expect(await errorOf(sendChat(router))).toMatchObject({ limit: 1 });
    await sendChat(router, 'wide');
    const view = router.withOptions({ maxInputTokens: 2 });
    expect(await errorOf(sendChat(view, 'wide'))).toMatchObject({ limit: 2 });
    await sendChat(view, 'wide', callOptions({ maxInputTokens: size }));
  });

  it('emits an event, and a record of a call without attempts', async () => {
    const { router } = build({ a: answer() }, { maxInputTokens: 3 });
    const events: RouterEvent[] = [];
    router.on('budget-refused', (event) => events.push(event));
    router.on('call-ended', (event) => events.push(event));
    const record = callRecord(await errorOf(sendChat(router)));
    expect(record?.attempts).toEqual([]);
    expect(events).toMatchObject([
      { type: 'budget-refused', callId: record?.id, route: 'standard', budget: 'tokens', estimate: size, limit: 3 },
      { type: 'call-ended', error: { name: 'TokenBudgetExceededError', code: 'token_budget_exceeded' } },
    ]);
    expect(JSON.stringify(events)).not.toContain('Say hello');
  });

  it('does not count for a deployment', async () => {
    const { router } = build({ a: answer() }, { maxInputTokens: 1 });
    for (let i = 0; i < 8; i++) await errorOf(sendChat(router));
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', requests: 0, failures: 0 });
  });

  it('is a 413 through asFetch that is not to be retried', async () => {
    const { router } = build({ a: answer() }, { maxInputTokens: 1 });
    const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(413);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await response.json()).toMatchObject({ error: { code: 'token_budget_exceeded' } });
  });

  it('appears in explain without a call', () => {
    const { router, calledModels } = build({ a: answer() }, { maxInputTokens: size });
    expect(router.explain(body)).toMatchObject({ inputTokens: size, refusal: null });
    expect(router.explain(body, callOptions({ maxInputTokens: 2 })).refusal).toMatch(
      /maxInputTokens allows 2\. .*Shorten/,
    );
    expect(calledModels()).toEqual([]);
  });

  it('is checked before spending limits, also where they exclude all deployments', async () => {
    const deployments = { a: {}, b: { price: { input: 1, output: 1 } } };
    const { router } = build({ a: answer(), b: answer() }, { deployments, maxInputTokens: 2, maxCostUsd: 1e-6 });
    for (const model of ['a', 'b']) {
      const error = await errorOf(sendChat(router, model));
      expect(error).toBeInstanceOf(TokenBudgetExceededError);
      const explained = router.explain({ model, messages });
      expect(explained).toMatchObject({ refusal: error.message, inputTokens: size });
    }
  });

  it('does not refuse cached answers, nor check()', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    await sendChat(router);
    const small = router.withOptions({ maxInputTokens: 1 });
    await sendChat(small);
    expect(calledModels()).toEqual(['a']);
    expect(await small.check()).toMatchObject([{ ok: true }]);
  });

  it('does not fail a call by the limit of another one in flight', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    const refused = errorOf(sendChat(router, 'standard', callOptions({ maxInputTokens: 1 })));
    await sendChat(router);
    expect(await refused).toBeInstanceOf(TokenBudgetExceededError);
    expect(calledModels()).toEqual(['a']);
  });

  it('is not hidden by a stale answer', async () => {
    const cache = { mode: 'all', ttlMs: 0, staleIfErrorMs: 60_000 } as const;
    const { router } = build({ a: [answer(), fail(503)] }, { cache, maxAttempts: 1 });
    await sendChat(router);
    expect(callRecord(await sendChat(router))?.cache).toBe('stale-if-error');
    expect(await errorOf(sendChat(router, 'standard', callOptions({ maxInputTokens: 1 })))).toBeInstanceOf(
      TokenBudgetExceededError,
    );
  });

  it.each<[string, object]>([
    ['maxInputTokens', { maxInputTokens: 0 }],
    ['maxInputTokens', { maxInputTokens: 1.5 }],
    ['maxInputTokens', { maxInputTokens: '100' }],
    [
      'routes.a.maxInputTokens',
      { deployments: { b: {} }, routes: { a: { deployments: ['b'], maxInputTokens: Number.NaN } } },
    ],
    ['countTokens', { countTokens: 'o200k' }],
  ])('%s is checked', (option, settings) => {
    const clients = { default: { apiKey: 'sk-a', baseURL: 'https://a.test/v1' } };
    expect(() => new ModelRouter({ clients, ...(settings as RouterSettings) })).toThrow(
      expect.objectContaining({ code: 'invalid_option', option }),
    );
  });

  it('is pointed to its place if it stands beside the options of the SDK', async () => {
    const { router } = build({ a: answer() });
    const options = { maxInputTokens: 5 } as OpenAI.RequestOptions;
    expect((await errorOf(sendChat(router, 'standard', options))).message).toContain('callOptions({ maxInputTokens })');
  });
});

describe('countTokens', () => {
  it('replaces the estimate, for each available model; the framing is added', async () => {
    const countTokens = vi.fn<CountTokens>(({ model }) => (model === 'b' ? 100 : 10));
    const { router } = build({ a: answer(), b: answer() }, { countTokens, maxInputTokens: 50 });
    const error = await errorOf(sendChat(router));
    expect(error).toBeInstanceOf(TokenBudgetExceededError);
    expect(countTokens.mock.calls).toEqual([
      [{ text: 'Say hello.', model: 'a' }],
      [{ text: 'Say hello.', model: 'b' }],
    ]);
    expect(error).toMatchObject({ estimate: 108 });
    await sendChat(router, 'a');
  });

  it('is not called without a limit', async () => {
    const countTokens = vi.fn<CountTokens>(() => 1);
    const { router } = build({ a: answer() }, { countTokens });
    await sendChat(router);
    expect(countTokens).not.toHaveBeenCalled();
  });

  it('falls back to the estimate silently where it returns nothing', async () => {
    const warn = vi.fn();
    const logger = { error: warn, warn, info: vi.fn(), debug: vi.fn() };
    const { router } = build(
      { a: answer() },
      { countTokens: () => undefined, maxInputTokens: 1, logger, logLevel: 'warn' },
    );
    expect(await errorOf(sendChat(router))).toMatchObject({ estimate: size });
    expect(warn).not.toHaveBeenCalled();
  });

  it.each<[string, CountTokens]>([
    [
      'throws',
      () => {
        throw new Error('Say hello.');
      },
    ],
    ['returns NaN', () => Number.NaN],
    ['returns a negative number', () => -1],
    ['returns Infinity', () => Number.POSITIVE_INFINITY],
    ['returns a promise', (() => Promise.resolve(5)) as unknown as CountTokens],
  ])('is replaced by the estimate where it %s, with one report, and fails no call', async (_, countTokens) => {
    const warn = vi.fn();
    const logger = { error: vi.fn(), warn, info: vi.fn(), debug: vi.fn() };
    const { router } = build({ a: answer() }, { countTokens, maxInputTokens: size, logger, logLevel: 'warn' });
    const received = vi.fn();
    router.on('count-tokens-failed', received);
    await sendChat(router);
    await sendChat(router);
    expect(await errorOf(sendChat(router, 'standard', callOptions({ maxInputTokens: size - 1 })))).toMatchObject({
      estimate: size,
    });
    expect(received).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(JSON.stringify([received.mock.calls, warn.mock.calls])).not.toContain('Say hello');
  });
});
