import { ModelRouter } from 'model-router';
import { answer, fail, fakeFetch, offline } from 'model-router/testing';
import { AzureOpenAI, OpenAI } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';

const messages = [{ role: 'user' as const, content: 'Hi' }];

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('offline()', () => {
  it('replaces the fetch and the key of each client, in every form of the options', async () => {
    const fake = fakeFetch({ unknownModels: answer({ content: 'fake' }) });
    const hosts: string[] = [];
    const fetch = (input: string | URL | Request, init?: RequestInit) => {
      hosts.push(new URL(input instanceof Request ? input.url : input).host);
      return fake(input, init);
    };
    const real = vi.fn(() => Promise.reject(new Error('the network')));
    const options = {
      clients: {
        default: { apiKey: process.env['NOT_THERE'], baseURL: 'https://a.test/v1', fetch: real },
        built: new OpenAI({ apiKey: 'sk-real', baseURL: 'https://b.test/v1', fetch: real }),
        azure: new AzureOpenAI({ apiKey: 'sk-real', endpoint: 'https://c.test', apiVersion: '1', fetch: real }),
      },
      deployments: { a: {}, b: { client: 'built' }, c: { client: 'azure' } },
    };
    const router = new ModelRouter(offline(options, fetch));
    for (const model of ['a', 'b', 'c']) {
      const { choices } = await router.chat.completions.create({ model, messages });
      expect(choices[0]?.message.content).toBe('fake');
    }
    expect(real).not.toHaveBeenCalled();
    expect(hosts).toEqual(['a.test', 'b.test', 'c.test']);
    expect(JSON.stringify(fake.requests.slice(0, 2))).not.toContain('sk-real');
  });

  it('of one client, and without a fetch: every call is answered', async () => {
    vi.stubEnv('OPENAI_API_KEY', '');
    const router = new ModelRouter(offline({ maxRetries: 0 }));
    expect(await router.chat.completions.create({ model: 'any', messages })).toMatchObject({
      object: 'chat.completion',
    });
  });

  it('names what is missing', () => {
    const none = undefined as unknown as object;
    expect(() => offline(none)).toThrow('offline: undefined is not allowed; give the options of a router.');
  });

  it('does not change the given options, nor anything but clients', async () => {
    const options = {
      clients: { default: { apiKey: 'sk-real' } },
      deployments: { a: {}, b: {} },
      routes: { r: ['a', 'b'] },
    };
    const copy = structuredClone(options);
    const router = new ModelRouter(offline(options, fakeFetch({ models: { a: fail(503), b: answer() } })));
    const { model } = await router.chat.completions.create({ model: 'r', messages });
    expect([model, options]).toEqual(['b', copy]);
  });
});
