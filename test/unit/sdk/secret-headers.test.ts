import { ModelRouter } from 'model-router';
import { fail, fakeFetch } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { isSecretHeader } from '../../../src/sdk/secret-headers.js';
import { errorOf } from '../../helpers/messages.js';

describe('the name of a header that holds a credential', () => {
  it.each([
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'api-key',
    'apikey',
    'X-ApiKey',
    'x-portkey-api-key',
    'x-auth-token',
    'X-AuthToken',
    'x_auth_token',
    'X-Client-Secret',
    'Ocp-Apim-Subscription-Key',
    'x-amz-security-token',
    'X-Auth',
    'x-accesstoken',
  ])('%s', (name) => {
    expect(isSecretHeader(name)).toBe(true);
  });

  it.each([
    'x-portkey-provider',
    'x-monkey',
    'x-keyword',
    'x-tokens-remaining',
    'x-tokenizer',
    'x-secretary',
    'Idempotency-Key',
    'author',
    'x-author',
    'content-type',
  ])('is not %s', (name) => {
    expect(isSecretHeader(name)).toBe(false);
  });
});

describe('words of an error that also occur in a header', () => {
  const echo =
    'openai error: the key sk-0123456789abc of team-red may not use small-1, my-deployment, my-route or gpt-x';
  const errorWith = (headers: Record<string, string>, model = 'my-route', apiKey = 'sk-0123456789abc') => {
    const fetch = fakeFetch({ unknownModels: fail(400, { message: echo }) });
    const router = new ModelRouter({
      clients: { default: { apiKey, baseURL: 'https://a.test/v1', fetch } },
      deployments: { 'my-deployment': { model: 'small-1', headers } },
      routes: { 'my-route': ['my-deployment'] },
    });
    return errorOf(router.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }] }));
  };

  it('stay if the header’s name does not suggest a key', async () => {
    const { message } = await errorWith({ 'x-portkey-provider': 'openai', 'x-team': 'team-red' });
    expect(message).toContain('openai error: the key *** of team-red may not use small-1, my-deployment');
  });

  it.each(['openai', 'small-1', 'my-deployment', 'my-route', 'default'])(
    'stay if they are a name: %s',
    async (name) => {
      const { message } = await errorWith({ 'x-portkey-api-key': name, 'x-token': name.toUpperCase() });
      expect(message).toContain('openai error: the key *** of team-red may not use small-1, my-deployment, my-route');
    },
  );

  it('stay if they are the model of the call', async () => {
    const fetch = fakeFetch({
      unknownModels: fail(400, { message: 'no model long-unlisted-model for key-in-header' }),
    });
    const router = new ModelRouter({ apiKey: 'ollama', baseURL: 'https://a.test/v1', fetch });
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const headers = { 'x-model-key': 'long-unlisted-model', 'x-key': 'key-in-header' };
    const call = router.chat.completions.create({ model: 'long-unlisted-model', messages }, { headers });
    expect((await errorOf(call)).message).toContain('no model long-unlisted-model for ***');
  });

  it('stay where a placeholder stands for the key', async () => {
    expect((await errorWith({}, 'my-route', 'openai')).message).toContain('openai error: the key sk-');
  });

  it('are masked everywhere else', async () => {
    const { message } = await errorWith({ 'x-auth-token': 'team-red' });
    expect(message).toContain('openai error: the key *** of *** may not use');
  });
});
