import { callRecord, StreamInterruptedError } from 'model-router';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { liveRouter } from '../../helpers/live-stream.js';
import { read, streamChat } from '../../helpers/messages.js';

useFakeTime();

const use = (holder: unknown) => callRecord(holder)?.cache;

describe('a stream in flight', () => {
  it('is not joined if its caller has not read it for a while', async () => {
    const { router, streams } = liveRouter();
    await streamChat(router);
    await pass(100);
    const other = await streamChat(router);
    expect(use(other)).toBe('miss');
    streams[0]?.cut();
    streams[1]?.send('all is well');
    streams[1]?.end();
    expect(await read(other)).toMatchObject({ text: '1: all is well', error: undefined });
  });

  it('is joined where its caller still waits for it, or reads it, however slowly', async () => {
    const { router, streams } = liveRouter();
    const [first, second] = await Promise.all([streamChat(router), streamChat(router)]);
    await first[Symbol.asyncIterator]().next();
    await pass(10_000);
    const third = await streamChat(router);
    expect([first, second, third].map(use)).toEqual(['miss', 'joined', 'joined']);
    expect(streams).toHaveLength(1);
  });

  it('is not joined once it has failed', async () => {
    const { router, streams } = liveRouter();
    const first = read(await streamChat(router));
    await pass(1);
    streams[0]?.cut();
    await pass(1);
    expect((await first).error).toBeInstanceOf(StreamInterruptedError);
    const next = await streamChat(router);
    streams[1]?.end();
    expect([use(next), (await read(next)).text]).toEqual(['miss', '1: ']);
  });

  it('that fails before a joined caller has content: that caller requests it again', async () => {
    const { router, streams } = liveRouter();
    const records: unknown[] = [];
    router.on('call-ended', ({ record }) =>
      records.push([record.cache, record.attempts.map(({ outcome }) => outcome)]),
    );
    const [first, joined] = await Promise.all([streamChat(router), streamChat(router)]);
    const failing = read(first);
    streams[0]?.send('half');
    await pass(1);
    streams[0]?.cut();
    await pass(1);
    expect((await failing).error).toBeInstanceOf(StreamInterruptedError);
    const reading = read(joined);
    await pass(1);
    streams[1]?.send('whole');
    streams[1]?.end();
    expect(await reading).toMatchObject({ text: '1: whole', error: undefined });
    expect(callRecord(joined)).toMatchObject({ cache: 'miss', attempts: [{ number: 1, outcome: 'success' }] });
    expect(records).toEqual([
      ['miss', ['interrupted']],
      ['miss', ['success']],
    ]);
    expect(router.snapshot().deployments.a?.inFlight).toBe(0);
  });

  it('is in the record of the caller that paid for it and then requested it again', async () => {
    const { router, streams } = liveRouter();
    const [first, joined, third] = await Promise.all([streamChat(router), streamChat(router), streamChat(router)]);
    for await (const _ of first) break;
    const failing = read(third);
    await pass(1);
    streams[0]?.cut();
    await pass(1);
    await failing;
    const reading = read(joined);
    await pass(1);
    streams[1]?.end();
    expect((await reading).text).toBe('1: ');
    const attempts = [first, joined, third].map((stream) => callRecord(stream)?.attempts);
    expect(attempts).toMatchObject([
      [],
      [
        { number: 1, outcome: 'interrupted' },
        { number: 2, outcome: 'success' },
      ],
      [],
    ]);
  });

  it('that fails after a joined caller has content: that caller gets an error with what it has read', async () => {
    const { router, streams } = liveRouter();
    const readings = (await Promise.all([streamChat(router), streamChat(router)])).map(read);
    streams[0]?.send('half');
    await pass(1);
    streams[0]?.cut();
    const [one, two] = await Promise.all(readings);
    for (const each of [one, two]) {
      if (!(each?.error instanceof StreamInterruptedError)) throw new Error('It did not fail.');
      expect([each.error.text, each.error.partial]).toEqual(['0: half', each.chunks]);
    }
    expect(one?.error).not.toBe(two?.error);
    expect(streams).toHaveLength(1);
  });

  it('that is aborted while a caller requests it again ends for that caller', async () => {
    const { router, streams } = liveRouter();
    const controller = new AbortController();
    const [first, joined] = await Promise.all([
      streamChat(router),
      streamChat(router, 'standard', { signal: controller.signal }),
    ]);
    const failing = read(first);
    streams[0]?.cut();
    await pass(1);
    await failing;
    const reading = settled(read(joined));
    controller.abort();
    expect((await reading).value?.text).toBe('');
    await pass(1);
    expect(router.snapshot().deployments.a?.inFlight).toBe(0);
  });
});
