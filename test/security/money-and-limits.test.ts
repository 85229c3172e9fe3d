import { callOptions, type RouterEvent } from 'model-router';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { base, completion, messages, routerOver } from '../helpers/recorded-fetch.js';

/** Threat: a tenant or an upstream spends past a budget, or uses up a shared one. */
const price = { input: 100, output: 1000 };
const limited = (settings: object = {}, answering = () => completion()) =>
  routerOver(answering, {
    deployments: { m: { price, maxOutputTokens: 100 } },
    budgets: [{ usd: 1, window: 'day' }],
    maxAttempts: 1,
    logLevel: 'off',
    ...settings,
  });

describe('values that servers coerce', () => {
  const HOSTILE: [string, unknown][] = [
    ['max_tokens', '100000'],
    ['max_completion_tokens', '100000'],
    ['max_tokens', 0],
    ['max_tokens', -1],
    ['max_tokens', 1e-9],
    ['max_tokens', [100_000]],
    ['max_tokens', { valueOf: 5 }],
    ['max_tokens', true],
    ['n', '100'],
    ['n', 0],
    ['n', 1.5],
    ['best_of', '50'],
    ['max_new_tokens', '100000'],
    ['max_output_tokens', '100000'],
    ['min_tokens', -5],
    ['max_tool_calls', '1000'],
    ['candidate_count', '1000'],
  ];

  it.each(HOSTILE)('%s: %j is refused under a budget, and 400 through asFetch', async (name, value) => {
    const { router, sent } = limited();
    const body = { model: 'm', messages, [name]: value };
    expect(await errorOf(router.chat.completions.create(body as never))).toMatchObject({ code: 'invalid_option' });
    const init = { method: 'POST', body: JSON.stringify(body) };
    expect((await router.asFetch()(`${base}/chat/completions`, init)).status).toBe(400);
    expect(sent).toEqual([]);
  });

  it('of several limits the largest counts', async () => {
    const { router, sent } = limited();
    const body = { model: 'm', messages, max_tokens: 1, max_completion_tokens: 100_000 };
    expect(await errorOf(router.chat.completions.create(body))).toMatchObject({ code: 'spend_budget_exceeded' });
    expect(sent).toEqual([]);
  });

  it.each(['n', 'num_return_sequences', 'candidate_count', 'candidateCount'])(
    '%s answers cost that many times as much',
    async (name) => {
      const { router, sent } = limited();
      const body = { model: 'm', messages, max_tokens: 100, [name]: 100 };
      expect(await errorOf(router.chat.completions.create(body as never))).toMatchObject({
        code: 'spend_budget_exceeded',
      });
      expect(sent).toEqual([]);
    },
  );

  it('a body is measured with what its toJSON adds', async () => {
    const { router, sent } = limited();
    const body = { model: 'm', messages, toJSON: () => ({ model: 'm', messages, max_tokens: 1e8 }) };
    await errorOf(router.chat.completions.create(body as never));
    expect(sent).toEqual([]);
  });
});

describe('money', () => {
  it('a caller that aborts pays for what may have been produced', async () => {
    const { router } = limited({ deployments: { m: { price } } }, (() => new Promise(() => undefined)) as never);
    const controller = new AbortController();
    const call = errorOf(
      router.chat.completions.create({ model: 'm', messages, max_tokens: 900 }, { signal: controller.signal }),
    );
    await vi.waitFor(() => expect(router.snapshot().deployments.m?.inFlight).toBe(1));
    controller.abort();
    await call;
    expect(router.snapshot().deployments.m?.costUsd ?? 0).toBeGreaterThan(0.5);
  });

  it('one absurd usage does not stop the service for all', async () => {
    const usage = { prompt_tokens: 9e15, completion_tokens: 1 };
    const { router } = limited({}, () => completion('x', usage));
    const events: RouterEvent[] = [];
    router.on('usage-absurd', (event) => events.push(event));
    await router.chat.completions.create({ model: 'm', messages });
    expect(events).toHaveLength(1);
    await router.chat.completions.create({ model: 'm', messages });
  });

  it('negative and fractional usage refunds nothing', async () => {
    for (const prompt_tokens of [-1e9, -0.5, Number.NaN]) {
      const { router } = limited({}, () => completion('x', { prompt_tokens, completion_tokens: -1e9 }));
      for (let i = 0; i < 3; i++) await router.chat.completions.create({ model: 'm', messages }).catch(() => undefined);
      const { spend, deployments } = router.snapshot();
      expect(JSON.stringify(spend)).toContain('"spentUsd":');
      expect(JSON.stringify([spend, deployments])).not.toMatch(/Usd":-/);
    }
  });

  it('invented tenants can be refused when there are too many', async () => {
    const { router } = limited({
      budgets: [{ usd: 1, window: 'day', per: 'tenant' }],
      tenants: { max: 3, overflow: 'refuse' },
    });
    const call = (tenant: string) =>
      router.chat.completions.create({ model: 'm', messages }, callOptions({ tenant })).then(
        () => 'ok',
        (error: { code?: string }) => error.code,
      );
    expect([await call('a'), await call('b'), await call('c'), await call('d'), await call('a')]).toEqual([
      'ok',
      'ok',
      'ok',
      'spend_budget_exceeded',
      'ok',
    ]);
  });
});
