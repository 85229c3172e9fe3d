import { callRecord, StreamInterruptedError } from 'model-router';
import { answer, type Behaviour, cut, endEarly, errorEvent, fail, malformed, stall } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { content, done, event, finish, role, stream } from '../helpers/event-streams.js';
import { collect, messages, read, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const file = () => new File(['sound'], 'a.wav');
const image = { model: 'standard', prompt: 'A cat', stream: true, partial_images: 2 } as const;

/** Streamed endpoints, their first events, and their last one. */
const endpoints: [string, (router: OpenAI) => PromiseLike<AsyncIterable<{ type: string }>>, string, string][] = [
  ['images.generate', (r) => r.images.generate(image), 'image_generation.partial_image', 'image_generation.completed'],
  [
    'images.edit',
    (r) => r.images.edit({ ...image, image: file() }),
    'image_edit.partial_image',
    'image_edit.completed',
  ],
  [
    'audio.transcriptions',
    (r) => r.audio.transcriptions.create({ model: 'standard', file: file(), stream: true }),
    'transcript.text.delta',
    'transcript.text.done',
  ],
  [
    'audio.speech',
    (r) =>
      r.post('/audio/speech', {
        body: { model: 'standard', input: 'Hi', voice: 'alloy', stream_format: 'sse' },
        stream: true,
      }) as PromiseLike<AsyncIterable<{ type: string }>>,
    'speech.audio.delta',
    'speech.audio.done',
  ],
];

describe.each(endpoints)('a stream of %s', (_, make, first, last) => {
  it('ends with its last event', async () => {
    const { router } = build({ a: answer() });
    const handed = await make(router);
    const { chunks, error } = await collect(handed);
    expect(error).toBeUndefined();
    expect([chunks[0]?.type, chunks.at(-1)?.type]).toEqual([first, last]);
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'success' }]);
  });

  it.each<[string, Behaviour, string]>([
    ['a cut', cut(), 'cut'],
    ['an error event', errorEvent({ error: { code: 'overloaded' } }), 'error-event'],
    ['broken JSON', malformed(), 'malformed'],
  ])('is interrupted before it: %s', async (_, does, reason) => {
    const { router, calledModels } = build({ a: does, b: answer() }, { breaker: { consecutive: 1 } });
    const handed = await make(router);
    const { chunks, error } = await collect(handed);
    expect(chunks).toMatchObject([{ type: first }]);
    expect(error).toBeInstanceOf(StreamInterruptedError);
    expect(error).toMatchObject({ reason, partial: chunks });
    expect(calledModels()).toEqual(['a']);
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'interrupted' }]);
    expect(router.snapshot().deployments.a).toMatchObject({ failures: 1 });
  });

  it('ends like on a plain client where the body ends early, and is marked as unfinished', async () => {
    const { router } = build({ a: endEarly() });
    const handed = await make(router);
    expect(await collect(handed)).toMatchObject({ chunks: [{ type: first }], error: undefined });
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'success', unfinished: true }]);
  });

  it('is interrupted by silence longer than chunkTimeoutMs', async () => {
    const { router } = build({ a: stall() }, { chunkTimeoutMs: 1000 });
    const { value, at } = await settled(Promise.resolve(make(router)).then(collect));
    expect([value?.error, at]).toMatchObject([{ reason: 'stalled' }, 1000]);
  });

  it('fails over before its first event', async () => {
    const { router, calledModels } = build({ a: fail(500), b: answer() });
    expect((await collect(await make(router))).error).toBeUndefined();
    expect(calledModels()).toEqual(['a', 'b']);
  });
});

describe('silence without chunkTimeoutMs', () => {
  it('is allowed for image streams, however long', async () => {
    const { router } = build({ a: stall({ ms: 33_000 }) });
    const { value } = await settled(Promise.resolve(router.images.generate(image)).then(collect));
    expect(value).toMatchObject({ error: undefined, chunks: [{}, {}, { type: 'image_generation.completed' }] });
  });

  it('ends other streams after 30 s', async () => {
    const { router } = build({ a: stall({ ms: 33_000 }) });
    const transcript = router.audio.transcriptions.create({ model: 'standard', file: file(), stream: true });
    const { value, at } = await settled(transcript.then(collect));
    expect([value?.error, at]).toMatchObject([{ reason: 'stalled' }, 30_000]);
  });
});

describe('a finish reason in every chunk', () => {
  const both = (text: string, reason: string) =>
    event({ id: 'c', model: 'm', choices: [{ index: 0, delta: { content: text }, finish_reason: reason }] });
  const chunks = (reason: string) => [role, both('one ', reason), both('two ', reason)];

  it.each<[string, Behaviour, string]>([
    ['a cut', stream(chunks('stop'), { ending: 'close' }), 'cut'],
    ['an error event', stream([...chunks('stop'), event({ error: { code: 'overloaded' } })]), 'error-event'],
    ['silence', stream(chunks('stop'), { ending: 'hang' }), 'stalled'],
    ['a cut, with the text "null"', stream(chunks('null'), { ending: 'close' }), 'cut'],
    ['a cut after the first', stream([both('one ', 'stop')], { ending: 'close' }), 'cut'],
    ['an end, with the text "null"', stream(chunks('null'), { ending: 'end' }), 'missing-end'],
  ])('does not end the stream before %s', async (_, does, reason) => {
    const { router, fake } = build({ a: does }, { cache: 'idempotent' });
    const sendChat = () =>
      router.chat.completions.create({ model: 'standard', messages, stream: true, temperature: 0 });
    const { value } = await settled(sendChat().then(read));
    expect(value).toMatchObject({ text: expect.stringMatching(/^one /), error: { reason } });
    // It is not stored for the next caller, either.
    await settled(sendChat().then(read));
    expect(fake.count).toBe(2);
  });

  it.each(['end', 'hang'] as const)('is valid with [DONE], and with usage: %s', async (ending) => {
    const usage = event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } });
    const { router } = build({ a: stream([...chunks('stop'), usage, done], { ending }) });
    const { value } = await settled(streamChat(router).then(read));
    expect(value).toMatchObject({ text: 'one two ', error: undefined });
  });

  it('of several choices: content after one withdraws that one only', async () => {
    const chunks = [content('A'), content('B', 1), finish('stop', 0), finish('stop', 1), content('more', 1)];
    const { router } = build({ a: stream(chunks, { ending: 'close' }) });
    const sendChat = router.chat.completions.create({ model: 'standard', messages, stream: true, n: 2 });
    expect((await read(await sendChat)).error).toMatchObject({ reason: 'cut' });
  });
});

describe('unreliable server fields', () => {
  const price = { input: 1, output: 1 };

  it('zeros after the real usage do not make a stream free', async () => {
    const usage = (prompt_tokens: number, completion_tokens: number) =>
      event({ id: 'c', model: 'm', choices: [], usage: { prompt_tokens, completion_tokens } });
    const chunks = [role, content('Hi'), finish(), usage(1000, 2000), usage(0, 0), done];
    const { router } = build({ a: stream(chunks) }, { deployments: { a: { price } }, routes: { standard: ['a'] } });
    const handed = await streamChat(router);
    await read(handed);
    expect(callRecord(handed)).toMatchObject({
      costUsd: 0.003,
      usage: { inputTokens: 1000, outputTokens: 2000 },
    });
  });

  it('a server that ignores `n` and sends no [DONE] has answered', async () => {
    const { router } = build({ a: stream([role, content('Hi'), finish()]) });
    const handed = await router.chat.completions.create({ model: 'standard', messages, stream: true, n: 2 });
    expect(await read(handed)).toMatchObject({ text: 'Hi', error: undefined });
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'success' }]);
  });

  it('Azure’s first chunk, with an empty id and model, does not set the served model', async () => {
    const azure = event({ id: '', model: '', choices: [], prompt_filter_results: [] });
    const prices = { 'm-2025': { input: 1, output: 1 }, m: { input: 2, output: 2 } };
    const { router } = build({ a: stream([azure, role, content('Hi'), finish(), done]) }, { prices });
    const handed = await streamChat(router);
    await read(handed);
    expect(callRecord(handed)?.servedModel).toBe('m');
  });

  it('an empty model in a whole answer does not set the served model', async () => {
    const body = { id: '', model: '', choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' } }] };
    const { router } = build({ a: answer({ body }) });
    const handed = await router.chat.completions.create({ model: 'standard', messages });
    expect(callRecord(handed)?.servedModel).toBeNull();
  });

  it('an answer with 0 reported output tokens is a failure: the next deployment is tried', async () => {
    const usage = event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 0 } });
    const { router, calledModels } = build({
      a: stream([role, finish(), usage, done]),
      b: answer({ content: 'From b.' }),
    });
    expect((await read(await streamChat(router))).text).toBe('From b.');
    expect(calledModels()).toEqual(['a', 'b']);
  });
});
