import { callRecord } from 'model-router';
import { describe, expect, it } from 'vitest';
import { collectUntil } from '../../helpers/garbage.js';
import { liveRouter } from '../../helpers/live-stream.js';
import { read, streamChat } from '../../helpers/messages.js';
import { countedSignal } from '../../helpers/signals.js';

const use = (holder: unknown) => callRecord(holder)?.cache;

function watched() {
  const { router, streams } = liveRouter();
  const { signal, listeners } = countedSignal();
  const uses: string[] = [];
  router.on('call-ended', ({ record }) => uses.push(record.cache));
  const inFlight = () => router.snapshot().deployments.a?.inFlight;
  return { router, streams, signal, listeners, uses, inFlight };
}

describe('a stream that its caller drops', () => {
  it('is ended once it is garbage-collected: the router holds no reference to it', async () => {
    const { router, streams, signal, listeners, uses, inFlight } = watched();
    for (let i = 0; i < 20; i++) await streamChat(router, 'standard', { signal, query: { i: `${i}` } });
    expect([inFlight(), listeners() >= 20]).toEqual([20, true]);
    expect(await collectUntil(() => uses.length === 20)).toBe(true);
    expect(uses).toEqual(Array.from({ length: 20 }, () => 'miss'));
    expect([inFlight(), listeners()]).toEqual([0, 0]);
    expect(await collectUntil(() => streams.every(({ isCancelled }) => isCancelled()))).toBe(true);
    expect(router.snapshot().cache.entries).toBe(0);
  });

  it('stays whole for callers that joined it, and a joined one that is dropped leaves the others', async () => {
    const { router, streams, signal, listeners, uses } = watched();
    const [, kept] = await Promise.all([
      streamChat(router, 'standard', { signal }).then(() => undefined),
      streamChat(router),
      streamChat(router, 'standard', { signal }).then(() => undefined),
    ]);
    expect(await collectUntil(() => uses.length === 2)).toBe(true);
    expect([uses.toSorted(), listeners()]).toEqual([['joined', 'miss'], 0]);
    streams[0]?.send('one ', 'two');
    streams[0]?.end();
    expect((await read(kept)).text).toBe('0: one two');
    expect(callRecord(kept)?.attempts).toMatchObject([{ outcome: 'success' }]);
    expect(streams).toHaveLength(1);
  });

  it('is ended also where it is a replay, or was read in part', async () => {
    const { router, streams, signal, listeners, uses } = watched();
    const first = await streamChat(router);
    streams[0]?.end();
    await read(first);
    await streamChat(router, 'standard', { signal });
    const readInPart = async () => {
      const stream = await streamChat(router, 'standard', { signal, query: { x: '1' } });
      await stream[Symbol.asyncIterator]().next();
    };
    await readInPart();
    expect(await collectUntil(() => uses.length === 3)).toBe(true);
    expect(uses.toSorted()).toEqual(['hit', 'miss', 'miss']);
    expect(listeners()).toBe(0);
  });

  it('is not ended while its caller reads it, however often garbage is collected', async () => {
    const { router, streams } = watched();
    const reading = Promise.all([streamChat(router).then(read), streamChat(router).then(read)]);
    for (let i = 0; i < 5; i++) {
      await collectUntil(() => false, 2);
      streams[0]?.send(`${i} `);
    }
    streams[0]?.end();
    expect((await reading).map(({ text, error }) => [text, error])).toEqual([
      ['0: 0 1 2 3 4 ', undefined],
      ['0: 0 1 2 3 4 ', undefined],
    ]);
  });

  it('may be read late', async () => {
    const { router, streams } = watched();
    const [one, two] = await Promise.all([streamChat(router), streamChat(router)]);
    streams[0]?.send('text');
    streams[0]?.end();
    expect((await read(one)).text).toBe('0: text');
    await collectUntil(() => false, 3);
    expect((await read(two)).text).toBe('0: text');
    expect(use(two)).toBe('joined');
  });
});
