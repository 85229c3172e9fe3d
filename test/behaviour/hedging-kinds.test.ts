import { callRecord } from 'model-router';
import { answer, type Behaviour, fail, hang, slowDrip } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { messages, read, sendChat, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';
import { countedSignal } from '../helpers/signals.js';

useFakeTime();

const calm = { breaker: false, hedgeAfterMs: 500 } as const;
const outcomes = (holder: unknown) => callRecord(holder)?.attempts.map(({ outcome }) => outcome);

describe('a hedged stream', () => {
  const words = (latencyMs: number, name: string): Behaviour =>
    answer({ latencyMs, chunks: [`${name}1 `, `${name}2 `, `${name}3`], chunkMs: 100 });

  it('comes from the attempt with the first content, and never switches to another', async () => {
    const { router, calledModels, fake } = build({ a: words(700, 'a'), b: words(100, 'b') }, calm);
    const promise = streamChat(router);
    const watched = watch(promise);
    await pass(500);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(99);
    expect(watched.state).toBe('pending');
    await pass(1);
    expect([watched.state, fake.open]).toEqual(['fulfilled', 1]);
    const reading = watch(promise.then(read));
    await pass(10_000);
    expect(reading.value?.text).toBe('b1 b2 b3');
    expect(outcomes(watched.value)).toEqual(['lost', 'success']);
    expect(callRecord(watched.value)).toMatchObject({ deployment: 'b', timeToFirstChunkMs: 600 });
    expect([fake.open, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('must have content within firstChunkTimeoutMs, even if a hedge runs', async () => {
    const { router } = build(
      { a: hang(), b: hang() },
      { ...calm, firstChunkTimeoutMs: 700, deadlineMs: 5000, maxAttempts: 2 },
    );
    const { error } = await settled(streamChat(router));
    expect(callRecord(error)?.attempts).toMatchObject([
      { durationMs: 700, outcome: 'timeout' },
      { startedMs: 500, durationMs: 700, outcome: 'timeout' },
    ]);
  });

  it('is closed without effect if it comes too late, from a client that ignores aborts', async () => {
    const closed: string[] = [];
    const chunk = (model: string, finish_reason: string | null) =>
      new TextEncoder().encode(
        `data: ${JSON.stringify({ model, choices: [{ index: 0, delta: { content: model }, finish_reason }] })}\n\n`,
      );
    const fetch = (_: unknown, init?: RequestInit) => {
      const { model } = JSON.parse(String(init?.body)) as { model: string };
      let timer: NodeJS.Timeout;
      const body = new ReadableStream({
        start(stream) {
          timer = setTimeout(() => stream.enqueue(chunk(model, null)), model === 'a' ? 700 : 100);
          if (model === 'b') setTimeout(() => stream.enqueue(chunk(model, 'stop')), 1000);
        },
        cancel() {
          clearTimeout(timer);
          closed.push(model);
        },
      });
      return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
    };
    const { router } = build(['a', 'b'], { ...calm, clients: { default: { fetch } }, chunkTimeoutMs: 2000 });
    const reading = watch(streamChat(router).then(async (stream) => ({ stream, ...(await read(stream)) })));
    await pass(5000);
    expect(reading.value?.text).toBe('bb');
    expect(closed).toContain('a');
    expect(outcomes(reading.value?.stream)).toEqual(['lost', 'success']);
    expect(callRecord(reading.value?.stream)).toMatchObject({ deployment: 'b', timeToFirstChunkMs: 600 });
    expect(router.snapshot().deployments.a).toMatchObject({ inFlight: 0 });
  });

  it('is not hedged once it has begun, however slow it is', async () => {
    const slow = answer({ latencyMs: 400, chunks: ['a', 'b'], chunkMs: 5000 });
    const { router, calledModels } = build({ a: slow, b: answer() }, calm);
    const watched = watch(streamChat(router).then(read));
    await pass(20_000);
    expect(watched.value?.text).toBe('ab');
    expect(calledModels()).toEqual(['a']);
  });

  it('ends with its reader, and counts for the winner’s deployment', async () => {
    const { router, fake } = build({ a: hang(), b: words(0, 'b') }, calm);
    const { controller, signal, listeners } = countedSignal();
    const stream = await Promise.all([streamChat(router, 'standard', { signal }), pass(500)]).then(([each]) => each);
    expect(fake.open).toBe(1);
    controller.abort();
    await pass(0);
    expect(outcomes(stream)).toEqual(['lost', 'aborted']);
    expect([fake.open, listeners(), vi.getTimerCount()]).toEqual([0, 0, 0]);
  });
});

describe('a hedged call of every kind', () => {
  const slowThenFast = { a: hang(), b: answer({ content: 'from b' }) };
  const kinds: [string, (router: OpenAI) => Promise<unknown>, string][] = [
    ['create', async (r) => (await sendChat(r)).choices[0]?.message.content, 'from b'],
    [
      'parse',
      async (r) => (await r.chat.completions.parse({ model: 'standard', messages })).choices[0]?.message.content,
      'from b',
    ],
    ['stream()', (r) => r.chat.completions.stream({ model: 'standard', messages }).finalContent(), 'from b'],
    ['asResponse', async (r) => JSON.stringify(await (await sendChat(r).asResponse()).json()), 'from b'],
    ['withResponse', async (r) => (await sendChat(r).withResponse()).response.headers.get('x-router-deployment'), 'b'],
    [
      'completions',
      async (r) => (await r.completions.create({ model: 'standard', prompt: 'x' })).choices[0]?.text,
      'from b',
    ],
    [
      'responses that are not stored',
      async (r) => (await r.responses.create({ model: 'standard', input: 'x', store: false })).output_text,
      'from b',
    ],
  ];
  it.each(kinds)('%s', async (_, make, expected) => {
    const { router, calledModels, fake } = build(slowThenFast, calm);
    const watched = await settled(make(router));
    expect(watched.value).toContain(expected);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(0);
    expect([fake.open, vi.getTimerCount()]).toEqual([0, 0]);
  });

  const speech = { model: 'standard', input: 'x', voice: 'alloy' } as const;
  const unread: [string, (router: OpenAI, options: OpenAI.RequestOptions) => Promise<Response>][] = [
    ['binary', (r, options) => r.audio.speech.create(speech, options)],
    ['asResponse', (r, options) => sendChat(r, 'standard', options).asResponse()],
    ['asResponse of a stream', (r, options) => streamChat(r, 'standard', options).asResponse()],
  ];
  it.each(unread)('%s: the loser ends at the headers, and the caller may still abort the body', async (_, make) => {
    const { router, fake } = build({ a: hang(), b: slowDrip({ bytesPerMs: 0.001 }) }, calm);
    const { controller, signal, listeners } = countedSignal();
    const { value } = await settled(make(router, { signal }));
    // A signal that outlives its calls must not refer to them.
    expect(listeners()).toBe(0);
    expect(fake.requests.map(({ outcome }) => outcome)).toEqual(['aborted', 'open']);
    expect(fake.open).toBe(1);
    const body = watch(Promise.resolve(value?.arrayBuffer()));
    await pass(100);
    controller.abort();
    await pass(0);
    expect([body.state, fake.open, vi.getTimerCount()]).toEqual(['rejected', 0, 0]);
  });

  it('a call through asFetch', async () => {
    const { router, calledModels } = build(slowThenFast, calm);
    const body = JSON.stringify({ model: 'standard', messages });
    const headers = { 'content-type': 'application/json' };
    const fetched = router.asFetch()('https://api.openai.com/v1/chat/completions', { method: 'POST', body, headers });
    const { value } = await settled(fetched);
    expect(value?.headers.get('x-router-deployment')).toBe('b');
    expect(calledModels()).toEqual(['a', 'b']);
  });
});

describe('a call that must reach one upstream only is not hedged', () => {
  const chat = { model: 'standard', messages };
  const response = { model: 'standard', input: 'x', store: false };
  const rows: [string, Record<string, unknown>, OpenAI.RequestOptions, string][] = [
    ['its own credentials', chat, { headers: { Authorization: 'Bearer sk-own' } }, 'the call has its own credentials'],
    ['a stored chat', { ...chat, store: true }, {}, 'the server stores its completion (`store`)'],
    [
      'a stored response',
      { ...response, store: undefined },
      {},
      'the server stores its response, unless `store` is false',
    ],
    ['a background response', { ...response, background: true }, {}, 'it runs in the background'],
    [
      'a conversation',
      { ...response, conversation: 'conv_1' },
      {},
      'it continues a conversation that is stored on the server',
    ],
    [
      'a previous response',
      { ...response, previous_response_id: 'resp_1' },
      {},
      'it continues a conversation that is stored on the server',
    ],
    [
      'tools on the server',
      { ...response, tools: [{ type: 'web_search' }] },
      {},
      'it uses tools that run on the server',
    ],
    ['a search', { ...chat, web_search_options: {} }, {}, 'it uses tools that run on the server'],
  ];
  it.each(rows)('%s', async (_, body, options, why) => {
    const { router, calledModels, fake } = build(
      { a: answer({ latencyMs: 5000 }), b: answer() },
      { ...calm, routes: { standard: ['a', 'b'] } },
    );
    const path = 'input' in body ? '/responses' : '/chat/completions';
    expect(router.explain(body, options)).toMatchObject({ hedgeAfterMs: null, hedgeDisabledReason: why });
    await settled(router.post(path, { body, ...options }));
    expect(calledModels()).toEqual(['a']);
    expect(fake.open).toBe(0);
  });

  it('the caller’s own tools do not prevent hedging', async () => {
    const { router, calledModels } = build({ a: hang(), b: answer() }, calm);
    const tools = [{ type: 'function' as const, function: { name: 'f' } }];
    await settled(router.chat.completions.create({ model: 'standard', messages, tools }));
    expect(calledModels()).toEqual(['a', 'b']);
  });
});

describe("hedgeAfterMs: 'p95'", () => {
  const live = { ...calm, hedgeAfterMs: 'p95', deadlineMs: 10_000, attemptTimeoutMs: 9000 } as const;
  const taking = (times: readonly number[], last: Behaviour): Behaviour[] => [
    ...times.map((latencyMs) => answer({ latencyMs })),
    last,
  ];
  const hundred = Array.from({ length: 19 }, () => 100);

  it('hedges nothing until 20 calls are known', async () => {
    const { router, calledModels } = build({ a: taking(hundred, answer({ latencyMs: 4000 })), b: answer() }, live);
    for (let i = 0; i < 20; i++) await settled(sendChat(router));
    expect(calledModels()).not.toContain('b');
    expect(router.explain({ model: 'standard', messages: [] }).hedgeAfterMs).toBe(100);
  });

  it('hedges at the p95 of the current deployment', async () => {
    const { router, calledModels } = build({ a: taking([...hundred.slice(1), 200, 200], hang()), b: answer() }, live);
    for (let i = 0; i < 20; i++) await settled(sendChat(router));
    const { hedgeAfterMs: dueMs = null } = router.explain({ model: 'standard', messages: [] });
    // As exact as the histogram, 1 %.
    expect(Math.abs((dueMs ?? 0) - 200)).toBeLessThanOrEqual(2);
    const watched = watch(sendChat(router));
    await pass((dueMs ?? 0) - 1);
    expect(calledModels()).not.toContain('b');
    await pass(1);
    expect(calledModels()).toContain('b');
    expect(outcomes(watched.value)).toEqual(['lost', 'success']);
  });

  it('counts attempts that lost, so that it does not hedge more and more', async () => {
    const { router } = build(
      { a: taking([...hundred, 100], hang()), b: answer({ latencyMs: 400 }) },
      { ...live, retry: { budget: 1 } },
    );
    const due = () => router.explain({ model: 'standard', messages: [] }).hedgeAfterMs ?? 0;
    for (let i = 0; i < 20; i++) await settled(sendChat(router));
    expect(due()).toBeLessThan(105);
    // With two of 22 lost at 500 ms, the p95 is 500 ms.
    for (let i = 0; i < 2; i++) {
      await settled(sendChat(router));
      await pass(1000);
    }
    expect(due()).toBeGreaterThan(490);
  });

  it('ignores a loser that ended before its own hedge was due', async () => {
    const models = { a: answer({ latencyMs: 310 }), b: answer({ latencyMs: 5000 }) };
    const { router } = build(models, { ...calm, hedgeAfterMs: 300, fallbacks: ['a'], retry: { budget: 1 } });
    for (let i = 0; i < 25; i++) await settled(sendChat(router));
    expect(router.snapshot().deployments.b).toMatchObject({ hedges: 25 });
    const view = router.withOptions({ hedgeAfterMs: 'p95' });
    expect(view.explain({ model: 'b', messages })).toMatchObject({
      hedgeAfterMs: null,
      hedgeDisabledReason: 'too few answer times of its deployment are known',
    });
    expect(view.explain({ model: 'standard', messages })).toMatchObject({ hedgeDisabledReason: null });
  });

  it('counts streams and other calls separately', async () => {
    const { router, calledModels } = build(
      { a: taking([...hundred, 100], answer({ latencyMs: 3000 })), b: answer() },
      live,
    );
    for (let i = 0; i < 20; i++) await settled(sendChat(router));
    await settled(streamChat(router).then(read));
    expect(calledModels()).not.toContain('b');
    await settled(sendChat(router));
    expect(calledModels()).toContain('b');
  });
});

describe('the breaker of a loser', () => {
  const breaker = { consecutive: 1 };

  it('counts a failure where it had been slower than its p95', async () => {
    const usual = Array.from({ length: 20 }, () => answer({ latencyMs: 100 }));
    const { router } = build({ a: [...usual, hang()], b: answer() }, { breaker, hedgeAfterMs: 300 });
    for (let i = 0; i < 20; i++) await settled(sendChat(router));
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'open', failures: 1 });
  });

  it('counts nothing where it had not been slower', async () => {
    const { router } = build({ a: hang(), b: answer() }, { breaker, hedgeAfterMs: 300 });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('stays half-open if its probe, a hedge, was ended before it could be slow', async () => {
    const { router } = build(
      { a: answer({ latencyMs: 310 }), b: [fail(503), answer({ latencyMs: 100 })] },
      { breaker: { consecutive: 1, cooldownMs: 1000 }, hedgeAfterMs: 300 },
    );
    await settled(sendChat(router, 'b', { maxRetries: 0 }).catch(() => undefined));
    await pass(1000);
    expect(outcomes((await settled(sendChat(router))).value)).toEqual(['success', 'lost']);
    expect(router.snapshot().deployments.b).toMatchObject({ state: 'halfOpen', failures: 1 });
    await settled(sendChat(router, 'b', { maxRetries: 0 }));
    expect(router.snapshot().deployments.b).toMatchObject({ state: 'closed' });
  });

  it('opens again if its probe lost to its own hedge', async () => {
    const { router } = build(
      { a: [fail(503), hang()], b: answer() },
      { breaker: { consecutive: 1, cooldownMs: 1000 }, hedgeAfterMs: 300 },
    );
    await settled(sendChat(router, 'a', { maxRetries: 0 }).catch(() => undefined));
    await pass(1000);
    expect(outcomes((await settled(sendChat(router))).value)).toEqual(['lost', 'success']);
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'open' });
  });

  it('gets no more hedges once it is open', async () => {
    const { router, calledModels } = build(
      { a: [fail(400), hang()], b: fail(503), c: answer() },
      { breaker, hedgeAfterMs: 300, retry: { budget: 1 } },
    );
    await settled(sendChat(router, 'b', { maxRetries: 0 }).catch(() => undefined));
    await settled(sendChat(router).catch(() => undefined));
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['b', 'a', 'a', 'c']);
  });
});

describe('a hedged call that others have joined', () => {
  it('does not end at the deadline of the first caller', async () => {
    const { router } = build({ a: answer({ latencyMs: 3000 }), b: hang() }, { ...calm, cache: true });
    const first = watch(sendChat(router.withOptions({ deadlineMs: 1000 })));
    await pass(100);
    const second = watch(sendChat(router.withOptions({ deadlineMs: 10_000 })));
    await pass(2899);
    expect([first.state, second.state]).toEqual(['rejected', 'pending']);
    await pass(1);
    expect([second.state, callRecord(second.value)?.deployment]).toEqual(['fulfilled', 'a']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('sends one hedge for all callers, and continues for the caller with more time', async () => {
    const cached = { ...calm, cache: true, hedgeAfterMs: 500 } as const;
    const { router, calledModels } = build({ a: hang(), b: answer({ latencyMs: 3000 }) }, cached);
    const first = watch(sendChat(router.withOptions({ deadlineMs: 1000 })));
    await pass(100);
    const second = watch(sendChat(router.withOptions({ deadlineMs: 10_000 })));
    await pass(899);
    expect(first.state).toBe('pending');
    await pass(11);
    expect(first.error).toMatchObject({ code: 'deadline_exceeded' });
    await pass(2489);
    expect(second.state).toBe('pending');
    await pass(1);
    expect(second.state).toBe('fulfilled');
    expect(calledModels()).toEqual(['a', 'b']);
    expect(callRecord(second.value)).toMatchObject({ deployment: 'b' });
    expect(vi.getTimerCount()).toBe(0);
  });
});
