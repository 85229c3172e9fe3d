import { callOptions, ModelRouter } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../../helpers/clock.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };

function experiment(models: Parameters<typeof build>[0], more: Setup = {}) {
  return build(models, {
    random: seededRandom(5),
    deployments: { a: { price: { input: 1, output: 1 } }, b: { price: { input: 2, output: 2 } } },
    routes: { chat: { deployments: ['a', 'b'], strategy: 'weighted' }, plain: ['a'] },
    ...more,
  });
}

describe('abReport', () => {
  it('shows each variant, and how they compare', async () => {
    const { router } = experiment({ a: answer({ latencyMs: 100 }), b: answer({ latencyMs: 200 }) });
    for (let i = 0; i < 400; i += 1)
      await settled(router.chat.completions.create(body, callOptions({ assignmentKey: `user-${i % 200}` })));
    const report = router.abReport('chat');
    const { a, b } = report.variants;
    expect((a?.keys ?? 0) + (b?.keys ?? 0)).toBe(200);
    expect((a?.calls ?? 0) + (b?.calls ?? 0)).toBe(400);
    expect(a?.calls).toBe(2 * (a?.keys ?? 0));
    expect(a?.p50).toBeCloseTo(100, -1);
    expect(b?.p50).toBeCloseTo(200, -1);
    const cost = report.comparisons.find(({ metric }) => metric === 'costUsd');
    expect(cost).toMatchObject({ variants: ['a', 'b'], unit: 'US dollars a call' });
    expect(cost?.interval?.[0]).toBeGreaterThan(0);
    expect(report.sampleRatioMismatch).toBe(false);
    expect(String(report)).toContain('differs');
  });

  it('counts by the assigned variant, and counts failovers away from it as crossed', async () => {
    const { router } = experiment({ a: fail(503), b: answer() }, { breaker: false });
    for (let i = 0; i < 40; i += 1) await settled(router.chat.completions.create(body));
    const { a, b } = router.abReport('chat').variants;
    expect(a).toMatchObject({ crossed: a?.calls, errors: 0 });
    expect(a?.calls).toBeGreaterThan(5);
    expect(b?.crossed).toBe(0);
  });

  it('counts failures, but not the callers’ own mistakes', async () => {
    const { router } = experiment(
      { a: fail(503), b: fail(400) },
      { breaker: false, maxAttempts: 1, retry: { budget: 0 } },
    );
    for (let i = 0; i < 40; i += 1) await settled(router.chat.completions.create(body));
    const { a, b } = router.abReport('chat').variants;
    expect(a?.errors).toBe(a?.calls);
    expect(b?.errors).toBe(0);
  });

  it('leaves out cache hits: those callers saw no variant', async () => {
    const { router } = experiment({ a: answer(), b: answer() }, { cache: true });
    for (let i = 0; i < 10; i += 1) await settled(router.chat.completions.create(body));
    const { a, b } = router.abReport('chat').variants;
    expect((a?.calls ?? 0) + (b?.calls ?? 0)).toBe(1);
  });

  it('compares any number that you give it', async () => {
    const { router } = experiment({ a: answer(), b: answer() });
    for (let i = 0; i < 300; i += 1) {
      const { value } = await settled(
        router.chat.completions.create(body, callOptions({ assignmentKey: `user-${i}` })),
      );
      router.feedback(value, { helpful: i % 2 });
    }
    const report = router.abReport('chat');
    expect(report.variants.a?.feedback.helpful?.mean).toBeCloseTo(0.5, 0);
    expect(report.comparisons.find(({ metric }) => metric === 'feedback.helpful')?.interval).not.toBeNull();
  });

  it('refuses anything but an answer, a number and a weighted route', async () => {
    const { router } = experiment({ a: answer(), b: answer() });
    const { value } = await settled(router.chat.completions.create(body));
    const invalid = (message: string) =>
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(message) });
    expect(() => router.feedback({}, { helpful: 1 })).toThrow(invalid('give an answer of this router'));
    expect(() => router.feedback(value, { helpful: Number.NaN })).toThrow(invalid('feedback.helpful'));
    expect(() => router.abReport('chta')).toThrow(invalid('the weighted routes are "chat"'));
    expect(() => router.abReport('plain')).toThrow(invalid('not weighted'));
    const route = { route: 'chat' } as unknown as string;
    expect(() => router.abReport(route)).toThrow(
      invalid('an object is not allowed; give the name of a weighted route'),
    );
  });

  it('reports nothing for a route without a strategy', () => {
    const router = new ModelRouter({ apiKey: 'sk-test' });
    expect(() => router.abReport('chat')).toThrow(expect.objectContaining({ code: 'invalid_option' }));
    void router.close();
  });
});
