import { describe, expect, it, vi } from 'vitest';
import {
  answer,
  type Behaviour,
  bytes,
  commentFlood,
  endEarly,
  fail,
  fakeFetch,
  hang,
  slowDrip,
  stall,
} from '../../../src/testing/index.js';
import { useFakeTime } from '../../helpers/clock.js';
import { post } from './entry-points.js';

const url = 'https://provider.test/v1/chat/completions';
const plain = post({ model: 'm', messages: [] });
const streamed = post({ model: 'm', messages: [], stream: true });

/** When each text arrived, in virtual milliseconds. */
async function arrivals(behaviour: Behaviour, init: RequestInit, read: (text: string) => string | undefined) {
  const start = performance.now();
  const times: [number, string][] = [];
  const done = (async () => {
    const response = await fakeFetch(behaviour)(url, init);
    times.push([performance.now() - start, `status ${response.status}`]);
    for await (const bytes of response.body ?? []) {
      const text = read(Buffer.from(bytes).toString());
      if (text !== undefined) times.push([performance.now() - start, text]);
    }
    times.push([performance.now() - start, 'end']);
  })();
  await vi.runAllTimersAsync();
  await done;
  return times;
}

const contentOf = (text: string) => /"delta":\{"content":"([^"]+)"/.exec(text)?.[1];

describe('in virtual time', () => {
  useFakeTime();

  it('sends headers when the latency is over, and not before', async () => {
    const fetch = fakeFetch(answer({ latencyMs: 250 }));
    const settled = vi.fn();
    const response = fetch(url, plain);
    response.then(settled, settled);
    await vi.advanceTimersByTimeAsync(249);
    expect(settled).not.toHaveBeenCalled();
    expect(fetch.open).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toHaveBeenCalledOnce();
    expect(fetch.open).toBe(0);
    expect(fetch.requests[0]).toMatchObject({ startedAt: 0, endedAt: 250, outcome: 'answered' });
  });

  it('delays a failure as well', async () => {
    expect(await arrivals(fail(503, { latencyMs: 40 }), plain, () => undefined)).toEqual([
      [40, 'status 503'],
      [40, 'end'],
    ]);
  });

  it('draws latencies from the given random source', async () => {
    const draws = [0.1, 0.9];
    const fetch = fakeFetch(answer({ latencyMs: (random) => 1000 * random() }), { random: () => draws.shift() ?? 0 });
    const times: number[] = [];
    for (let call = 0; call < 2; call += 1) fetch(url, plain).then(() => times.push(performance.now()));
    await vi.runAllTimersAsync();
    expect(times).toEqual([100, 900]);
  });

  it('sends a stream in chunks, with a pause between two of them', async () => {
    const behaviour = answer({ chunks: ['a', 'b', 'c'], latencyMs: 10, chunkMs: 5 });
    expect(await arrivals(behaviour, streamed, contentOf)).toEqual([
      [10, 'status 200'],
      [10, 'a'],
      [15, 'b'],
      [20, 'c'],
      [20, 'end'],
    ]);
  });

  it('is silent in a stall, then continues', async () => {
    expect(await arrivals(stall({ chunks: ['a', 'b'], ms: 3000 }), streamed, contentOf)).toEqual([
      [0, 'status 200'],
      [0, 'a'],
      [3000, 'b'],
      [3000, 'end'],
    ]);
  });

  it('breaks off at once, not when the next chunk is due', async () => {
    const behaviour = endEarly({ chunks: ['a', 'b'], chunkMs: 1000 });
    expect(await arrivals(behaviour, streamed, contentOf)).toEqual([
      [0, 'status 200'],
      [0, 'a'],
      [0, 'end'],
    ]);
  });

  it('stalls before the first chunk', async () => {
    const times = await arrivals(stall({ afterChunks: 0, chunks: ['a'], ms: 70 }), streamed, contentOf);
    expect(times).toEqual([
      [0, 'status 200'],
      [70, 'a'],
      [70, 'end'],
    ]);
  });

  it('stalls a plain answer in its middle', async () => {
    const times = await arrivals(stall({ ms: 500 }), plain, (text) => text.slice(0, 1));
    expect(times.slice(0, 2)).toEqual([
      [0, 'status 200'],
      [0, '{'],
    ]);
    expect(times.at(-1)).toEqual([500, 'end']);
  });

  it.each([
    [1, 20],
    [4, 5],
    [0.5, 40],
  ])('drips %d bytes a millisecond', async (bytesPerMs, endMs) => {
    const times = await arrivals(slowDrip({ bytesPerMs, body: 'eighteen letters..' }), plain, () => undefined);
    expect(times.at(-1)).toEqual([endMs, 'end']);
  });

  it('sends a flood of comments first', async () => {
    const times = await arrivals(commentFlood({ count: 3, stepMs: 100, chunks: ['a'] }), streamed, (text) =>
      text.startsWith(':') ? text : contentOf(text),
    );
    expect(times).toEqual([
      [0, 'status 200'],
      [100, ': keep-alive\n\n'],
      [200, ': keep-alive\n\n'],
      [300, ': keep-alive\n\n'],
      [300, 'a'],
      [300, 'end'],
    ]);
  });

  it('paces recorded bytes', async () => {
    const times = await arrivals(bytes({ chunks: ['x', 'y'], chunkMs: 30 }), plain, (text) => text);
    expect(times).toEqual([
      [0, 'status 200'],
      [0, 'x'],
      [30, 'y'],
      [30, 'end'],
    ]);
  });

  it('treats a wait that is longer than any timer as a hang', async () => {
    const fetch = fakeFetch(answer({ latencyMs: 2 ** 31 }));
    void fetch(url, plain).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(10);
    expect(vi.getTimerCount()).toBe(0);
    expect(fetch.open).toBe(1);
  });

  it('leaves no timer when the caller has aborted', async () => {
    const fetch = fakeFetch([answer({ latencyMs: 1000 }), stall({ ms: 1000 }), hang()]);
    for (let call = 0; call < 3; call += 1) {
      const controller = new AbortController();
      const response = fetch(url, { ...streamed, signal: controller.signal }).then((ok) => ok.text());
      response.catch(() => undefined);
      await vi.advanceTimersByTimeAsync(10);
      controller.abort();
      await expect(response).rejects.toThrow();
      expect(vi.getTimerCount()).toBe(0);
    }
  });
});

it('refuses a flood that would block the event loop', () => {
  expect(() => commentFlood({ stepMs: 0 })).toThrow(
    'commentFlood.stepMs: 0 is not allowed; give milliseconds above 0, or a `count`.',
  );
  expect(() => slowDrip({ bytesPerMs: 0 })).toThrow('slowDrip.bytesPerMs: 0 is not allowed; give a number above 0.');
});
