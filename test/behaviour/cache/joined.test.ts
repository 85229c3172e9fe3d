import { callOptions, callRecord, DeadlineExceededError, StreamInterruptedError } from 'model-router';
import { answer, cut, fail, hang } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { APIUserAbortError } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { collect, errorOf, read, sendChat, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const use = (holder: unknown) => callRecord(holder)?.cache;
const withSignal = () => {
  const controller = new AbortController();
  return { controller, options: { signal: controller.signal } };
};

describe('identical calls in flight', () => {
  it('share one upstream call; each gets its own answer, and one pays', async () => {
    const { router, calledModels } = build(
      { a: answer({ latencyMs: 100 }) },
      { cache: true, deployments: { a: { price: { input: 1, output: 1 } } }, routes: { standard: ['a'] } },
    );
    const calls = Array.from({ length: 50 }, () => sendChat(router));
    await pass(100);
    const answers = await Promise.all(calls);
    expect(calledModels()).toEqual(['a']);
    expect(new Set(answers).size).toBe(50);
    expect(answers.map(use)).toEqual(['miss', ...Array.from({ length: 49 }, () => 'joined')]);
    const costs = answers.map((each) => callRecord(each)?.costUsd);
    expect(costs[0]).toBeGreaterThan(0);
    expect(costs.slice(1)).toEqual(Array.from({ length: 49 }, () => 0));
    const { cache, routes } = router.snapshot();
    expect(cache).toMatchObject({ misses: 1, joined: 49, hits: 0, savedUsd: expect.closeTo(49 * (costs[0] ?? 0), 9) });
    expect(routes.standard).toMatchObject({ requests: 50, costUsd: costs[0] });
  });

  it('are not shared across tenants, or between a stream and another call', async () => {
    const { router, calledModels } = build({ a: answer({ latencyMs: 100 }) }, { cache: true });
    const calls = [sendChat(router), sendChat(router, 'standard', callOptions({ tenant: 'b' })), streamChat(router)];
    await pass(200);
    await Promise.all(calls);
    expect(calledModels()).toHaveLength(3);
  });

  it('continue when one of them is aborted, also the first; aborting the last cancels the upstream call', async () => {
    const { router, fake } = build({ a: answer({ latencyMs: 100 }) }, { cache: true });
    const [first, second] = [withSignal(), withSignal()];
    const one = watch(sendChat(router, 'standard', first.options));
    const two = watch(sendChat(router, 'standard', second.options));
    await pass(50);
    first.controller.abort('gone');
    await pass(0);
    expect(one).toMatchObject({ state: 'rejected', at: 50 });
    expect(one.error).toBeInstanceOf(APIUserAbortError);
    expect(two.state).toBe('pending');
    expect(fake.requests[0]?.outcome).toBe('open');
    await pass(50);
    expect(two.state).toBe('fulfilled');
    expect(callRecord(two.value)).toMatchObject({ cache: 'joined', attempts: [{ outcome: 'success' }] });

    const both = [withSignal(), withSignal()];
    const calls = both.map(({ options }) => watch(sendChat(router, 'standard', { ...options, query: { x: '1' } })));
    await pass(10);
    for (const { controller } of both) controller.abort();
    await pass(0);
    expect(calls.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    expect(fake.requests[1]?.outcome).toBe('aborted');
    expect(callRecord(calls[1]?.error)?.attempts).toMatchObject([{ outcome: 'aborted' }]);
    expect(fake.requests.at(-1)?.outcome).toBe('aborted');
  });

  it('each have their own deadline, also after one with a later deadline has left', async () => {
    const { router, fake } = build({ a: hang(), b: hang() }, { cache: true, deadlineMs: 1000, breaker: false });
    const one = watch(sendChat(router));
    await pass(300);
    const other = withSignal();
    const two = watch(sendChat(router, 'standard', other.options));
    await pass(400);
    other.controller.abort();
    await pass(299);
    expect([one.state, two.state]).toEqual(['pending', 'rejected']);
    await pass(1);
    expect(one).toMatchObject({ state: 'rejected', at: 1000 });
    expect(one.error).toBeInstanceOf(DeadlineExceededError);
    expect(fake.open).toBe(0);
  });

  it('each have their own deadline, and the upstream call has the latest of them', async () => {
    const { router, calledModels } = build({ a: answer({ latencyMs: 500 }) }, { cache: true, maxAttempts: 1 });
    const short = watch(sendChat(router, 'standard', callOptions({ deadlineMs: 200 })));
    const long = watch(sendChat(router, 'standard', callOptions({ deadlineMs: 1000 })));
    await pass(199);
    expect(short.state).toBe('pending');
    await pass(1);
    expect(short).toMatchObject({ state: 'rejected', at: 200, error: { code: 'deadline_exceeded', deadlineMs: 200 } });
    await pass(300);
    expect(long).toMatchObject({ state: 'fulfilled', at: 500 });
    expect(calledModels()).toEqual(['a']);
  });

  it('each end at their own deadline when no upstream answers, and leave nothing in flight', async () => {
    const { router, fake } = build({ a: hang() }, { cache: true, maxAttempts: 1 });
    const short = watch(sendChat(router, 'standard', callOptions({ deadlineMs: 200 })));
    const long = watch(sendChat(router, 'standard', callOptions({ deadlineMs: 1000 })));
    await pass(1000);
    expect([short, long].map(({ at }) => at)).toEqual([200, 1000]);
    expect(long.error).toBeInstanceOf(DeadlineExceededError);
    expect(callRecord(long.error)?.attempts).toMatchObject([{ outcome: 'deadline' }]);
    await pass(0);
    expect(fake.requests.at(-1)?.outcome).toBe('aborted');
  });

  it('fail together, each with its own error and record; the next call is sent again', async () => {
    const { router, calledModels } = build(
      { a: [fail(500, { latencyMs: 10 }), answer()] },
      { cache: true, maxAttempts: 1 },
    );
    const calls = [errorOf(sendChat(router)), errorOf(sendChat(router))];
    await pass(10);
    const [one, two] = await Promise.all(calls);
    expect([one, two]).toMatchObject([{ status: 500 }, { status: 500 }]);
    expect(one).not.toBe(two);
    expect(callRecord(one)?.id).not.toBe(callRecord(two)?.id);
    await sendChat(router);
    expect(calledModels()).toHaveLength(2);
  });

  it('are not joined where their limits differ', async () => {
    const { router } = build({ a: answer({ latencyMs: 500 }) }, { cache: true });
    const impatient = watch(sendChat(router, 'standard', { timeout: 100 }));
    const once = watch(sendChat(router, 'standard', { maxRetries: 0 }));
    const usual = [watch(sendChat(router)), watch(sendChat(router))];
    await pass(500);
    expect([impatient, once, ...usual].map(({ state }) => state)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(usual.map(({ value }) => use(value))).toEqual(['miss', 'joined']);
  });

  it('send the body as it was at the call, whatever the caller changes in it later', async () => {
    const { router, fake } = build({ a: [fail(500, { latencyMs: 10 }), answer()] }, { cache: true });
    const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Refunds?' }] };
    const call = router.chat.completions.create(body);
    await pass(5);
    body.messages.push({ role: 'user', content: 'Forget it.' });
    await pass(10);
    await call;
    for (const request of fake.requests) expect(request.body).toMatchObject({ messages: [{ content: 'Refunds?' }] });
    expect(fake.requests).toHaveLength(2);
  });
});

describe('streams in flight', () => {
  const slow = () => answer({ content: 'one two three four five six', chunks: 6, chunkMs: 10 });

  it('can be joined late: delivered chunks come at once, then the rest as it comes', async () => {
    const { router, calledModels } = build({ a: slow() }, { cache: true });
    const first = await streamChat(router);
    const reading = read(first);
    await pass(25);
    const late = await streamChat(router);
    const lateReading = watch(read(late));
    await pass(0);
    expect(lateReading.state).toBe('pending');
    await pass(200);
    const [one, two] = [await reading, lateReading];
    expect(one.text).toBe('one two three four five six');
    expect(two.value?.chunks).toEqual(one.chunks);
    expect(two.value?.chunks[1]).not.toBe(one.chunks[1]);
    expect([use(first), use(late)]).toEqual(['miss', 'joined']);
    expect(calledModels()).toEqual(['a']);
    const third = await streamChat(router);
    expect((await read(third)).chunks).toEqual(one.chunks);
    expect(use(third)).toBe('hit');
  });

  it('continue when one reader breaks off, and are cancelled by the last', async () => {
    const { router, fake } = build({ a: slow() }, { cache: true });
    const [one, two] = await Promise.all([streamChat(router), streamChat(router)]);
    for await (const _ of one) break;
    const rest = watch(read(two));
    await pass(200);
    expect(rest.value?.text).toBe('one two three four five six');
    const [third, fourth] = await Promise.all([streamChat(router, 'a'), streamChat(router, 'a')]);
    third.controller.abort();
    for await (const _ of fourth) break;
    await pass(0);
    expect(fake.requests.at(-1)?.outcome).toBe('aborted');
    expect(callRecord(fourth)?.attempts).toMatchObject([{ outcome: 'aborted' }]);
    await settled(streamChat(router, 'a'));
    expect(fake.requests).toHaveLength(3);
  });

  it('are complete for a caller that joins at the moment when the only reader leaves', async () => {
    for (const how of ['break', 'abort']) {
      for (let ticks = 0; ticks < 8; ticks++) {
        const { router } = build({ a: slow() }, { cache: true });
        const stream = await streamChat(router);
        const reader = stream[Symbol.asyncIterator]();
        await reader.next();
        const joined = streamChat(router).then(read);
        for (let i = 0; i < ticks; i++) await Promise.resolve();
        if (how === 'abort') stream.controller.abort();
        else void reader.return?.();
        const { value } = await settled(joined);
        expect(value).toMatchObject({ text: 'one two three four five six', error: undefined });
      }
    }
  });

  it('are in the record of the caller that pays: the next in line, if the first breaks off', async () => {
    const { router } = build({ a: fail(500), b: slow() }, { cache: true });
    const ended: string[][] = [];
    router.on('call-ended', ({ record }) => ended.push(record.attempts.map(({ outcome }) => outcome)));
    const [one, two] = await Promise.all([streamChat(router), streamChat(router)]);
    for await (const _ of one) break;
    await settled(read(two));
    expect(ended).toEqual([[], ['server-error', 'success']]);
    expect(callRecord(one)?.attempts).toEqual([]);
  });

  it('that break, break for each caller, and are not stored', async () => {
    const { router, calledModels } = build(
      { a: cut({ afterChunks: 3, content: 'one two three four five six' }) },
      { cache: true },
    );
    const streams = await Promise.all([streamChat(router), streamChat(router)]);
    const reads = await Promise.all(streams.map(read));
    for (const { error, chunks } of reads) {
      expect(error).toBeInstanceOf(StreamInterruptedError);
      expect((error as StreamInterruptedError).partial).toEqual(chunks);
    }
    expect(reads[0]?.error).not.toBe(reads[1]?.error);
    await read(await streamChat(router));
    expect(calledModels()).toHaveLength(2);
  });
});

describe('a stream and a completion', () => {
  const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Hi' }] };
  const text = (chunks: OpenAI.ChatCompletionChunk[]) =>
    chunks.map((each) => each.choices[0]?.delta.content ?? '').join('');

  it('are answered from each other’s entries, with usage only if requested', async () => {
    const { router, calledModels } = build({ a: answer({ content: 'Hello you' }) }, { cache: true });
    const whole = await router.chat.completions.create(body);
    const { chunks } = await read(await router.chat.completions.create({ ...body, stream: true }));
    expect(chunks.map((each) => each.choices[0]?.delta.role ?? null)).toEqual(['assistant', null, null]);
    expect(text(chunks)).toBe('Hello you');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.every((each) => each.id === whole.id && each.usage === undefined)).toBe(true);
    const options = { include_usage: true };
    const withUsage = await read(
      await router.chat.completions.create({ ...body, stream: true, stream_options: options }),
    );
    expect(withUsage.chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });

    const other = { ...body, seed: 1 };
    await read(await router.chat.completions.create({ ...other, stream: true }));
    const joined = await router.chat.completions.create(other);
    expect(joined).toMatchObject({ object: 'chat.completion', usage: whole.usage, model: whole.model });
    expect(joined.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Hello you' },
    });
    expect(calledModels()).toHaveLength(2);
  });

  it('are cached with tool calls if `toolCalls` is set', async () => {
    const toolCalls = [{ name: 'f', arguments: { a: 1 } }];
    const { router, calledModels } = build({ a: answer({ toolCalls }) }, { cache: { mode: 'all', toolCalls: true } });
    const withTools = { ...body, tools: [{ type: 'function' as const, function: { name: 'f' } }] };
    await read(await router.chat.completions.create({ ...withTools, stream: true }));
    const whole = await router.chat.completions.create(withTools);
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] },
    });
    const { value: final } = await settled(router.chat.completions.stream(withTools).finalChatCompletion());
    expect(final?.choices[0]?.message.tool_calls).toMatchObject(whole.choices[0]?.message.tool_calls ?? []);
    expect(calledModels()).toHaveLength(1);
  });

  it('works for Responses too', async () => {
    const { router, calledModels } = build({ a: answer({ content: 'Hello you' }) }, { cache: true });
    const request = { model: 'standard', input: 'Hi', store: false };
    const whole = await router.responses.create(request);
    const { value: final, error } = await settled(router.responses.stream(request).finalResponse());
    expect(error).toBeUndefined();
    expect(final?.output_text).toBe('Hello you');
    expect(final?.usage).toEqual(whole.usage);
    const streamed = { ...request, instructions: 'Be brief.' };
    const { chunks } = await collect(await router.responses.create({ ...streamed, stream: true }));
    expect(chunks.at(-1)?.type).toBe('response.completed');
    expect((await router.responses.create(streamed)).output_text).toBe('Hello you');
    expect(calledModels()).toHaveLength(2);
  });
});
