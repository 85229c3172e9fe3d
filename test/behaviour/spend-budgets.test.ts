import { createReadStream } from 'node:fs';
import { callOptions, callRecord, type RouterEvent, SpendBudgetExceededError } from 'model-router';
import { answer, cut, fail, hang, reset } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, messages, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';
import { SDK } from '../helpers/sdk.js';

useFakeTime();

/** A thousand output tokens cost a dollar, so an input of a dozen tokens costs next to nothing. */
const price = { input: 1, output: 1000 };
const expensive = { input: 10, output: 10_000 };
const usage = { inputTokens: 10, outputTokens: 1000 };
const COST = 1.00001;

const one: Setup = {
  deployments: { a: { price, maxOutputTokens: 1000 } },
  routes: { standard: ['a'] },
  maxAttempts: 1,
};
const two: Setup = {
  deployments: { a: { price: expensive, maxOutputTokens: 1000 }, b: { price, maxOutputTokens: 1000 } },
  routes: { standard: ['a', 'b'] },
  maxAttempts: 1,
};
const HOUR = 3_600_000;

async function refusal(promise: PromiseLike<unknown>): Promise<SpendBudgetExceededError> {
  const error = await errorOf(promise);
  if (error instanceof SpendBudgetExceededError) return error;
  throw error;
}

describe('maxCostUsd', () => {
  it('refuses a call that could cost more, sends nothing, and says what to change', async () => {
    const { router, fake } = build({ a: answer({ usage }) }, { ...one, maxCostUsd: 1 });
    const error = await refusal(sendChat(router));
    expect(fake.requests).toEqual([]);
    expect(error).toBeInstanceOf(OpenAI.OpenAIError);
    expect(error).toMatchObject({
      code: 'spend_budget_exceeded',
      budget: 'maxCostUsd',
      estimateUsd: expect.closeTo(1, 3),
      limitUsd: 1,
      leftUsd: 1,
      resetsAt: null,
    });
    expect(error.message).toContain('up to 1000 of output');
    expect(error.message).toContain('maxCostUsd is $1.00; nothing was sent');
    expect(error.message).toContain('max_tokens');
    expect(callRecord(error)).toMatchObject({ attempts: [], usage: null, costUsd: 0 });
    expect(error.message).toContain("set overBudget: 'skip'");
    const tokens = router.explain({ model: 'standard', messages }).inputTokens;
    expect(error.message).toContain(`up to ${Math.ceil(tokens / 0.95)} tokens of input, which is 5 % more`);
  });

  it('estimates in whole billionths of a dollar: three times 0.1 is no 0.30000000000000004', async () => {
    const price = { input: 0, output: 100 };
    const { router } = build(
      { a: answer({ usage }) },
      { ...one, deployments: { a: { price } }, maxAttempts: 3, maxCostUsd: 0.01 },
    );
    const request = { model: 'standard', messages, max_tokens: 1000 };
    expect((await refusal(router.chat.completions.create(request))).estimateUsd).toBe(0.3);
    expect(router.explain(request).maxCostUsd).toBe(0.3);
  });

  it('uses the call’s own limit, even above the deployment’s', async () => {
    const { router, fake } = build({ a: answer({ usage }) }, { ...one, maxCostUsd: 1.1 });
    const request = { model: 'standard', messages, max_tokens: 2000 };
    expect((await refusal(router.chat.completions.create(request))).estimateUsd).toBeCloseTo(2, 3);
    expect(router.explain(request).maxCostUsd).toBeCloseTo(2, 3);
    expect(fake.requests).toEqual([]);
    await router.chat.completions.create({ ...request, max_tokens: 1000 });
    await router.chat.completions.create({ model: 'standard', messages });
  });

  it('reports a call that cost more than its estimate, also without a budget', async () => {
    const { router } = build(
      { a: [answer({ usage }), answer({ usage: { inputTokens: 10, outputTokens: 9000 } })] },
      { ...one, maxCostUsd: 1.1 },
    );
    const overruns: RouterEvent[] = [];
    router.on('budget-overrun', (event) => overruns.push(event));
    await sendChat(router);
    expect(overruns).toEqual([]);
    const record = callRecord(await sendChat(router));
    expect(overruns).toEqual([
      { type: 'budget-overrun', callId: record?.id, reservedUsd: expect.closeTo(1, 3), costUsd: expect.closeTo(9, 3) },
    ]);
  });

  it('allows a call that cannot cost more', async () => {
    const { router } = build({ a: answer({ usage }) }, { ...one, maxCostUsd: 1.1 });
    expect(callRecord(await sendChat(router))?.costUsd).toBeCloseTo(COST, 6);
  });

  it.each([
    ['max_tokens', { max_tokens: 500 }],
    ['max_completion_tokens', { max_completion_tokens: 500 }],
    ['the larger of both', { max_tokens: 10, max_completion_tokens: 500 }],
    ['n', { max_tokens: 250, n: 2 }],
  ])('uses the call’s own limit: %s', async (_, limits) => {
    const { router } = build({ a: answer() }, one);
    const body = { model: 'standard', messages, ...limits };
    expect(router.explain(body).maxCostUsd).toBeCloseTo(0.5, 3);
    expect(router.explain(body, callOptions({ maxCostUsd: 0.49 })).refusal).toContain('maxCostUsd is $0.49');
    expect(router.explain(body, callOptions({ maxCostUsd: 0.51 })).refusal).toBeNull();
  });

  it('assumes 4096 tokens if no limit is set, and uses the call’s limit if the deployment’s is smaller', () => {
    const { router } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { price }, b: { price, maxOutputTokens: 10 } }, maxAttempts: 1 },
    );
    expect(router.explain({ model: 'a', messages }).maxCostUsd).toBeCloseTo(4.096, 3);
    expect(router.explain({ model: 'b', messages }).maxCostUsd).toBeCloseTo(0.01, 3);
    expect(router.explain({ model: 'b', messages, max_tokens: 1000 }).maxCostUsd).toBeCloseTo(1, 3);
    expect(router.explain({ model: 'a', messages, max_tokens: -1 }).maxCostUsd).toBeCloseTo(4.096, 3);
    expect(router.explain({ model: 'a', input: 'Hello', dimensions: 10 }).maxCostUsd).toBeLessThan(0.0001);
    expect(router.explain({ model: 'a', input: 'Hello', max_output_tokens: 100 }).maxCostUsd).toBeCloseTo(0.1, 3);
    expect(router.explain({ model: 'a', prompt: ['a', 'b'], max_tokens: 100, best_of: 3 }).maxCostUsd).toBeCloseTo(
      0.6,
      3,
    );
  });

  it('counts the images that an upload requests', async () => {
    const { router, fake } = build({ a: answer() }, { ...one, maxCostUsd: 2.5 });
    const image = () => new File(['picture'], 'a.png', { type: 'image/png' });
    const refused = await refusal(router.images.edit({ model: 'a', image: image(), prompt: 'A hat', n: 3 }));
    expect(refused.estimateUsd).toBeCloseTo(3, 3);
    expect((await refusal(router.images.createVariation({ model: 'a', image: image(), n: 4 }))).estimateUsd).toBe(4);
    expect(fake.requests).toEqual([]);
  });

  // openai 6 does not report the model of a streamed upload, so its price is unknown.
  it.skipIf(SDK < 7)('assumes one image if an upload is a stream that cannot be read', async () => {
    const { router, fake } = build({ a: answer() }, { ...one, maxCostUsd: 2.5 });
    const streamed = router.images.edit(
      { model: 'a', image: createReadStream('package.json'), prompt: 'A hat' },
      callOptions({ maxCostUsd: 0.9 }),
    );
    expect((await refusal(streamed)).estimateUsd).toBe(1);
    expect(fake.requests).toEqual([]);
  });

  it('counts all attempts, each at the most expensive available deployment', () => {
    const { router } = build({ a: answer(), b: answer() }, { ...two, maxAttempts: 3 });
    expect(router.explain({ model: 'standard', messages }).maxCostUsd).toBeCloseTo(30, 1);
    const { router: once } = build(
      { a: answer(), b: answer() },
      { ...two, maxAttempts: 3, retry: { budget: 0, minPerSecond: 0 } },
    );
    expect(once.explain({ model: 'standard', messages }).maxCostUsd).toBeCloseTo(11, 1);
  });

  it.each([
    ['of a route', { routes: { standard: { deployments: ['a'], maxCostUsd: 1 } } }],
    ['of the router', { maxCostUsd: 1 }],
  ])('can be set on %s', async (_, limit) => {
    const { router } = build({ a: answer({ usage }) }, { ...one, ...limit });
    expect((await refusal(sendChat(router))).budget).toBe('maxCostUsd');
    expect((await refusal(sendChat(router.withOptions({ maxCostUsd: 0.5 })))).limitUsd).toBe(0.5);
    expect(callRecord(await sendChatWith(router, { maxCostUsd: 2 }))?.attempts).toHaveLength(1);
  });
});

describe('overBudget', () => {
  it("'skip' excludes deployments that are too expensive, and says so", async () => {
    const { router, calledModels } = build(
      { a: answer({ usage }), b: answer({ usage }) },
      { ...two, maxCostUsd: 2, overBudget: 'skip' },
    );
    expect(callRecord(await sendChat(router))?.deployment).toBe('b');
    expect(calledModels()).toEqual(['b']);
    expect(router.explain({ model: 'standard', messages }).deployments).toEqual([
      { id: 'b' },
      { id: 'a', excluded: expect.stringMatching(/^it is too expensive/) },
    ]);
  });

  it("'skip' refuses if no deployment is cheap enough", async () => {
    const { router, fake } = build({ a: answer(), b: answer() }, { ...two, maxCostUsd: 0.5, overBudget: 'skip' });
    const error = await refusal(sendChat(router));
    expect(error.estimateUsd).toBeCloseTo(1, 3);
    expect(error.message).toContain('or list a cheaper deployment.');
    expect(fake.requests).toEqual([]);
  });

  it("'refuse' refuses if the most expensive one is too expensive", async () => {
    const { router } = build({ a: answer(), b: answer() }, { ...two, maxCostUsd: 2 });
    expect((await refusal(sendChat(router))).estimateUsd).toBeCloseTo(10, 2);
  });

  it("'next' applies to what is left of a budget, too", async () => {
    const { router, calledModels } = build(
      { a: answer({ usage }), b: answer({ usage }) },
      { ...two, budgets: [{ usd: 12, window: 'day' }], overBudget: 'skip' },
    );
    await sendChat(router);
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b']);
    expect((await refusal(sendChat(router))).leftUsd).toBeCloseTo(1, 2);
  });
});

describe('a deployment of unknown price, under a spending limit', () => {
  const models = { a: answer({ usage }), b: answer({ usage }) };
  const unpriced: Setup = {
    deployments: { a: {}, b: { price, maxOutputTokens: 1000 } },
    routes: { standard: ['a', 'b'] },
  };

  it('is excluded', async () => {
    const { router, calledModels } = build(models, { ...unpriced, maxCostUsd: 10 });
    await sendChat(router);
    expect(calledModels()).toEqual(['b']);
    expect(router.explain({ model: 'standard', messages }).deployments[1]).toEqual({
      id: 'a',
      excluded: expect.stringContaining('its price is not known'),
    });
  });

  it('is reported once, in the log and by an event', async () => {
    const warn = vi.fn();
    const logger = { error: vi.fn(), warn, info: vi.fn(), debug: vi.fn() };
    const { router } = build(models, { ...unpriced, budgets: [{ usd: 10, window: 'day' }], logger, logLevel: 'warn' });
    const events: RouterEvent[] = [];
    router.on('price-unknown', (event) => events.push(event));
    await sendChat(router);
    await sendChat(router);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^model-router excluded: a: its price is not known/)]]);
    expect(events).toEqual([
      {
        type: 'price-unknown',
        deployment: 'a',
        model: 'a',
        hint: expect.stringMatching(/^it is excluded: its price/),
      },
    ]);
  });

  it('is named in the message of the upstream’s error if other deployments failed', async () => {
    const { router } = build({ ...models, b: fail(503) }, { ...unpriced, maxAttempts: 1 });
    expect((await errorOf(sendChat(router, 'b'))).cause).toBeUndefined();
    const error = await errorOf(sendChatWith(router, { maxCostUsd: 10 }, 'standard'));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error.cause).toMatchObject({ message: expect.stringContaining('Not tried: a: its price is not known') });
    expect(Object.keys(error)).not.toContain('cause');
  });

  it('makes the call fail if there is no other: the error says how to set a price', async () => {
    const { router, fake } = build(models, { ...unpriced, budgets: [{ usd: 1, window: 'day' }] });
    const error = await errorOf(sendChat(router, 'a'));
    expect(error).toMatchObject({ code: 'no_deployment_available' });
    expect(error.message).toContain('give the deployment a `price`');
    expect(fake.requests).toEqual([]);
    expect(router.snapshot().spend.budgets).toMatchObject([{ spentUsd: 0, reservedUsd: 0 }]);
  });

  it('is used if configured', async () => {
    const { router, calledModels } = build(models, { ...unpriced, maxCostUsd: 10, unknownPrice: 'allow' });
    await sendChat(router);
    expect(calledModels()).toEqual(['a']);
  });

  it('is used without a limit', async () => {
    const { router, calledModels } = build(models, {
      ...unpriced,
      routes: { standard: ['a'], other: ['b'] },
      budgets: [{ usd: 1, window: 'day', route: 'other' }],
    });
    await sendChat(router);
    expect(calledModels()).toEqual(['a']);
  });
});

describe('a budget', () => {
  it('is used up by the cost of calls, and resets with its window', async () => {
    const { router, fake } = build({ a: answer({ usage }) }, { ...one, budgets: [{ usd: 2.5, window: 'hour' }] });
    await sendChat(router);
    await sendChat(router);
    const error = await refusal(sendChat(router));
    expect(error).toMatchObject({ budget: '$2.50 an hour', limitUsd: 2.5, resetsAt: '2030-01-01T01:00:00.000Z' });
    expect(error.leftUsd).toBeCloseTo(0.49998, 6);
    expect(error.message).toContain('There will be enough at 2030-01-01T01:00:00.000Z');
    expect(fake.requests).toHaveLength(2);
    await pass(HOUR - 1);
    await refusal(sendChat(router));
    await pass(1);
    await sendChat(router);
    expect(router.snapshot().spend.budgets).toMatchObject([{ spentUsd: expect.closeTo(COST, 6), reservedUsd: 0 }]);
  });

  it('is reserved for running calls: no two share the same money', async () => {
    const { router, fake } = build(
      { a: answer({ usage, latencyMs: 100 }) },
      { ...one, budgets: [{ usd: 2.5, window: 'hour' }] },
    );
    const calls = [1, 2, 3, 4, 5].map(() => watch(sendChat(router)));
    await pass(99);
    expect(fake.requests).toHaveLength(2);
    expect(router.snapshot().spend.budgets).toMatchObject([{ spentUsd: 0, reservedUsd: expect.closeTo(2, 2) }]);
    await pass(1);
    expect(calls.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(calls[4]?.error).toMatchObject({ message: expect.stringContaining('when running calls have ended') });
    expect(router.snapshot().spend.budgets).toMatchObject([{ spentUsd: expect.closeTo(2 * COST, 6), reservedUsd: 0 }]);
  });

  it('says when enough is available: never, at a time, or when running calls have ended', async () => {
    const { router } = build(
      { a: answer({ usage, latencyMs: 10 }) },
      { ...one, budgets: [{ usd: 1.5, window: 'day' }] },
    );
    const running = sendChat(router);
    const twice = { model: 'a', messages, n: 2 };
    expect((await refusal(router.chat.completions.create(twice))).message).toContain(
      'It is more than the whole budget',
    );
    expect((await refusal(sendChat(router))).message).toContain('There may be enough when running calls have ended.');
    await pass(10);
    await running;
    const { message } = await refusal(sendChat(router));
    expect(message).toContain('There will be enough at 2030-01-02T00:00:00.000Z.');
    expect(message).not.toContain('maxAttempts');
    expect(router.explain(twice, callOptions({ maxAttempts: 2 })).refusal).toContain('lower maxAttempts');
  });

  it('can cover one route', async () => {
    const { router } = build(
      { a: answer({ usage }) },
      { ...one, routes: { chat: ['a'], mail: ['a'] }, budgets: [{ usd: 1.5, window: 'day', route: 'chat' }] },
    );
    await sendChat(router, 'chat');
    expect((await refusal(sendChat(router, 'chat'))).budget).toBe('$1.50 a day for the route "chat"');
    await sendChat(router, 'mail');
    await sendChat(router, 'a');
  });

  it('can cover each tenant', async () => {
    const { router } = build(
      { a: answer({ usage }) },
      { ...one, budgets: [{ usd: 1.5, windowMs: 60_000, per: 'tenant' }] },
    );
    await sendChatWith(router, { tenant: 'acme' });
    await refusal(sendChatWith(router, { tenant: 'acme' }));
    await sendChatWith(router, { tenant: 'umbrella' });
    await sendChat(router);
    expect(router.snapshot().spend.budgets.map(({ tenant }) => tenant)).toEqual(['acme', 'umbrella', null]);
    await pass(61_000);
    await sendChatWith(router, { tenant: 'acme' });
  });

  it('reports refusals, and warns once at 50, 80 and 100 %, also in the log', async () => {
    const warn = vi.fn();
    const logger = { error: vi.fn(), warn, info: vi.fn(), debug: vi.fn() };
    const { router } = build(
      { a: answer({ usage }) },
      { ...one, budgets: [{ usd: 2, window: 'day' }], logger, logLevel: 'warn' },
    );
    const events: RouterEvent[] = [];
    router.on('budget-warning', (event) => events.push(event));
    router.on('budget-refused', (event) => events.push(event));
    router.on('budget-overrun', (event) => events.push(event));
    await sendChat(router);
    await refusal(sendChat(router));
    await refusal(sendChat(router));
    expect(events).toEqual([
      {
        type: 'budget-warning',
        budget: '$2 a day',
        tenant: null,
        percent: 50,
        limitUsd: 2,
        spentUsd: expect.closeTo(COST, 6),
        reservedUsd: 0,
        resetsAt: '2030-01-02T00:00:00.000Z',
      },
      {
        type: 'budget-refused',
        callId: expect.stringMatching(/^call_/),
        route: 'standard',
        budget: 'money',
        name: '$2 a day',
        estimate: expect.closeTo(1, 3),
        limit: 2,
        left: expect.closeTo(1, 3),
        resetsAt: '2030-01-02T00:00:00.000Z',
      },
      expect.objectContaining({ type: 'budget-refused' }),
    ]);
    expect(warn.mock.calls).toEqual([['model-router 50 % of the budget of $2 a day is spent: $1.00']]);
  });

  it('books an overrun, reports it, and refuses further calls until the window is over', async () => {
    const { router } = build(
      { a: answer({ usage: { inputTokens: 10, outputTokens: 9000 } }) },
      { ...one, budgets: [{ usd: 5, window: 'hour' }] },
    );
    const overruns: RouterEvent[] = [];
    router.on('budget-overrun', (event) => overruns.push(event));
    const record = callRecord(await sendChat(router));
    expect(overruns).toEqual([
      { type: 'budget-overrun', callId: record?.id, reservedUsd: expect.closeTo(1, 3), costUsd: expect.closeTo(9, 3) },
    ]);
    expect(router.snapshot().spend.budgets).toMatchObject([
      { spentUsd: expect.closeTo(9, 3), leftUsd: expect.closeTo(-4, 3) },
    ]);
    await refusal(sendChat(router, 'standard'));
    await pass(HOUR);
    await sendChat(router);
  });
});

describe('the reservation of a call', () => {
  const reserved = ({ router }: ReturnType<typeof build>) => router.snapshot().spend.budgets[0]?.reservedUsd;
  const budgets: Setup['budgets'] = [{ usd: 1000, window: 'month' }];

  it('shrinks as attempts end, and again when there is an answer', async () => {
    const built = build(
      { a: fail(503, { latencyMs: 50 }), b: answer({ usage, latencyMs: 20, chunkMs: 10 }) },
      { ...two, maxAttempts: 3, budgets, retry: { baseMs: 0, budget: 0.1 } },
    );
    const { router } = built;
    const stream = watch(streamChat(router));
    await pass(49);
    expect(reserved(built)).toBeCloseTo(30, 1);
    await pass(1);
    expect(reserved(built)).toBeCloseTo(20, 1);
    while (stream.value === undefined) await pass(1);
    expect(reserved(built)).toBeCloseTo(1, 2);
    await settled(read(stream.value));
    expect(reserved(built)).toBe(0);
    expect(router.snapshot().spend.totalUsd).toBeCloseTo(COST, 6);
  });

  it.each<[string, Setup['deployments'] | undefined, Parameters<typeof build>[0]]>([
    ['an error of the caller', undefined, { a: fail(400) }],
    ['a server that hangs', undefined, { a: hang() }],
    ['a connection that breaks', undefined, { a: reset() }],
    ['a body that breaks off', undefined, { a: cut() }],
  ])('is released after %s', async (_, __, models) => {
    const built = build(models, { ...one, budgets, deadlineMs: 1000 });
    const { state } = await settled(sendChat(built.router));
    expect(state).toBe('rejected');
    expect(reserved(built)).toBe(0);
  });

  it('is released when the caller aborts, also in a stream', async () => {
    const built = build(
      { a: answer({ usage, latencyMs: 5, chunkMs: 10, content: 'one two three four' }) },
      { ...one, budgets },
    );
    const controller = new AbortController();
    const call = watch(sendChat(built.router, 'standard', { signal: controller.signal }));
    await pass(0);
    controller.abort();
    await pass(0);
    expect(call.state).toBe('rejected');
    expect(reserved(built)).toBe(0);
    const { value } = await settled(streamChat(built.router));
    expect(reserved(built)).toBeCloseTo(1, 2);
    const reading = (async () => {
      for await (const _ of value ?? []) break;
    })();
    await settled(reading);
    expect(reserved(built)).toBe(0);
    expect(callRecord(value)).toMatchObject({ estimated: true, attempts: [{ outcome: 'aborted', estimated: true }] });
    expect(callRecord(value)?.costUsd).toBeGreaterThan(0);
  });

  it('covers at least the estimated cost of a stream that broke', async () => {
    const words = Array.from({ length: 40 }, (_, i) => ` word${i}`);
    const built = build({ a: cut({ chunks: words, afterChunks: 30 }) }, { ...one, budgets });
    const overruns: RouterEvent[] = [];
    built.router.on('budget-overrun', (event) => overruns.push(event));
    const body = { model: 'standard', messages, max_tokens: 20, stream: true } as const;
    const { error } = await read(await built.router.chat.completions.create(body));
    expect(callRecord(error)).toMatchObject({ estimated: true, costUsd: built.router.explain(body).maxCostUsd });
    expect(overruns).toEqual([]);
    expect(reserved(built)).toBe(0);
  });

  it('is booked in full if the answer is returned unread', async () => {
    const built = build({ a: answer({ usage }) }, { ...one, budgets });
    const promise = sendChat(built.router);
    await promise.asResponse();
    expect(reserved(built)).toBe(0);
    expect(callRecord(promise)).toMatchObject({ estimated: true, costUsd: expect.closeTo(1, 3) });
    expect(built.router.snapshot().spend.totalUsd).toBeCloseTo(1, 3);
  });

  it('is one for joined calls, and none for a hit', async () => {
    const built = build(
      { a: answer({ usage, latencyMs: 10 }) },
      { ...one, budgets: [{ usd: 1.5, window: 'day' }], cache: true },
    );
    const calls = [watch(sendChat(built.router)), watch(sendChat(built.router))];
    await pass(9);
    expect(reserved(built)).toBeCloseTo(1, 2);
    await pass(1);
    expect(calls.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled']);
    expect(callRecord(await sendChat(built.router))).toMatchObject({ cache: 'hit', costUsd: 0 });
    expect(built.fake.requests).toHaveLength(1);
    expect(built.router.snapshot().spend.totalUsd).toBeCloseTo(COST, 6);
  });

  it('is refused with a separate error for each joined caller', async () => {
    const built = build({ a: answer({ usage, latencyMs: 10 }) }, { ...one, maxCostUsd: 0.5, cache: true });
    const [first, second] = await Promise.all([errorOf(sendChat(built.router)), errorOf(sendChat(built.router))]);
    expect(first).toBeInstanceOf(SpendBudgetExceededError);
    expect(second).toBeInstanceOf(SpendBudgetExceededError);
    expect(callRecord(first)?.id).not.toBe(callRecord(second)?.id);
  });
});

describe('through asFetch', () => {
  it('a refusal is a 402 that is not to be retried', async () => {
    const { router } = build({ a: answer() }, { ...one, maxCostUsd: 0.5 });
    const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'standard', messages }),
    });
    expect([response.status, response.headers.get('x-should-retry')]).toEqual([402, 'false']);
    expect(await response.json()).toMatchObject({ error: { code: 'spend_budget_exceeded' } });
  });
});
