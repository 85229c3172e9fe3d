import { answer, fakeFetch } from 'model-router/testing';
import { APIPromise, OpenAI } from 'openai';
import { Stream } from 'openai/streaming';
import { describe, expect, it } from 'vitest';
import { INTERNALS, type RequestOptions } from '../../../src/sdk/internals.js';

const messages = [{ role: 'user' as const, content: 'Hi' }];

/** One object of each kind with private members in the SDK. */
async function samples(): Promise<Record<string, object>> {
  const seen: RequestOptions[] = [];
  class Watched extends OpenAI {
    override request<T>(...given: Parameters<OpenAI['request']>): APIPromise<T> {
      void Promise.resolve(given[0]).then((options) => seen.push(options));
      return super.request(...given);
    }
  }
  const options = { apiKey: 'sk', baseURL: 'https://a.test/v1', fetch: fakeFetch({ models: { a: answer() } }) };
  const client = new Watched(options);
  const promise = client.chat.completions.create({ model: 'a', messages });
  await promise;
  const stream = await client.chat.completions.create({ model: 'a', messages, stream: true });
  // Uploads have their model in the metadata; an Assistants helper streams with its own class.
  await client.audio.transcriptions.create({ model: 'a', file: new File(['x'], 'a.mp3') }).catch(() => undefined);
  const request = Object.assign({}, ...seen);
  return { client, promise, stream, request };
}

describe('what the SDK keeps private', async () => {
  const found = await samples();

  it.each(INTERNALS.filter(({ of }) => of !== 'request').map((each) => [`${each.of}.${each.name}`, each] as const))(
    '%s is there',
    (_, { of, name }) => {
      expect(Reflect.get(found[of] ?? {}, name), `${of}.${name} is gone from the SDK`).toBeDefined();
    },
  );

  it('request.__metadata names the model of an upload', () => {
    expect(found.request).toMatchObject({ __metadata: { model: 'a' } });
  });

  it('request.__streamClass makes the stream', async () => {
    class Ours<T> extends Stream<T> {
      static override fromSSEResponse<T>(...args: Parameters<typeof Stream.fromSSEResponse>): Stream<T> {
        made++;
        return Stream.fromSSEResponse<T>(...args);
      }
    }
    let made = 0;
    const client = found.client as OpenAI;
    const body = { model: 'a', messages, stream: true };
    const options = { method: 'post', path: '/chat/completions', body, stream: true, __streamClass: Ours } as const;
    await client.request(options);
    expect(made).toBe(1);
  });

  it('a list goes through `makeRequest`, and an answer through `parse`', async () => {
    const client = new OpenAI({ apiKey: 'sk', fetch: fakeFetch({ models: { a: answer() } }) });
    let requests = 0;
    const { makeRequest } = client as unknown as { makeRequest: (...args: unknown[]) => Promise<unknown> };
    Reflect.set(client, 'makeRequest', (...args: unknown[]) => {
      requests++;
      return Reflect.apply(makeRequest, client, args);
    });
    await client.models.list();
    expect(requests).toBe(1);
    let parsed = 0;
    const promise = client.chat.completions.create({ model: 'a', messages });
    const { parse } = promise as unknown as { parse: () => Promise<unknown> };
    Reflect.set(promise, 'parse', () => {
      parsed++;
      return Reflect.apply(parse, promise, []);
    });
    await promise;
    expect(parsed).toBe(1);
    expect(promise).toBeInstanceOf(APIPromise);
  });

  it('no other file uses them', async () => {
    const { globSync, readFileSync } = await import('node:fs');
    const names = INTERNALS.map(({ name }) => name);
    const pattern = new RegExp(`(?<!Options|OpenAI)\\['(?:${names.join('|')})'\\]|\\.__(?:metadata|streamClass)\\b`);
    const files = globSync('src/**/*.ts').filter((file) => !file.endsWith('internals.ts'));
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => pattern.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
