import { callOptions, ModelRouter } from 'model-router';
import { answer, fail, type Models, type Script } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { StoredIds } from '../../src/state/stored-ids.js';
import { errorOf } from '../helpers/messages.js';
import { recordedFetch } from '../helpers/recorded-fetch.js';
import { type Built, build } from '../helpers/routers.js';

/**
 * Threat: a hostile upstream answers with the id of another client's object, to attract its follow-up and its text; a
 * busy tenant evicts other tenants' ids; ids fill the memory.
 */
describe('StoredIds', () => {
  it('keeps the first maker of an id', () => {
    const ids = new StoredIds(10);
    ids.remember('resp_1', 'honest', 'a');
    ids.remember('resp_1', 'hostile', 'b');
    expect(ids.makerOf('resp_1')).toBe('honest');
  });

  it('stores no id of more than 512 characters, and none that is not text', () => {
    const ids = new StoredIds(10);
    for (const id of ['x'.repeat(513), '', 5, null, undefined, {}]) ids.remember(id, 'c', undefined);
    expect(ids.size).toBe(0);
    ids.remember('x'.repeat(512), 'c', undefined);
    expect(ids.size).toBe(1);
  });

  it('lets no tenant evict another’s ids', () => {
    const ids = new StoredIds(10_000);
    for (let i = 0; i < 100; i++) ids.remember(`honest-${i}`, 'c', 'honest');
    for (let i = 0; i < 30_000; i++) ids.remember(`greedy-${i}`, 'c', 'greedy');
    expect(ids.size).toBe(10_000);
    for (let i = 0; i < 100; i++) expect(ids.makerOf(`honest-${i}`)).toBe('c');
    expect(ids.makerOf('greedy-0')).toBeUndefined();
    expect(ids.makerOf('greedy-29999')).toBe('c');
  });

  it('shares its room equally, and treats a used id as new', () => {
    const ids = new StoredIds(9);
    for (let i = 0; i < 9; i++) ids.remember(`a${i}`, 'c', 'a');
    ids.makerOf('a0');
    for (const tenant of ['b', 'c'] as const) for (let i = 0; i < 9; i++) ids.remember(`${tenant}${i}`, 'c', tenant);
    const left = (tenant: string) => Array.from({ length: 9 }, (_, i) => ids.makerOf(`${tenant}${i}`)).filter(Boolean);
    expect(['a', 'b', 'c'].map((tenant) => left(tenant).length)).toEqual([3, 3, 3]);
    expect(ids.makerOf('a0')).toBe('c');
    expect(ids.makerOf('a1')).toBeUndefined();
  });
});

const setup = {
  clients: ['default', 'other'],
  deployments: { a: {}, b: { client: 'other' } },
  routes: { standard: ['a', 'b'], reversed: ['b', 'a'] },
  retry: { baseMs: 0, maxMs: 0 },
};
const both = (models: Models) => build(models, setup);
const sentTo = ({ fake }: Built) => fake.requests.map((request) => request.apiKeyOf);
const respond = (router: OpenAI, input: unknown, model = 'standard') =>
  router.responses.create({ model, input, store: false } as never);
const sealed = (id: string | undefined, text = `gAAAA-${id}`) => ({
  type: 'reasoning',
  ...(id !== undefined && { id }),
  summary: [],
  encrypted_content: text,
});
const cannotRead = fail(400, {
  code: 'invalid_encrypted_content',
  message: 'The encrypted content could not be verified.',
});

describe('an id that a hostile upstream answers with', () => {
  it('does not attract another client’s follow-up', async () => {
    const { fetch, sent } = recordedFetch(({ url }) =>
      Response.json({ id: 'resp_shared', object: 'response', status: 'completed', model: 'm', output: [], from: url }),
    );
    const client = (name: string) => ({ apiKey: `sk-key-of-${name}`, baseURL: `https://${name}.test/v1`, fetch });
    const router = new ModelRouter({
      clients: { default: client('honest'), other: client('hostile') },
      deployments: { a: {}, b: { client: 'other' } },
      logLevel: 'off',
    });
    await errorOf(
      router.responses.create({ model: 'a', input: 'Hi' }).then(() => Promise.reject(new Error('answered'))),
    );
    await errorOf(
      router.responses.create({ model: 'b', input: 'Hi' }).then(() => Promise.reject(new Error('answered'))),
    );
    await errorOf(router.responses.retrieve('resp_shared').then(() => Promise.reject(new Error('answered'))));
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(['honest.test', 'hostile.test', 'honest.test']);
  });
});

describe('sealed items', () => {
  const ok: Script = answer();

  it('go to the first client that accepts them, and then to no other', async () => {
    const built = both({ a: cannotRead, b: ok });
    await respond(built.router, [sealed('rs_1'), { role: 'user', content: 'Hi' }]);
    await respond(built.router, [sealed('rs_1'), { role: 'user', content: 'Go on' }]);
    await respond(built.router, [sealed(undefined, 'gAAAA-rs_1'), { role: 'user', content: 'Go on' }]);
    expect(sentTo(built)).toEqual(['default', 'other', 'other', 'other']);
  });

  it('are recognised if only the id comes back', async () => {
    const built = both({ a: cannotRead, b: ok });
    await respond(built.router, [{ type: 'reasoning', id: 'rs_2', summary: [] }]);
    await respond(built.router, [{ type: 'reasoning', id: 'rs_2', summary: [] }]);
    expect(sentTo(built)).toEqual(['default', 'other', 'other']);
  });

  it('give the maker’s error if another client cannot read them', async () => {
    const built = both({ a: fail(503, { message: 'busy' }), b: cannotRead });
    const error = await errorOf(respond(built.router, [sealed('rs_3')]));
    expect(error).toMatchObject({ status: 503 });
    expect(sentTo(built)).toContain('other');
  });

  it('give the first error if no client can read them', async () => {
    const first = fail(400, { code: 'invalid_encrypted_content', message: 'First' });
    const built = both({ a: first, b: cannotRead });
    expect((await errorOf(respond(built.router, [sealed('rs_4')]))).message).toContain('First');
    expect(sentTo(built)).toEqual(['default', 'other']);
  });

  it.each([false, true])('of an answer (stream: %s) go back to the client that made them', async (stream) => {
    const item = sealed('rs_5');
    const done = { id: 'resp_5', object: 'response', status: 'completed', model: 'b', output: [item] };
    const events = [
      { type: 'response.created', response: { ...done, status: 'in_progress', output: [] } },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.output_text.delta', delta: 'Hi' },
      { type: 'response.completed', response: done },
    ];
    const { fetch, sent } = recordedFetch(({ body }) =>
      JSON.parse(body).stream === true
        ? new Response(events.map((each) => `event: ${each.type}\ndata: ${JSON.stringify(each)}\n\n`).join(''), {
            headers: { 'content-type': 'text/event-stream' },
          })
        : Response.json(done),
    );
    const client = (name: string) => ({ apiKey: `sk-key-of-${name}`, baseURL: `https://${name}.test/v1`, fetch });
    const router = new ModelRouter({
      ...setup,
      clients: { default: client('default'), other: client('other') },
      logLevel: 'off',
    });
    const options = callOptions({ tenant: 't' });
    const body = { model: 'reversed', input: 'Hi', store: false, stream } as never;
    const made: unknown = await router.responses.create(body, options);
    if (stream) for await (const each of made as AsyncIterable<unknown>) void each;
    await router.responses.create({ model: 'standard', input: [item], store: false } as never, options);
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(['other.test', 'other.test']);
  });
});
