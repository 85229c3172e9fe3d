import { type CallRecord, callRecord } from 'model-router';
import { answer, type Behaviour, cut } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { messages } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

type Route = Exclude<NonNullable<Setup['routes']>[string], readonly string[] | undefined>;

/** Answers of `a` come after 300 ms; its hedge is due after 100, and asks `b`. */
function open(route: Partial<Route>, others: Record<string, Behaviour> = {}, aText = 'good') {
  const models = {
    a: answer({ content: aText, latencyMs: 300 }),
    b: answer({ content: 'bad', latencyMs: 20 }),
    ...others,
  };
  const names = Object.keys(models);
  const deployments = Object.fromEntries(names.map((name) => [name, { price: { input: 1, output: 1 } }]));
  return build(models, { deployments, routes: { standard: { deployments: names, hedgeAfterMs: 100, ...route } } });
}
const textOf = (given: unknown) => JSON.stringify(given);
const accept = (given: unknown) => !textOf(given).includes('bad');

async function ask(router: ReturnType<typeof open>['router'], isStream: boolean) {
  const { value, error } = await settled(
    router.chat.completions.create({ model: 'standard', messages, stream: isStream }).then(async (given) => {
      if (!('controller' in given)) return { text: given.choices[0]?.message.content, record: callRecord(given) };
      let text = '';
      for await (const chunk of given) text += chunk.choices[0]?.delta.content ?? '';
      return { text, record: callRecord(given) };
    }),
  );
  await pass(1000);
  if (value === undefined) throw error;
  return { ...value, outcomes: value.record?.attempts.map((each) => `${each.deployment} ${each.outcome}`) };
}

describe.each([
  ['an answer', false],
  ['a stream', true],
])('%s of a hedge', (_, isStream) => {
  it('that accept refuses does not end the slow attempt, which may still answer', async () => {
    const { router } = open({ accept });
    const { text, record, outcomes } = await ask(router, isStream);
    expect(text).toBe('good');
    expect(outcomes).toEqual(['a success', 'b invalid-answer']);
    expect(record?.deployment).toBe('a');
    expect(router.snapshot().deployments).toMatchObject({ a: { failures: 0, inFlight: 0 }, b: { failures: 0 } });
  });

  it('that accept refuses fails over to the next deployment', async () => {
    const { router } = open({ accept }, { c: answer({ content: 'fine', latencyMs: 20 }) });
    const { text, outcomes } = await ask(router, isStream);
    expect(text).toBe('fine');
    expect(outcomes).toEqual(['a lost', 'b invalid-answer', 'c success']);
  });

  it('that accept takes ends the slow attempt', async () => {
    const { router } = open({ accept: () => true });
    let atEnd: CallRecord | undefined;
    router.on('call-ended', ({ record }) => {
      atEnd = record;
    });
    const { text, record, outcomes } = await ask(router, isStream);
    expect([text, outcomes]).toEqual(['bad', ['a lost', 'b success']]);
    expect(atEnd).toEqual(record);
  });

  it('is refused with the slow one: every answer was refused', async () => {
    const { router } = open({ accept }, {}, 'bad too');
    await expect(ask(router, isStream)).rejects.toMatchObject({ code: 'invalid_answer' });
  });

  it('is escalated to the next deployment', async () => {
    const escalate = { when: (given: unknown) => textOf(given).includes('bad') };
    const { router } = open({ escalate }, { c: answer({ content: 'fine', latencyMs: 20 }) });
    const { text, record, outcomes } = await ask(router, isStream);
    expect(text).toBe('fine');
    expect(outcomes).toEqual(['a lost', 'b success', 'c success']);
    expect(record).toMatchObject({ deployment: 'c', escalated: true });
  });
});

it('a held stream that is still running when a hedge is accepted ends, without blame', async () => {
  const slow = answer({ content: 'good', chunks: ['g', 'oo', 'd'], latencyMs: 110, chunkMs: 2000 });
  const { router, fake } = open({ accept: () => true }, { a: slow });
  const { text, outcomes } = await ask(router, true);
  expect(text).toBe('bad');
  expect(outcomes).toEqual(['a lost', 'b success']);
  expect(fake.open).toBe(0);
  expect(router.snapshot().deployments).toMatchObject({ a: { failures: 0, inFlight: 0 } });
});

describe.each([
  ['an answer', false],
  ['a stream', true],
])('while accept judges %s that came before its hedge was due', (_, isStream) => {
  const quick = answer({ content: 'good', chunks: ['g', 'oo', 'd'], latencyMs: 20, chunkMs: 300 });
  const afterASecond = () => new Promise<boolean>((resolve) => setTimeout(resolve, 1000, true));

  it('no hedge is sent: judging says nothing about the deployment', async () => {
    const { router, fake } = open({ accept: afterASecond }, { a: quick });
    const { outcomes } = await ask(router, isStream);
    expect(outcomes).toEqual(['a success']);
    expect(fake.requests).toHaveLength(1);
  });
});

/** The record as it was when the call ended, and as it is later. */
async function recordsOf(router: ReturnType<typeof open>['router'], isStream: boolean) {
  const ended: CallRecord[] = [];
  router.on('call-ended', ({ record }) => ended.push(record));
  const { record } = await ask(router, isStream);
  return { ended: ended[0], later: record };
}

describe.each([
  ['an answer', false],
  ['a stream', true],
])('%s that is still judged when a hedge is accepted', (_, isStream) => {
  const openTwo = () => {
    const accept = (given: unknown) =>
      textOf(given).includes('good') ? new Promise<boolean>((resolve) => setTimeout(resolve, 1000, true)) : true;
    const b = answer({ content: 'bad', latencyMs: 100 });
    return open({ accept }, { a: answer({ content: 'good', latencyMs: 150 }), b });
  };

  it('has lost at the end of the call, and costs what it used', async () => {
    const { ended, later } = await recordsOf(openTwo().router, isStream);
    expect(ended?.attempts.map(({ outcome, status }) => `${outcome} ${status}`)).toEqual(['lost 200', 'success 200']);
    expect(ended).toMatchObject({ deployment: 'b', servedModel: 'b' });
    expect(ended?.attempts.every(({ costUsd, estimated }) => costUsd === 0.000011 && !estimated)).toBe(true);
    expect(ended?.costUsd).toBe(0.000022);
    expect(later).toEqual(ended);
  });

  it('is no sample of slowness', async () => {
    const { router } = openTwo();
    await ask(router, isStream);
    const { a } = router.snapshot().deployments;
    expect(a?.failures).toBe(0);
    // The second sample, if there were one, would be of 200 ms.
    expect(isStream ? a?.timeToFirstChunkMs.p99 : (a?.latencyMs.p99 ?? 150)).toBeLessThan(160);
  });
});

it('a held stream that loses costs what has arrived of it, and is no sample of slowness', async () => {
  const slow = answer({ content: 'good', chunks: ['g', 'oo', 'd'], latencyMs: 110, chunkMs: 2000 });
  const b = answer({ content: 'bad', latencyMs: 50 });
  const { router } = open({ accept: () => true }, { a: slow, b });
  const { ended, later } = await recordsOf(router, true);
  expect(ended?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'success']);
  expect(ended?.attempts[0]).toMatchObject({ costUsd: 0.000011, estimated: true });
  expect(ended?.costUsd).toBe(0.000022);
  expect(later).toEqual(ended);
  expect(router.snapshot().deployments.a?.timeToFirstChunkMs.p99).toBe(110);
});

it('two answers that accept takes at the same moment: one wins, and the record names it', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const b = answer({ content: 'bad', latencyMs: 100 });
  const { router } = open({ accept: () => promise }, { a: answer({ content: 'good', latencyMs: 150 }), b });
  setTimeout(resolve, 400, true);
  const { text, record, outcomes } = await ask(router, false);
  expect(outcomes).toEqual(['a success', 'b lost']);
  expect([text, record?.deployment, record?.costUsd]).toEqual(['good', 'a', 0.000022]);
});

it.each([
  ['accept', { accept: () => true }],
  ['escalate', { escalate: { when: () => false } }],
])('a stream that breaks while it is held for %s fails over', async (_, route) => {
  const { router } = open(route, { b: cut({ afterChunks: 2 }), c: answer('fine') });
  const { text, outcomes } = await ask(router, true);
  expect(text).toBe('fine');
  expect(outcomes?.slice(1)).toEqual(['b interrupted', 'c success']);
});
