import { type AttemptRecord, type BreakerOptions, type CallRecord, callRecord, ModelRouter } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  empty,
  errorEvent,
  fail,
  hang,
  hangAfterHeaders,
  html,
  reset,
  stall,
} from 'model-router/testing';
import { expect, vi } from 'vitest';
import { pass, type Watched, watch } from './clock.js';
import { collect, messages } from './messages.js';
import fc from './property.js';
import { fakeClients } from './routers.js';
import { countedSignal } from './signals.js';

const latencyMs = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 }));

/** An upstream's behaviour for one request. */
const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 3, arbitrary: latencyMs.map((ms) => answer({ latencyMs: ms, chunks: ['a', 'b'], chunkMs: ms / 4 })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(400, 401, 403, 404, 408, 429, 429, 500, 503),
        latencyMs,
        fc.constantFrom('', '0.2', '1', '30', 'NaN'),
      )
      .map(([status, ms, after]) =>
        fail(status, { latencyMs: ms, headers: after === '' ? {} : { 'retry-after': after } }),
      ),
  },
  latencyMs.map((ms) => reset({ latencyMs: ms })),
  latencyMs.map((ms) => cut({ latencyMs: ms })),
  latencyMs.map((ms) => errorEvent({ latencyMs: ms, afterChunks: 0 })),
  fc.constantFrom<Behaviour[]>(
    hang(),
    hang({ ignoreAbort: true }),
    hangAfterHeaders(),
    empty(),
    html(),
    stall({ ms: 2000 }),
  ),
);

export interface Given {
  readonly scripts: readonly Behaviour[][];
  readonly calls: readonly GivenCall[];
  readonly breaker: false | BreakerOptions;
  /** Tokens for retries and hedges, as a share of calls. */
  readonly budget: number;
  readonly chance: readonly number[];
}

export interface GivenCall {
  readonly startMs: number;
  readonly abortMs: number | undefined;
  readonly deadlineMs: number;
  readonly attemptTimeoutMs: number | undefined;
  readonly maxAttempts: number;
  readonly isStream: boolean;
  readonly hedgeAfterMs: number | undefined;
}

/** A few calls at a few upstreams, hedged or not. */
export const givenCalls = (hedgeAfterMs: fc.Arbitrary<number | undefined>): fc.Arbitrary<Given> =>
  fc.record({
    scripts: fc.array(fc.array(behaviour, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    calls: fc.array(
      fc.record({
        startMs: fc.integer({ min: 0, max: 2000 }),
        abortMs: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined, freq: 3 }),
        deadlineMs: fc.integer({ min: 1, max: 5000 }),
        attemptTimeoutMs: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
        maxAttempts: fc.integer({ min: 1, max: 5 }),
        isStream: fc.boolean(),
        hedgeAfterMs,
      }),
      { minLength: 1, maxLength: 4 },
    ),
    breaker: fc.constantFrom<(false | BreakerOptions)[]>(false, {}, { consecutive: 1, cooldownMs: 1000 }),
    budget: fc.constantFrom(0.1, 0, 1),
    chance: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 8 }),
  });

export interface Made {
  readonly call: GivenCall;
  readonly watched: Watched<unknown>;
  readonly record: () => CallRecord | undefined;
  readonly listeners: () => number;
}

/** Makes the calls, and waits well beyond the end of the last one. */
export async function makeCalls({ scripts, calls, breaker, budget, chance }: Given) {
  const models = Object.fromEntries(scripts.map((script, index) => [`m${index}`, script]));
  const { fake, clients } = fakeClients(['default', 'other'], { models });
  let drawn = 0;
  const router = new ModelRouter({
    clients,
    deployments: Object.fromEntries(
      Object.keys(models).map((name, i) => [name, { client: i === 1 ? 'other' : 'default' }]),
    ),
    routes: { standard: Object.keys(models) },
    random: () => chance[drawn++ % chance.length] ?? 0,
    breaker,
    retry: { budget, minPerSecond: budget === 0 ? 0 : 1 },
    chunkTimeoutMs: 1000,
  });
  const made = calls.map((call): Made => {
    const { controller, signal, listeners } = countedSignal();
    const settledPromise = new Promise<unknown>((resolve, reject) => {
      setTimeout(() => begin(router, call, signal).then(resolve, reject), call.startMs);
    });
    if (call.abortMs !== undefined) setTimeout(() => controller.abort(), call.startMs + call.abortMs);
    const watched = watch(settledPromise);
    return { call, watched, listeners, record: () => callRecord(watched.value ?? watched.error) };
  });
  // The SDK's own timers are a backstop of a minute.
  await pass(70_000);
  return { made, fake, router };
}

/** A plain call, or a stream read to its end. Returns an object that has the call's record. */
async function begin(router: ModelRouter, { isStream, ...call }: GivenCall, signal: AbortSignal): Promise<unknown> {
  const { deadlineMs, maxAttempts, attemptTimeoutMs, hedgeAfterMs } = call;
  const view = router.withOptions({
    ...{ deadlineMs, maxAttempts },
    ...(attemptTimeoutMs && { attemptTimeoutMs }),
    ...(hedgeAfterMs && { hedgeAfterMs }),
  });
  if (!isStream) return view.chat.completions.create({ model: 'standard', messages }, { signal });
  const stream = await view.chat.completions.create({ model: 'standard', messages, stream: true }, { signal });
  await collect(stream);
  return stream;
}

/** Expects no timer but one for each open breaker, no running request, and nothing at all once both are closed. */
export async function expectNothingLeft({
  router,
  fake,
}: Pick<Awaited<ReturnType<typeof makeCalls>>, 'router' | 'fake'>) {
  const open = Object.values(router.snapshot().deployments).filter(({ state }) => state === 'open').length;
  expect(vi.getTimerCount()).toBe(open);
  expect(fake.requests.filter(({ outcome }) => outcome === 'open').every(isDeaf)).toBe(true);
  await router.close();
  expect(vi.getTimerCount()).toBe(0);
  await fake.close();
}

/** Whether it hangs regardless of aborts, like a broken transport. */
function isDeaf({ status }: { status: number | undefined }): boolean {
  return status === undefined;
}

/** Where the requests of an attempt went: after a dead connection a request was sent again. */
export function sentTo({ deployment, resends }: AttemptRecord): string[] {
  return Array.from({ length: 1 + resends }, () => deployment);
}
