import { callRecord, type InterruptionReason, StreamInterruptedError } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  endEarly,
  errorEvent,
  malformed,
  noDone,
  noFinishReason,
  resetMidBody,
  stall,
} from 'model-router/testing';
import { APIConnectionError, type OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { content, done, finish, role, stream } from '../helpers/event-streams.js';
import { read, sendChat, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const four = { chunks: ['One ', 'two ', 'three ', 'four.'], afterChunks: 2 };

describe('a stream that breaks after its first content', () => {
  it.each<[string, Behaviour, InterruptionReason]>([
    ['a cut', cut(four), 'cut'],
    ['a reset', resetMidBody(four), 'cut'],
    ['silence', stall(four), 'stalled'],
    ['an error event', errorEvent(four), 'error-event'],
    ['broken JSON', malformed(four), 'malformed'],
    ['a clean end without an end mark', endEarly(four), 'missing-end'],
  ])('throws StreamInterruptedError with all that was delivered, without failover: %s', async (_, does, reason) => {
    const { router, fake, calledModels } = build({ a: does, b: answer() }, { breaker: { consecutive: 1 } });
    const handed = await streamChat(router);
    const { value: { chunks = [], text, error } = {} } = await settled(read(handed));
    expect(text).toBe('One two ');
    if (!(error instanceof StreamInterruptedError)) throw error;
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error).toMatchObject({
      name: 'StreamInterruptedError',
      code: 'stream_interrupted',
      reason,
      text: 'One two ',
    });
    expect(error.partial).toEqual(chunks);
    expect(calledModels()).toEqual(['a']);
    expect(fake.open).toBe(0);
    expect(callRecord(error)).toBe(callRecord(handed));
    expect(callRecord(error)?.attempts).toMatchObject([{ outcome: 'interrupted', status: 200 }]);
    expect(router.snapshot().deployments.a?.state).toBe('open');
  });

  it('hides the delivered text from loggers', async () => {
    const { router } = build({ a: cut(four) });
    const { error } = await read(await streamChat(router));
    expect(Object.keys(error ?? {})).not.toContain('partial');
    expect(JSON.stringify(error)).not.toContain('One');
  });

  it('has the underlying error as its cause', async () => {
    const { router } = build({ a: errorEvent({ ...four, error: { message: 'It burns.' } }) });
    const { error } = await read(await streamChat(router));
    expect(error).toMatchObject({ cause: { message: expect.stringContaining('It burns.') } });
  });

  it('reports only the chunks that the caller has read', async () => {
    const { router } = build({ a: stream([role, role, content('Hi')], { ending: 'close' }) });
    const iterator = (await streamChat(router))[Symbol.asyncIterator]();
    const chunks = [await iterator.next(), await iterator.next(), await iterator.next()].map((each) => each.value);
    const error: unknown = await iterator.next().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'cut', partial: chunks });
    expect(await iterator.next()).toMatchObject({ done: true });
  });

  it('never delivers half a line', async () => {
    const events = [role, content('Hello'), content(', world')];
    const cutAt = events.join('').length - 10;
    const { router } = build({ a: stream(events, { cutAt, ending: 'end' }), b: answer() });
    const { error, text } = await read(await streamChat(router));
    expect(text).toBe('Hello');
    // SDK versions treat half a line differently: version 6 drops it, 7 tries to parse it.
    expect(error).toMatchObject({ reason: expect.stringMatching(/^(malformed|missing-end)$/) });
  });
});

describe('a stream ends successfully', () => {
  const attemptOf = async (does: Behaviour) => {
    const { router } = build({ a: does }, { breaker: { consecutive: 1 } });
    const handed = await streamChat(router);
    const { error } = await read(handed);
    expect(error).toBeUndefined();
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
    return callRecord(handed)?.attempts[0];
  };

  it('with its finish reason and [DONE]', async () => {
    expect(await attemptOf(answer())).toEqual(expect.not.objectContaining({ unfinished: true }));
  });

  it('with its finish reason, without [DONE]', async () => {
    const attempt = await attemptOf(noDone());
    expect(attempt).toMatchObject({ outcome: 'success' });
    expect(attempt).not.toHaveProperty('unfinished');
  });

  it('with content and [DONE], but no finish reason: marked as unfinished', async () => {
    expect(await attemptOf(noFinishReason())).toMatchObject({ outcome: 'success', unfinished: true });
  });

  it('when its finish reason has come, whatever breaks after it', async () => {
    expect(await attemptOf(stream([role, content('Hi'), finish()], { ending: 'reset' }))).toMatchObject({
      outcome: 'success',
    });
  });
});

describe('chunkTimeoutMs', () => {
  const reading = (model: OpenAI, options = {}) => streamChat(model, 'standard', options).then(read);

  it('is the longest silence between two chunks', async () => {
    const { router } = build({ a: stall({ ...four, ms: 999 }) }, { chunkTimeoutMs: 1000 });
    expect((await settled(reading(router))).value).toMatchObject({ text: 'One two three four.', error: undefined });
    const late = build({ a: stall({ ...four, ms: 1001 }) }, { chunkTimeoutMs: 1000 });
    expect((await settled(reading(late.router))).value?.error).toMatchObject({ reason: 'stalled' });
  });

  it('is 30 s by default', async () => {
    const { router } = build({ a: stall(four) });
    expect(await settled(reading(router))).toMatchObject({ at: 30_000, value: { error: { reason: 'stalled' } } });
  });

  it('starts again with each chunk', async () => {
    const { router } = build({ a: answer({ chunks: four.chunks, chunkMs: 900 }) }, { chunkTimeoutMs: 1000 });
    expect(await settled(reading(router))).toMatchObject({ at: 2700, value: { error: undefined } });
  });

  it('does not start again with a comment', async () => {
    const comments = Array<string>(20).fill(': keep-alive\n\n');
    const { router } = build(
      { a: stream([content('Hi'), ...comments, finish(), done], { chunkMs: 300 }) },
      { chunkTimeoutMs: 1000 },
    );
    expect(await settled(reading(router))).toMatchObject({
      at: 1000,
      value: { text: 'Hi', error: { reason: 'stalled' } },
    });
  });

  it('does not count the time in which the caller does not read', async () => {
    const { router } = build({ a: answer({ chunks: four.chunks, chunkMs: 200 }) }, { chunkTimeoutMs: 1000 });
    const handed = await streamChat(router);
    const slow = async () => {
      let text = '';
      for await (const chunk of handed) {
        text += chunk.choices[0]?.delta.content ?? '';
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      }
      return text;
    };
    expect(await settled(slow())).toMatchObject({ state: 'fulfilled', value: 'One two three four.' });
  });

  it('counts from the time at which a slow reader reads', async () => {
    const { router } = build({ a: stall({ ...four, chunks: ['One ', 'two '] }) }, { chunkTimeoutMs: 1000 });
    const iterator = (await streamChat(router))[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i += 1) await iterator.next();
    await pass(5000);
    const next = watch(iterator.next());
    await pass(999);
    expect(next.state).toBe('pending');
    await pass(1);
    expect(next.error).toMatchObject({ reason: 'stalled' });
  });

  it('has no effect on calls that are not streams', async () => {
    const { router } = build({ a: answer({ latencyMs: 5000 }) }, { chunkTimeoutMs: 1000 });
    expect((await settled(sendChat(router))).state).toBe('fulfilled');
  });
});
