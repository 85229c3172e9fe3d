import { type CallRecord, callOptions, ModelRouter } from 'model-router';
import {
  type AnswerUsage,
  answer,
  type Behaviour,
  cut,
  fail,
  fakeFetch,
  hang,
  malformed,
  reset,
  stall,
} from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, useFakeTime, type Watched, watch } from '../helpers/clock.js';
import { messages } from '../helpers/messages.js';
import fc from '../helpers/property.js';

useFakeTime();

const MOST_OUTPUT = 100;
/** So expensive that a few calls use up a budget. */
const prices = { a: { input: 500, output: 2000 }, b: { input: 700, output: 1000 }, c: { input: 100, output: 4000 } };
const TINY = 1e-6;

const within: fc.Arbitrary<AnswerUsage> = fc.record({
  inputTokens: fc.integer({ min: 1, max: 10 }),
  outputTokens: fc.integer({ min: 0, max: MOST_OUTPUT }),
});
const overrun = fc.record({ inputTokens: fc.constant(10), outputTokens: fc.constant(1000) });
const latencyMs = fc.integer({ min: 0, max: 120 });

const behaviours = (usage: fc.Arbitrary<AnswerUsage | false>): fc.Arbitrary<Behaviour> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ usage, latencyMs, chunkMs: fc.nat(20) }).map(answer) },
    { weight: 2, arbitrary: latencyMs.map((ms) => fail(503, { latencyMs: ms })) },
    { weight: 1, arbitrary: latencyMs.map((ms) => fail(400, { latencyMs: ms })) },
    { weight: 1, arbitrary: fc.constant(hang()) },
    { weight: 1, arbitrary: latencyMs.map((ms) => reset({ latencyMs: ms })) },
    { weight: 1, arbitrary: latencyMs.map((ms) => cut({ latencyMs: ms })) },
    { weight: 1, arbitrary: latencyMs.map((ms) => malformed({ latencyMs: ms })) },
    { weight: 1, arbitrary: fc.constant(stall()) },
  );

interface PlannedCall {
  readonly afterMs: number;
  readonly stream: boolean;
  readonly route: string;
  readonly tenant: string | undefined;
  readonly abortMs: number | undefined;
  readonly hedgeAfterMs: number | undefined;
  /** The number of chunks that are read; the rest is dropped. */
  readonly readsOnly: number | undefined;
  readonly seed: number | undefined;
}

const calls: fc.Arbitrary<PlannedCall[]> = fc.array(
  fc.record({
    afterMs: fc.nat(60),
    stream: fc.boolean(),
    route: fc.constantFrom('chat', 'mail'),
    tenant: fc.constantFrom(undefined, 'acme', 'umbrella'),
    abortMs: fc.option(fc.nat(150), { nil: undefined, freq: 3 }),
    hedgeAfterMs: fc.option(fc.integer({ min: 5, max: 60 }), { nil: undefined, freq: 2 }),
    readsOnly: fc.option(fc.nat(3), { nil: undefined, freq: 3 }),
    seed: fc.option(fc.nat(1), { nil: undefined, freq: 2 }),
  }),
  { minLength: 1, maxLength: 14 },
);

interface World {
  readonly scripts: Record<'a' | 'b' | 'c', Behaviour[]>;
  readonly calls: PlannedCall[];
  readonly overBudget: 'refuse' | 'skip';
  readonly chance: number;
}

const world = (usage: fc.Arbitrary<AnswerUsage | false>): fc.Arbitrary<World> => {
  const script = fc.array(behaviours(usage), { minLength: 1, maxLength: 8 });
  return fc.record({
    scripts: fc.record({ a: script, b: script, c: script }),
    calls,
    overBudget: fc.constantFrom('refuse' as const, 'skip' as const),
    chance: fc.double({ min: 0, max: 0.99, noNaN: true }),
  });
};

function build({ scripts, overBudget, chance }: World) {
  const fake = fakeFetch({ models: scripts });
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk', baseURL: 'http://a.test/v1', fetch: fake, logLevel: 'off' } },
    deployments: Object.fromEntries(
      Object.entries(prices).map(([name, price]) => [name, { price, maxOutputTokens: MOST_OUTPUT }]),
    ),
    routes: { chat: ['a', 'b'], mail: ['b', 'c'] },
    budgets: [
      { usd: 6, window: 'day' },
      { usd: 3, windowMs: 60_000, per: 'tenant' },
      { usd: 2.5, window: 'hour', route: 'chat' },
    ],
    cache: 'idempotent',
    overBudget,
    retry: { baseMs: 10, budget: 1 },
    deadlineMs: 400,
    chunkTimeoutMs: 200,
    random: () => chance,
  });
  return { router, fake };
}

async function sendChat(
  router: ModelRouter,
  { stream, route, tenant, hedgeAfterMs, readsOnly, seed }: PlannedCall,
  signal: AbortSignal,
): Promise<void> {
  const options = {
    ...callOptions({ ...(tenant !== undefined && { tenant }), ...(hedgeAfterMs !== undefined && { hedgeAfterMs }) }),
    signal,
  };
  const body = { model: route, messages, ...(seed !== undefined && { seed }) };
  if (!stream) {
    await router.chat.completions.create(body, options);
    return;
  }
  let left = readsOnly ?? Number.POSITIVE_INFINITY;
  for await (const _ of await router.chat.completions.create({ ...body, stream }, options)) if (left-- <= 0) break;
}

/** Runs a scenario, and checks the budgets after every event. */
async function play(
  world: World,
  check: (router: ModelRouter) => void,
): Promise<{ router: ModelRouter; records: CallRecord[]; open: number }> {
  const { router, fake } = build(world);
  const records: CallRecord[] = [];
  router.on('call-ended', ({ record }) => records.push(record));
  for (const type of ['attempt-started', 'attempt-failed', 'call-ended'] as const) router.on(type, () => check(router));
  const calls: Watched<void>[] = [];
  for (const each of world.calls) {
    await pass(each.afterMs);
    const controller = new AbortController();
    calls.push(watch(sendChat(router, each, controller.signal)));
    if (each.abortMs !== undefined) setTimeout(() => controller.abort(), each.abortMs);
    check(router);
  }
  for (let i = 0; i < 200 && calls.some(({ state }) => state === 'pending'); i++) {
    await pass(7);
    check(router);
  }
  expect(calls.filter(({ state }) => state === 'pending')).toEqual([]);
  await router.close();
  return { router, records, open: fake.open };
}

function checkWithin(router: ModelRouter): void {
  for (const { limitUsd, spentUsd, reservedUsd } of router.snapshot().spend.budgets) {
    expect(spentUsd + reservedUsd).toBeLessThanOrEqual(limitUsd + TINY);
    expect(reservedUsd).toBeGreaterThanOrEqual(0);
  }
}

const sum = (amounts: readonly (number | null)[]) => amounts.reduce<number>((all, amount) => all + (amount ?? 0), 0);

/** Nothing is reserved any more, and all sums agree. */
function checkEnd({ router, records, open }: Awaited<ReturnType<typeof play>>): void {
  const { spend, deployments, routes } = router.snapshot();
  expect(open).toBe(0);
  for (const { reservedUsd } of spend.budgets) expect(reservedUsd).toBe(0);
  const total = sum(records.map(({ costUsd }) => costUsd ?? 0));
  expect(spend.totalUsd).toBeCloseTo(total, 6);
  expect(spend.budgets[0]?.spentUsd).toBeCloseTo(total, 6);
  for (const part of [spend.byDay, spend.byDeployment, spend.byRoute])
    expect(sum(Object.values(part))).toBeCloseTo(total, 6);
  expect(sum(Object.values(deployments).map(({ costUsd }) => costUsd))).toBeCloseTo(total, 6);
  expect(sum(Object.values(routes).map(({ costUsd }) => costUsd))).toBeCloseTo(total, 6);
  const lines = router.spendCsv().trim().split('\r\n').slice(1);
  expect(sum(lines.map((line) => Number(line.split(',').at(-2))))).toBeCloseTo(total, 6);
}

describe('any mix of calls, failures, hedges, aborts and broken streams', () => {
  it('never spends and reserves more than a budget, and releases every reservation', async () => {
    const seen = { refused: 0, hedges: 0, estimated: 0, joined: 0, served: 0 };
    await fc.assert(
      fc.asyncProperty(world(fc.oneof(within, fc.constant(false as const))), async (given) => {
        vi.setSystemTime(Date.UTC(2030, 0, 1));
        const end = await play(given, checkWithin);
        checkEnd(end);
        for (const { attempts, estimated, cache } of end.records) {
          if (attempts.length === 0 && cache !== 'joined' && cache !== 'hit') seen.refused++;
          if (attempts.some(({ hedge }) => hedge)) seen.hedges++;
          if (estimated) seen.estimated++;
          if (cache === 'joined') seen.joined++;
          if (attempts.some(({ outcome }) => outcome === 'success')) seen.served++;
        }
      }),
      { numRuns: 150 },
    );
    // Proves that each case occurred; the number depends on the seed.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  }, 120_000);

  it('books what costs more than was reserved, and releases every reservation', async () => {
    await fc.assert(
      fc.asyncProperty(world(fc.oneof(within, overrun)), async (given) => {
        vi.setSystemTime(Date.UTC(2030, 0, 1));
        checkEnd(await play(given, () => undefined));
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
