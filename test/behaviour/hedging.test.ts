import { callOptions, callRecord, type EventOf } from 'model-router';
import { answer, cut, fail, hang } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';
import { countedSignal } from '../helpers/signals.js';

useFakeTime();

const price = { input: 1, output: 1 };
const calm = { breaker: false, hedgeAfterMs: 500 } as const;

/** The attempts of a call in short: deployment, time and outcome. */
function attemptsOf(holder: unknown): string[] {
  return (callRecord(holder)?.attempts ?? []).map(
    ({ deployment, outcome, startedMs, durationMs, hedge }) =>
      `${deployment} ${startedMs}+${durationMs} ${outcome}${hedge ? ' hedge' : ''}`,
  );
}

describe('hedgeAfterMs: 500', () => {
  it('sends a hedge at 500 ms and not before; the first valid answer ends the other attempt', async () => {
    const { router, calledModels, fake } = build({ a: hang(), b: answer({ latencyMs: 100 }), c: answer() }, calm);
    const watched = watch(sendChat(router));
    await pass(499);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(99);
    expect([watched.state, fake.open]).toEqual(['pending', 2]);
    await pass(1);
    expect(watched.state).toBe('fulfilled');
    expect(attemptsOf(watched.value)).toEqual(['a 0+600 lost', 'b 500+100 success hedge']);
    expect(callRecord(watched.value)).toMatchObject({ deployment: 'b', durationMs: 600 });
    expect([fake.open, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('sends no hedge when the answer, or a failure, comes before', async () => {
    const { router, calledModels } = build({ a: [answer({ latencyMs: 499 }), fail(400)], b: answer() }, calm);
    await settled(sendChat(router));
    await settled(sendChat(router));
    await pass(10_000);
    expect(calledModels()).toEqual(['a', 'a']);
  });

  it('takes no token if no deployment is available', async () => {
    const models = { a: answer({ latencyMs: 600 }), b: [fail(429, { headers: { 'retry-after': '30' } }), answer()] };
    const { router, calledModels } = build(models, {
      ...calm,
      routes: { standard: ['a', 'b'], paused: ['b'] },
      maxAttempts: 2,
    });
    await settled(sendChat(router, 'paused', { ...callOptions({ maxAttempts: 1 }) }));
    for (let i = 0; i < 20; i++) await settled(sendChat(router));
    expect(calledModels().filter((model) => model === 'b')).toHaveLength(1);
    await pass(30_000);
    // Ten at the start and one for each ten calls: enough for all, if none was taken before.
    await Promise.all(Array.from({ length: 12 }, () => settled(sendChat(router))));
    expect(router.snapshot().deployments.b?.hedges).toBe(12);
  });

  it('returns the answer of the first attempt if it comes first', async () => {
    const models = { a: answer({ latencyMs: 600 }), b: answer({ latencyMs: 400 }) };
    const deployments = { a: { price, region: 'eu' }, b: { price } };
    const { router } = build(models, { ...calm, deployments, routes: { standard: ['a', 'b'] } });
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+600 success', 'b 500+100 lost hedge']);
    const record = callRecord(value);
    expect(record).toMatchObject({ deployment: 'a', region: 'eu', servedModel: 'a' });
    const [won, lost] = record?.attempts ?? [];
    // The loser's cost is not reported: at least its input counts.
    expect(lost).toMatchObject({ error: 'Another deployment has answered first.', status: null, estimated: true });
    expect(lost?.costUsd).toBeGreaterThan(0);
    expect(won?.costUsd).toBeGreaterThan(0);
    expect(record?.costUsd).toBeCloseTo((won?.costUsd ?? 0) + (lost?.costUsd ?? 0), 9);
    expect(router.snapshot().deployments).toMatchObject({
      a: { hedges: 0, inFlight: 0, requests: 1 },
      b: { hedges: 1, inFlight: 0, requests: 1 },
    });
  });

  it('has at most maxAttempts attempts in flight', async () => {
    const { router, calledModels } = build(
      { a: hang(), b: hang(), c: hang(), d: answer() },
      { ...calm, deadlineMs: 5000 },
    );
    const watched = watch(sendChat(router));
    await pass(999);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(1);
    expect(calledModels()).toEqual(['a', 'b', 'c']);
    await pass(3999);
    expect(watched.state).toBe('pending');
    await pass(1);
    expect(watched.error).toMatchObject({ code: 'deadline_exceeded' });
    expect(attemptsOf(watched.error)).toEqual([
      'a 0+5000 deadline',
      'b 500+4500 deadline hedge',
      'c 1000+4000 deadline hedge',
    ]);
  });

  it('emits an event before the attempt begins', async () => {
    const { router } = build({ a: hang(), b: answer() }, calm);
    const events: (EventOf<'hedge-started'> | EventOf<'attempt-started'>)[] = [];
    router.on('hedge-started', (event) => events.push(event));
    router.on('attempt-started', (event) => events.push(event));
    const { value } = await settled(sendChat(router));
    const callId = callRecord(value)?.id;
    expect(events).toEqual([
      { type: 'attempt-started', callId, deployment: 'a', number: 1 },
      { type: 'hedge-started', callId, deployment: 'b', number: 2, afterMs: 500 },
      { type: 'attempt-started', callId, deployment: 'b', number: 2 },
    ]);
  });

  it('ends at once when its caller aborts, with any number of attempts in flight', async () => {
    const { router, fake } = build({ a: hang(), b: hang() }, calm);
    const { controller, signal, listeners } = countedSignal();
    const watched = watch(sendChat(router, 'standard', { signal }));
    await pass(700);
    expect(fake.open).toBe(2);
    controller.abort();
    await pass(0);
    expect(watched.error).toMatchObject({ name: 'Error', message: 'Request was aborted.' });
    expect(attemptsOf(watched.error)).toEqual(['a 0+700 aborted', 'b 500+200 aborted hedge']);
    expect([fake.open, listeners(), vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('removes its listeners from the caller’s signal when an answer wins', async () => {
    const { router } = build({ a: hang(), b: answer() }, calm);
    const { signal, listeners } = countedSignal();
    await settled(sendChat(router, 'standard', { signal }));
    expect(listeners()).toBe(0);
  });

  it('can be set by route, view and call, and turned off with false', async () => {
    const { router, calledModels } = build(
      { a: hang(), b: answer() },
      { breaker: false, routes: { standard: { deployments: ['a', 'b'], hedgeAfterMs: 500 } }, deadlineMs: 1000 },
    );
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b']);
    const body = { model: 'standard', messages: [] };
    expect(router.explain(body)).toMatchObject({ hedgeAfterMs: 500, hedgeDisabledReason: null });
    expect(router.withOptions({ hedgeAfterMs: 20 }).explain(body)).toMatchObject({ hedgeAfterMs: 20 });
    const { value } = await settled(sendChatWith(router, { hedgeAfterMs: false }));
    expect(attemptsOf(value)).toEqual(['a 0+500 timeout', 'b 500+0 success']);
  });
});

describe('a failure beside another attempt', () => {
  it('fails over at once, and never to a deployment that has an attempt running', async () => {
    const { router, calledModels, fake } = build({ a: hang(), b: fail(503), c: answer({ latencyMs: 50 }) }, calm);
    const { value } = await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'c']);
    expect(attemptsOf(value)).toEqual(['a 0+550 lost', 'b 500+0 server-error hedge', 'c 500+50 success']);
    expect(fake.open).toBe(0);
  });

  it('takes no token for that failover', async () => {
    // Ten tokens, plus one for ten calls: eleven hedges, each with a failover after it.
    const { router } = build(
      { a: hang(), b: fail(503), c: answer() },
      { ...calm, deadlineMs: 2000, retry: { budget: 0.1, minPerSecond: 1 } },
    );
    const attempts: (number | undefined)[] = [];
    for (let i = 0; i < 12; i++) attempts.push(callRecord((await settled(sendChat(router))).value)?.attempts.length);
    expect(attempts.slice(0, 11)).toEqual(Array(11).fill(3));
    expect(router.snapshot().deployments.b).toMatchObject({ hedges: 11 });
  });

  it('does not retry a deployment while another attempt runs, and does when none does', async () => {
    const models = { a: [fail(503, { latencyMs: 900 }), answer()], b: fail(503) };
    const { router } = build(models, calm);
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+900 server-error', 'b 500+0 server-error hedge', 'a 900+0 success']);
  });

  it('waits for the other attempt after a caller’s error, and throws that error if no attempt succeeds', async () => {
    const models = { a: fail(400, { latencyMs: 600 }), b: [answer({ latencyMs: 300 }), fail(503, { latencyMs: 300 })] };
    const { router, calledModels } = build(models, calm);
    const first = await settled(sendChat(router));
    expect(attemptsOf(first.value)).toEqual(['a 0+600 caller-error', 'b 500+300 success hedge']);
    const error = await settled(sendChat(router)).then((watched) => watched.error);
    expect(attemptsOf(error)).toEqual(['a 0+600 caller-error', 'b 500+300 server-error hedge']);
    expect(error).toMatchObject({ status: 400 });
    expect(calledModels()).toHaveLength(4);
  });

  it("starts no other attempt after a caller's error", async () => {
    const models = { a: fail(400, { latencyMs: 600 }), b: answer({ latencyMs: 1000 }), c: answer() };
    const { router, calledModels } = build(models, calm);
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('throws the error of the last attempt that had a status', async () => {
    const { router } = build(
      { a: fail(500, { latencyMs: 600 }), b: fail(502, { latencyMs: 50 }) },
      { ...calm, maxAttempts: 2 },
    );
    const promise = sendChat(router);
    const [error] = await Promise.all([errorOf(promise), pass(1000)]);
    expect(error).toMatchObject({ status: 500 });
    expect(attemptsOf(error)).toEqual(['a 0+600 server-error', 'b 500+50 server-error hedge']);
  });
});

describe('two attempts that end at the same moment', () => {
  const deployments = { a: {}, b: { price }, c: {} };
  const routes = { standard: ['a', 'b', 'c'] };

  /** A call that is sent to both `a` and `b`, through a fetch whose answers the test resolves itself. */
  async function open(stream: boolean) {
    const gates = { a: Promise.withResolvers<Response>(), b: Promise.withResolvers<Response>() };
    const calledModels: string[] = [];
    const { signal, listeners } = countedSignal();
    const fetch = (_: unknown, init?: RequestInit) => {
      const { model } = JSON.parse(String(init?.body)) as { model: 'a' | 'b' };
      calledModels.push(model);
      // A third attempt would hang.
      return calledModels.length > 2 ? new Promise<Response>(() => undefined) : gates[model].promise;
    };
    const { router } = build([], { ...calm, deployments, routes, clients: { default: { fetch } } });
    const made = stream ? streamChat(router, 'standard', { signal }) : sendChat(router, 'standard', { signal });
    const watched = watch<object>(made);
    await pass(500);
    const inFlight = () => Object.values(router.snapshot().deployments).map((each) => each.inFlight);
    return { gates, calledModels, listeners, watched, inFlight };
  }

  async function wait(microtasks: number) {
    for (let i = 0; i < microtasks; i++) await Promise.resolve();
  }

  const finish = { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello.' } };
  const answerOf = (model: string) => Response.json({ model, choices: [finish] });

  it('a failure beside the answer starts no attempt', async () => {
    const outcomes = new Set<unknown>();
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const { gates, calledModels, watched, inFlight, listeners } = await open(false);
      gates.b.resolve(answerOf('b'));
      await wait(microtasks);
      gates.a.reject(new TypeError('fetch failed'));
      await pass(0);
      const { deployment, attempts = [] } = callRecord(watched.value) ?? {};
      // If the failure came just before the answer, the next deployment got a request, which lost.
      expect(['a,b', 'a,b,c']).toContain(calledModels.join());
      expect(deployment).toBe('b');
      expect(attempts.map(({ outcome }) => outcome)).not.toContain('pending');
      expect([inFlight(), listeners()]).toEqual([[0, 0, 0], 0]);
      outcomes.add(attempts[0]?.outcome);
    }
    // The failure came before the answer was won, and after.
    expect([...outcomes]).toEqual(['connection', 'lost']);
  });

  it('the call has the cost of the answer, not of a later failure', async () => {
    const outcomes = new Set<unknown>();
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const { gates, watched } = await open(false);
      gates.b.reject(new TypeError('fetch failed'));
      await wait(microtasks);
      gates.a.resolve(answerOf('a'));
      await pass(0);
      expect(callRecord(watched.value)).toMatchObject({ deployment: 'a', costUsd: null });
      outcomes.add(callRecord(watched.value)?.attempts[1]?.outcome);
    }
    expect(outcomes).toContain('connection');
  });

  it('one of two streams is returned, and the other closed', async () => {
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const { gates, watched, listeners } = await open(true);
      const closed: string[] = [];
      const streamOf = (model: string) => {
        const chunk = { model, choices: [{ index: 0, delta: { content: model } }] };
        const body = new ReadableStream({
          start: (stream) => stream.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(chunk)}\n\n`)),
          cancel: () => void closed.push(model),
        });
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
      };
      gates.b.resolve(streamOf('b'));
      // Without any wait, the other has started before the first is returned.
      if (microtasks > 0) await wait(microtasks);
      gates.a.resolve(streamOf('a'));
      await pass(0);
      const { deployment, attempts } = callRecord(watched.value) ?? {};
      expect(closed).toEqual(deployment === 'a' ? ['b'] : ['a']);
      expect(attempts?.map(({ outcome }) => outcome).toSorted()).toEqual(['lost', 'pending']);
      expect(listeners()).toBe(1);
    }
  });
});

describe('the cost of a hedged call', () => {
  const unpriced = { ...calm, deployments: { a: {}, b: { price } }, routes: { standard: ['a', 'b'] }, maxAttempts: 2 };

  it("is unknown if the answer's cost is unknown, whatever the other attempts cost", async () => {
    const { router } = build({ a: answer({ latencyMs: 600 }), b: fail(503, { latencyMs: 50 }) }, unpriced);
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+600 success', 'b 500+50 server-error hedge']);
    expect(callRecord(value)).toMatchObject({ costUsd: null, priceSource: null });
  });

  it('is that of an interrupted stream, in the same way', async () => {
    const models = { a: cut({ latencyMs: 600, afterChunks: 2 }), b: fail(503, { latencyMs: 50 }) };
    const { router } = build(models, unpriced);
    const error = await settled(streamChat(router).then(read)).then(({ value }) => value?.error);
    expect(attemptsOf(error)[1]).toBe('b 500+50 server-error hedge');
    expect(callRecord(error)).toMatchObject({ deployment: 'a', costUsd: null, priceSource: null });
  });
});

describe('not hedged:', () => {
  it('a paused deployment', async () => {
    const { router, calledModels } = build(
      {
        a: [answer(), hang()],
        b: [fail(429, { headers: { 'retry-after': '30' } }), answer()],
        c: answer({ latencyMs: 7 }),
      },
      { hedgeAfterMs: 500 },
    );
    await settled(sendChat(router));
    await settled(sendChat(router, 'b', { maxRetries: 0 }).catch(() => undefined));
    const { value } = await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'a', 'c']);
    expect(attemptsOf(value)).toEqual(['a 0+507 lost', 'c 500+7 success hedge']);
  });

  it('an attempt without a token, which still leaves the reserve for the next one', async () => {
    const { router } = build(
      { a: hang(), b: answer() },
      { ...calm, deadlineMs: 2000, retry: { budget: 0, minPerSecond: 0 } },
    );
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+1000 timeout', 'b 1000+0 success']);
  });

  it('a call with maxAttempts: 1', async () => {
    const { router, calledModels } = build({ a: answer({ latencyMs: 5000 }), b: answer() }, calm);
    await settled(sendChat(router, 'standard', { maxRetries: 0 }));
    expect(calledModels()).toEqual(['a']);
    expect(router.explain({ model: 'standard', messages: [] }, { maxRetries: 0 })).toMatchObject({
      hedgeAfterMs: null,
      hedgeDisabledReason: 'it may make one attempt only',
    });
  });

  it('a call whose explain() reports the reason: no tokens, others too expensive, all paused', async () => {
    const body = { model: 'standard', messages: [] };
    const models = { a: fail(429, { headers: { 'retry-after': '60' } }), b: answer({ latencyMs: 900 }) };
    const explained = (settings: Setup) => build(models, { hedgeAfterMs: 500, ...settings }).router.explain(body);
    expect(explained({})).toMatchObject({ hedgeAfterMs: 500, hedgeDisabledReason: null });
    expect(explained({ retry: { budget: 0, minPerSecond: 0 } })).toMatchObject({
      hedgeAfterMs: null,
      hedgeDisabledReason: 'retry.budget and retry.minPerSecond are 0, and a hedge takes a token',
    });
    const deployments = { a: {}, b: { price } };
    const routes = { standard: ['a', 'b'] };
    expect(explained({ deployments, routes, maxCostUsd: 1, unknownPrice: 'refuse' })).toMatchObject({
      hedgeAfterMs: null,
      hedgeDisabledReason: 'there is no other deployment that it may go to',
    });
    const { router } = build({ a: models.a, b: models.a }, { hedgeAfterMs: 500, deadlineMs: 200 });
    await settled(sendChat(router));
    expect(router.explain(body)).toMatchObject({
      hedgeAfterMs: null,
      hedgeDisabledReason: 'no deployment is available now',
    });
  });

  it.each<[string, Setup, number | null, string[]]>([
    ['at the end of its share of the deadline', {}, 500, ['a 0+500 lost', 'b 500+0 success hedge']],
    ['never, if the attempt ends before', { attemptTimeoutMs: 300 }, null, ['a 0+300 timeout', 'b 300+0 success']],
  ])('an attempt that ends before hedgeAfterMs: %s', async (_, settings, hedgeAfterMs, attempts) => {
    const { router } = build(
      { a: hang(), b: answer() },
      { ...calm, hedgeAfterMs: 5000, deadlineMs: 1000, ...settings },
    );
    const hedgeDisabledReason =
      hedgeAfterMs === null ? expect.stringMatching(/due after 5000 ms.*ends after 300 ms/) : null;
    expect(router.explain({ model: 'standard', messages: [] })).toMatchObject({ hedgeAfterMs, hedgeDisabledReason });
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(attempts);
  });

  it('a stream whose first content must come earlier', () => {
    const { router } = build({ a: hang(), b: answer() }, { ...calm, deadlineMs: 9000, firstChunkTimeoutMs: 300 });
    const body = { model: 'standard', messages: [] };
    expect(router.explain({ ...body, stream: true }).hedgeDisabledReason).toMatch(/ends after 300 ms/);
    expect(router.explain(body)).toMatchObject({ hedgeAfterMs: 500, hedgeDisabledReason: null });
  });

  it('a call for vectors, to a model with other vectors', async () => {
    const { router, calledModels } = build(
      { a: answer({ latencyMs: 900 }), b: answer(), c: answer() },
      {
        ...calm,
        deployments: { a: { embeddingSpace: 's' }, b: {}, c: { embeddingSpace: 's' } },
        routes: { standard: ['a', 'b', 'c'] },
      },
    );
    await settled(router.embeddings.create({ model: 'standard', input: 'x' }));
    expect(calledModels()).toEqual(['a', 'c']);
  });
});

describe('the time of an attempt', () => {
  const kept = { breaker: false, hedgeAfterMs: 5000, deadlineMs: 2000 } as const;

  it('continues beyond the reserve for the next one, when a hedge starts then', async () => {
    const { router, calledModels } = build({ a: answer({ latencyMs: 1200 }), b: answer({ latencyMs: 400 }) }, kept);
    const watched = watch(sendChat(router));
    await pass(999);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(200);
    expect(attemptsOf(watched.value)).toEqual(['a 0+1200 success', 'b 1000+200 lost hedge']);
  });

  it('lasts until the deadline then', async () => {
    const { router, fake } = build({ a: hang(), b: hang() }, kept);
    const watched = watch(sendChat(router));
    await pass(1999);
    expect([watched.state, fake.open]).toEqual(['pending', 2]);
    await pass(1);
    expect(watched.error).toMatchObject({ code: 'deadline_exceeded' });
    expect([attemptsOf(watched.error), fake.open]).toEqual([['a 0+2000 deadline', 'b 1000+1000 deadline hedge'], 0]);
  });

  it('has one hedge, which does not start again at hedgeAfterMs', async () => {
    const { router, calledModels } = build(
      { a: hang(), b: hang(), c: answer() },
      { ...kept, hedgeAfterMs: 2500, deadlineMs: 4000 },
    );
    const watched = watch(sendChat(router));
    await pass(2000);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(999);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(1);
    expect(attemptsOf(watched.value)).toEqual(['a 0+3000 lost', 'b 2000+1000 lost hedge', 'c 3000+0 success hedge']);
  });

  it('sends a second hedge only at the end of the first hedge’s time', async () => {
    const { router, calledModels } = build({ a: hang(), b: hang(), c: answer() }, { ...kept, hedgeAfterMs: 900 });
    const watched = watch(sendChat(router));
    await pass(1449);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(1);
    expect(attemptsOf(watched.value)).toEqual(['a 0+1450 lost', 'b 900+550 lost hedge', 'c 1450+0 success hedge']);
  });

  it('does not end early for a deployment that cannot be a hedge, while others run', async () => {
    const quick = Array.from({ length: 10 }, () => answer());
    const models = { a: hang(), b: [...quick, answer({ latencyMs: 1400 })], c: answer() };
    const { router } = build(models, { ...kept, hedgeAfterMs: 500, retry: { budget: 0.1, minPerSecond: 1 } });
    // They take the tokens: ten calls bring one more.
    for (let i = 0; i < 10; i++) await settled(sendChat(router));
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+1900 lost', 'b 500+1400 success hedge']);
  });

  it('fails over without a token at the end of its own timeout', async () => {
    const { router } = build({ a: hang(), b: answer() }, { ...kept, attemptTimeoutMs: 800 });
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+800 timeout', 'b 800+0 success']);
  });

  it('never exceeds attemptTimeoutMs', async () => {
    const { router } = build({ a: hang(), b: answer({ latencyMs: 700 }) }, { ...calm, attemptTimeoutMs: 800 });
    const { value } = await settled(sendChat(router));
    expect(attemptsOf(value)).toEqual(['a 0+800 timeout', 'b 500+700 success hedge']);
  });
});
