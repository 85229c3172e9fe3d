import { callRecord, StreamInterruptedError } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  empty,
  endEarly,
  errorEvent,
  fail,
  html,
  malformed,
  noFinishReason,
  resetMidBody,
  stall,
  truncated,
  wrongType,
} from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { content, done, event, finish, paddedRole, role, stream } from '../helpers/event-streams.js';
import { errorOf, read, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const before = { afterChunks: 0 };

describe('a stream that fails before its first content', () => {
  it.each<[string, Behaviour, string, number]>([
    ['an error status', fail(500), 'server-error', 0],
    ['a cut', cut(before), 'connection', 0],
    ['a reset', resetMidBody(before), 'connection', 0],
    ['silence', stall(before), 'timeout', 1000],
    ['an error event', errorEvent(before), 'server-error', 0],
    [
      'an error event of a rate limit',
      errorEvent({ ...before, error: { code: 'rate_limit_exceeded' } }),
      'rate-limited',
      0,
    ],
    ['broken JSON', malformed(before), 'invalid-answer', 0],
    ['an early end', endEarly(before), 'invalid-answer', 0],
    ['half a line', truncated({ atByte: 40 }), 'invalid-answer', 0],
    ['[DONE] only', noFinishReason({ content: '' }), 'invalid-answer', 0],
    ['an empty body', empty(), 'invalid-answer', 0],
    ['a web page', html(), 'invalid-answer', 0],
    ['one JSON body', wrongType(), 'invalid-answer', 0],
    ['only comments', stream([': hello\n\n', ': hello\n\n']), 'invalid-answer', 0],
  ])('fails over: %s', async (_, does, outcome, at) => {
    const { router, calledModels } = build(
      { a: does, b: answer({ content: 'Hello from b.' }) },
      { attemptTimeoutMs: 1000 },
    );
    const call = await settled(streamChat(router));
    expect(call.at).toBe(at);
    const { text, chunks, error } = await read(call.value ?? (await streamChat(router)));
    expect([text, error]).toEqual(['Hello from b.', undefined]);
    expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set(['b']));
    expect(calledModels()).toEqual(['a', 'b']);
    expect(callRecord(call.value)?.attempts).toMatchObject([
      { deployment: 'a', outcome },
      { deployment: 'b', outcome: 'success' },
    ]);
  });

  it('throws the last deployment’s error', async () => {
    const { router } = build({ a: cut(before), b: fail(503) }, { retry: { budget: 0, minPerSecond: 0 } });
    expect(await errorOf(streamChat(router))).toMatchObject({ status: 503 });
  });

  it('is retried if there is no other deployment', async () => {
    const { router, fake } = build({ a: [errorEvent(before), answer({ content: 'Hello.' })] });
    expect((await read(await streamChat(router))).text).toBe('Hello.');
    expect(fake.count).toBe(2);
  });
});

describe('chunks before the content', () => {
  it('are held back until then, and delivered in order', async () => {
    const { router } = build({ a: stream([role, role, content('Hi'), finish(), done], { chunkMs: 500 }) });
    const call = watch(streamChat(router));
    await pass(999);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call.state).toBe('fulfilled');
    const reading = settled(read(call.value ?? (await streamChat(router))));
    const { chunks = [], text } = (await reading).value ?? {};
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { role: 'assistant', content: '' },
      { content: 'Hi' },
      {},
    ]);
    expect(text).toBe('Hi');
  });

  it.each([
    [63, 'small', role, 'b'],
    [64, 'small', role, 'a'],
    [15, '16 KiB', paddedRole(16 * 1024), 'b'],
    [16, '16 KiB', paddedRole(16 * 1024), 'a'],
  ])('are held back up to 64 chunks or 256 KiB: %i of %s', async (count, _, chunk, deployment) => {
    const does = stream(Array<string>(count).fill(chunk), { ending: 'close' });
    const { router } = build({ a: does, b: answer() });
    const handed = await streamChat(router);
    const { chunks, error } = await read(handed);
    expect(callRecord(handed)?.deployment).toBe(deployment);
    if (deployment === 'b') return expect(error).toBeUndefined();
    expect(error).toBeInstanceOf(StreamInterruptedError);
    expect(chunks).toHaveLength(count);
  });
});

describe('content is anything that a reader would see', () => {
  const audio = event({ id: '1', choices: [{ index: 0, delta: { audio: { data: 'AAAA' } }, finish_reason: null }] });
  const future = event({ id: '1', choices: [{ index: 0, delta: { thoughts: 'hm' }, finish_reason: null }] });

  it.each<[string, Behaviour]>([
    ['text', cut()],
    ['reasoning', cut({ reasoning: 'Let me think.' })],
    ['a refusal', cut({ refusal: 'I will not.' })],
    ['a tool call', cut({ toolCalls: [{ name: 'look_up' }] })],
    ['audio', stream([role, audio], { ending: 'close' })],
    ['a provider’s new field', stream([role, future], { ending: 'close' })],
  ])('%s', async (_, does) => {
    const { router, calledModels } = build({ a: does, b: answer() });
    expect((await read(await streamChat(router))).error).toBeInstanceOf(StreamInterruptedError);
    expect(calledModels()).toEqual(['a']);
  });

  it('a space is some', async () => {
    const { router, calledModels } = build({ a: stream([role, content(' ')], { ending: 'close' }), b: answer() });
    await read(await streamChat(router));
    expect(calledModels()).toEqual(['a']);
  });
});

describe('a stream without content', () => {
  it.each(['stop', 'length', 'content_filter'])('is an answer if it has a finish reason: %s', async (reason) => {
    const { router, calledModels } = build({ a: stream([role, finish(reason), done]), b: answer() });
    const handed = await streamChat(router);
    const { chunks, error } = await read(handed);
    expect(error).toBeUndefined();
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe(reason);
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'success' }]);
    expect(calledModels()).toEqual(['a']);
  });
});
