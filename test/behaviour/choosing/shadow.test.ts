import { type CalibrationRecord, calibrate, callOptions, callRecord, type ShadowOptions } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { answer, fail, hang, type Script } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };
const price = { input: 1, output: 1 };

function shadowed(primary: Script, shadow: Script, options: Partial<ShadowOptions> = {}, more: Setup = {}) {
  const built = build(
    { primary, better: shadow },
    {
      random: seededRandom(2),
      deployments: { primary: { price }, better: { price: { input: 10, output: 10 } } },
      routes: { chat: { deployments: ['primary'], shadow: { deployment: 'better', share: 1, ...options } } },
      ...more,
    },
  );
  const events: unknown[] = [];
  for (const type of ['shadow-ended', 'shadow-dropped', 'call-ended', 'attempt-failed'] as const)
    built.router.on(type, (event) => events.push(event));
  const of = (type: string) => events.filter((event) => (event as { type: string }).type === type);
  return { ...built, of };
}

describe('shadow traffic', () => {
  it('goes to another deployment after the caller has its answer, and is judged', async () => {
    const seen: unknown[] = [];
    const { router, calledModels, of } = shadowed(
      answer({ content: 'cheap', logprob: Math.log(0.9) }),
      answer({ content: 'better', latencyMs: 500 }),
      {
        compare: (answers) => {
          seen.push(answers);
          return true;
        },
      },
    );
    const { value, at } = await settled(router.chat.completions.create(body));
    expect(at).toBeLessThan(10);
    expect(callRecord(value)).toMatchObject({ deployment: 'primary', attempts: [{ deployment: 'primary' }] });
    expect((value as { choices: { logprobs: unknown }[] }).choices[0]?.logprobs).toBeNull();
    await pass(1000);
    expect(calledModels()).toEqual(['primary', 'better']);
    expect(seen).toMatchObject([
      {
        primary: { choices: [{ message: { content: 'cheap' } }] },
        shadow: { choices: [{ message: { content: 'better' } }] },
      },
    ]);
    expect(of('shadow-ended')).toMatchObject([
      {
        callId: callRecord(value)?.id,
        route: 'chat',
        deployment: 'better',
        good: true,
        servedModel: 'primary',
        scores: { mean: expect.closeTo(0.9, 2) },
      },
    ]);
    expect((of('shadow-ended')[0] as { costUsd: number }).costUsd).toBeGreaterThan(0);
    expect(of('call-ended')).toHaveLength(1);
    expect(router.snapshot().routes.chat?.requests).toBe(1);
  });

  it('follows streams too', async () => {
    const { router, of } = shadowed(answer({ content: 'a cheap answer' }), answer({ content: 'better' }), {
      compare: ({ primary }) =>
        (primary as { choices: { message: { content: string } }[] }).choices[0]?.message.content === 'a cheap answer',
    });
    const { value: stream } = await settled(router.chat.completions.create({ ...body, stream: true }));
    let chunks = 0;
    for await (const _ of stream ?? []) chunks += 1;
    expect(chunks).toBeGreaterThan(2);
    await pass(100);
    expect(of('shadow-ended')).toMatchObject([{ good: true }]);
  });

  it.each<[string, Script, object]>([
    ['fails', fail(500), {}],
    ['hangs', hang(), {}],
    [
      'is judged by a function that throws',
      answer(),
      {
        compare: () => {
          throw new Error('mine');
        },
      },
    ],
  ])('never affects the caller where it %s', async (_, shadow, options) => {
    const { router, of } = shadowed(answer({ latencyMs: 50 }), shadow, options, { deadlineMs: 1000, breaker: false });
    for (let i = 0; i < 3; i += 1) {
      const started = performance.now();
      const { value, at } = await settled(router.chat.completions.create(body));
      expect(callRecord(value)?.deployment).toBe('primary');
      expect((at ?? 0) - started).toBeLessThan(60);
    }
    await pass(5000);
    expect(of('attempt-failed')).toEqual([]);
    expect(of('shadow-ended')).toMatchObject([{ good: null }, { good: null }, { good: null }]);
    expect(router.snapshot().deployments.better?.inFlight).toBe(0);
  });

  it('takes its share, and no more than maxConcurrent at once', async () => {
    const shared = shadowed(answer(), answer(), { share: 0.2 });
    for (let i = 0; i < 300; i += 1) await settled(shared.router.chat.completions.create(body));
    await pass(1000);
    const share = shared.calledModels().filter((model) => model === 'better').length / 300;
    expect(share).toBeGreaterThan(0.13);
    expect(share).toBeLessThan(0.27);
    const busy = shadowed(answer(), hang(), { maxConcurrent: 2 });
    for (let i = 0; i < 5; i += 1) await settled(busy.router.chat.completions.create(body));
    await pass(10);
    expect(busy.calledModels().filter((model) => model === 'better')).toHaveLength(2);
    expect(busy.of('shadow-dropped')).toHaveLength(3);
  });

  it('counts only running calls: a call that ends before its shadow starts does not fill maxConcurrent', async () => {
    const { router, of } = shadowed(answer(), answer(), { maxConcurrent: 2 });
    for (let i = 0; i < 20; i += 1) await router.chat.completions.create(body);
    await pass(10);
    expect(of('shadow-ended')).toHaveLength(20);
    expect(of('shadow-dropped')).toEqual([]);
  });

  it('is dropped where its deployment is full: callers never wait for it', async () => {
    const { router, calledModels, of } = shadowed(
      answer({ latencyMs: 10 }),
      answer({ latencyMs: 1000 }),
      {},
      {
        deployments: { primary: {}, better: { maxConcurrent: 1 } },
        routes: {
          chat: { deployments: ['primary'], shadow: { deployment: 'better', share: 1 } },
          best: ['better'],
        },
      },
    );
    const best = () => watch(router.chat.completions.create({ ...body, model: 'best' }));
    const first = best();
    await settled(router.chat.completions.create(body));
    const second = best();
    await pass(2100);
    expect([first.state, second.state]).toEqual(['fulfilled', 'fulfilled']);
    expect(calledModels()).toEqual(['better', 'primary', 'better']);
    expect(of('shadow-dropped')).toMatchObject([{ why: 'its deployment is full' }]);
  });

  it('obeys regions and capabilities, and skips calls with stored ids or their own credentials', async () => {
    const deployments = { primary: { region: 'eu' }, better: { region: 'us', capabilities: { tools: false } } };
    const { router, calledModels } = shadowed(answer(), answer(), {}, { deployments });
    const tools = [{ type: 'function' as const, function: { name: 'f', parameters: {} } }];
    await settled(router.chat.completions.create(body, callOptions({ regions: ['eu'] })));
    await settled(router.chat.completions.create({ ...body, tools }));
    await settled(router.chat.completions.create(body, { headers: { authorization: 'Bearer own' } }));
    await settled(router.responses.create({ model: 'chat', input: 'Hi', previous_response_id: 'resp_1' }));
    await pass(100);
    expect(calledModels()).not.toContain('better');
  });

  it('is billed, stops when a budget runs low, and ends with the router', async () => {
    const usage = { inputTokens: 1000, outputTokens: 1000 };
    const { router, calledModels, of } = shadowed(
      answer({ usage }),
      answer({ usage }),
      {},
      { budgets: [{ usd: 0.1, window: 'day' }], maxAttempts: 1 },
    );
    for (let i = 0; i < 6; i += 1) {
      await settled(router.chat.completions.create({ ...body, max_completion_tokens: 1000 }));
      await pass(100);
    }
    const shadows = calledModels().filter((model) => model === 'better').length;
    expect(shadows).toBe(4);
    expect(of('shadow-dropped')).toHaveLength(2);
    const closing = shadowed(answer(), hang());
    await settled(closing.router.chat.completions.create(body));
    await pass(10);
    expect(closing.fake.requests).toHaveLength(2);
    closing.router.close();
    await pass(10);
    expect(closing.router.snapshot().deployments.better?.inFlight).toBe(0);
  });

  it('is dropped with one warning on a runtime that ends with the request, without waitUntil', async () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = { debug: write, info: write, warn: write, error: write };
    const { router, calledModels, of } = shadowed(
      answer(),
      answer(),
      {},
      { shareInFlight: false, logger, logLevel: 'warn' },
    );
    for (let i = 0; i < 2; i += 1) await settled(router.chat.completions.create(body));
    await pass(10);
    expect(calledModels()).toEqual(['primary', 'primary']);
    expect(of('shadow-dropped')).toHaveLength(2);
    expect(lines.filter((line) => line.includes('waitUntil'))).toHaveLength(1);
    const kept: Promise<unknown>[] = [];
    await settled(
      router.chat.completions.create(body, callOptions({ waitUntil: (promise) => void kept.push(promise) })),
    );
    await pass(10);
    expect(kept).toHaveLength(1);
    expect(calledModels().at(-1)).toBe('better');
  });

  it('reports to waitUntil before the request is over, and survives a waitUntil that throws', async () => {
    const { router, calledModels } = shadowed(answer(), answer());
    const kept: Promise<unknown>[] = [];
    const call = (waitUntil: (promise: Promise<unknown>) => void) =>
      settled(router.chat.completions.create(body, callOptions({ waitUntil })).then(() => kept.length));
    expect(await call((promise) => void kept.push(promise))).toMatchObject({ value: 1 });
    const thrown = await call(() => {
      throw new Error('the request is over');
    });
    expect(thrown).toMatchObject({ value: 1 });
    await pass(10);
    await Promise.all(kept);
    expect(calledModels()).toEqual(['primary', 'better', 'primary', 'better']);
  });

  it('writes records that calibrate reads', async () => {
    const random = seededRandom(9);
    const primary: Script = () =>
      answer({ content: random() < 0.5 ? 'good' : 'bad', logprob: Math.log(0.2 + 0.8 * random()) });
    const { router } = shadowed(primary, answer(), { compare: () => true });
    const records: CalibrationRecord[] = [];
    router.on('shadow-ended', (event) => records.push(event));
    for (let i = 0; i < 200; i += 1) {
      await settled(router.chat.completions.create(body));
      await pass(5);
    }
    expect(records).toHaveLength(200);
    expect(calibrate(records, { share: 0.5 })).toMatchObject({
      minConfidence: expect.any(Number),
      servedModel: 'primary',
    });
  });
});
