import { callRecord, ModelRouter } from 'model-router';
import { answer, commentFlood, hang, stall, startFakeProvider } from 'model-router/testing';
import { APIUserAbortError } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { collect, read, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';
import { countedSignal } from '../helpers/signals.js';

const slow = answer({ chunks: ['One ', 'two ', 'three.'], chunkMs: 1000 });

describe('a caller that stops reading', () => {
  useFakeTime();

  it('breaks off: the upstream’s request ends, and no error is thrown', async () => {
    const { router, fake } = build({ a: slow, b: answer() });
    const { signal, listeners } = countedSignal();
    const timers = vi.getTimerCount();
    const handed = await streamChat(router, 'standard', { signal });
    const reading = async () => {
      for await (const chunk of handed) if (chunk.choices[0]?.delta.content === 'two ') break;
    };
    await settled(reading());
    expect(fake.requests).toMatchObject([{ model: 'a', outcome: 'aborted' }]);
    expect(callRecord(handed)).toMatchObject({ attempts: [{ outcome: 'aborted', error: null }] });
    expect([listeners(), vi.getTimerCount()]).toEqual([0, timers]);
    expect(router.snapshot().deployments.a).toMatchObject({ inFlight: 0, failures: 0 });
  });

  it('aborts the signal of the call: the iteration ends without an error', async () => {
    const { router, fake } = build({ a: slow });
    const { controller, signal, listeners } = countedSignal();
    const handed = await streamChat(router, 'standard', { signal });
    const reading = watch(read(handed));
    await pass(1500);
    controller.abort();
    await pass(0);
    expect(reading).toMatchObject({ state: 'fulfilled', at: 1500, value: { text: 'One two ', error: undefined } });
    expect(fake.requests).toMatchObject([{ outcome: 'aborted' }]);
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'aborted' }]);
    expect(listeners()).toBe(0);
  });

  it('aborts the stream itself, by its controller', async () => {
    const { router, fake } = build({ a: slow });
    const handed = await streamChat(router);
    const reading = watch(read(handed));
    await pass(1500);
    handed.controller.abort();
    await pass(0);
    expect(reading).toMatchObject({ state: 'fulfilled', value: { text: 'One two ', error: undefined } });
    expect(fake.requests).toMatchObject([{ outcome: 'aborted' }]);
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'aborted' }]);
  });

  it('aborts the signal of the call, and the upstream ignores it', async () => {
    const { router } = build({ a: stall({ ignoreAbort: true }) });
    const controller = new AbortController();
    const reading = watch(streamChat(router, 'standard', { signal: controller.signal }).then(read));
    await pass(1500);
    controller.abort();
    await pass(0);
    expect(reading).toMatchObject({ state: 'fulfilled', at: 1500, value: { error: undefined } });
  });

  it('aborts before it reads: the stream is empty', async () => {
    const { router } = build({ a: slow });
    const controller = new AbortController();
    const handed = await streamChat(router, 'standard', { signal: controller.signal });
    controller.abort();
    expect(await read(handed)).toMatchObject({ chunks: [], error: undefined });
  });

  it.each([
    ['before the headers', hang()],
    ['before the first content', commentFlood()],
  ])('aborts %s: the call is rejected', async (_, script) => {
    const { router, fake } = build({ a: script, b: answer() });
    const controller = new AbortController();
    const call = watch(streamChat(router, 'standard', { signal: controller.signal }));
    await pass(1000);
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ state: 'rejected', at: 1000 });
    expect(call.error).toBeInstanceOf(APIUserAbortError);
    expect(fake.requests).toMatchObject([{ model: 'a', outcome: 'aborted' }]);
  });

  it('gets no stream from an upstream that ignores aborts and answers too late: it is closed', async () => {
    const late = stall({ latencyMs: 500, ignoreAbort: true });
    const { router, fake } = build({ a: late, b: answer() }, { attemptTimeoutMs: 300 });
    const { signal, listeners } = countedSignal();
    const call = watch(streamChat(router, 'standard', { signal }));
    await pass(300);
    expect(callRecord(call.value)?.deployment).toBe('b');
    expect((await read(call.value ?? (await streamChat(router)))).text).toContain('of b');
    await pass(200);
    expect(fake.requests).toMatchObject([{ model: 'a', outcome: 'aborted' }, { outcome: 'answered' }]);
    expect([listeners(), fake.open]).toEqual([0, 0]);
  });

  it('stops after the finish reason: that is a success', async () => {
    const { router } = build({ a: answer() });
    const handed = await streamChat(router);
    for await (const chunk of handed) if (chunk.choices[0]?.finish_reason) break;
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'success' }]);
  });

  it('cannot read it twice, as in the SDK', async () => {
    const { router } = build({ a: answer() });
    const handed = await streamChat(router);
    await read(handed);
    expect((await collect(handed)).error).toMatchObject({ message: expect.stringContaining('iterate') });
  });

  it('may request several chunks at once', async () => {
    const { router } = build({ a: slow });
    const iterator = (await streamChat(router))[Symbol.asyncIterator]();
    const calledModels = Promise.all(Array.from({ length: 6 }, () => iterator.next()));
    const { value: results = [] } = await settled(calledModels);
    expect(results.map(({ done, value }) => (done ? 'done' : (value.choices[0]?.delta.content ?? '-')))).toEqual([
      '',
      'One ',
      'two ',
      'three.',
      '-',
      'done',
    ]);
  });
});

describe('on a real socket', () => {
  it.each(['break', 'abort'] as const)('%s closes the connection to the upstream', async (how) => {
    await using provider = await startFakeProvider({ models: { a: stall({ afterChunks: 1 }) } });
    const router = new ModelRouter({ apiKey: 'sk-test', baseURL: provider.url });
    const controller = new AbortController();
    const handed = await streamChat(router, 'a', { signal: controller.signal });
    for await (const chunk of handed) {
      if (!chunk.choices[0]?.delta.content) continue;
      if (how === 'break') break;
      controller.abort();
    }
    await vi.waitFor(() => expect(provider.requests).toMatchObject([{ outcome: 'aborted' }]));
    await router.close();
  });
});
