import { callOptions, callRecord, type RouterEvent, SpendBudgetExceededError } from 'model-router';
import { answer, hang } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { messages, sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

/** A million output tokens cost a thousand dollars; input is free. */
const price = { input: 0, output: 1000 };
const setup = { deployments: { a: { price } }, routes: { standard: ['a'] }, maxAttempts: 1 };
const budgets = [{ usd: 200, window: 'day' as const }];

describe('a caller that aborts', () => {
  const leave = async (answers: number, afterMs: number) => {
    const quick = answer({ latencyMs: 1000, usage: { inputTokens: 1, outputTokens: 1 }, content: 'x' });
    const { router } = build({ a: [...Array.from({ length: answers }, () => quick), hang()] }, { ...setup, budgets });
    for (let i = 0; i < answers; i++) await settled(sendChat(router));
    const spent = () => router.snapshot().spend.budgets[0]?.spentUsd ?? Number.NaN;
    const before = spent();
    const controller = new AbortController();
    const body = { model: 'standard', messages, max_tokens: 100_000 };
    const call = watch(router.chat.completions.create(body, { signal: controller.signal }));
    await pass(afterMs);
    controller.abort();
    await pass(1);
    expect(call.state).toBe('rejected');
    expect(router.snapshot().spend.budgets[0]?.reservedUsd).toBe(0);
    expect(callRecord(call.error)?.attempts[0]).toMatchObject({ outcome: 'aborted', estimated: true });
    return spent() - before;
  };

  it('pays the whole reservation if the length of answers is unknown', async () => {
    expect(await leave(0, 10)).toBeCloseTo(100, 6);
  });

  it('pays in proportion to the time that answers take', async () => {
    const half = await leave(30, 500);
    expect(half).toBeGreaterThan(45);
    expect(half).toBeLessThan(55);
    expect(await leave(30, 5000)).toBeCloseTo(100, 6);
  });
});

it.each([true, false])('pays for an answer without usage that `accept` refuses (stream: %s)', async (stream) => {
  const models = {
    a: answer({ content: 'Bad and long.', usage: false }),
    b: answer({ content: 'Fine.', usage: false }),
  };
  const accept = (given: unknown) => !JSON.stringify(given).includes('Bad');
  const deployments = { a: { price }, b: { price: { input: 0, output: 0 } } };
  const { router } = build(models, { deployments, routes: { standard: { deployments: ['a', 'b'], accept } }, budgets });
  const chat = router.chat.completions.create({ model: 'standard', messages, stream });
  const given = await settled(chat.then(async (value) => ('controller' in value ? value.toReadableStream() : value)));
  expect(given.error).toBe(undefined);
  await pass(1);
  expect(router.snapshot().deployments.a?.costUsd).toBeGreaterThan(0);
});

describe('absurd usage', () => {
  const one = async (usage: { inputTokens: number; outputTokens: number }, contextWindow?: number) => {
    const warn = vi.fn();
    const { router } = build(
      { a: answer({ usage }) },
      {
        ...setup,
        deployments: { a: { price, ...(contextWindow !== undefined && { contextWindow }) } },
        budgets,
        logger: { debug() {}, info() {}, warn, error() {} },
        logLevel: 'warn',
      },
    );
    const events: RouterEvent[] = [];
    for (const type of ['usage-absurd', 'budget-overrun'] as const) router.on(type, (event) => events.push(event));
    const record = callRecord(await router.chat.completions.create({ model: 'standard', messages, max_tokens: 1000 }));
    return { record, events, warn, spent: router.snapshot().spend.budgets[0]?.spentUsd };
  };

  it.each([
    ['more than a million, and ten times the estimate', { inputTokens: 9e15, outputTokens: 5 }, undefined],
    ['more than ten context windows', { inputTokens: 5, outputTokens: 80_001 }, 8000],
  ])('books the reservation instead: %s', async (_, usage, contextWindow) => {
    const { record, events, warn, spent } = await one(usage, contextWindow);
    expect(spent).toBeCloseTo(1, 6);
    expect(record).toMatchObject({ costUsd: expect.closeTo(1, 6), estimated: true });
    expect(record?.usage?.inputTokens).toBeLessThan(100);
    expect(events).toMatchObject([{ type: 'usage-absurd', deployment: 'a', bookedUsd: expect.closeTo(1, 6) }]);
    expect(warn.mock.calls.flat().join()).toContain('which is more than');
  });

  it.each([
    ['at the limit', { inputTokens: 0, outputTokens: 80_000 }, 8000, 80],
    ['without a context window', { inputTokens: 0, outputTokens: 100_000 }, undefined, 100],
  ])('books an overrun in full: %s', async (_, usage, contextWindow, usd) => {
    const { events, spent } = await one(usage, contextWindow);
    expect(spent).toBeCloseTo(usd, 6);
    expect(events).toMatchObject([{ type: 'budget-overrun' }]);
  });
});

describe('more tenants than there is room for', () => {
  const call = (router: ReturnType<typeof build>['router'], tenant: string) =>
    router.chat.completions.create({ model: 'standard', messages, max_tokens: 10 }, callOptions({ tenant }));
  const limited = (overflow: 'share' | 'refuse') =>
    build(
      { a: answer({ usage: { inputTokens: 1, outputTokens: 10 } }) },
      { ...setup, budgets: [{ usd: 0.02, window: 'day', per: 'tenant' }], tenants: { max: 2, overflow } },
    );

  it('are refused, without harm to the others', async () => {
    const { router, calledModels } = limited('refuse');
    await call(router, 'a');
    await call(router, 'b');
    const error: unknown = await call(router, 'c').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SpendBudgetExceededError);
    expect(error).toMatchObject({ leftUsd: 0, message: expect.stringContaining('tenants.max') });
    await call(router, 'a');
    expect(calledModels()).toHaveLength(3);
  });

  it('share one budget by default', async () => {
    const { router } = limited('share');
    for (const tenant of ['a', 'b', 'c', 'd']) await call(router, tenant);
    await expect(call(router, 'e')).rejects.toThrow('is left of the budget');
    await call(router, 'a');
  });

  it('have a budget each on a route', async () => {
    const { router } = build(
      { a: answer({ usage: { inputTokens: 1, outputTokens: 10 } }) },
      {
        ...setup,
        routes: { standard: ['a'], other: ['a'] },
        budgets: [{ usd: 0.01, window: 'day', per: 'tenant', route: 'standard' }],
      },
    );
    await call(router, 'a');
    await expect(call(router, 'a')).rejects.toThrow('for each tenant on the route "standard"');
    await call(router, 'b');
    await router.chat.completions.create({ model: 'other', messages, max_tokens: 10 }, callOptions({ tenant: 'a' }));
    expect(router.snapshot().spend.budgets).toMatchObject([
      { per: 'tenant', route: 'standard', tenant: 'a' },
      { per: 'tenant', route: 'standard', tenant: 'b' },
    ]);
  });
});
