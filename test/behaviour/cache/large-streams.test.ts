import { callRecord } from 'model-router';
import { describe, expect, it, vi } from 'vitest';
import { liveRouter } from '../../helpers/live-stream.js';
import { streamChat } from '../../helpers/messages.js';

const use = (holder: unknown) => callRecord(holder)?.cache;
const MIB = 1024 * 1024;

type Stream = Awaited<ReturnType<typeof streamChat>>;

/** Reads `count` chunks, and returns their length. */
async function readOn(iterator: ReturnType<Stream[typeof Symbol.asyncIterator]>, count: number): Promise<number> {
  let length = 0;
  for (let i = 0; i < count; i++) {
    const { value } = await iterator.next();
    length += value?.choices[0]?.delta.content?.length ?? 0;
  }
  return length;
}

describe('a stream that is larger than the store', () => {
  it('reaches all its readers whole; it is no longer stored or joined', async () => {
    const { router, streams } = liveRouter({ cache: { mode: 'all', maxBytes: MIB } });
    const [one, two] = (await Promise.all([streamChat(router), streamChat(router)])).map((stream) =>
      stream[Symbol.asyncIterator](),
    );
    if (one === undefined || two === undefined) throw new Error('Two were requested.');
    // Role, and a first content of three characters.
    expect(await readOn(one, 2)).toBe(3);
    for (let i = 0; i < 40; i++) {
      streams[0]?.send('x'.repeat(100_000));
      expect(await readOn(one, 1)).toBe(100_000);
      if (i === 0) expect(await readOn(two, 3)).toBe(100_003);
      else expect(await readOn(two, 1)).toBe(100_000);
    }
    const late = await streamChat(router);
    expect(use(late)).toBe('miss');
    for (const stream of streams) stream.end();
    for (const iterator of [one, two]) {
      expect(await readOn(iterator, 1)).toBe(0);
      expect((await iterator.next()).done).toBe(true);
    }
    expect(router.snapshot().cache.entries).toBe(0);
  });

  it('makes its fastest reader wait for the slowest, which loses nothing', async () => {
    const { router, streams } = liveRouter({ cache: { mode: 'all', maxBytes: MIB } });
    const [one, two] = (await Promise.all([streamChat(router), streamChat(router)])).map((stream) =>
      stream[Symbol.asyncIterator](),
    );
    if (one === undefined || two === undefined) throw new Error('Two were requested.');
    await readOn(two, 1);
    await readOn(one, 2);
    for (let i = 0; i < 20; i++) streams[0]?.send('x'.repeat(100_000));
    streams[0]?.end();
    expect(await readOn(one, 10)).toBe(1_000_000);
    let isWaiting = true;
    const blocked = readOn(one, 5).then((length) => {
      isWaiting = false;
      return length;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isWaiting).toBe(true);
    expect(await readOn(two, 6)).toBe(500_003);
    expect(await blocked).toBe(500_000);
    const rest = await Promise.all([readOn(one, 5), readOn(two, 15)]);
    expect(rest).toEqual([500_000, 1_500_000]);
  });

  it('is requested again for a caller that has read nothing when its beginning is gone', async () => {
    const { router, streams } = liveRouter({ cache: { mode: 'all', maxBytes: MIB } });
    const [one, unread] = await Promise.all([streamChat(router), streamChat(router)]);
    const reading = one[Symbol.asyncIterator]();
    await readOn(reading, 2);
    for (let i = 0; i < 30; i++) {
      streams[0]?.send('x'.repeat(100_000));
      await readOn(reading, 1);
    }
    const other = unread[Symbol.asyncIterator]();
    expect(await readOn(other, 2)).toBe(3);
    expect(streams).toHaveLength(2);
    streams[1]?.send('whole');
    expect(await readOn(other, 1)).toBe(5);
    expect(use(unread)).toBe('miss');
  });
});

describe('a long stream that was stored', () => {
  it('is read in slices', async () => {
    const { router, streams } = liveRouter({ cache: true });
    const first = await streamChat(router);
    const reading = readOn(first[Symbol.asyncIterator](), 1004);
    for (let i = 0; i < 1000; i++) streams[0]?.send(`${i} ${'x'.repeat(1000)}`);
    streams[0]?.end();
    const length = await reading;
    const parse = vi.spyOn(JSON, 'parse');
    const again = await streamChat(router);
    expect(await readOn(again[Symbol.asyncIterator](), 1003)).toBe(length);
    expect(use(again)).toBe('hit');
    const parsed = parse.mock.calls.map(([text]) => text.length);
    parse.mockRestore();
    expect(Math.max(...parsed)).toBeLessThan(600_000);
    expect(parsed.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(1_000_000);
  });
});

describe('joining and leaving', () => {
  it('sets one timer for each call, however many wait', async () => {
    const { router } = liveRouter();
    let timers = 0;
    const { setTimeout: original } = globalThis;
    const counting = (...given: Parameters<typeof setTimeout>) => {
      timers++;
      return original(...given);
    };
    Object.assign(globalThis, { setTimeout: counting });
    try {
      const controllers = Array.from({ length: 1000 }, () => new AbortController());
      const calls = controllers.map(({ signal }) => streamChat(router, 'standard', { signal }).catch(() => undefined));
      const before = timers;
      for (const controller of controllers.slice(1)) controller.abort();
      await Promise.all(calls);
      expect(before).toBeLessThan(1100);
      expect(timers - before).toBeLessThan(50);
    } finally {
      Object.assign(globalThis, { setTimeout: original });
    }
  });
});
