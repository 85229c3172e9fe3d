import { callRecord, type ModelRouter } from 'model-router';
import { answer, bytes } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { content, done, finish, role, stream } from '../helpers/event-streams.js';
import { collect, messages, read } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

const truthy = ['true', 1, 'yes'] as const;
/** A server that reads such values as true, and one that does not. */
const coercing = stream([role, content('Hi'), finish(), done]);
const strict = answer({ content: 'Hi' });

const sendChat = async (client: OpenAI, value: unknown) => {
  const answer = await client.chat.completions.create({ model: 'a', messages, stream: value as true });
  return Symbol.asyncIterator in answer ? collect(answer) : { error: undefined, ...(answer as object) };
};

const calm = { breaker: { consecutive: 1 }, routes: {}, retry: { budget: 0 } } as const;

function failures(router: ModelRouter): number | undefined {
  return router.snapshot().deployments.a?.failures;
}

describe('a `stream` that is neither true nor false', () => {
  it.each(truthy)('is a stream if the server answers with one: %j', async (value) => {
    const { router } = build({ a: coercing }, calm);
    const handed = await router.chat.completions.create({ model: 'a', messages, stream: value as unknown as true });
    const { text, error } = await read(handed);
    expect([text, error, failures(router)]).toEqual(['Hi', undefined, 0]);
    expect(callRecord(handed)?.attempts).toMatchObject([{ outcome: 'success' }]);
  });

  it('is guarded like any other stream', async () => {
    const { router } = build({ a: stream([role, content('Hi')], { ending: 'close' }) }, calm);
    const handed = await router.chat.completions.create({ model: 'a', messages, stream: 'true' as unknown as true });
    expect((await read(handed)).error).toMatchObject({ reason: 'cut', text: 'Hi' });
  });

  // The fake reads the text 'true' as true.
  it.each([1, 'yes'])(
    'gets the plain client’s reading of a response that is not an answer, and does not count as a failure: %j',
    async (value) => {
      const { router, fake } = build({ a: strict }, calm);
      const plain = new OpenAI({
        apiKey: 'sk-key-of-default',
        baseURL: 'https://x.test/v1',
        fetch: fake,
        logLevel: 'off',
      });
      const [routed, direct] = [await sendChat(router, value), await sendChat(plain, value)];
      expect([Object.keys(routed), routed.error]).toEqual([Object.keys(direct), direct.error]);
      expect([failures(router), router.snapshot().deployments.a?.state]).toEqual([0, 'closed']);
    },
  );

  it.each(truthy)('is refused with 400 by asFetch(): %j', async (value) => {
    const { router, calledModels } = build({ a: coercing }, calm);
    const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'a', messages, stream: value }),
    });
    expect([response.status, calledModels()]).toEqual([400, []]);
  });
});

it('a stream that only the body requested is returned as text, as from a plain client', async () => {
  const { router, fake } = build({ a: coercing }, calm);
  const plain = new OpenAI({ apiKey: 'sk-key-of-default', baseURL: 'https://x.test/v1', fetch: fake, logLevel: 'off' });
  const post = (client: OpenAI) =>
    client.post('/chat/completions', { body: { model: 'a', messages, stream: true } }) as Promise<string>;
  expect(await post(router)).toBe(await post(plain));
  expect(failures(router)).toBe(0);
});

it('text that is not a stream is not an answer', async () => {
  const { router } = build({ a: bytes({ chunks: ['hello'], headers: { 'content-type': 'text/plain' } }) }, calm);
  const call = router.post('/chat/completions', { body: { model: 'a', messages, stream: true } });
  const error = await Promise.resolve(call).catch((thrown: unknown) => thrown);
  expect(callRecord(error)?.attempts.at(-1)).toMatchObject({ outcome: 'invalid-answer' });
});
