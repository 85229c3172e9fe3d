import { readFileSync } from 'node:fs';
import { callOptions, callRecord, type ModelRouter, type Strategy } from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import type { ChatCompletionCreateParams, EmbeddingCreateParams } from 'openai/resources';
import type { ResponseCreateParams } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { errorOf, sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const chat: ChatCompletionCreateParams = { model: 'standard', messages: [{ role: 'user', content: 'A secret.' }] };
const idsOf = (router: ModelRouter) => router.explain(chat).deployments.map(({ id }) => id);
const firstOf = async (router: ModelRouter) => {
  const { value, error } = await settled(sendChat(router));
  return callRecord(value ?? error)?.attempts[0]?.deployment;
};

describe('the text of explain()', () => {
  it('is the one shown in docs/choosing.md', async () => {
    const [down, fast, slow] = ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B', 'zai-org/GLM-5'] as const;
    const { router, fake } = build(
      { [down]: answer({ latencyMs: 40 }), [fast]: answer({ latencyMs: 50 }), [slow]: answer({ latencyMs: 100 }) },
      {
        deployments: {
          [down]: { price: { input: 0.25, output: 0.25 } },
          [fast]: { price: { input: 0.28, output: 0.28 } },
          [slow]: { price: { input: 0.6, output: 2.2 } },
        },
        routes: { chat: { deployments: [down, fast, slow], strategy: 'lowest-latency' } },
        breaker: { consecutive: 1 },
      },
    );
    for (let i = 0; i < 20; i++) await settled(sendChat(router, 'chat'));
    fake.set(down, fail(503));
    await errorOf(sendChat(router, down, { maxRetries: 0 }));
    await pass(1875);
    const question = [{ role: 'user' as const, content: 'Say hello.' }];
    const text = String(router.explain({ model: 'chat', messages: question }));
    expect(readFileSync('docs/choosing.md', 'utf8')).toContain(`\`\`\`\n${text}\n\`\`\`\n`);
  });

  it('has a line for each deployment, with times, hedge, cache, cost and refusal', async () => {
    const { router } = build(
      { a: fail(429, { headers: { 'retry-after': '7' } }), b: answer(), c: answer(), d: answer() },
      {
        deployments: {
          a: { price: { input: 1, output: 2 } },
          b: { price: { input: 1, output: 2 } },
          c: { price: { input: 1, output: 2 } },
          d: { region: 'us' },
        },
        routes: { standard: { deployments: ['a', 'b', 'c', 'd'], strategy: { by: 'weighted', weights: { b: 1 } } } },
        deadlineMs: 10_000,
        attemptTimeoutMs: 4000,
        hedgeAfterMs: 500,
        maxAttempts: 2,
        cache: true,
      },
    );
    await errorOf(router.chat.completions.create({ ...chat, model: 'a' }, callOptions({ maxAttempts: 1 })));
    const explanation = router.explain({ ...chat, max_completion_tokens: 100 });
    expect(String(explanation).split('\n')).toEqual([
      `route standard, priority standard, about ${explanation.inputTokens} input tokens, order by weighted`,
      '  1. b: first, for at most 4000 ms',
      '  2. c: failover 1',
      '  3. d: failover 2',
      '  -  a: excluded, the server requested a pause of 7000 ms',
      'times: deadline 10000 ms, 2 attempts at most',
      'hedge: after 500 ms',
      expect.stringMatching(/^cache: may be cached, /),
      'cost: not known',
      'refusal: none',
    ]);
    const eu = router.explain({ ...chat, max_completion_tokens: 100 }, callOptions({ regions: ['eu'] }));
    expect(String(eu)).toMatch(/ {2}- {2}d: excluded, its region is us/);
    expect(String(eu)).toMatch(/\nrefusal: No deployment is available/);
    expect(String(router.explain({ ...chat, model: 'b', max_completion_tokens: 100 }))).toMatch(
      /cost: at most \$0\.0\d+\n/,
    );
    expect(String(explanation)).not.toContain('secret');
  });

  it('is not a field: JSON has the fields only', () => {
    const { router } = build({ a: answer() });
    const explanation = router.explain(chat);
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
    expect(Object.keys(explanation)).not.toContain('toString');
    expect(structuredClone(explanation)).toEqual(explanation);
  });

  it('keeps a name with line breaks on its line', () => {
    const { router } = build({}, { deployments: { 'a\n  2. b': {} }, routes: { standard: ['a\n  2. b'] } });
    expect(String(router.explain(chat)).split('\n')).toHaveLength(7);
  });
});

describe('explain()', () => {
  it('accepts the SDK’s request bodies', () => {
    const { router } = build({ a: answer() });
    const response: ResponseCreateParams = { model: 'standard', input: 'Hi', stream: true };
    const embedding: EmbeddingCreateParams = { model: 'standard', input: ['Hi'], dimensions: 3 };
    for (const body of [chat, response, embedding]) expect(router.explain(body).deployments).toEqual([{ id: 'a' }]);
  });

  it('names all deployments in failover order, also beyond maxAttempts', async () => {
    const reversed: Strategy = {
      name: 'reversed',
      order: ({ deployments }) => deployments.map(({ id }) => id).reverse(),
    };
    const { router } = build(
      { a: answer(), b: fail(500), c: fail(500) },
      { routes: { standard: { deployments: ['a', 'b', 'c'], strategy: reversed, maxAttempts: 3 } } },
    );
    expect(idsOf(router)).toEqual(['c', 'b', 'a']);
    expect(router.explain(chat, { maxAttempts: 1 }).deployments).toHaveLength(3);
    const { value } = await settled(sendChat(router));
    expect(callRecord(value)?.attempts.map(({ deployment }) => deployment)).toEqual(['c', 'b', 'a']);
    expect(String(router.explain(chat))).toContain('order by reversed');
  });

  it('puts a deployment with nothing left by its rate-limit headers last', async () => {
    const used = answer({ headers: { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '30s' } });
    const { router } = build({ a: answer(), b: used, c: answer() });
    await settled(sendChat(router, 'b'));
    expect(router.explain(chat).deployments).toEqual([{ id: 'a' }, { id: 'c' }, { id: 'b' }]);
  });

  it('names the one that is tried after a wait, whatever its place', async () => {
    // a is paused for longer than b; the spread of the waits is the next call's own.
    let draws = 0;
    const { router } = build(
      {
        a: [fail(429, { headers: { 'retry-after': '9' } }), answer()],
        b: [fail(429, { headers: { 'retry-after': '1' } }), answer()],
      },
      { deadlineMs: 20_000, random: () => [0.9, 0.1, 0.7][draws++ % 3] ?? 0, retry: { budget: 0, minPerSecond: 0 } },
    );
    await settled(sendChat(router, 'a'));
    await settled(sendChat(router, 'b'));
    const explanation = router.explain(chat);
    expect(String(router.explain(chat))).toBe(String(explanation));
    expect(String(explanation)).toMatch(/, after a wait of \d+ ms/);
    expect(await firstOf(router)).toBe(explanation.deployments[0]?.id);
  });

  it('predicts that a rate is back after a wait', async () => {
    const { router } = build(
      {
        a: fail(429, { headers: { 'retry-after': '10' } }),
        b: [...Array(9).fill(answer()), fail(429, { headers: { 'retry-after-ms': '1200' } }), answer()],
      },
      { deployments: { a: {}, b: { rpm: 60 } }, routes: { standard: ['a', 'b'] }, deadlineMs: 20_000 },
    );
    // The last three calls probe a during its pause, each after twice the time; the next probe would be in two seconds.
    for (let i = 0; i < 4; i++) await settled(sendChat(router, 'a', { maxRetries: 0 }));
    // The whole burst of b; its rate is back in 1000 ms, before its pause ends.
    for (let i = 0; i < 10; i++) await settled(sendChat(router, 'b', { maxRetries: 0 }));
    const explanation = router.explain(chat);
    expect(explanation.deployments[0]).toEqual({ id: 'b' });
    expect(String(explanation)).toMatch(/after a wait of \d+ ms/);
    expect(await firstOf(router)).toBe('b');
  });

  it('distinguishes rates from slots, and names the deployment whose rate is back first', async () => {
    const { router } = build(
      { a: answer(), b: answer(), c: answer() },
      {
        deployments: { a: { rpm: 6 }, b: { rpm: 60 }, c: {} },
        routes: { standard: ['a', 'b'], chat: ['a', 'b', 'c'] },
      },
    );
    await settled(sendChat(router, 'a'));
    for (let i = 0; i < 10; i++) await settled(sendChat(router, 'b'));
    expect(router.explain({ ...chat, model: 'chat' }).deployments).toEqual([
      { id: 'c' },
      { id: 'a', excluded: 'its rate allows the next call in 10000 ms' },
      { id: 'b', excluded: 'its rate allows the next call in 1000 ms' },
    ]);
    expect(idsOf(router)).toEqual(['b', 'a']);
    expect(await firstOf(router)).toBe('b');
  });

  it('says that all are full, and whether the call would wait', async () => {
    const { router } = build(
      { a: hang() },
      { deployments: { a: { maxConcurrent: 1, maxQueue: 1 } }, routes: { standard: ['a'] } },
    );
    watch(sendChat(router));
    await pass(0);
    expect(router.explain(chat)).toMatchObject({ deployments: [{ id: 'a' }], attemptTimeoutMs: null, refusal: null });
    expect(String(router.explain(chat))).toContain('1. a: first, once it has a free slot');
    watch(sendChat(router));
    await pass(0);
    const { refusal } = router.explain(chat);
    expect(refusal).toMatch(/full, and the queue is full/);
    expect(await errorOf(sendChat(router))).toMatchObject({ code: 'capacity_exceeded', message: refusal });
    // A call of higher priority would replace the waiting one.
    expect(router.explain(chat, { priority: 'premium' }).refusal).toBeNull();
  });

  it('says that a closed router refuses calls', async () => {
    const { router } = build({ a: answer() });
    await router.close();
    const { refusal } = router.explain(chat);
    expect(refusal).toBe('The router is closed.');
    expect(await errorOf(sendChat(router))).toHaveProperty('message', refusal);
  });
});
