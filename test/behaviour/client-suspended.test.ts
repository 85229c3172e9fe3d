import { callRecord, type RouterEvent } from 'model-router';
import { answer, errorEvent, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../helpers/clock.js';
import { errorOf, read, sendChat, streamChat } from '../helpers/messages.js';
import { type Built, build, type Setup } from '../helpers/routers.js';

useFakeTime();

const twoClients: Setup = {
  clients: ['default', 'other'],
  deployments: { a: {}, b: {}, c: { client: 'other' } },
  routes: { standard: ['a', 'b', 'c'] },
};
const noKey = fail(401);

const setAsideOf = ({ router }: Built) =>
  Object.entries(router.snapshot().deployments).flatMap(([id, { suspendedUntil }]) =>
    suspendedUntil === null ? [] : [id],
  );

describe('a client whose key is refused', () => {
  it.each([
    ['401', noKey],
    ['insufficient_quota', fail(429, { code: 'insufficient_quota' })],
    ['a hard limit on billing', fail(400, { code: 'billing_hard_limit_reached' })],
  ])('is suspended with all its deployments: %s', async (_, script) => {
    const built = build({ a: script, b: answer(), c: answer() }, twoClients);
    expect(callRecord(await sendChat(built.router))?.deployment).toBe('c');
    expect(built.calledModels()).toEqual(['a', 'c']);
    expect(setAsideOf(built)).toEqual(['a', 'b']);
  });

  it('is used again after 60 s', async () => {
    const built = build({ a: [noKey, answer()], b: answer(), c: answer() }, twoClients);
    await sendChat(built.router);
    await pass(59_999);
    await sendChat(built.router);
    expect(built.calledModels()).toEqual(['a', 'c', 'c']);
    await pass(1);
    await sendChat(built.router);
    expect(built.calledModels()).toEqual(['a', 'c', 'c', 'a']);
    expect(setAsideOf(built)).toEqual([]);
  });

  it('emits one event for each suspension', async () => {
    const events: RouterEvent[] = [];
    const built = build({ a: noKey, b: noKey, c: answer() }, twoClients);
    built.router.on('client-suspended', (event) => events.push(event));
    await Promise.all([sendChat(built.router), sendChat(built.router)]);
    await sendChat(built.router);
    expect(events).toEqual([
      { type: 'client-suspended', client: 'default', forMs: 60_000, status: 401, code: 'invalid_api_key' },
    ]);
    await pass(60_000);
    await sendChat(built.router);
    expect(events).toHaveLength(2);
  });

  it('does not open breakers', async () => {
    const built = build({ a: noKey, b: answer(), c: answer() }, { ...twoClients, breaker: { consecutive: 1 } });
    await sendChat(built.router);
    expect(built.router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('is used again if no other deployment is left', async () => {
    const built = build(
      { a: [noKey, answer()], b: answer(), c: fail(500) },
      { ...twoClients, breaker: { consecutive: 1 } },
    );
    expect(callRecord(await sendChat(built.router))?.deployment).toBe('b');
    expect(built.calledModels()).toEqual(['a', 'c', 'b']);
    built.fake.clear();
    expect(callRecord(await sendChat(built.router))?.deployment).toBe('a');
  });

  it('returns its own error if it is the only one, and the next call tries it again', async () => {
    const built = build({ a: [noKey, answer()] });
    expect(await errorOf(sendChat(built.router))).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(built.calledModels()).toEqual(['a']);
    await sendChat(built.router);
    expect(built.calledModels()).toEqual(['a', 'a']);
  });
});

describe('a client that refused only one prompt', () => {
  it.each([402, 403])('is not suspended: %i', async (status) => {
    const script = fail(status, { type: 'payment_required', code: null });
    const built = build({ a: script, b: answer(), c: answer() }, twoClients);
    await sendChat(built.router);
    expect(built.calledModels()).toEqual(['a', 'b']);
    expect(setAsideOf(built)).toEqual([]);
  });
});

it('a key function that throws suspends no client: the next deployment answers, and the log has a warning', async () => {
  const built = build(
    { a: answer(), c: answer() },
    {
      clients: { default: { apiKey: () => Promise.reject(new Error('no token today')) }, other: {} },
      deployments: { a: {}, c: { client: 'other' } },
      routes: { standard: ['a', 'c'] },
    },
  );
  expect(callRecord(await sendChat(built.router))?.deployment).toBe('c');
  expect(setAsideOf(built)).toEqual([]);
});

it('treats a quota error in a stream before its first content in the same way', async () => {
  const built = build(
    { a: errorEvent({ afterChunks: 0, error: { code: 'insufficient_quota' } }), b: answer(), c: answer() },
    twoClients,
  );
  const { value: stream } = await settled(streamChat(built.router));
  expect((await read(stream ?? (await streamChat(built.router)))).text).toContain('of c');
  expect(setAsideOf(built)).toEqual(['a', 'b']);
});
