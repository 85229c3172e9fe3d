import { callRecord } from 'model-router';
import { answer } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { read, sendChat, streamChat } from '../../helpers/messages.js';
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
