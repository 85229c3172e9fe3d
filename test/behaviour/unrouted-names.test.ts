import { ModelRouter } from 'model-router';
import { describe, expect, it } from 'vitest';
import { rawRouter } from '../helpers/raw-answers.js';
import { fakeClients } from '../helpers/routers.js';

describe('a request that is not routed', () => {
  const settings = { deployments: { a: { model: 'upstream-a' }, b: {} }, routes: { chat: ['a', 'b'] } };

  it.each([
    ['sends the first deployment’s model for a route', 'chat', 'upstream-a'],
    ['sends a deployment’s name unchanged', 'a', 'a'],
    ['sends any other model unchanged', 'gpt-x', 'gpt-x'],
  ])('%s', async (_, model, sent) => {
    const { router, requests } = rawRouter(() => ({ object: 'response.input_tokens', input_tokens: 5 }), settings);
    await router.responses.inputTokens.count({ model, input: 'Hi' });
    await router.post('/jobs', { body: { model, other: 1 } });
    expect(requests.map(({ path, body }) => [path, body.model])).toEqual([
      ['/v1/responses/input_tokens', sent],
      ['/v1/jobs', sent],
    ]);
  });

  it('goes to the client of that deployment', async () => {
    const { fake, clients } = fakeClients(['default', 'other'], { models: {} });
    await using router = new ModelRouter({
      clients,
      deployments: { a: { client: 'other', model: 'up' } },
      routes: { chat: ['a'] },
    });
    await router.post('/jobs', { body: { model: 'chat' }, maxRetries: 0 }).catch(() => undefined);
    expect(fake.requests.map(({ apiKeyOf }) => apiKeyOf)).toEqual(['other']);
  });
});
