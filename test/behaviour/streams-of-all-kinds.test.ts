import { callRecord, StreamInterruptedError } from 'model-router';
import { answer, cut, endEarly, errorEvent, fail, noDone, noFinishReason, stall } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { content, done, event, finish, role, stream } from '../helpers/event-streams.js';
import { collect, messages, read, sendChat, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

describe('usage', () => {
  const price = { input: 2, output: 10 };
  const usage = { inputTokens: 1000, outputTokens: 100 };
  const priced = { deployments: { a: { price } }, routes: { standard: ['a'] } };
  const bodyOf = ({ fake }: ReturnType<typeof build>) => fake.requests[0]?.body;

  it('is requested if there is a price, and its chunk hidden from a caller who did not request it', async () => {
    const built = build({ a: answer({ usage }) }, priced);
    const handed = await streamChat(built.router);
    const { chunks } = await read(handed);
    expect(bodyOf(built)).toMatchObject({ stream_options: { include_usage: true } });
    expect(chunks.every((chunk) => chunk.choices.length > 0)).toBe(true);
    expect(callRecord(handed)).toMatchObject({
      usage: { inputTokens: 1000, outputTokens: 100, cachedInputTokens: 0, reasoningTokens: 0 },
      providerUsage: { prompt_tokens: 1000, completion_tokens: 100 },
      costUsd: 0.003,
    });
  });

  it('is delivered to a caller who requested it', async () => {
    const built = build({ a: answer({ usage }) }, priced);
    const stream_options = { include_usage: true };
    const { chunks } = await collect(
      await built.router.chat.completions.create({ model: 'a', messages, stream: true, stream_options }),
    );
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 1000 } });
  });

  it('is requested beside the other stream options of the caller', async () => {
    const built = build({ a: answer() }, priced);
    const stream_options = { include_obfuscation: false, include_usage: false };
    await read(await built.router.chat.completions.create({ model: 'a', messages, stream: true, stream_options }));
    expect(bodyOf(built)).toMatchObject({ stream_options: { include_obfuscation: false, include_usage: true } });
  });

  it.each([
    ['without a price', { deployments: { a: {} } }, { usage: null, costUsd: null }],
    [
      'with streamUsage: false',
      { deployments: { a: { price, streamUsage: false } } },
      { usage: { outputTokens: expect.any(Number) }, costUsd: expect.any(Number), estimated: true },
    ],
  ])('is not requested for %s', async (_, settings, known) => {
    const built = build({ a: answer() }, settings);
    const handed = await streamChat(built.router, 'a');
    await read(handed);
    expect(bodyOf(built)).not.toHaveProperty('stream_options');
    expect(callRecord(handed)).toMatchObject({ ...known, providerUsage: null });
  });

  it('is never requested without a stream', async () => {
    const built = build({ a: answer() }, priced);
    await sendChat(built.router);
    expect(bodyOf(built)).not.toHaveProperty('stream_options');
  });

  it('is requested from the next deployment by its own price', async () => {
    const built = build(
      { a: fail(500), b: answer() },
      { deployments: { a: { price }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    await read(await streamChat(built.router));
    expect(built.fake.requests.map(({ body }) => body)).toEqual([
      expect.objectContaining({ stream_options: { include_usage: true } }),
      expect.not.objectContaining({ stream_options: expect.anything() }),
    ]);
  });

  it('in the chunk with the finish reason is counted, and that chunk delivered', async () => {
    const last = event({
      id: '1',
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5 },
    });
    const built = build({ a: stream([role, content('Hi'), last, done]) }, priced);
    const handed = await streamChat(built.router);
    expect((await read(handed)).chunks).toHaveLength(3);
    expect(callRecord(handed)?.usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
  });
});

describe('a stream of several choices', () => {
  const two = (router: OpenAI) => router.chat.completions.create({ model: 'standard', messages, stream: true, n: 2 });

  it('ends when all of them have', async () => {
    const { router } = build({ a: noDone() });
    const handed = await two(router);
    const { chunks, error } = await read(handed);
    expect(error).toBeUndefined();
    expect(new Set(chunks.map((chunk) => chunk.choices[0]?.index))).toEqual(new Set([0, 1]));
  });

  it('is interrupted if only one has', async () => {
    const { router } = build({ a: stream([role, content('A'), content('B', 1), finish()], { ending: 'close' }) });
    expect((await read(await two(router))).error).toMatchObject({ reason: 'cut' });
  });

  it('is interrupted if one of them has ended twice', async () => {
    const { router } = build({
      a: stream([role, content('A'), content('B', 1), finish(), finish()], { ending: 'close' }),
    });
    expect((await read(await two(router))).error).toMatchObject({ reason: 'cut' });
  });
});

describe('a stream of /completions', () => {
  const complete = (router: OpenAI, prompt: string | string[] = 'Once') =>
    router.completions.create({ model: 'standard', prompt, stream: true });
  const text = (value: string, finish_reason: string | null = null, index = 0) =>
    event({ id: 'cmpl-1', choices: [{ index, text: value, finish_reason }] });

  it('is read like one of chat', async () => {
    const { router } = build({ a: fail(500), b: answer({ content: 'upon a time' }) });
    const { chunks, error } = await collect(await complete(router));
    expect([chunks.map((chunk) => chunk.choices[0]?.text).join(''), error]).toEqual(['upon a time', undefined]);
  });

  it('is interrupted like one of chat', async () => {
    const { router, calledModels } = build({ a: cut({ chunks: ['upon ', 'a ', 'time'] }), b: answer() });
    const { error } = await collect(await complete(router));
    expect(error).toBeInstanceOf(StreamInterruptedError);
    expect(error).toMatchObject({ reason: 'cut', text: 'upon ' });
    expect(calledModels()).toEqual(['a']);
  });

  it('of several prompts ends when all of them have', async () => {
    const script = stream([text('a'), text('', 'stop'), text('b', null, 1)], { ending: 'close' });
    const { router } = build({ a: script });
    expect((await collect(await complete(router, ['One', 'Two']))).error).toMatchObject({ reason: 'cut' });
  });
});

describe('a stream of /responses', () => {
  const respond = (router: OpenAI) => router.responses.create({ model: 'standard', input: 'Hello', stream: true });
  const before = { afterChunks: 0 };

  it.each([
    ['an error status', fail(500)],
    ['an error event', errorEvent(before)],
    ['a cut', cut(before)],
    ['an early end', endEarly(before)],
    ['a failed response', answer({ content: '', finishReason: 'error' })],
  ])('fails over before its first content: %s', async (_, script) => {
    const { router, calledModels } = build({ a: script, b: answer({ content: 'Hello from b.' }) });
    const handed = await respond(router);
    const { chunks, error } = await collect(handed);
    expect(error).toBeUndefined();
    expect(chunks[0]?.type).toBe('response.created');
    expect(
      chunks
        .filter((each) => each.type === 'response.output_text.delta')
        .map((each) => each.delta)
        .join(''),
    ).toBe('Hello from b.');
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it.each([
    ['cut', cut()],
    ['missing-end', endEarly()],
    ['missing-end', noFinishReason()],
    ['stalled', stall()],
  ])('is interrupted after its first content: %s', async (reason, script) => {
    const { router, calledModels } = build({ a: script, b: answer() }, { chunkTimeoutMs: 1000 });
    const { value: { error } = {} } = await settled(respond(router).then(collect));
    expect(error).toMatchObject({ code: 'stream_interrupted', reason, partial: expect.any(Array) });
    expect(calledModels()).toEqual(['a']);
  });

  it.each(['stop', 'length', 'content_filter'])('ends successfully with its last event: %s', async (finishReason) => {
    const { router } = build({ a: answer({ finishReason }) });
    const handed = await respond(router);
    expect((await collect(handed)).error).toBeUndefined();
    expect(callRecord(handed)).toMatchObject({ attempts: [{ outcome: 'success' }], usage: { inputTokens: 2 } });
  });

  it('passes on a failure event after its first content, and counts it against the deployment', async () => {
    const { router } = build({ a: answer({ finishReason: 'error' }) }, { breaker: { consecutive: 1 }, cache: true });
    const failures: unknown[] = [];
    router.on('attempt-failed', ({ attempt }) => failures.push(attempt.outcome));
    const stream = await respond(router);
    const { chunks, error } = await collect(stream);
    expect(error).toBeUndefined();
    expect(chunks.at(-1)?.type).toBe('response.failed');
    expect(callRecord(stream)?.attempts).toMatchObject([
      { outcome: 'server-error', status: 200, code: 'server_error' },
    ]);
    expect(failures).toEqual(['server-error']);
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'open', failures: 1, uptime: 0 });
  });

  it.each([false, true])('counts it against the call too (cache: %s), and books what has come', async (cache) => {
    const deployments = { a: { price: { input: 0, output: 1000 } } };
    const models = { a: answer({ finishReason: 'error', usage: false }) };
    const { router } = build(models, { deployments, routes: { standard: ['a'] }, cache });
    const errors: unknown[] = [];
    router.on('call-ended', ({ error }) => errors.push(error));
    const body = { model: 'standard', input: 'Hello', stream: true, store: false } as const;
    const stream = await router.responses.create(body);
    await collect(stream);
    expect(errors).toMatchObject([{ status: 500, code: 'server_error' }]);
    expect(router.snapshot().routes.standard).toMatchObject({ failures: 1, uptime: 0 });
    expect(callRecord(stream)?.costUsd).toBeGreaterThan(0);
  });

  it('fails over after a failure event where the stream is held for `accept`', async () => {
    const { router } = build(
      { a: answer({ finishReason: 'error' }), b: answer('Second.') },
      { deployments: { a: {}, b: {} }, routes: { standard: { deployments: ['a', 'b'], accept: () => true } } },
    );
    const stream = await respond(router);
    expect((await collect(stream)).chunks.at(-1)?.type).toBe('response.completed');
    expect(callRecord(stream)).toMatchObject({ deployment: 'b', attempts: [{ outcome: 'interrupted' }, {}] });
  });

  it('needs no extra parameter for usage', async () => {
    const deployments = { a: { price: { input: 1, output: 1 } } };
    const { router, fake } = build(
      { a: answer({ usage: { inputTokens: 5, outputTokens: 5 } }) },
      { deployments, routes: { standard: ['a'] } },
    );
    const handed = await respond(router);
    await collect(handed);
    expect(fake.requests[0]?.body).not.toHaveProperty('stream_options');
    expect(callRecord(handed)?.costUsd).toBeCloseTo(0.00001, 12);
  });
});

describe('streams of other endpoints', () => {
  it('end when their body ends', async () => {
    const { router } = build({ a: noDone() });
    const file = new File(['sound'], 'a.wav');
    const handed = await router.audio.transcriptions.create({ model: 'standard', file, stream: true });
    const { chunks, error } = await collect(handed);
    expect(error).toBeUndefined();
    expect(chunks.at(-1)?.type).toBe('transcript.text.done');
  });
});
