import { AsyncLocalStorage } from 'node:async_hooks';
import { answer, type Behaviour, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime } from '../../helpers/clock.js';
import { errorOf, read, sendChat, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

function watched(script: Behaviour) {
  const { router } = build({ a: script }, { cache: true, maxAttempts: 1 });
  const context = new AsyncLocalStorage<string>();
  const ended: [string, string | undefined][] = [];
  const hits: (string | undefined)[] = [];
  router.on('call-ended', ({ record }) => ended.push([record.cache, context.getStore()]));
  router.on('cache-hit', () => hits.push(context.getStore()));
  return { router, context, ended, hits };
}

describe("a joined call's events come in its own caller's async context", () => {
  it('for a whole answer', async () => {
    const { router, context, ended, hits } = watched(answer({ latencyMs: 10 }));
    const calls = ['A', 'B', 'C'].map((name) => context.run(name, () => sendChat(router)));
    await pass(10);
    await Promise.all(calls);
    expect(ended).toEqual([
      ['miss', 'A'],
      ['joined', 'B'],
      ['joined', 'C'],
    ]);
    expect(hits).toEqual(['B', 'C']);
  });

  it('for an error', async () => {
    const { router, context, ended } = watched(fail(500, { latencyMs: 10 }));
    const calls = ['A', 'B'].map((name) => context.run(name, () => errorOf(sendChat(router))));
    await pass(10);
    await Promise.all(calls);
    expect(ended.map(([, name]) => name)).toEqual(['A', 'B']);
  });

  it('for a stream that something else aborts, a replay too', async () => {
    const { router, context, ended } = watched(answer({ content: 'one two three', chunks: 3, chunkMs: 10 }));
    const open = async (name: string) => {
      const controller = new AbortController();
      const stream = await context.run(name, () => streamChat(router, 'standard', { signal: controller.signal }));
      return { controller, stream };
    };
    const [a, b] = await Promise.all([open('A'), open('B')]);
    const reading = read(a.stream);
    context.run('other', () => b.controller.abort());
    await pass(100);
    await reading;
    const c = await open('C');
    context.run('other', () => c.controller.abort());
    await pass(0);
    expect(ended).toEqual([
      ['joined', 'B'],
      ['miss', 'A'],
      ['hit', 'C'],
    ]);
  });

  it('for a stream', async () => {
    const { router, context, ended, hits } = watched(answer({ content: 'one two three', chunks: 3, chunkMs: 10 }));
    const calls = ['A', 'B', 'C'].map((name) => context.run(name, async () => read(await streamChat(router))));
    await pass(100);
    expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(
      Array.from({ length: 3 }, () => 'one two three'),
    );
    expect(ended.map(([, name]) => name).toSorted()).toEqual(['A', 'B', 'C']);
    expect(new Map(ended.map(([cache, name]) => [name, cache]))).toEqual(
      new Map([
        ['A', 'miss'],
        ['B', 'joined'],
        ['C', 'joined'],
      ]),
    );
    expect(hits.toSorted()).toEqual(['B', 'C']);
  });
});
