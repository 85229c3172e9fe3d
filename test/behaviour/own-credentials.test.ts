import { answer, type Behaviour, fail, reset } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

// Any header that identifies the caller; the fake provider knows no other keys.
const own = { headers: { 'OpenAI-Organization': 'org-of-the-caller' } };
const failures: [string, Behaviour][] = [
  ['401', fail(401)],
  ['429 with Retry-After', fail(429, { headers: { 'retry-after': '30' } })],
  ['503', fail(503)],
  ['a reset', reset()],
];

describe('a call with its own credentials', () => {
  it.each(failures)('does not change shared state: %s', async (_, behaviour) => {
    const { router, fake } = build({ a: behaviour, b: answer() }, { breaker: { consecutive: 1 } });
    for (let i = 0; i < 20; i += 1) await settled(sendChat(router, 'standard', own));
    expect(router.snapshot().deployments.a).toMatchObject({
      state: 'closed',
      failures: 0,
      pausedUntil: null,
      suspendedUntil: null,
    });
    fake.set('a', answer());
    fake.clear();
    await sendChat(router);
    expect(fake.requests.map(({ model }) => model)).toEqual(['a']);
  });

  it('leaves no latency sample, and takes no token of the retry budget', async () => {
    const { router, fake } = build(
      { a: [answer({ latencyMs: 900 }), fail(503)] },
      { maxAttempts: 2, breaker: false, retry: { budget: 0, minPerSecond: 0.1 } },
    );
    await settled(sendChat(router, 'standard', own));
    expect(router.snapshot().deployments.a?.latencyMs.p50).toBeNull();
    for (let i = 0; i < 5; i += 1) await settled(sendChat(router, 'standard', own));
    expect(fake.count).toBe(11);
    await settled(sendChat(router));
    expect(fake.count).toBe(13);
  });

  it('ignores pauses and suspensions of the router’s own account', async () => {
    const { router } = build({ a: [fail(429, { headers: { 'retry-after': '30' } }), answer()] }, { maxAttempts: 1 });
    await settled(sendChat(router));
    expect(await settled(sendChat(router, 'standard', own))).toMatchObject({ state: 'fulfilled', at: 0 });
    expect(router.snapshot().deployments.a?.pausedUntil).not.toBeNull();
  });
});
