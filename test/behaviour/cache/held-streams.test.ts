import { type CallRecord, callOptions, callRecord, DeadlineExceededError } from 'model-router';
import { answer, stall } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { errorOf, read, sendChat, streamChat } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

const models = { a: answer({ content: 'One two.', latencyMs: 5 }), b: answer('Better now.') };

/** Streams are held back until they are judged, so they have ended before their first reader reads. */
describe.each<[string, Setup['routes'], string, number]>([
  ['accepted', { standard: { deployments: ['a', 'b'], accept: () => true } }, 'One two.', 1],
  ['kept', { standard: { deployments: ['a', 'b'], escalate: { when: () => false } } }, 'One two.', 1],
  ['escalated', { standard: { deployments: ['a', 'b'], escalate: { when: () => true } } }, 'Better now.', 2],
])('a stream that is held and %s', (_, routes, expected, requests) => {
  const open = () => build(models, { deployments: { a: {}, b: {} }, routes, cache: true });

  it('is stored when it has been read, and answers streams and whole calls', async () => {
    const { router, fake } = open();
    const first = await streamChat(router);
    expect((await read(first)).text).toBe(expected);
    const second = await streamChat(router);
    expect((await read(second)).text).toBe(expected);
    const whole = await sendChat(router);
    expect(whole.choices[0]?.message.content).toBe(expected);
    expect([first, second, whole].map((each) => callRecord(each)?.cache)).toEqual(['miss', 'hit', 'hit']);
    expect(fake.count).toBe(requests);
  });

  it('is joined by an equal call', async () => {
    const { router, fake } = open();
    const streams = await Promise.all([streamChat(router), streamChat(router)]);
    for (const stream of streams) expect((await read(stream)).text).toBe(expected);
    expect(streams.map((each) => callRecord(each)?.cache)).toEqual(['miss', 'joined']);
    expect(fake.count).toBe(requests);
  });

  it('is not stored where its reader stops early', async () => {
    const { router, fake } = open();
    for await (const chunk of await streamChat(router)) {
      expect(chunk.choices).toHaveLength(1);
      break;
    }
    expect((await read(await streamChat(router))).text).toBe(expected);
    expect(fake.count).toBe(2 * requests);
  });
});

it('a held stream that is shared ends at the deadline of the caller who is left, and its whole cost is in that record', async () => {
  const { router } = build(
    { a: stall({ afterChunks: 2 }) },
    {
      deployments: { a: { price: { input: 1, output: 1 } } },
      routes: { standard: { deployments: ['a'], accept: () => true } },
      cache: true,
      maxAttempts: 1,
    },
  );
  const records: CallRecord[] = [];
  router.on('call-ended', ({ record }) => records.push(record));
  const controller = new AbortController();
  const first = errorOf(
    streamChat(router, 'standard', { ...callOptions({ deadlineMs: 5000 }), signal: controller.signal }),
  );
  const last = errorOf(streamChat(router, 'standard', callOptions({ deadlineMs: 100 })));
  setTimeout(() => controller.abort(), 20);
  expect([(await first).name, await last]).toEqual(['Error', expect.any(DeadlineExceededError)]);
  expect(records).toMatchObject([{ attempts: [] }, { attempts: [{ outcome: 'aborted' }] }]);
  expect(records.at(1)?.costUsd).toBeGreaterThan(0);
  expect(records.at(1)?.costUsd).toBe(router.snapshot().spend.totalUsd);
});
