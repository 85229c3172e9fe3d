import { callOptions, callRecord } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { APIUserAbortError, type OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { CacheModel, LATENCY_MS, TIMES } from '../helpers/cache-model.js';
import { pass, useFakeTime, type Watched, watch } from '../helpers/clock.js';
import fc from '../helpers/property.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const FULL = process.env.DRILLS === 'full';
const SCOPES = [undefined, 'a', '__proto__'];
const DEFAULT_DEADLINE_MS = 120_000;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('call' as const),
      // Few different calls, so that most meet others.
      text: fc.constantFrom('x', 'x', 'x', 'y'),
      tenant: fc.constantFrom(undefined, undefined, '__proto__'),
      stream: fc.constantFrom(false, false, true),
      deadlineMs: fc.constantFrom(DEFAULT_DEADLINE_MS, DEFAULT_DEADLINE_MS, 23, 70),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(3, 7, 7, 31, 61, 487, 949, 1459) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('abort' as const), which: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('turn' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Received {
  readonly content: string;
  readonly holder: unknown;
}

/** A router whose answers are numbered, and the model that predicts them. */
function both() {
  const model = new CacheModel();
  let next = 0;
  const a = () =>
    model.isDown ? fail(500, { latencyMs: LATENCY_MS }) : answer({ content: String(next++), latencyMs: LATENCY_MS });
  const { router, fake } = build(
    { a },
    { cache: { mode: 'all', ...TIMES }, maxAttempts: 1, breaker: false, retry: { budget: 0, minPerSecond: 0 } },
  );
  const calls: { watched: Watched<Received>; controller: AbortController }[] = [];

  async function send(
    { text, stream }: Extract<Step, { type: 'call' }>,
    options: OpenAI.RequestOptions,
  ): Promise<Received> {
    const body = { model: 'standard', messages: [{ role: 'user' as const, content: text }] };
    if (!stream) {
      const completion = await router.chat.completions.create(body, options);
      const content = completion.choices[0]?.message.content ?? '';
      // A caller's change to its answer must not affect others.
      completion.choices.length = 0;
      return { content, holder: completion };
    }
    const chunks = await router.chat.completions.create({ ...body, stream: true }, options);
    let content = '';
    for await (const chunk of chunks) {
      content += chunk.choices[0]?.delta.content ?? '';
      chunk.choices.length = 0;
    }
    return { content, holder: chunks };
  }

  async function follow(each: Step): Promise<void> {
    const now = performance.now();
    if (each.type === 'wait') await pass(each.ms);
    else if (each.type === 'turn') model.isDown = !model.isDown;
    else if (each.type === 'call') {
      const controller = new AbortController();
      const { tenant, deadlineMs } = each;
      model.call(calls.length, `${each.text} ${tenant}`, each.stream, deadlineMs, now);
      const options = { ...callOptions({ deadlineMs, ...(tenant && { tenant }) }), signal: controller.signal };
      calls.push({ watched: watch(send(each, options)), controller });
      await pass(0);
    } else {
      model.abort(each.which, now);
      calls[each.which]?.controller.abort();
      await pass(0);
    }
  }
  return { model, router, fake, calls, follow };
}

function summaryOf({ value, error }: Watched<Received>): { use: string | undefined; answer: number | undefined } {
  if (value !== undefined) return { use: callRecord(value.holder)?.cache, answer: Number(value.content) };
  if (error instanceof APIUserAbortError) return { use: 'aborted', answer: undefined };
  return { use: (error as { status?: number }).status === 500 ? 'status' : 'deadline', answer: undefined };
}

describe('histories of calls, streams, times, deadlines, aborts and failures', () => {
  const unhandled: unknown[] = [];
  process.on('unhandledRejection', (reason) => unhandled.push(reason));

  it('match a small model', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }), async (steps) => {
        const { model, router, fake, calls, follow } = both();
        for (const each of steps) await follow(each);
        await pass(200);
        model.settle(performance.now());
        expect(calls.map(({ watched }) => summaryOf(watched))).toEqual(
          model.expected.map((each) => ({ use: each?.use, answer: each?.answer })),
        );
        expect(calls.map(({ watched }) => watched.settlements)).toEqual(calls.map(() => 1));
        expect(fake.requests).toHaveLength(model.sent);
        expect(router.snapshot().cache).toMatchObject(model.totals);
        hits += model.totals.hits + model.totals.joined + model.totals.stale;
        await router.close();
      }),
      { numRuns: FULL ? 1000 : 120 },
    );
    expect(hits).toBeGreaterThan(FULL ? 2000 : 150);
    expect(unhandled).toEqual([]);
  }, 600_000);
});

describe('embeddings in batches', () => {
  const INPUTS = ['a', 'b', 'c', 'd'];
  const batch = fc.record({
    inputs: fc.array(fc.constantFrom(...INPUTS), { minLength: 1, maxLength: 5 }),
    tenant: fc.constantFrom(...SCOPES),
    waitMs: fc.constantFrom(0, 400, 1000),
  });

  it('request the missing inputs once, and return the right vector for each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 4, maxLength: 12, size: 'max' }), async (batches) => {
        const { router, fake } = build({ a: answer() }, { cache: { mode: 'all', ttlMs: 1000 } });
        const kept = new Map<string, { vector: number[]; at: number }>();
        for (const { inputs, tenant, waitMs } of batches) {
          await pass(waitMs);
          const now = performance.now();
          const isFresh = (input: string) =>
            now - (kept.get(`${tenant} ${input}`)?.at ?? Number.NEGATIVE_INFINITY) < 1000;
          const missing = [...new Set(inputs)].filter((input) => !isFresh(input));
          const before = fake.requests.length;
          const { data } = await router.embeddings.create(
            { model: 'standard', input: inputs, encoding_format: 'float' },
            callOptions(tenant === undefined ? {} : { tenant }),
          );
          const sent = fake.requests.slice(before).map(({ body }) => (body as { input: unknown }).input);
          // A batch without a repeated or a known input is sent as it was given.
          expect(sent.map((input) => [...new Set([input].flat())])).toEqual(missing.length === 0 ? [] : [missing]);
          expect(data.map(({ index }) => index)).toEqual(inputs.map((_, i) => i));
          for (const [i, input] of inputs.entries()) {
            const key = `${tenant} ${input}`;
            const vector = data[i]?.embedding ?? [];
            expect(vector.length).toBeGreaterThan(0);
            if (missing.includes(input)) kept.set(key, { vector: [...vector], at: now });
            expect(vector).toEqual(kept.get(key)?.vector);
          }
          for (const { embedding } of data) embedding.fill(0);
        }
        await router.close();
      }),
      { numRuns: FULL ? 1000 : 60 },
    );
  }, 600_000);
});
