import { callRecord, InvalidAnswerError } from 'model-router';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { type RawRequest, rawRouter } from '../helpers/raw-answers.js';

type Item = Record<string, unknown>;

const list = (data: readonly Item[]) => ({
  object: 'list',
  model: 'm',
  data,
  usage: { prompt_tokens: 3, total_tokens: 3 },
});
const item = (index: number, embedding: unknown = [index + 1, 0.5]): Item => ({
  object: 'embedding',
  index,
  embedding,
});
const inputs = ({ body }: RawRequest) => (Array.isArray(body.input) ? body.input : [body.input]);
const create = (router: OpenAI, input: unknown) =>
  router.embeddings.create({ model: 'standard', input: input as string, encoding_format: 'float' });

/** Two deployments of one space. The first answers with these items, the second well. */
function twoServers(items: readonly Item[]) {
  return rawRouter(
    (request) => (request.body.model === 'bad' ? list(items) : list(inputs(request).map((_, i) => item(i)))),
    {
      deployments: { bad: { embeddingSpace: 'one' }, good: { embeddingSpace: 'one' } },
      routes: { standard: ['bad', 'good'] },
    },
  );
}

describe('an answer to /embeddings', () => {
  it.each<[string, Item[], unknown]>([
    ['an empty vector', [item(0, [])], 'a'],
    ['null instead of a vector', [item(0, null)], 'a'],
    ['an empty vector among others', [item(0), item(1, '')], ['a', 'b']],
  ])('with %s is a failure: the next deployment of the space is asked', async (_, items, input) => {
    const { router } = twoServers(items);
    const call = create(router, input);
    expect((await call).data.length).toBe(Array.isArray(input) ? input.length : 1);
    expect(callRecord(call)?.attempts).toMatchObject([{ outcome: 'invalid-answer' }, { outcome: 'success' }]);
  });

  it.each<[string, Item[], unknown]>([
    ['one vector for a list of tokens', [item(0)], [1, 2, 3]],
    ['no index', [{ object: 'embedding', embedding: [1] }], 'a'],
    ['one vector of a text and an image', [item(0)], [{ text: 'a' }, { image: 'b' }]],
    ['a vector of vectors', [{ object: 'embeddings', index: 0, embeddings: [[1], [2]] }], 'a'],
  ])('with %s is good', async (_, items, input) => {
    const { router } = twoServers(items);
    const call = create(router, input);
    expect((await call).data).toEqual(items);
    expect(callRecord(call)?.attempts).toMatchObject([{ outcome: 'success' }]);
  });

  it('is an InvalidAnswerError where no other deployment is left', async () => {
    const { router } = rawRouter(() => list([item(0, [])]), { maxAttempts: 1 });
    const error = await errorOf(create(router, 'a'));
    expect(error).toBeInstanceOf(InvalidAnswerError);
    expect(error.message).toBe('The upstream answered, but with an empty vector.');
  });
});
