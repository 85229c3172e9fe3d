import { callRecord, type RouterEvent } from 'model-router';
import { answer, fail, hang, noDone, stall } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { type Built, build, type Setup } from '../helpers/routers.js';

useFakeTime();

/** One attempt per call, so that each call is one outcome. */
const once: Setup = { maxAttempts: 1 };
const atOnce: Setup = { ...once, breaker: { consecutive: 1 } };

const stateOf = ({ router }: Built, deployment = 'a') => router.snapshot().deployments[deployment]?.state;

async function call(built: Built, times = 1, model = 'standard'): Promise<void> {
  for (let i = 0; i < times; i += 1) await settled(sendChat(built.router, model));
}

describe('a breaker opens', () => {
  it('at five failures in a row, if they span a second', async () => {
    const script = [...Array(20).fill(answer()), fail(500)];
    const built = build({ a: script }, once);
    await call(built, 29);
    await pass(999);
    await call(built);
    expect(stateOf(built)).toBe('closed');
    await pass(1);
    await call(built);
    expect(stateOf(built)).toBe('open');
  });

  it('at five failures and nothing else', async () => {
    const built = build({ a: fail(500) }, once);
    await call(built, 4);
    expect(stateOf(built)).toBe('closed');
    await call(built);
    expect(stateOf(built)).toBe('open');
  });

  it('at five failures in ten seconds that are half of the calls', async () => {
    const built = build(
      { a: [answer(), fail(500)].flatMap((each) => Array(5).fill(each)) },
      { ...once, breaker: { consecutive: 100 } },
    );
    await call(built, 9);
    expect(stateOf(built)).toBe('closed');
    await call(built);
    expect(stateOf(built)).toBe('open');
  });

  it('not at five failures that are fewer than half', async () => {
    const built = build(
      { a: [...Array(6).fill(answer()), ...Array(5).fill(fail(500)), answer()] },
      { ...once, breaker: { consecutive: 100 } },
    );
    await call(built, 11);
    expect(stateOf(built)).toBe('closed');
  });

  it('not at failures that are longer ago than the window', async () => {
    const built = build({ a: fail(500) }, { ...once, breaker: { consecutive: 100 } });
    await call(built, 4);
    await pass(11_000);
    await call(built, 4);
    expect(stateOf(built)).toBe('closed');
    await call(built);
    expect(stateOf(built)).toBe('open');
  });

  it('by the plain rule "N failures in M ms" if configured', async () => {
    const script = [...Array(50).fill(answer()), fail(500)];
    const breaker = { failures: 3, windowMs: 5000, minRate: 0, consecutive: Number.POSITIVE_INFINITY };
    const built = build({ a: script }, { ...once, breaker });
    await call(built, 52);
    expect(stateOf(built)).toBe('closed');
    await call(built);
    expect(stateOf(built)).toBe('open');
  });

  it('for that deployment alone, and emits one event', async () => {
    const events: RouterEvent[] = [];
    const built = build({ a: fail(500), b: answer() });
    built.router.on('breaker-opened', (event) => events.push(event));
    await call(built, 8);
    expect([stateOf(built), stateOf(built, 'b')]).toEqual(['open', 'closed']);
    expect(events).toEqual([{ type: 'breaker-opened', deployment: 'a', cooldownMs: 10_000 }]);
  });
});

describe('an open breaker', () => {
  it('lets no traffic through, then one probe after its cooldown', async () => {
    const built = build({ a: fail(500), b: answer() }, { breaker: { consecutive: 1 } });
    await call(built);
    built.fake.clear();
    await pass(9999);
    await call(built, 3);
    expect(built.calledModels()).toEqual(['b', 'b', 'b']);
    await pass(1);
    await call(built, 3);
    expect(built.calledModels().slice(3)).toEqual(['a', 'b', 'b', 'b']);
  });

  it('closes after a probe that succeeds', async () => {
    const events: RouterEvent[] = [];
    const built = build({ a: [fail(500), answer()], b: answer() }, { breaker: { consecutive: 1 } });
    built.router.on('breaker-closed', (event) => events.push(event));
    await call(built);
    await pass(10_000);
    expect(stateOf(built)).toBe('halfOpen');
    await call(built, 3);
    expect(built.calledModels()).toEqual(['a', 'b', 'a', 'a', 'a']);
    expect(stateOf(built)).toBe('closed');
    expect(events).toEqual([{ type: 'breaker-closed', deployment: 'a' }]);
  });

  it('opens for the same time again after a probe that fails', async () => {
    const built = build({ a: fail(500), b: answer() }, { breaker: { consecutive: 1 } });
    for (let i = 1; i <= 3; i += 1) {
      await call(built);
      expect(built.fake.requestsOf('a')).toHaveLength(i);
      await pass(9999);
      await call(built);
      expect(built.fake.requestsOf('a')).toHaveLength(i);
      await pass(1);
    }
  });

  it('is open up to 20 % shorter, at random', async () => {
    const built = build({ a: fail(500), b: answer() }, { breaker: { consecutive: 1 }, random: () => 0.5 });
    await call(built);
    await pass(8999);
    await call(built);
    expect(built.fake.requestsOf('a')).toHaveLength(1);
    await pass(1);
    await call(built);
    expect(built.fake.requestsOf('a')).toHaveLength(2);
  });

  it('lets one probe through at a time', async () => {
    const built = build({ a: [fail(500), answer({ latencyMs: 300 })], b: answer() }, { breaker: { consecutive: 1 } });
    await call(built);
    await pass(10_000);
    built.fake.clear();
    const probe = watch(sendChat(built.router));
    await call(built, 2);
    expect(built.calledModels()).toEqual(['a', 'b', 'b']);
    await pass(300);
    expect(probe.state).toBe('fulfilled');
    await call(built);
    expect(built.calledModels().at(-1)).toBe('a');
  });

  it('lets the next probe through after a cooldown if a probe hangs', async () => {
    const built = build(
      { a: [fail(500), hang({ ignoreAbort: true }), answer()], b: answer() },
      { breaker: { consecutive: 1 } },
    );
    await call(built);
    await pass(10_000);
    built.fake.clear();
    const hung = watch(sendChat(built.router));
    await pass(9999);
    await call(built);
    expect(built.calledModels()).toEqual(['a', 'b']);
    await pass(1);
    await call(built);
    expect(built.calledModels()).toEqual(['a', 'b', 'a']);
    expect([hung.state, stateOf(built)]).toEqual(['pending', 'closed']);
  });

  it('neither closes nor opens when the caller of a probe aborts', async () => {
    const built = build({ a: [fail(500), hang(), answer()], b: answer() }, { breaker: { consecutive: 1 } });
    await call(built);
    await pass(10_000);
    const controller = new AbortController();
    const probe = watch(sendChat(built.router, 'standard', { signal: controller.signal }));
    await pass(500);
    controller.abort();
    await pass(0);
    expect([probe.state, stateOf(built)]).toEqual(['rejected', 'halfOpen']);
    // And the next one may probe at once.
    built.fake.clear();
    await call(built);
    expect(built.calledModels()).toEqual(['a']);
    expect(stateOf(built)).toBe('closed');
  });

  it('ignores calls that began before it opened', async () => {
    const built = build({ a: [answer({ latencyMs: 500 }), fail(500)] }, atOnce);
    const early = watch(sendChat(built.router));
    await call(built);
    expect(stateOf(built)).toBe('open');
    await pass(500);
    expect([early.state, stateOf(built)]).toEqual(['fulfilled', 'open']);
  });
});

describe('when all breakers are open', () => {
  it('the one whose cooldown ends first is tried', async () => {
    const built = build({ a: fail(500), b: fail(500) }, atOnce);
    await call(built, 1, 'b');
    await pass(1000);
    await call(built, 1, 'a');
    expect([stateOf(built), stateOf(built, 'b')]).toEqual(['open', 'open']);
    built.fake.clear();
    built.fake.set('b', answer());
    expect(callRecord(await sendChat(built.router))?.deployment).toBe('b');
    expect(stateOf(built, 'b')).toBe('closed');
  });

  it('each is retried up to maxAttempts', async () => {
    const built = build({ a: fail(500), b: fail(500) }, { breaker: { consecutive: 1 }, maxAttempts: 5 });
    await call(built);
    expect(built.calledModels()).toHaveLength(5);
    built.fake.clear();
    await call(built);
    expect(built.calledModels()).toHaveLength(5);
    expect(new Set(built.calledModels())).toEqual(new Set(['a', 'b']));
  });

  it('a probe that hangs does not block later calls', async () => {
    const built = build({ a: [fail(500), hang(), answer()] }, atOnce);
    await call(built);
    watch(sendChat(built.router));
    await pass(0);
    expect(callRecord(await sendChat(built.router))?.deployment).toBe('a');
  });

  it('a deployment outside the call’s regions is not tried', async () => {
    const built = build(
      { a: fail(500), b: answer() },
      { ...atOnce, deployments: { a: { region: 'eu' }, b: { region: 'us' } }, routes: { standard: ['a', 'b'] } },
    );
    await settled(sendChatWith(built.router, { regions: ['eu'] }));
    await settled(sendChatWith(built.router, { regions: ['eu'] }));
    expect(built.calledModels()).toEqual(['a', 'a']);
  });
});

describe('a stream', () => {
  it('counts at its end', async () => {
    const built = build({ a: stall({ afterChunks: 1 }) }, { ...atOnce, chunkTimeoutMs: 1000 });
    const stream = await streamChat(built.router);
    expect(stateOf(built)).toBe('closed');
    await settled(read(stream));
    expect(stateOf(built)).toBe('open');
  });

  it('does not count when the caller breaks off', async () => {
    const built = build({ a: [noDone({ chunks: 4 }), answer()] }, atOnce);
    for await (const _ of await streamChat(built.router)) break;
    expect(stateOf(built)).toBe('closed');
    expect(built.router.snapshot().deployments.a?.failures).toBe(0);
  });
});

describe('breaker: false', () => {
  it('sends calls to a deployment that keeps failing', async () => {
    const built = build({ a: fail(500), b: answer() }, { breaker: false });
    await call(built, 10);
    expect(built.fake.requestsOf('a')).toHaveLength(10);
    expect(stateOf(built)).toBe('closed');
  });

  it('still obeys pauses that servers request', async () => {
    const built = build({ a: fail(429, { headers: { 'retry-after': '5' } }), b: answer() }, { breaker: false });
    await call(built, 2);
    expect(built.calledModels()).toEqual(['a', 'b', 'b']);
  });

  it('starts no timer', async () => {
    const built = build({ a: fail(500) }, { breaker: false, maxAttempts: 1 });
    await errorOf(sendChat(built.router));
    expect(vi.getTimerCount()).toBe(0);
  });
});
