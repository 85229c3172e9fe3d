import { callRecord, DeadlineExceededError } from 'model-router';
import { answer, bytes, commentFlood, fail, hang, hangAfterHeaders, reset, slowDrip } from 'model-router/testing';
import { APIConnectionTimeoutError, InternalServerError } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { type Built, build } from '../helpers/routers.js';

useFakeTime();

/** The milliseconds at which each attempt started. */
const starts = (holder: unknown) => callRecord(holder)?.attempts.map((attempt) => attempt.startedMs);

/** Gives deployments statistics: an answer after each of these times. */
async function warmUp({ router, fake }: Built, latencies: Record<string, number[]>): Promise<void> {
  for (const [model, times] of Object.entries(latencies)) {
    fake.set(
      model,
      times.map((latencyMs) => answer({ latencyMs })),
    );
    for (const _ of times) await settled(sendChat(router, model));
  }
  fake.clear();
}

describe('an error answer whose body does not end', () => {
  const silent = bytes({ status: 503, chunks: ['{"error":', '{}}'], chunkMs: 60_000 });

  it('fails over two seconds after its last byte, by its status', async () => {
    const { router } = build({ a: silent, b: answer('Hello') });
    const call = watch(sendChat(router));
    await pass(1999);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call).toMatchObject({ state: 'fulfilled', at: 2000 });
    expect(callRecord(call.value)?.attempts).toMatchObject([{ outcome: 'server-error', status: 503 }, { status: 200 }]);
  });

  it('is read to its end while bytes come', async () => {
    const message = 'It takes a while.';
    const chunks = [...JSON.stringify({ error: { message } })];
    const { router } = build({ a: bytes({ status: 400, chunks, chunkMs: 1900 }) });
    const call = watch(sendChat(router));
    await pass(chunks.length * 1900);
    expect(call).toMatchObject({ state: 'rejected', error: { status: 400, error: { message } } });
  });
});

describe('the deadline', () => {
  it.each([
    ['one that hangs', hang()],
    ['one that ignores its abort', hang({ ignoreAbort: true })],
    ['headers and no body', hangAfterHeaders()],
    ['a body that drips', slowDrip({ bytesPerMs: 0.001 })],
    ['a body that drips and ignores its abort', slowDrip({ bytesPerMs: 0.001, ignoreAbort: true })],
    ['endless empty lines', commentFlood({ stepMs: 50 })],
  ])('settles the call exactly on time: %s', async (_, script) => {
    const { router } = build({ a: script });
    const call = watch(sendChatWith(router, { deadlineMs: 2000 }));
    await pass(1999);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call).toMatchObject({ state: 'rejected', at: 2000, settlements: 1 });
    expect(call.error).toBeInstanceOf(DeadlineExceededError);
    expect(callRecord(call.error)).toMatchObject({ durationMs: 2000, attempts: [{ outcome: 'deadline' }] });
    await pass(60_000);
    expect(call.settlements).toBe(1);
  });

  it.each([
    ['one that hangs', hang()],
    ['role and comments, but no content', commentFlood({ stepMs: 50 })],
    ['a stream that drips', slowDrip({ bytesPerMs: 0.001 })],
  ])('covers a stream until its first content: %s', async (_, script) => {
    const { router } = build({ a: script });
    const call = watch(streamChat(router.withOptions({ deadlineMs: 2000 })));
    await pass(1999);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call).toMatchObject({ state: 'rejected', error: { code: 'deadline_exceeded' } });
  });

  it('does not end the stream after that', async () => {
    const { router } = build({ a: answer({ chunks: ['a', 'b', 'c'], chunkMs: 900 }) }, { deadlineMs: 1000 });
    const stream = await streamChat(router);
    let text = '';
    const reading = settled(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })(),
    );
    expect((await reading).at).toBe(1800);
    expect(text).toBe('abc');
  });

  it('does not reject an answer that comes just before it', async () => {
    const { router } = build({ a: answer({ latencyMs: 1999 }) });
    expect(await settled(sendChatWith(router, { deadlineMs: 2000 }))).toMatchObject({ state: 'fulfilled', at: 1999 });
  });

  it('is 120 s by default', async () => {
    const { router } = build({ a: hang() });
    expect(await settled(sendChat(router))).toMatchObject({ at: 120_000, error: { deadlineMs: 120_000 } });
  });

  it('covers the attempts of all deployments together', async () => {
    const { router, calledModels } = build({ a: hang(), b: hang(), c: hang() }, { deadlineMs: 3000 });
    expect(await settled(sendChat(router))).toMatchObject({ at: 3000, error: { code: 'deadline_exceeded' } });
    expect(calledModels()).toEqual(['a', 'b', 'c']);
  });

  it('has the SDK’s class, and the last upstream error as its cause', async () => {
    const { router } = build({ a: fail(503), b: hang() }, { deadlineMs: 1000 });
    const { error } = await settled(sendChat(router));
    expect(error).toBeInstanceOf(APIConnectionTimeoutError);
    expect(error).toMatchObject({
      name: 'DeadlineExceededError',
      code: 'deadline_exceeded',
      deadlineMs: 1000,
      status: undefined,
      message: 'The call did not end within its deadline of 1000 ms.',
    });
    expect(error instanceof Error && error.cause).toBeInstanceOf(InternalServerError);
  });

  it('has the earlier error as its cause if none had a status, and its own if there was none', async () => {
    const { router } = build({ a: reset(), b: hang() }, { deadlineMs: 1000 });
    const { error } = await settled(sendChat(router));
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(error instanceof Error && error.cause).toMatchObject({ cause: { message: 'fetch failed' } });
    const alone = build({ a: hang() }, { deadlineMs: 1000 });
    const { error: own } = await settled(sendChat(alone.router));
    expect(own).toBeInstanceOf(DeadlineExceededError);
    expect(own instanceof Error && own.cause).toMatchObject({ message: expect.stringContaining('1000 ms') });
  });

  it('is the error without a cause if there is no time for any attempt', async () => {
    const { router, calledModels } = build({ a: answer() });
    const { error } = await settled(sendChatWith(router, { deadlineMs: 0.5 }));
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(error instanceof Error && error.cause).toBeUndefined();
    expect(calledModels()).toEqual([]);
  });

  it('goes to the last attempt in full, even if other deployments are available', async () => {
    const { router } = build({ a: fail(500), b: hang(), c: answer() }, { deadlineMs: 1000, maxAttempts: 2 });
    const call = await settled(sendChat(router));
    expect(call).toMatchObject({ at: 1000, error: { code: 'deadline_exceeded' } });
    expect(callRecord(call.error)?.attempts.map(({ outcome }) => outcome)).toEqual(['server-error', 'deadline']);
  });

  it('shows an attempt as pending in the record until its end', async () => {
    const { router } = build({ a: hang() }, { deadlineMs: 1000 });
    const promise = sendChat(router);
    const call = watch(promise);
    await pass(999);
    expect(callRecord(promise)?.attempts).toMatchObject([{ outcome: 'pending' }]);
    await pass(1);
    expect(call.state).toBe('rejected');
    expect(callRecord(promise)?.attempts).toMatchObject([{ outcome: 'deadline' }]);
  });
});

describe('the reserve for the next deployment', () => {
  it.each([
    ['25 % while the deadline is the default', {}, [0, 90_000, 112_500]],
    ['50 % without statistics of the next one', { deadlineMs: 2000 }, [0, 1000, 1500]],
    ['the attempt’s own limit, if that is shorter', { deadlineMs: 2000, attemptTimeoutMs: 300 }, [0, 300, 600]],
  ])('is %s', async (_, options, expected) => {
    const { router } = build({ a: hang(), b: hang(), c: hang() });
    const { error } = await settled(sendChatWith(router, options));
    expect(starts(error)).toEqual(expected);
  });

  it.each([
    ['1.2 times its p95', 600, 2000 - 1.2 * 600],
    ['at least 25 %', 100, 1500],
    ['at most 60 %', 1500, 800],
  ])('is %s if its p95 is known', async (_, p95, startMs) => {
    const built = build({ a: hang(), b: hang() });
    // A p95 needs at least twenty answers.
    await warmUp(built, { b: [50, ...Array.from({ length: 19 }, () => p95)] });
    built.fake.set('b', hang());
    const { error } = await settled(sendChatWith(built.router, { deadlineMs: 2000 }));
    const [, second = 0] = starts(error) ?? [];
    // The histogram's buckets are 2 % wide.
    expect(Math.abs(second - startMs)).toBeLessThanOrEqual(p95 === 600 ? 15 : 0);
  });

  it('is 0 if the next one could not finish within it', async () => {
    const built = build({ a: hang(), b: hang() });
    await warmUp(built, { b: [1500] });
    built.fake.set('a', answer({ latencyMs: 1900 }));
    expect((await settled(sendChatWith(built.router, { deadlineMs: 2000 }))).state).toBe('fulfilled');
  });

  it('is 0 for the last deployment, which gets all the time left', async () => {
    const { router } = build({ a: fail(500), b: answer({ latencyMs: 1999 }) });
    expect((await settled(sendChatWith(router, { deadlineMs: 2000 }))).state).toBe('fulfilled');
  });

  it('is 0 for the last attempt, even if other deployments are available', async () => {
    const { router } = build({ a: answer({ latencyMs: 1999 }), b: answer() });
    const call = await settled(sendChatWith(router, { deadlineMs: 2000, maxAttempts: 1 }));
    expect(callRecord(call.value)?.deployment).toBe('a');
  });

  it('is not made for a deployment that is unavailable', async () => {
    const { router } = build(
      { a: answer({ latencyMs: 1999 }), b: [fail(500), answer()] },
      { breaker: { consecutive: 1 } },
    );
    await errorOf(sendChat(router, 'b', { maxRetries: 0 }));
    const call = await settled(sendChatWith(router, { deadlineMs: 2000 }));
    expect(callRecord(call.value)?.deployment).toBe('a');
  });
});

it('is divided as the table in docs/how-it-decides.md says', async () => {
  const { router } = build({ a: hang(), b: fail(503, { latencyMs: 300 }), c: answer({ latencyMs: 250 }) });
  const call = await settled(sendChatWith(router, { deadlineMs: 2000, maxAttempts: 3 }));
  expect(call.at).toBe(1550);
  expect(callRecord(call.value)?.attempts).toMatchObject([
    { deployment: 'a', outcome: 'timeout', startedMs: 0, durationMs: 1000 },
    { deployment: 'b', outcome: 'server-error', startedMs: 1000 },
    { deployment: 'c', outcome: 'success', startedMs: 1300 },
  ]);
});

it.each([
  ['b', 1500],
  ['c', 2000],
])('gives %s of that table its time, and no more', async (last, at) => {
  const { router } = build({ a: hang(), b: last === 'b' ? hang() : fail(503, { latencyMs: 300 }), c: hang() });
  const call = await settled(sendChatWith(router, { deadlineMs: 2000, maxAttempts: 3 }));
  const attempts = callRecord(call.error)?.attempts;
  const hung = attempts?.find(({ deployment }) => deployment === last);
  expect((hung?.startedMs ?? 0) + (hung?.durationMs ?? 0)).toBe(at);
});

describe('the first content of a stream', () => {
  it.each([
    ['its own limit', { firstChunkTimeoutMs: 300 }, 300],
    ['the attempt’s limit', { attemptTimeoutMs: 400 }, 400],
    ['the shorter of both', { firstChunkTimeoutMs: 900, attemptTimeoutMs: 400 }, 400],
    ['its share of the deadline', { firstChunkTimeoutMs: 5000, deadlineMs: 2000 }, 1000],
  ])('must come within %s', async (_, options, limitMs) => {
    const { router, calledModels } = build({ a: commentFlood({ stepMs: 50 }), b: answer() });
    const call = watch(streamChat(router.withOptions(options)));
    await pass(limitMs - 1);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(calledModels()).toEqual(['a', 'b']);
    expect(call.state).toBe('fulfilled');
  });

  it('ends the limit for the first content', async () => {
    const { router } = build({ a: answer({ latencyMs: 299, chunks: ['a', 'b'], chunkMs: 2000 }) });
    const stream = await settled(streamChat(router.withOptions({ firstChunkTimeoutMs: 300 })));
    expect(stream).toMatchObject({ state: 'fulfilled', at: 299 });
    await settled(
      (async () => {
        for await (const _ of stream.value ?? []);
      })(),
    );
    expect(callRecord(stream.value)).toMatchObject({ timeToFirstChunkMs: 299, attempts: [{ outcome: 'success' }] });
  });
});

describe('an attempt that cannot finish', () => {
  it.each([
    [600, ['a', 'a']],
    [601, ['a']],
  ])(
    'is not started: the fastest answer so far must fit into the time left (after %i of 1000 ms)',
    async (latencyMs, calledModels) => {
      const built = build({ a: answer() });
      await warmUp(built, { a: [400, 500] });
      built.fake.set('a', fail(500, { latencyMs }));
      const call = await settled(sendChatWith(built.router, { deadlineMs: 1000, maxAttempts: 2 }));
      expect(built.calledModels()).toEqual(calledModels);
      // The second one is still running when the time is over.
      expect(call.error).toMatchObject(calledModels.length === 1 ? { status: 500 } : { code: 'deadline_exceeded' });
      expect(call.at).toBe(900 + (calledModels.length === 1 ? latencyMs : 1000));
    },
  );

  it('does not exclude a faster one', async () => {
    const built = build({ a: answer(), b: answer(), c: answer() });
    await warmUp(built, { b: [900], c: [50] });
    built.fake.set('a', fail(500, { latencyMs: 350 }));
    const call = await settled(sendChatWith(built.router, { deadlineMs: 1000 }));
    expect(callRecord(call.value)?.deployment).toBe('c');
  });

  it('is still made if it is the only one: the deployment may have recovered', async () => {
    const built = build({ a: answer() });
    await warmUp(built, { a: [400] });
    built.fake.set('a', answer({ latencyMs: 100 }));
    expect((await settled(sendChatWith(built.router, { deadlineMs: 200 }))).state).toBe('fulfilled');
  });
});
