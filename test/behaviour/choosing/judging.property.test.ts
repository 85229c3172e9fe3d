import { ModelRouter } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  empty,
  errorEvent,
  fail,
  fakeFetch,
  hang,
  html,
  malformed,
  reset,
  stall,
} from 'model-router/testing';
import { expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';

useFakeTime();

/** The first deployment always answers, with varying confidence. */
const first: fc.Arbitrary<Behaviour> = fc
  .record({ latencyMs: fc.nat(300), chance: fc.double({ min: 0.1, max: 1 }) })
  .map(({ latencyMs, chance }) =>
    answer({ content: 'first answer', latencyMs, logprob: Math.log(chance), chunkMs: 5 }),
  );
/** The other deployment behaves in any way. */
const other: fc.Arbitrary<Behaviour> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .nat(3000)
      .map((latencyMs) => answer({ content: 'other answer', latencyMs, logprob: -0.1, chunkMs: 20 })),
  },
  fc.constantFrom(400, 401, 403, 404, 413, 429, 500, 503).map((status) => fail(status, { latencyMs: 20 })),
  fc.constantFrom<Behaviour[]>(
    hang(),
    reset(),
    cut({ afterChunks: 1 }),
    errorEvent({ afterChunks: 1 }),
    stall({ ms: 60_000 }),
    empty(),
    html(),
    malformed(),
  ),
);
const boom = () => {
  throw new Error('mine');
};
/** Results of an application's own functions: a value, an error, or none. */
const judge = fc.constantFrom<(() => unknown)[]>(
  () => true,
  () => false,
  () => undefined,
  boom,
  () => Promise.reject(new Error('mine')),
  () => new Promise(() => undefined),
);

const given = fc.record({
  first,
  other,
  when: fc.option(judge, { nil: undefined }),
  compare: judge,
  isEscalated: fc.boolean(),
  isShadowed: fc.boolean(),
  isStream: fc.boolean(),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  deadlineMs: fc.integer({ min: 700, max: 3000 }),
  hedgeAfterMs: fc.option(fc.constant(100), { nil: undefined }),
});

it('escalation and shadow traffic never turn an answer into an error', async () => {
  const seen = { escalated: 0, shadowed: 0, other: 0 };
  await fc.assert(
    fc.asyncProperty(given, async (each) => {
      vi.clearAllTimers();
      const fetch = fakeFetch({ models: { first: each.first, other: each.other } });
      const router = new ModelRouter({
        clients: { default: { apiKey: 'k', baseURL: 'http://x.test/v1', fetch, logLevel: 'off' } },
        deployments: { first: {}, other: {} },
        routes: {
          chat: {
            deployments: ['first', 'other'],
            ...(each.isEscalated && {
              escalate: { minConfidence: 0.8, maxShare: 1, ...(each.when && { when: each.when as () => boolean }) },
            }),
            ...(each.isShadowed && {
              shadow: { deployment: 'other', share: 1, compare: each.compare as () => boolean },
            }),
          },
        },
        // A hedge of a stream may win and break.
        ...(each.hedgeAfterMs !== undefined && !each.isStream && { hedgeAfterMs: each.hedgeAfterMs }),
        maxAttempts: each.maxAttempts,
        deadlineMs: each.deadlineMs,
        logLevel: 'off',
        random: () => 0,
      });
      router.on('call-escalated', () => seen.escalated++);
      router.on('shadow-ended', () => seen.shadowed++);
      const read = async () => {
        const messages = [{ role: 'user' as const, content: 'Hi' }];
        if (!each.isStream) {
          const completion = await router.chat.completions.create({ model: 'chat', messages });
          return completion.choices[0]?.message.content;
        }
        let text = '';
        for await (const { choices } of await router.chat.completions.create({ model: 'chat', messages, stream: true }))
          text += choices[0]?.delta.content ?? '';
        return text;
      };
      const startedAt = performance.now();
      const { value, error, at = 0 } = await settled(read());
      expect(error).toBeUndefined();
      expect(['first answer', 'other answer']).toContain(value);
      if (value === 'other answer') seen.other += 1;
      // A stream's deadline covers its first content.
      if (!each.isStream) expect(at - startedAt).toBeLessThanOrEqual(each.deadlineMs);
      // Shadow calls end, too.
      await pass(4500);
      await settled(router.close());
    }),
    { numRuns: 400 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
}, 120_000);
