import { callOptions, callRecord, type RouterEvent } from 'model-router';
import { answer } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { messages } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

useFakeTime();

/** A million tokens are a thousand dollars, of input and of output alike. */
const price = { input: 1000, output: 1000 };
const usage = { inputTokens: 10, outputTokens: 1000 };
const one: Setup = {
  deployments: { a: { price, maxOutputTokens: 1000 } },
  routes: { standard: ['a'] },
  maxAttempts: 1,
};

/** Where limits are far away, what is kept for a call is a bound that takes no look at its letters. */
describe('what is kept for a call where there is plenty left', () => {
  const reserved = ({ router }: ReturnType<typeof build>) => router.snapshot().spend.budgets[0]?.reservedUsd;

  it('is rough where there is plenty left, and exact before that could make a difference', async () => {
    const long = [{ role: 'user' as const, content: 'word '.repeat(2000) }];
    const at = async (usd: number) => {
      const built = build(
        { a: answer({ usage, latencyMs: 10 }) },
        { ...one, deployments: { a: { price: { input: 10, output: 10 } } }, budgets: [{ usd, window: 'month' }] },
      );
      const body = { model: 'standard', messages: long, max_tokens: 1 };
      const expected = built.router.explain(body).maxCostUsd ?? 0;
      const call = built.router.chat.completions.create(body);
      const watched = watch(call);
      await pass(5);
      const kept = reserved(built) ?? 0;
      await settled(call);
      expect(watched.state).toBe('fulfilled');
      return { expected, kept };
    };
    const plenty = await at(1e6);
    expect(plenty.kept).toBeGreaterThan(10 * plenty.expected);
    const near = await at(5000);
    expect(near.kept).toBeCloseTo(near.expected, 6);
  });

  it('hardly ever refuses a call that an exact one would allow', async () => {
    const built = build(
      { a: answer({ usage, latencyMs: 10 }) },
      {
        ...one,
        deployments: { a: { price: { input: 1000, output: 1000 } } },
        budgets: [{ usd: 1000, window: 'month' }],
      },
    );
    const body = { model: 'standard', messages, max_tokens: 99 };
    const each = built.router.explain(body).maxCostUsd ?? 0;
    const most = Math.floor(1000 / each);
    const calls = Array.from({ length: most + 50 }, () => watch(built.router.chat.completions.create(body)));
    await pass(5);
    const refused = calls.filter(({ state }) => state === 'rejected').length;
    // Thousands of calls at once are needed to see a difference at all.
    expect(most).toBeGreaterThan(8000);
    expect(refused).toBeGreaterThanOrEqual(50);
    expect(most + 50 - refused).toBeGreaterThan(0.85 * most);
    await pass(50);
    expect(reserved(built)).toBe(0);
  });

  it('tells an overrun by what was expected, not by what was kept', async () => {
    const built = build(
      {
        a: [
          answer({ usage: { inputTokens: 10, outputTokens: 1000 } }),
          answer({ usage: { inputTokens: 10, outputTokens: 1001 } }),
        ],
      },
      {
        ...one,
        deployments: { a: { price: { input: 1000, output: 1000 } } },
        maxAttempts: 3,
        budgets: [{ usd: 1e6, window: 'month' }],
      },
    );
    const overruns: RouterEvent[] = [];
    built.router.on('budget-overrun', (event) => overruns.push(event));
    const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Hi.' }], max_tokens: 1000 };
    await built.router.chat.completions.create(body);
    expect(overruns).toEqual([]);
    const dearer = { ...body, max_tokens: 900 };
    const record = callRecord(await built.router.chat.completions.create(dearer));
    const expected = built.router.explain(dearer, callOptions({ maxAttempts: 1 })).maxCostUsd ?? 0;
    expect(record?.costUsd).toBeGreaterThan(expected);
    expect(overruns).toEqual([
      {
        type: 'budget-overrun',
        callId: record?.id,
        reservedUsd: expect.closeTo(expected, 9),
        costUsd: record?.costUsd,
      },
    ]);
  });

  it.each<[string, { before: number; after: number; outputTokens: number | undefined }, number, number]>([
    ['less', { before: 1000, after: 5, outputTokens: 1000 }, 1, 0],
    ['more', { before: 5, after: 2000, outputTokens: 1000 }, 1, 1],
    ['less, and nobody tells the usage', { before: 1000, after: 5, outputTokens: undefined }, 1, 0],
  ])('goes by what was asked, whatever the caller makes of its body meanwhile: %s', async (_, given, costUsd, told) => {
    const { before, after, outputTokens } = given;
    const tells = outputTokens === undefined ? false : { inputTokens: 10, outputTokens };
    const { router } = build(
      { a: answer({ latencyMs: 50, usage: tells }) },
      { ...one, deployments: { a: { price: { input: 1, output: 1000 } } }, budgets: [{ usd: 1e5, window: 'month' }] },
    );
    const overruns: RouterEvent[] = [];
    router.on('budget-overrun', (event) => overruns.push(event));
    const body = { model: 'standard', messages, max_tokens: before };
    const call = watch(router.chat.completions.create(body));
    await pass(10);
    body.max_tokens = after;
    await pass(100);
    expect(callRecord(call.value)?.costUsd).toBeCloseTo(costUsd, 2);
    expect(overruns).toHaveLength(told);
  });
});
