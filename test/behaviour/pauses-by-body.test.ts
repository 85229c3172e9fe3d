import { callRecord } from 'model-router';
import { answer, type Behaviour, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { sendChat, streamChat } from '../helpers/messages.js';
import { sendEvents } from '../helpers/provider-cases.js';
import { build } from '../helpers/routers.js';

useFakeTime();

/** Gemini's OpenAI-compatible endpoint sends no Retry-After: AtomicBot-ai/atomic-agent#106. */
const gemini = (retryDelay: unknown) => [
  {
    error: {
      code: 429,
      message: 'You exceeded your current quota, please check your plan and billing details.',
      status: 'RESOURCE_EXHAUSTED',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.Help', links: [] },
        { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId: 'PerMinute' }] },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
      ],
    },
  },
];

/** OpenRouter puts its headers into the body: dirge-code/dirge#719. */
const openRouter = (headers: object) => ({
  error: { code: 429, message: 'Rate limit exceeded: free-models-per-min.', metadata: { headers } },
});
const resetIn = (ms: number) => openRouter({ 'X-RateLimit-Reset': String(Date.now() + ms) });

const busy = (body: unknown, status = 429, headers = {}): Behaviour => fail(status, { body, headers });

describe.each([
  ['a duration of Gemini', () => gemini('5s'), 5000],
  ['a duration with nine digits', () => gemini('4.750000000s'), 4750],
  ['a reset of OpenRouter, in milliseconds', () => resetIn(5000), 5000],
  ['its Retry-After', () => openRouter({ 'Retry-After': 5 }), 5000],
])('a 429 without Retry-After whose body has %s', (_, bodyOf, ms) => {
  it('pauses the deployment for that long', async () => {
    const { router, calledModels } = build({ a: [busy(bodyOf()), answer()], b: answer() });
    await settled(sendChat(router));
    await pass(ms - 1);
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'b']);
    await pass(1);
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'b', 'a']);
  });

  it('is sent again after that time, where no other deployment is left', async () => {
    const { router } = build({ a: [busy(bodyOf()), answer()] });
    const call = watch(sendChat(router));
    await pass(ms - 1);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call).toMatchObject({ state: 'fulfilled', at: ms });
  });
});

describe('a wait in the body', () => {
  it.each([
    ['a header says another one', () => busy(gemini('50s'), 429, { 'retry-after': '5' }), 5000],
    ['the status is 503', () => busy(gemini('5s'), 503), 5000],
  ])('counts as a header does, where %s', async (_, refusal, ms) => {
    const { router } = build({ a: refusal(), b: answer() });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.pausedUntil).toBe(new Date(Date.now() + ms).toISOString());
  });

  it.each([
    ['is the reset of a daily limit', () => busy(resetIn(3_600_000))],
    ['is over', () => busy(resetIn(-1000))],
    ['is nonsense', () => busy(gemini('soon'))],
    ['is no text', () => busy(gemini({ seconds: 5 }))],
    ['comes with another status', () => busy(gemini('5s'), 400)],
    ['is part of a text', () => busy({ error: { code: 429, message: `Rejected: ${JSON.stringify(gemini('5s'))}` } })],
  ])('pauses nothing if it %s', async (_, refusal) => {
    const { router } = build({ a: refusal(), b: answer() });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
  });

  it('makes a limit of what calls itself an empty quota', async () => {
    const error = { ...gemini('5s')[0]?.error, status: undefined };
    const { router } = build({ a: busy({ error }), b: answer() });
    const call = sendChat(router);
    await settled(call);
    expect(callRecord(call)?.attempts[0]).toMatchObject({ outcome: 'rate-limited', status: 429 });
  });

  it('counts in an event with status 200, too', async () => {
    const { router, calledModels } = build({ a: sendEvents(gemini('5s')), b: answer() });
    await settled(streamChat(router));
    expect(calledModels()).toEqual(['a', 'b']);
    expect(router.snapshot().deployments.a?.pausedUntil).not.toBeNull();
  });
});
