import { callRecord } from 'model-router';
import {
  answer,
  type Behaviour,
  bytes,
  empty,
  errorEvent,
  fail,
  html,
  hugeError,
  invalidUtf8,
  malformed,
  truncated,
  wrongType,
} from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { errorOf, sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

const json = (body: unknown) => answer({ body });

describe('a 200 without an answer fails over', () => {
  it.each<[string, Behaviour]>([
    ['an empty body', empty()],
    ['a web page', html()],
    ['half of a JSON text', truncated()],
    ['broken JSON', malformed()],
    ['JSON labelled as text', wrongType()],
    ['an error', errorEvent()],
    ['null', json(null)],
    ['a list', json([])],
    ['a text', json('ok')],
    ['no choices', json({ id: '1', object: 'chat.completion' })],
    ['choices that are not a list', json({ choices: {} })],
    ['a list of no choices', json({ choices: [] })],
  ])('%s', async (_, does) => {
    const { router, calledModels } = build({ a: does, b: answer() }, { breaker: { consecutive: 1 } });
    const completion = await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b']);
    expect(callRecord(completion)?.attempts).toMatchObject([{ outcome: 'invalid-answer' }, { outcome: 'success' }]);
    expect(router.snapshot().deployments.a?.state).toBe('open');
  });

  it.each<[string, Behaviour, string | RegExp]>([
    ['an empty body', empty(), 'The upstream answered, but with an empty body.'],
    ['a web page', html(), 'The upstream answered, but with something other than a JSON object.'],
    ['an error', errorEvent(), 'The upstream answered, but with an error in a 200.'],
    ['no choices', json({}), 'The upstream answered, but without `choices`.'],
    ['a list of no choices', json({ choices: [] }), 'The upstream answered, but without a choice.'],
  ])('names the fault if no other deployment is left: %s', async (_, does, message) => {
    const { router } = build({ a: does });
    const error = await errorOf(sendChat(router));
    expect(error.message).toBe(message);
    expect(callRecord(error)?.attempts[0]?.error).toBe(message);
  });
});

describe('what is an answer, however unusual', () => {
  it.each<[string, Behaviour]>([
    ['no text, but a finish reason', answer({ content: '', finishReason: 'length' })],
    ['a refusal', answer({ refusal: 'I will not.' })],
    ['tool calls', answer({ toolCalls: [{ name: 'look_up' }] })],
    ['filtered', answer({ content: '', finishReason: 'content_filter' })],
    ['no usage', answer({ usage: false })],
    ['bytes that are not UTF-8', invalidUtf8()],
    ['unknown fields', json({ choices: [{ index: 0, message: { content: 'Hi' } }], x_extra: { a: 1 } })],
  ])('%s', async (_, does) => {
    const { router, calledModels } = build({ a: does, b: answer() });
    await sendChat(router);
    expect(calledModels()).toEqual(['a']);
  });

  it('is returned unchanged', async () => {
    const body = {
      id: 'x',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' } }],
      x_extra: { a: [1] },
    };
    const { router } = build({ a: json(body) });
    expect(await sendChat(router)).toEqual(body);
  });
});

describe('an error', () => {
  it('of 10 MB is treated like any other', async () => {
    const { router, calledModels } = build({ a: hugeError(), b: answer() });
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it.each<[string, Behaviour]>([
    ['text', fail(503, { body: 'Service Unavailable' })],
    ['a web page', html({ status: 503 })],
    ['JSON of another shape', fail(503, { body: ['no'] })],
    ['nothing', fail(503, { body: '' })],
  ])('may be %s', async (_, does) => {
    const { router } = build({ a: does });
    expect(await errorOf(sendChat(router))).toMatchObject({ status: 503 });
  });
});

describe('other endpoints require', () => {
  const failedResponse = { id: 'resp_1', status: 'failed', error: { code: 'server_error', message: 'no' }, output: [] };
  const refusedResponse = { ...failedResponse, error: { code: 'invalid_prompt', message: 'no' } };

  it.each<[string, (router: OpenAI) => PromiseLike<unknown>, unknown, string[]]>([
    [
      'embeddings: data',
      (router) => router.embeddings.create({ model: 'a', input: 'x' }),
      { object: 'list' },
      ['a', 'a'],
    ],
    [
      'completions: choices',
      (router) => router.completions.create({ model: 'a', prompt: 'x' }),
      { id: '1' },
      ['a', 'a'],
    ],
    [
      'responses: not failed',
      (router) => router.responses.create({ model: 'a', input: 'x' }),
      failedResponse,
      ['a', 'a'],
    ],
    [
      'responses: a failure that the caller caused is returned',
      (router) => router.responses.create({ model: 'a', input: 'x' }),
      refusedResponse,
      ['a'],
    ],
    ['images: anything that is an object', (router) => router.images.generate({ model: 'a', prompt: 'x' }), {}, ['a']],
    [
      'moderations: anything that is an object',
      (router) => router.moderations.create({ model: 'a', input: 'x' }),
      {},
      ['a'],
    ],
  ])('%s', async (_, call, body, expected) => {
    const { router, calledModels } = build({ a: json(body) }, { maxAttempts: 2 });
    await call(router).then(
      () => undefined,
      () => undefined,
    );
    expect(calledModels()).toEqual(expected);
  });

  const file = new File(['sound'], 'a.wav');
  const endpoints: Record<string, (client: OpenAI) => PromiseLike<unknown>> = {
    embeddings: (client) => client.embeddings.create({ model: 'standard', input: 'x', encoding_format: 'float' }),
    completions: (client) => client.completions.create({ model: 'standard', prompt: 'x' }),
    responses: (client) => client.responses.create({ model: 'standard', input: 'x', store: false }),
    images: (client) => client.images.generate({ model: 'standard', prompt: 'x' }),
    moderations: (client) => client.moderations.create({ model: 'standard', input: 'x' }),
    transcriptions: (client) => client.audio.transcriptions.create({ model: 'standard', file }),
    speech: (client) => client.audio.speech.create({ model: 'standard', input: 'x', voice: 'alloy' }),
  };
  const all = ['embeddings', 'completions', 'responses', 'images', 'moderations', 'transcriptions'];
  const space = { embeddingSpace: 'one' };
  const noContent = bytes({ status: 204, chunks: [] });

  it.each<[string, Behaviour, readonly string[]]>([
    ['an error by its own code', json({ message: 'no capacity', code: 503 }), all],
    ['an error by its detail', json({ detail: 'Internal Server Error' }), all],
    ['a web page', html(), all],
    ['204', noContent, [...all, 'speech']],
    [
      'nothing in its list',
      json({ object: 'list', data: [], choices: [] }),
      ['embeddings', 'completions', 'responses'],
    ],
    ['null in its list', json({ data: [null], choices: [null] }), ['embeddings', 'completions', 'responses']],
  ])('is answered by another deployment where a 200 is %s', async (_, does, names) => {
    for (const name of names) {
      const { router, calledModels } = build(
        { a: does, b: answer() },
        { deployments: { a: { ...space }, b: { ...space } }, routes: { standard: ['a', 'b'] } },
      );
      const viaFetch = new OpenAI({ apiKey: 'sk-x', fetch: router.asFetch(), maxRetries: 0 });
      await endpoints[name]?.(router);
      await endpoints[name]?.(viaFetch);
      expect([name, calledModels()]).toEqual([name, ['a', 'b', 'a', 'b']]);
    }
  });

  it('a text in JSON stays JSON through asFetch', async () => {
    const { router } = build({ standard: json('Hello.') });
    const client = new OpenAI({ apiKey: 'sk-x', fetch: router.asFetch(), maxRetries: 0 });
    expect(await client.audio.transcriptions.create({ model: 'standard', file })).toBe('Hello.');
  });

  it('may be text if text was requested', async () => {
    const { router, calledModels } = build({ a: answer({ content: 'Hello.' }), b: answer() });
    expect(await router.audio.transcriptions.create({ model: 'standard', file, response_format: 'text' })).toBe(
      'Hello.\n',
    );
    expect(calledModels()).toEqual(['a']);
  });

  it.each<[string, string, readonly string[]]>([
    ['whisper.cpp’s plain text', ' And so, my fellow Americans\n', ['a']],
    ['an empty transcript', '', ['a']],
    ['a token of the model', '<|nospeech|> Hello', ['a']],
    ['a page', '\n<HTML><body>Sign in</body></HTML>', ['a', 'b']],
    ['a page that begins with a comment', '<!-- proxy --><p>Sign in</p>', ['a', 'b']],
    ['a script', '<script>location = "/login"</script>', ['a', 'b']],
  ])('a transcript may be labelled as a page: %s', async (_, text, expected) => {
    const does = bytes({ headers: { 'content-type': 'text/html; charset=utf-8' }, chunks: [text] });
    const { router, calledModels } = build({ a: does, b: answer() });
    const client = new OpenAI({ apiKey: 'sk-x', fetch: router.asFetch(), maxRetries: 0 });
    for (const each of [router, client]) {
      const found = await each.audio.transcriptions.create({ model: 'standard', file, response_format: 'text' });
      if (expected.length === 1) expect(found).toBe(text);
    }
    expect(calledModels()).toEqual([...expected, ...expected]);
  });

  it('the error of a server that fails with status 200 is one: whisper.cpp', async () => {
    const { router, calledModels } = build({ a: json({ error: 'failed to process audio' }), b: answer() });
    await router.audio.transcriptions.create({ model: 'standard', file, response_format: 'text' });
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('the content of bytes is not checked', async () => {
    const { router, calledModels } = build({ a: answer({ content: 'la la la' }), b: answer() });
    const response = await router.audio.speech.create({ model: 'standard', input: 'x', voice: 'alloy' });
    expect(await response.text()).toBe('la la la');
    expect(calledModels()).toEqual(['a']);
  });
});
