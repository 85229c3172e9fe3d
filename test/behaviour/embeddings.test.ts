import { callRecord } from 'model-router';
import { answer, embed, fail } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { errorOf, sendChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

const embedIt = (router: OpenAI, more: Partial<OpenAI.EmbeddingCreateParams> = {}) =>
  router.embeddings.create({ model: 'standard', input: 'Hello', ...more });

const down = fail(500, { headers: { 'x-should-retry': 'false' } });
const settings = (deployments: NonNullable<Setup['deployments']>): Setup => ({
  clients: ['default', 'other'],
  deployments,
  routes: { standard: Object.keys(deployments) },
});

describe('/embeddings', () => {
  it('never fails over to another model: vectors would not be comparable', async () => {
    const { router, calledModels } = build({ small: down, large: answer() }, settings({ small: {}, large: {} }));
    expect(await errorOf(embedIt(router))).toMatchObject({ status: 500 });
    expect(calledModels()).toEqual(['small']);
    await sendChat(router);
    expect(calledModels()).toEqual(['small', 'small', 'large']);
  });

  it('fails over to the same model of another client', async () => {
    const { router, fake } = build(
      { small: [down, answer()] },
      settings({ here: { model: 'small' }, there: { model: 'small', client: 'other' } }),
    );
    const result = await embedIt(router);
    expect(fake.requests.map((request) => request.apiKeyOf)).toEqual(['default', 'other']);
    expect(result.data[0]?.embedding).toEqual(embed('small', 'Hello'));
    expect(callRecord(result)?.deployment).toBe('there');
  });

  it('fails over to a model that declares the same embedding space', async () => {
    const { router, calledModels } = build(
      { 'vendor/small': down, large: answer(), 'small-2024': answer() },
      settings({
        'vendor/small': { embeddingSpace: 'small' },
        large: { embeddingSpace: 'large' },
        'small-2024': { embeddingSpace: 'small' },
      }),
    );
    await embedIt(router);
    expect(calledModels()).toEqual(['vendor/small', 'small-2024']);
  });

  it('does not infer a space from the model’s name where another is declared', async () => {
    const { router, calledModels } = build(
      { small: down },
      settings({ here: { model: 'small' }, there: { model: 'small', client: 'other', embeddingSpace: 'tuned' } }),
    );
    await errorOf(embedIt(router));
    expect(calledModels()).toEqual(['small']);
  });

  it('uses the space of the first available deployment', async () => {
    const { router, calledModels } = build(
      { a: answer(), b: down, c: answer() },
      {
        deployments: {
          a: { region: 'us' },
          b: { region: 'eu', embeddingSpace: 's' },
          c: { region: 'eu', embeddingSpace: 's' },
        },
        routes: { standard: ['a', 'b', 'c'] },
        regions: ['eu'],
      },
    );
    await embedIt(router);
    expect(calledModels()).toEqual(['b', 'c']);
  });

  it('of an unlisted model fails over only to fallbacks of the same model', async () => {
    const { router, fake } = build(
      { small: [down, answer()], large: answer() },
      {
        clients: ['default', 'other'],
        deployments: { large: {}, there: { model: 'small', client: 'other' } },
        fallbacks: ['large', 'there'],
      },
    );
    await embedIt(router, { model: 'small' });
    expect(fake.requests).toMatchObject([
      { model: 'small', apiKeyOf: 'default' },
      { model: 'small', apiKeyOf: 'other' },
    ]);
  });

  it.each(['float', 'base64'] as const)('returns the same vector, requested as %s', async (encoding_format) => {
    const { router } = build({ small: answer() }, settings({ small: {} }));
    const result = await embedIt(router, { encoding_format });
    const vector: unknown = result.data[0]?.embedding;
    const expected = embed('small', 'Hello');
    if (encoding_format === 'float') return expect(vector).toEqual(expected);
    expect(vector).toBe(Buffer.from(new Float32Array(expected).buffer).toString('base64'));
  });

  it('is retried, timed and recorded like any other call', async () => {
    const { router } = build({ small: [fail(500), answer()] }, settings({ small: { price: { input: 2, output: 0 } } }));
    const result = await embedIt(router, { input: ['one', 'four chars'] });
    expect(callRecord(result)).toMatchObject({
      route: 'standard',
      attempts: [{ outcome: 'server-error' }, { outcome: 'success' }],
      usage: { inputTokens: 4, outputTokens: 0 },
      costUsd: 8e-6,
    });
  });
});
