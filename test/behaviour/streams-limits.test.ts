import { callOptions, callRecord, StreamInterruptedError } from 'model-router';
import { answer, type Behaviour, cut, fail } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { content, event, role, stream } from '../helpers/event-streams.js';
import { collect, read, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const endless = (chunk: string, chunkMs = 100): Behaviour =>
  stream([role, ...Array<string>(10_000).fill(chunk)], { chunkMs, ending: 'hang' });

describe('maxStreamMs', () => {
  it('ends an endless stream, and blames no deployment', async () => {
    const { router, fake } = build({ a: endless(content('x')), b: answer() }, { maxStreamMs: 5000 });
    const handed = await settled(streamChat(router));
    const { value, at } = await settled(read(handed.value ?? (await streamChat(router))));
    expect(at).toBe(5000);
    expect(value?.error).toBeInstanceOf(StreamInterruptedError);
    expect(value?.error).toMatchObject({ reason: 'too-long', text: value?.text });
    expect(callRecord(value?.error)?.attempts).toMatchObject([{ deployment: 'a', outcome: 'interrupted' }]);
    expect(router.snapshot().deployments.a).toMatchObject({ failures: 0, inFlight: 0 });
    expect([fake.open, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('throws the same error to a reader who reads later', async () => {
    const { router } = build({ a: endless(content('x')) }, { maxStreamMs: 5000 });
    const { value: handed } = await settled(streamChat(router));
    await pass(10_000);
    expect(await read(handed ?? (await streamChat(router)))).toMatchObject({
      chunks: [],
      error: { reason: 'too-long' },
    });
  });

  it('does not affect a stream that ends earlier', async () => {
    const { router } = build({ a: answer({ chunks: 5, chunkMs: 1000 }) }, { maxStreamMs: 4001 });
    expect((await settled(streamChat(router).then(read))).value?.error).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be set for one call', async () => {
    const { router } = build({ a: endless(content('x')) });
    const call = streamChat(router, 'standard', callOptions({ maxStreamMs: 1000 })).then(read);
    expect(await settled(call)).toMatchObject({ at: 1000, value: { error: { reason: 'too-long' } } });
  });
});

describe('firstChunkTimeoutMs', () => {
  it('is not satisfied by role chunks, however many come', async () => {
    const { router, calledModels } = build({ a: endless(role, 10), b: answer() }, { firstChunkTimeoutMs: 5000 });
    const { value, at } = await settled(streamChat(router).then(read));
    // The 64th commits the stream, which is no content.
    expect([value?.error, value?.chunks.length, at]).toMatchObject([{ reason: 'stalled' }, expect.any(Number), 5000]);
    expect(calledModels()).toEqual(['a']);
  });

  it('fails over on time', async () => {
    const { router, calledModels } = build({ a: endless(role, 100), b: answer() }, { firstChunkTimeoutMs: 5000 });
    expect((await settled(streamChat(router).then(read))).value?.error).toBeUndefined();
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('measures up to the first chunk with content, also for the deployment’s statistics', async () => {
    const { router } = build({ a: stream([...Array<string>(70).fill(role), content('x')], { chunkMs: 10 }) });
    const handed = await settled(streamChat(router));
    await settled(read(handed.value ?? (await streamChat(router))));
    expect(callRecord(handed.value)?.timeToFirstChunkMs).toBe(700);
  });

  it('yields to the deadline, which also ends a stream without content', async () => {
    const { router } = build({ a: endless(role, 10) }, { deadlineMs: 2000 });
    expect((await settled(streamChat(router).then(read))).value?.error).toMatchObject({ reason: 'stalled' });
  });
});

describe('a stream of /responses', () => {
  const named = (type: string, more: object = {}) => event({ type, ...more });
  const created = named('response.created', { response: { id: 'resp_1', model: 'm', status: 'in_progress' } });
  const reasoning = named('response.output_item.added', { output_index: 0, item: { type: 'reasoning', id: 'rs_1' } });
  const text = named('response.output_text.delta', { delta: 'Hi' });
  const completed = named('response.completed', { response: { id: 'resp_1', status: 'completed', usage: {} } });
  const respond = (router: OpenAI) => router.responses.create({ model: 'standard', input: 'Hi', stream: true });
  const slow = (...events: string[]) => stream(events, { chunkMs: 600, ending: 'hang' });

  it('starts with response.created at once where there is no other deployment', async () => {
    const { router } = build({ a: slow(created, reasoning, text, completed) });
    const call = watch(respond(router));
    await pass(0);
    expect(call.state).toBe('fulfilled');
    const { value } = await settled(collect(call.value ?? (await respond(router))));
    expect(value).toMatchObject({ error: undefined, chunks: [{ type: 'response.created' }, {}, {}, {}] });
    expect(callRecord(call.value)?.timeToFirstChunkMs).toBe(1200);
  });

  it('starts at once where all others have failed', async () => {
    const { router, calledModels } = build({ a: fail(500), b: slow(created, reasoning, text, completed) });
    expect((await settled(respond(router))).at).toBe(0);
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('starts with the first sign of work where there is another deployment', async () => {
    const { router } = build({ a: slow(created, reasoning, text, completed), b: answer() });
    expect((await settled(respond(router))).at).toBe(600);
  });

  it('is interrupted after that', async () => {
    const broken = stream([created, reasoning], { ending: 'close' });
    const { router, calledModels } = build({ a: broken, b: answer() });
    const { chunks, error } = await collect(await respond(router));
    expect([chunks.length, error]).toMatchObject([2, { code: 'stream_interrupted', reason: 'cut', partial: chunks }]);
    expect(calledModels()).toEqual(['a']);
  });

  it('fails over until then', async () => {
    const { router, calledModels } = build({ a: stream([created], { ending: 'close' }), b: answer() });
    expect((await collect(await respond(router))).error).toBeUndefined();
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('waits for content as long as for any other first chunk, once it has started', async () => {
    const { router } = build(
      { a: stream([created, reasoning], { ending: 'hang' }) },
      { firstChunkTimeoutMs: 50_000, chunkTimeoutMs: 1000 },
    );
    expect(await settled(respond(router).then(collect))).toMatchObject({
      at: 50_000,
      value: { error: { reason: 'stalled' } },
    });
  });

  it('throws the event with the reason if it failed without one before', async () => {
    const failed = named('response.failed', { response: { id: 'resp_1', status: 'failed', error: null } });
    const reason = `event: error\n${named('error', { code: 'server_is_overloaded', message: 'Try later.' })}`;
    const { router } = build({ a: stream([created, text, failed, reason]) });
    const handed = await respond(router);
    const { chunks, error } = await collect(handed);
    expect(chunks.at(-1)?.type).toBe('response.failed');
    expect(error).toMatchObject({ reason: 'error-event', upstreamCode: 'server_is_overloaded' });
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'interrupted' }]);
  });
});

describe('an error event after content', () => {
  it('is on the error with its code, unlike a cut', async () => {
    const overloaded = event({ error: { code: 'overloaded', type: 'server_error', message: 'Try later.' } });
    const { router } = build({ a: stream([role, content('Hi'), overloaded]) });
    const { error } = await read(await streamChat(router));
    expect(error).toMatchObject({
      upstreamCode: 'overloaded',
      cause: { message: expect.stringContaining('Try later.') },
    });
    const other = build({ a: cut() });
    expect(await read(await streamChat(other.router))).toMatchObject({ error: { upstreamCode: undefined } });
  });
});
