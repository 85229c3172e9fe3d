import { callRecord } from 'model-router';
import { answer, type Behaviour } from 'model-router/testing';
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
  const deployments = Object.fromEntries(names.map((name) => [name, {}]));
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
    const { text, outcomes } = await ask(router, isStream);
    expect([text, outcomes]).toEqual(['bad', ['a lost', 'b success']]);
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
  const slow = answer({ content: 'good', chunks: ['g', 'oo', 'd'], latencyMs: 50, chunkMs: 2000 });
  const { router, fake } = open({ accept: () => true }, { a: slow });
  const { text, outcomes } = await ask(router, true);
  expect(text).toBe('bad');
  expect(outcomes).toEqual(['a lost', 'b success']);
  expect(fake.open).toBe(0);
  expect(router.snapshot().deployments).toMatchObject({ a: { failures: 0, inFlight: 0 } });
});
