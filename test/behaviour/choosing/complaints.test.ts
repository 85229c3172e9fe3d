// Problems that users report of other routers, by their issues.
import { callOptions, callRecord, type ModelRouter, type RouteOptions } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { answer, type Behaviour, fail, type Models } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const names = ['a', 'b', 'c'];
const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };
const all = (behaviour: Behaviour = answer({ latencyMs: 100 })) =>
  Object.fromEntries(names.map((name) => [name, behaviour]));

function routed(models: Models, strategy: RouteOptions['strategy'], more: Setup = {}) {
  const deployments = Object.keys(more.deployments ?? models);
  return build(models, { random: seededRandom(1), routes: { chat: { deployments, strategy } }, ...more });
}

async function firstOf(router: ModelRouter, options = {}): Promise<string | undefined> {
  const { value, error } = await settled(router.chat.completions.create(body, callOptions(options)));
  return callRecord(value ?? error)?.attempts[0]?.deployment;
}

async function counted(router: ModelRouter, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < calls; i += 1) {
    const id = (await firstOf(router)) ?? '';
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

describe('problems that users report of other routers', () => {
  it('least-busy does not send ties to the first (litellm#39322, PR#40401)', async () => {
    const counts = await counted(routed(all(), 'least-busy').router, 150);
    for (const name of names) expect(counts[name]).toBeGreaterThan(30);
  });

  it('latency does not depend on the length of the answer (litellm#40202, #23100)', async () => {
    const long = answer({ latencyMs: 3000, usage: { inputTokens: 10, outputTokens: 1000 } });
    const short = answer({ latencyMs: 1000, usage: { inputTokens: 10, outputTokens: 10 } });
    // For the same answer, a would take less than a third of b's time.
    const counts = await counted(routed({ a: long, b: short }, 'lowest-latency').router, 60);
    expect(counts.a).toBeGreaterThan(50);
  });

  it('weights count where the first deployment has none (litellm#33329)', async () => {
    const { router } = routed(all(), 'weighted', { deployments: { a: {}, b: { weight: 18 }, c: { weight: 1 } } });
    const counts = await counted(router, 200);
    expect(counts.b).toBeGreaterThan(160);
    expect(counts.a).toBeGreaterThan(0);
    expect(counts.c).toBeGreaterThan(0);
  });

  it.each(['priority', 'weighted', 'lowest-latency', 'lowest-cost', 'least-busy'] as const)(
    '%s: failover never repeats a failed deployment while another is left (litellm#38968)',
    async (strategy) => {
      const { router } = routed(all(fail(503, { latencyMs: 10 })), strategy, { breaker: false, maxAttempts: 3 });
      for (let i = 0; i < 10; i += 1) {
        const { error } = await settled(router.chat.completions.create(body));
        const tried = callRecord(error)?.attempts.map(({ deployment }) => deployment);
        expect(new Set(tried)).toEqual(new Set(names));
      }
    },
  );

  it('lowest cost counts tokens that are read from a provider’s cache (litellm#38064)', async () => {
    const usage = { inputTokens: 10_000, outputTokens: 10 };
    const models = { a: answer({ usage: { ...usage, cachedInputTokens: 9000 } }), b: answer({ usage }) };
    const { router } = routed(models, 'lowest-cost', {
      deployments: {
        a: { price: { input: 1, cachedInput: 0.1, output: 1 } },
        b: { price: { input: 0.5, output: 1 } },
      },
    });
    expect(router.explain(body).deployments[0]?.id).toBe('b');
    await settled(router.chat.completions.create({ ...body, model: 'a' }));
    expect(await firstOf(router)).toBe('a');
  });

  it.each<[string, { rpm?: number; tpm?: number }]>([
    ['rpm', { rpm: 60 }],
    ['tpm', { tpm: 6600 }],
  ])('concurrent calls stay within %s, and none fails while there is room (litellm#5783, #33032)', async (_, limit) => {
    const { router, fake } = routed(
      all(answer({ latencyMs: 10, usage: { inputTokens: 10, outputTokens: 100 } })),
      'priority',
      {
        deployments: { a: limit, b: limit },
      },
    );
    const calls = Array.from({ length: 26 }, () => watch(router.chat.completions.create({ ...body, max_tokens: 90 })));
    await pass(100);
    const sent = fake.count;
    // Bursts of ten seconds, at both.
    expect(sent).toBeGreaterThanOrEqual(18);
    expect(sent).toBeLessThanOrEqual(24);
    await pass(30_000);
    expect(calls.every(({ state }) => state === 'fulfilled')).toBe(true);
    expect(calls).toHaveLength(fake.count);
  });

  it('the queue admits as many calls as there are slots (litellm#6867)', async () => {
    const { router, fake } = routed({ a: answer({ latencyMs: 1000 }) }, 'priority', {
      deployments: { a: { maxConcurrent: 3 } },
    });
    const order: string[] = [];
    for (const priority of ['standard', 'premium'])
      for (let i = 0; i < 6; i += 1)
        void router.chat.completions.create(body, callOptions({ priority })).then(() => order.push(priority));
    for (const ended of [0, 3, 6, 9, 12]) {
      await pass(5);
      expect(order).toHaveLength(ended);
      expect(fake.open).toBe(Math.min(3, 12 - ended));
      await pass(1000);
    }
    expect(order.slice(0, 3)).toEqual(Array(3).fill('standard'));
    expect(order.slice(3, 9)).toEqual(Array(6).fill('premium'));
  });

  it('shadow traffic works on every endpoint, and breaks none (litellm#31888, #34890)', async () => {
    const { router, calledModels } = build(
      { a: answer(), b: fail(500) },
      { routes: { chat: { deployments: ['a'], shadow: { deployment: 'b', share: 1 } } } },
    );
    const calls: Record<string, () => Promise<unknown>> = {
      chat: () => router.chat.completions.create(body),
      'chat stream': () => router.chat.completions.create({ ...body, stream: true }),
      completions: () => router.completions.create({ model: 'chat', prompt: 'Hi' }),
      'completions stream': () => router.completions.create({ model: 'chat', prompt: 'Hi', stream: true }),
      responses: () => router.responses.create({ model: 'chat', input: 'Hi', store: false }),
      'responses stream': () => router.responses.create({ model: 'chat', input: 'Hi', store: false, stream: true }),
    };
    const shadowed: Record<string, number> = {};
    for (const [name, call] of Object.entries(calls)) {
      const before = calledModels().length;
      const { value, error } = await settled(call());
      expect(error, name).toBeUndefined();
      if (Symbol.asyncIterator in Object(value)) for await (const _ of value as AsyncIterable<unknown>);
      await pass(100);
      shadowed[name] = calledModels()
        .slice(before)
        .filter((model) => model === 'b').length;
    }
    expect(shadowed).toEqual(Object.fromEntries(Object.keys(calls).map((name) => [name, 1])));
    // Answers that cannot be compared are not sent twice, and work.
    const { value } = await settled(router.embeddings.create({ model: 'chat', input: 'Hi' }));
    expect(callRecord(value)?.deployment).toBe('a');
  });

  it.each(['weighted', 'lowest-latency'] as const)(
    '%s: a conversation stays with its model, and so with its prompt cache (bifrost#5409)',
    async (strategy) => {
      const { router } = routed(all(), strategy);
      // Until there are statistics for each.
      for (let i = 0; i < 12; i += 1) await firstOf(router);
      const seen = new Set<unknown>();
      for (const assignmentKey of [
        'conversation-1',
        'conversation-2',
        'conversation-3',
        'conversation-4',
        'conversation-5',
      ]) {
        const first = await firstOf(router, { assignmentKey });
        for (let turn = 0; turn < 10; turn += 1) expect(await firstOf(router, { assignmentKey })).toBe(first);
        seen.add(first);
      }
      expect(seen.size).toBeGreaterThan(1);
    },
  );

  it('an edit of the configuration loses no deployment (litellm#40761)', async () => {
    const { router } = routed(all(), 'priority');
    expect(await firstOf(router)).toBe('a');
    router.update({ deployments: { a: { price: { input: 1, output: 1 } }, b: {}, c: {} } });
    expect(await firstOf(router)).toBe('a');
    router.update({ deployments: { b: {}, c: {} }, routes: { chat: ['b', 'c'] } });
    expect(await firstOf(router)).toBe('b');
    router.update({ deployments: { a: {}, b: {}, c: {} }, routes: { chat: ['a', 'b', 'c'] } });
    expect(await firstOf(router)).toBe('a');
  });
});
