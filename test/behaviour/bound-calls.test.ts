import { callRecord, NoDeploymentAvailableError } from 'model-router';
import { answer, fail, type Models } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { content, done, event, finish, role, stream } from '../helpers/event-streams.js';
import { collect, errorOf, messages, sendChat, streamChat } from '../helpers/messages.js';
import { type Built, build, type Setup } from '../helpers/routers.js';

const twoClients: Setup = {
  clients: ['default', 'other'],
  deployments: { a: {}, b: { client: 'other' } },
  routes: { standard: ['a', 'b'], reversed: ['b', 'a'] },
};
const both = (models: Models = { a: answer(), b: answer() }) => build(models, twoClients);

const respond = (
  router: OpenAI,
  more: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {},
  model = 'standard',
) => router.responses.create({ model, input: 'Hello', ...more });
/** The client of each request, by its key. */
const sentTo = ({ fake }: Built) => fake.requests.map((request) => request.apiKeyOf);

describe('a call that continues a stored response', () => {
  it('goes to the client that made it', async () => {
    const built = both();
    const first = await respond(built.router, {}, 'reversed');
    await respond(built.router, { previous_response_id: first.id }, 'standard');
    expect(sentTo(built)).toEqual(['other', 'other']);
  });

  it('goes to the client that a failover chose', async () => {
    const built = both({ a: [fail(500), answer()], b: answer() });
    const first = await respond(built.router);
    const second = await respond(built.router, { previous_response_id: first.id });
    expect(callRecord(second)?.deployment).toBe('b');
    expect(sentTo(built)).toEqual(['default', 'other', 'other']);
  });

  it('never fails over to another client', async () => {
    const built = both({ a: answer(), b: [answer(), fail(503, { headers: { 'x-should-retry': 'false' } })] });
    const first = await respond(built.router, {}, 'reversed');
    expect(await errorOf(respond(built.router, { previous_response_id: first.id }))).toMatchObject({ status: 503 });
    expect(sentTo(built)).toEqual(['other', 'other']);
  });

  it('fails over to another deployment of that client', async () => {
    const deployments = { a: { client: 'other' }, b: {}, c: { client: 'other' } };
    const built = build(
      { a: [answer(), fail(500)], b: answer(), c: answer() },
      { clients: ['default', 'other'], deployments, routes: { standard: ['a', 'b', 'c'] } },
    );
    const first = await respond(built.router);
    await respond(built.router, { previous_response_id: first.id });
    expect(built.calledModels()).toEqual(['a', 'a', 'c']);
  });

  it('follows a streamed response too', async () => {
    const built = both({ a: answer(), b: answer() });
    const stream = await built.router.responses.create({ model: 'reversed', input: 'Hello', stream: true });
    const { chunks } = await collect(stream);
    const last = chunks.at(-1);
    const id = last?.type === 'response.completed' ? last.response.id : '';
    await respond(built.router, { previous_response_id: id });
    expect(sentTo(built)).toEqual(['other', 'other']);
  });

  it('fails with a clear error where the route does not have that client', async () => {
    const built = build({ a: answer(), b: answer() }, { ...twoClients, routes: { standard: ['a'], reversed: ['b'] } });
    const first = await respond(built.router, {}, 'reversed');
    const error = await errorOf(respond(built.router, { previous_response_id: first.id }));
    expect(error).toBeInstanceOf(NoDeploymentAvailableError);
    expect(error.message).toContain('a: the call refers to something stored by the client other');
    expect(built.fake.count).toBe(1);
  });
});

describe('an unknown id', () => {
  const file = (id: string): OpenAI.ChatCompletionMessageParam[] => [
    { role: 'user', content: [{ type: 'file', file: { file_id: id } }] },
  ];

  it.each<[string, (router: OpenAI) => Promise<unknown>]>([
    ['previous_response_id', (router) => respond(router, { previous_response_id: 'resp_x' })],
    ['conversation', (router) => respond(router, { conversation: 'conv_x' })],
    ['conversation as an object', (router) => respond(router, { conversation: { id: 'conv_x' } })],
    ['a stored prompt', (router) => respond(router, { prompt: { id: 'pmpt_x' } })],
    ['a reference to an item', (router) => respond(router, { input: [{ type: 'item_reference', id: 'msg_x' }] })],
    [
      'a file in the input',
      (router) => respond(router, { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-x' }] }] }),
    ],
    [
      'a file in a message',
      async (router) => router.chat.completions.create({ model: 'standard', messages: file('file-x') }),
    ],
    [
      'earlier audio',
      async (router) =>
        router.chat.completions.create({
          model: 'standard',
          messages: [{ role: 'assistant', audio: { id: 'audio_x' } }],
        }),
    ],
    ['a vector store', (router) => respond(router, { tools: [{ type: 'file_search', vector_store_ids: ['vs_x'] }] })],
    ['a container', (router) => respond(router, { tools: [{ type: 'code_interpreter', container: 'cntr_x' }] })],
    [
      'files for a container',
      (router) =>
        respond(router, { tools: [{ type: 'code_interpreter', container: { type: 'auto', file_ids: ['file-x'] } }] }),
    ],
  ])('keeps the call at the route’s first deployment: %s', async (_, call) => {
    const script = fail(404, { code: 'model_not_found' });
    const built = both({ a: script, b: answer() });
    await errorOf(call(built.router));
    expect(sentTo(built)).toEqual(['default']);
  });

  it('a call that names nothing stored is not bound', async () => {
    const built = both({ a: fail(500), b: answer() });
    await respond(built.router, { tools: [{ type: 'web_search' }], previous_response_id: null });
    expect(sentTo(built)).toEqual(['default', 'other']);
  });
});

describe('objects made through the router', () => {
  it.each<[string, (router: OpenAI) => Promise<string>, (router: OpenAI, id: string) => Promise<unknown>]>([
    [
      'a file',
      async (router) => (await router.files.create({ file: new File(['x'], 'x.txt'), purpose: 'user_data' })).id,
      (router, file_id) =>
        respond(router, { input: [{ role: 'user', content: [{ type: 'input_file', file_id }] }] }, 'reversed'),
    ],
    [
      'a conversation',
      async (router) => (await router.conversations.create({})).id,
      (router, conversation) => respond(router, { conversation }, 'reversed'),
    ],
  ])('%s belongs to the default client, whichever deployment is first in the route', async (_, make, use) => {
    const built = both();
    const id = await make(built.router);
    built.fake.clear();
    await use(built.router, id);
    expect(sentTo(built)).toEqual(['default']);
  });
});

describe('requests about a stored answer go to the same client', () => {
  it('responses: retrieve, its input items, cancel and delete', async () => {
    const built = both();
    const { id } = await respond(built.router, {}, 'reversed');
    await built.router.responses.retrieve(id);
    await collect(built.router.responses.inputItems.list(id));
    await built.router.responses.cancel(id).catch(() => undefined);
    await built.router.responses.delete(id);
    expect(new Set(sentTo(built))).toEqual(new Set(['other']));
  });

  it('chat completions that were stored', async () => {
    const built = both();
    const stored = await built.router.chat.completions.create({ model: 'reversed', messages, store: true });
    await built.router.chat.completions.retrieve(stored.id);
    await collect(built.router.chat.completions.messages.list(stored.id));
    expect(sentTo(built)).toEqual(['other', 'other', 'other']);
  });

  it('chat completions whose stream began with an empty id, as on Azure', async () => {
    const azure = event({ id: '', model: '', choices: [], prompt_filter_results: [] });
    const built = both({ a: answer(), b: stream([azure, role, content('Hi'), finish(), done]) });
    const streamed = await built.router.chat.completions.create({
      model: 'reversed',
      messages,
      store: true,
      stream: true,
    });
    const { chunks } = await collect(streamed);
    await errorOf(built.router.chat.completions.retrieve(chunks.at(-1)?.id ?? ''));
    expect(sentTo(built)).toEqual(['other', 'other']);
  });

  it('requests about unknown ids go to the default client', async () => {
    const built = both();
    await errorOf(built.router.responses.retrieve('resp_x'));
    expect(sentTo(built)).toEqual(['default']);
  });

  it('all views of a router share the remembered ids', async () => {
    const built = both();
    const { id } = await respond(built.router.withOptions({ priority: 'premium' }), {}, 'reversed');
    await built.router.withOptions({ timeout: 5000 }).responses.retrieve(id);
    expect(sentTo(built)).toEqual(['other', 'other']);
  });
});

it('the router remembers 10,000 ids, the last used ones', async () => {
  let n = 0;
  const numbered = () => answer({ body: { id: `resp_${++n}`, object: 'response', status: 'completed', output: [] } });
  const built = both({ a: answer(), b: numbered });
  for (let i = 0; i < 10_000; i += 1) await respond(built.router, {}, 'b');
  built.fake.clear();
  const makerOf = async (id: string) => {
    await errorOf(respond(built.router, { previous_response_id: id }));
    return sentTo(built).at(-1);
  };
  expect(await makerOf('resp_1')).toBe('other');
  await respond(built.router, {}, 'b');
  // The oldest id that was not used has been evicted.
  expect(await makerOf('resp_1')).toBe('other');
  expect(await makerOf('resp_2')).toBe('default');
  // Ten thousand calls take a while on a busy machine.
}, 60_000);

describe('credentials given with a call', () => {
  it.each(['Authorization', 'api-key', 'Cookie', 'OpenAI-Organization', 'OpenAI-Project'])(
    'as %s pin it to its first deployment',
    async (name) => {
      const built = build({ a: fail(403), b: answer() }, { ...twoClients, fake: { apiKeys: undefined } as object });
      const error = await errorOf(sendChat(built.router, 'standard', { headers: { [name]: 'Bearer sk-of-the-user' } }));
      expect(error).toMatchObject({ status: 403 });
      expect(built.calledModels()).toEqual(['a']);
    },
  );

  it('pin it to the first available deployment, for a retry too', async () => {
    const built = build(
      { a: answer(), b: [fail(500), answer()] },
      { ...twoClients, deployments: { a: { region: 'us' }, b: { client: 'other', region: 'eu' } }, regions: ['eu'] },
    );
    await sendChat(built.router, 'standard', { headers: { cookie: 'session=1' } });
    expect(built.calledModels()).toEqual(['b', 'b']);
  });

  it('pin streams and views too', async () => {
    const built = both({ a: fail(500, { headers: { 'x-should-retry': 'false' } }), b: answer() });
    const view = built.router.withOptions({ defaultHeaders: { 'OpenAI-Project': 'p' } });
    await errorOf(streamChat(view));
    expect(built.calledModels()).toEqual(['a']);
  });
});
