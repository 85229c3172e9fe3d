import { callOptions, callRecord, ModelRouter, type StrategyView } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { answer, type Behaviour, fail, hang, type Models } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const names = ['a', 'b', 'c'];

function routed(models: Models, strategy: unknown, more: Setup = {}) {
  return build(models, {
    random: seededRandom(1),
    routes: { chat: { deployments: names, strategy: strategy as 'weighted' } },
    ...more,
  });
}

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };

async function deploymentOf(router: ModelRouter, options = {}): Promise<string | null | undefined> {
  const promise = router.chat.completions.create(body, callOptions(options));
  const { value, error } = await settled(promise);
  return callRecord(value ?? error)?.deployment;
}

const all = (behaviour: Behaviour = answer()) => Object.fromEntries(names.map((name) => [name, behaviour]));

describe('weighted', () => {
  it('sends shares, and fails over in the order of the draws', async () => {
    const { router, calledModels } = routed(
      { ...all(), a: fail(503) },
      { by: 'weighted', weights: { a: 1, b: 1, c: 0 } },
    );
    for (let i = 0; i < 40; i += 1) expect(await deploymentOf(router)).toBe('b');
    // Half of the calls tried a first until its breaker opened; c, of weight 0, was never needed.
    expect(calledModels()).toContain('a');
    expect(calledModels()).not.toContain('c');
  });

  it('keeps a key with its variant, and draws afresh for calls without a key', async () => {
    const { router } = routed(all(), 'weighted');
    for (const assignmentKey of ['user-1', 'user-2', 'user-3', 'user-4']) {
      const first = await deploymentOf(router, { assignmentKey });
      for (let i = 0; i < 5; i += 1) expect(await deploymentOf(router, { assignmentKey })).toBe(first);
    }
    const seen = new Set<unknown>();
    for (let i = 0; i < 40; i += 1) seen.add(await deploymentOf(router));
    expect(seen).toEqual(new Set(names));
  });

  it('takes weights from the deployments; without any, all are equal', async () => {
    const { router } = routed(all(), 'weighted', { deployments: { a: { weight: 0 }, b: {}, c: { weight: 0 } } });
    for (let i = 0; i < 20; i += 1) expect(await deploymentOf(router)).toBe('b');
  });

  it('writes the variant and the strategy in the record, and no key anywhere', async () => {
    const { router } = routed({ ...all(), a: fail(503) }, { by: 'weighted', weights: { a: 1 } }, { breaker: false });
    const { value } = await settled(router.chat.completions.create(body, callOptions({ assignmentKey: 'jane@doe' })));
    expect(callRecord(value)).toMatchObject({ variant: 'a', chosenBy: 'weighted' });
    expect(callRecord(value)?.deployment).not.toBe('a');
    expect(JSON.stringify([callRecord(value), router.snapshot(), router.abReport('chat')])).not.toContain('jane');
  });
});

describe('lowest-latency', () => {
  it('learns which deployment is fastest and stays with it', async () => {
    const models = {
      a: answer({ latencyMs: 900 }),
      b: answer({ latencyMs: 350 }),
      c: answer({ latencyMs: 500 }),
    };
    const { router } = routed(models, 'lowest-latency');
    const chosen: unknown[] = [];
    for (let i = 0; i < 200; i += 1) chosen.push(await deploymentOf(router));
    expect(chosen.filter((id) => id === 'b').length).toBeGreaterThan(170);
  });

  it('does not mistake a quick error for a quick answer', async () => {
    const models = { a: answer({ latencyMs: 300 }), b: fail(429, { latencyMs: 5 }), c: answer({ latencyMs: 400 }) };
    const { router, calledModels } = routed(models, 'lowest-latency');
    for (let i = 0; i < 100; i += 1) expect(await deploymentOf(router)).not.toBe('b');
    expect(calledModels().filter((id) => id === 'b').length).toBeLessThan(10);
  });

  it('counts the time of attempts without an answer', async () => {
    const models = { a: hang(), b: answer({ latencyMs: 300 }), c: answer({ latencyMs: 350 }) };
    const { router, calledModels } = routed(models, 'lowest-latency', { attemptTimeoutMs: 2000, breaker: false });
    for (let i = 0; i < 60; i += 1) await deploymentOf(router);
    expect(calledModels().filter((id) => id === 'a').length).toBeLessThan(10);
  });
});

describe('lowest-cost', () => {
  it('sends each request to the deployment where it is cheapest', async () => {
    const deployments = {
      a: { price: { input: 1, output: 10 } },
      b: { price: { input: 10, output: 1 } },
      c: {},
    };
    const long = { ...body, messages: [{ role: 'user' as const, content: 'word '.repeat(2000) }] };
    const reads = await settled(
      routed(all(), 'lowest-cost', { deployments, prices: false }).router.chat.completions.create({
        ...long,
        max_completion_tokens: 10,
      }),
    );
    expect(callRecord(reads.value)?.deployment).toBe('a');
    const writes = await settled(
      routed(all(), 'lowest-cost', { deployments, prices: false }).router.chat.completions.create({
        ...body,
        max_completion_tokens: 4000,
      }),
    );
    expect(callRecord(writes.value)?.deployment).toBe('b');
  });
});

describe('least-busy', () => {
  it('sends the next call where the fewest run', async () => {
    const { router, calledModels } = routed(all(hang()), 'least-busy');
    const calls = Array.from({ length: 6 }, () => watch(router.chat.completions.create(body)));
    await pass(10);
    expect(calls).toHaveLength(6);
    expect(calledModels().sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });
});

describe('a strategy of your own', () => {
  it('gets the allowed deployments, and orders them', async () => {
    const seen: StrategyView[] = [];
    const strategy = {
      name: 'reversed',
      order: (view: StrategyView) => {
        seen.push(view);
        return view.deployments.map(({ id }) => id).reverse();
      },
    };
    const { router } = routed(all(), strategy, {
      deployments: { a: { region: 'us' }, b: { region: 'eu' }, c: { region: 'eu' } },
    });
    expect(await deploymentOf(router, { regions: ['eu'] })).toBe('c');
    expect(seen[0]).toMatchObject({ route: 'chat', stream: false });
    expect(seen[0]?.deployments.map(({ id }) => id)).toEqual(['b', 'c']);
  });

  it('may name too few, too many or none: the others follow in listed order', async () => {
    const { router } = routed(
      { ...all(fail(503)), b: answer() },
      { name: 'odd', order: () => ['c', 'nobody', 'c', 7] },
    );
    const { value } = await settled(router.chat.completions.create(body, callOptions({ maxAttempts: 3 })));
    expect(callRecord(value)?.attempts.map(({ deployment }) => deployment)).toEqual(['c', 'a', 'b']);
    expect(callRecord(value)?.chosenBy).toBe('odd');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('sk-secret');
      },
    ],
    ['returns no array', () => 'a'],
  ])('that %s is replaced by the listed order, with one warning', async (_, order) => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const { router } = routed(
      all(),
      { name: 'broken', order },
      {
        ...{ logger: { debug: write, info: write, warn: write, error: write }, logLevel: 'warn' },
      },
    );
    for (let i = 0; i < 3; i += 1) expect(await deploymentOf(router)).toBe('a');
    expect(lines.filter((line) => line.includes('strategy broken'))).toHaveLength(1);
    expect(lines.join()).not.toContain('sk-secret');
  });
});

describe('every strategy', () => {
  const strategies = ['weighted', 'lowest-latency', 'lowest-cost', 'least-busy'] as const;

  it.each(strategies)('%s: explain() names the deployment that the next call tries first', async (strategy) => {
    const models = { a: answer({ latencyMs: 300 }), b: answer({ latencyMs: 200 }), c: answer({ latencyMs: 250 }) };
    const { router } = routed(models, strategy);
    for (let i = 0; i < 60; i += 1) {
      const options = i % 3 === 0 ? { assignmentKey: `user-${i}` } : {};
      const plan = router.explain(body, callOptions(options));
      expect(router.explain(body, callOptions(options)).deployments).toEqual(plan.deployments);
      expect(await deploymentOf(router, options)).toBe(plan.deployments[0]?.id);
    }
  });

  it.each(strategies)('%s: a deployment that recovers is used again', async (strategy) => {
    let down = true;
    const models = { ...all(answer({ latencyMs: 100 })), a: () => (down ? fail(503) : answer({ latencyMs: 100 })) };
    const { router } = routed(models, strategy, { breaker: { consecutive: 1, failures: 1, cooldownMs: 5000 } });
    for (let i = 0; i < 60 && router.snapshot().deployments.a?.state !== 'open'; i += 1) {
      await deploymentOf(router);
      await pass(1000);
    }
    down = false;
    for (let i = 0; i < 120; i += 1) {
      await deploymentOf(router);
      await pass(500);
    }
    expect(router.snapshot().deployments.a?.state).toBe('closed');
  });
});

describe('options', () => {
  const clients = { default: { apiKey: 'sk-test' } };
  const deployments = { a: {}, b: {} };
  it.each([
    ['routes.chat.strategy', 'fastest', 'lowest-latency'],
    ['routes.chat.strategy.by', { by: 'round-robin' }, "'weighted'".replaceAll("'", '"')],
    ['routes.chat.strategy.weights.c', { by: 'weighted', weights: { c: 1 } }, '"a", "b"'],
    ['routes.chat.strategy.weights', { by: 'weighted', weights: { a: 0 } }, 'all weights are 0'],
    ['routes.chat.strategy.weights.a', { by: 'weighted', weights: { a: -1 } }, 'a weight from 0'],
    ['routes.chat.strategy.percentile', { by: 'lowest-latency', percentile: 'p42' }, '"p50"'],
    ['routes.chat.strategy.explore', { by: 'lowest-latency', explore: 3 }, 'a share from 0 to 0.5'],
    ['routes.chat.strategy.preferP95Ms', { by: 'lowest-cost', preferP95Ms: 0 }, 'milliseconds above 0'],
    ['routes.chat.strategy.order', { name: 'mine', order: 5 }, 'a function'],
    ['routes.chat.strategy.name', { order: () => [] }, 'the name of your strategy'],
  ])('%s: %j is refused', (option, strategy, message) => {
    const routes = { chat: { deployments: ['a', 'b'], strategy: strategy as 'weighted' } };
    expect(() => new ModelRouter({ clients, deployments, routes })).toThrow(
      expect.objectContaining({ code: 'invalid_option', option, message: expect.stringContaining(message) }),
    );
  });
});
