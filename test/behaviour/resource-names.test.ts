import { ModelRouter } from 'model-router';
import { AzureOpenAI, OpenAI } from 'openai';
import { AzureOpenAI as AzureOpenAI6, OpenAI as OpenAI6 } from 'openai-6';
import { describe, expect, it } from 'vitest';

const options = { apiKey: 'sk-names', baseURL: 'http://127.0.0.1:1/v1' };
const azure = { apiKey: 'sk-names', baseURL: 'http://127.0.0.1:1/openai', apiVersion: '2025-01-01' };

/** Everything that an object has: its own properties, and its classes' methods and getters. */
function namesOf(object: object): Set<PropertyKey> {
  const names = new Set<PropertyKey>();
  for (let level: object | null = object; level !== null; level = Object.getPrototypeOf(level)) {
    for (const name of Reflect.ownKeys(level)) names.add(name);
  }
  return names;
}

/** The members of `ModelRouter` that its parent does not have. */
const ours = Reflect.ownKeys(ModelRouter.prototype).filter((name) => !(name in OpenAI.prototype));

/** Resources of the SDK are own properties of an instance: one with the name of a router method would hide it. */
const clients = {
  'the SDK in use': new OpenAI(options),
  'its Azure client': new AzureOpenAI(azure),
  'SDK 6': new OpenAI6(options),
  'its Azure client, 6': new AzureOpenAI6(azure),
};

describe('the router’s own names', () => {
  it('are exactly these', () => {
    expect(ours.map(String).sort()).toEqual(
      [
        'Symbol(Symbol.asyncDispose)',
        'Symbol(model-router.tracing)',
        'Symbol(nodejs.util.inspect.custom)',
        'abReport',
        'asFetch',
        'check',
        'close',
        'explain',
        'exportState',
        'feedback',
        'importState',
        'on',
        'routeRequest',
        'slaReport',
        'snapshot',
        'spendCsv',
        'spendCsvChunks',
        'toJSON',
        'update',
      ].sort(),
    );
  });

  it.each(Object.entries(clients))('do not exist on %s', (_, client) => {
    const theirs = namesOf(client);
    expect(theirs.size).toBeGreaterThan(40);
    expect(ours.filter((name) => theirs.has(name))).toEqual([]);
  });

  it('hide no resource: a router has each resource of a client', () => {
    const router = new ModelRouter(options);
    const client = new OpenAI(options);
    let resources = 0;
    for (const name of Object.keys(client)) {
      expect(router, name).toHaveProperty(name);
      const [here, there] = [Reflect.get(router, name), Reflect.get(client, name)];
      if (typeof there === 'object' && there !== null && '_client' in there) {
        resources += 1;
        expect(here.constructor, name).toBe(there.constructor);
        expect(here._client, name).toBe(router);
      }
    }
    expect(resources).toBeGreaterThan(15);
    void router.close();
  });

  it('keep the static members of the parent', () => {
    expect(ModelRouter.APIError).toBe(OpenAI.APIError);
    expect(ModelRouter.RateLimitError).toBe(OpenAI.RateLimitError);
    expect(ModelRouter.toFile).toBe(OpenAI.toFile);
    expect(ModelRouter.DEFAULT_TIMEOUT).toBe(OpenAI.DEFAULT_TIMEOUT);
  });
});
