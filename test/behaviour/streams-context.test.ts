import { AsyncLocalStorage } from 'node:async_hooks';
import { callOptions, type ModelRouter } from 'model-router';
import { answer, cut, stall } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { errorOf, messages, read, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const context = new AsyncLocalStorage<string>();

/** For each event: its type and its async contexts, by the call that it reports. */
function listen(router: ModelRouter): Map<string, Set<string>> {
  const seen = new Map<string, Set<string>>();
  const note = (callId: string, type: string) => {
    const each = seen.get(callId) ?? new Set();
    seen.set(callId, each.add(`${type} in ${context.getStore() ?? 'none'}`));
  };
  router.on('call-ended', ({ record }) => note(record.id, 'call-ended'));
  for (const type of ['attempt-started', 'attempt-failed', 'cache-hit'] as const)
    router.on(type, ({ callId }) => note(callId, type));
  return seen;
}

const events = (seen: Map<string, Set<string>>) => [...seen.values()].map((each) => [...each].sort());

describe('events run in the async context of their call', () => {
  it.each(['whole', 'stream'] as const)('where equal calls share one stream: %s', async (kind) => {
    const { router } = build({ a: answer({ chunks: 3, chunkMs: 100, latencyMs: 100 }) }, { cache: true });
    const seen = listen(router);
    const call = (name: string) =>
      context.run(name, async () => {
        if (kind === 'whole') return void (await router.chat.completions.create({ model: 'standard', messages }));
        expect((await read(await streamChat(router))).error).toBeUndefined();
      });
    await settled(Promise.all([call('A'), call('B'), call('C')]));
    expect(events(seen)).toEqual([
      ['attempt-started in A', 'call-ended in A'],
      ['cache-hit in B', 'call-ended in B'],
      ['cache-hit in C', 'call-ended in C'],
    ]);
  });

  it('where a stream breaks, stalls or is aborted from elsewhere', async () => {
    const { router } = build({ a: [cut(), stall(), stall(), stall()] }, { chunkTimeoutMs: 1000 });
    const seen = listen(router);
    const controller = new AbortController();
    const call = (name: string, options = {}) =>
      context.run(name, async () => void (await read(await streamChat(router, 'standard', options))));
    const running = [call('A'), call('B'), call('C', { signal: controller.signal })];
    running.push(call('D', callOptions({ maxStreamMs: 500 })));
    await vi.advanceTimersByTimeAsync(100);
    context.run('elsewhere', () => controller.abort());
    await settled(Promise.all(running));
    expect(events(seen)).toEqual([
      ['attempt-failed in A', 'attempt-started in A', 'call-ended in A'],
      ['attempt-failed in B', 'attempt-started in B', 'call-ended in B'],
      ['attempt-started in C', 'call-ended in C'],
      ['attempt-failed in D', 'attempt-started in D', 'call-ended in D'],
    ]);
  });

  it('where a stream is read in another context than that of its call', async () => {
    const { router } = build({ a: [answer(), cut()] });
    const seen = listen(router);
    const streams = await Promise.all(['A', 'B'].map((name) => context.run(name, () => streamChat(router))));
    for (const stream of streams) await context.run('reader', () => read(stream));
    expect(events(seen)).toEqual([
      ['attempt-started in A', 'call-ended in A'],
      ['attempt-failed in B', 'attempt-started in B', 'call-ended in B'],
    ]);
  });

  it('where a waiting call is aborted from elsewhere', async () => {
    const { router } = build({ a: answer({ latencyMs: 1000 }) });
    const seen = listen(router);
    const controller = new AbortController();
    const call = context.run('A', () => errorOf(streamChat(router, 'standard', { signal: controller.signal })));
    await vi.advanceTimersByTimeAsync(100);
    context.run('elsewhere', () => controller.abort());
    await call;
    expect(events(seen)[0]).toContain('call-ended in A');
    expect(events(seen)[0]?.join()).not.toContain('elsewhere');
  });
});
