import { callOptions, callRecord } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { expect, it, vi } from 'vitest';
import { messages } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

const body = { model: 'chat', messages };
const models = { a: answer(), b: answer() };
/** An application's function that is async by mistake, and fails. */
const failing = async (): Promise<never> => {
  throw new Error('the application’s fault');
};
/** Types forbid it in most places, but not in plain JavaScript. */
const asyncInstead = failing as never;
const routes = { chat: ['a', 'b'] };

it.each<[string, Setup, string]>([
  ['adapt', { deployments: { a: { adapt: asyncInstead }, b: {} }, routes }, 'b'],
  [
    'a strategy',
    {
      deployments: { a: {}, b: {} },
      routes: { chat: { deployments: ['a', 'b'], strategy: { name: 'mine', order: asyncInstead } } },
    },
    'a',
  ],
  ['countTokens', { countTokens: asyncInstead, maxInputTokens: 10_000 }, 'a'],
  [
    'classifyError',
    { classifyError: asyncInstead, deployments: { bad: {}, b: {} }, routes: { chat: ['bad', 'b'] } },
    'b',
  ],
  ['a logger', { logger: { error: failing, warn: failing, info: failing, debug: failing }, logLevel: 'debug' }, 'a'],
  [
    'waitUntil',
    {
      waitUntil: failing,
      deployments: { a: {}, b: {} },
      routes: { chat: { deployments: ['a'], shadow: { deployment: 'b', share: 1 } } },
    },
    'a',
  ],
])('%s that is async and rejects is no unhandled rejection', async (_, settings, deployment) => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const { router } = build({ ...models, bad: fail(503) }, { deployments: { a: {}, b: {} }, routes, ...settings });
  const completion = await router.chat.completions.create(body, callOptions({ maxAttempts: 2 }));
  await new Promise(setImmediate);
  process.off('unhandledRejection', unhandled);
  expect(callRecord(completion)?.deployment).toBe(deployment);
  expect(unhandled).not.toHaveBeenCalled();
});

it('an async adapt sends nothing', async () => {
  const adapt = (async (given: object) => given) as never;
  const { router, calledModels } = build(models, { deployments: { a: { adapt }, b: {} }, routes });
  const completion = await router.chat.completions.create(body);
  expect(callRecord(completion)).toMatchObject({ attempts: [{ deployment: 'a', outcome: 'connection' }, {}] });
  expect(calledModels()).toEqual(['b']);
});
