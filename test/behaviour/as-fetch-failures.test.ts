import { getEventListeners } from 'node:events';
import type { RouterOptions } from 'model-router';
import { answer, cut, errorEvent, fail, hang, html, reset } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { base, model, post, streamOf, useDoor } from '../helpers/parity-as-fetch.js';
import { messages, picture, sound } from '../helpers/parity-bodies.js';
import { collect } from '../helpers/parity-observe.js';
import { until } from '../helpers/parity-suite.js';

const open = useDoor();
const endless = answer({ content: 'a b c d e f', chunks: ['a ', 'b ', 'c ', 'd ', 'e ', 'f'], chunkMs: 30 });
const TWO = { maxAttempts: 2 };

describe('asFetch, when a call fails', () => {
  it('returns the status, body and headers of a provider’s error', async () => {
    const headers = { 'x-request-id': 'req_theirs', 'x-ratelimit-remaining-tokens': '7', 'retry-after-ms': '1' };
    const { routed } = await open(
      { first: fail(503), second: fail(429, { code: 'slow', message: 'Slow.', headers }) },
      TWO,
    );
    const response = await routed(`${base}/chat/completions`, post({ model, messages }, { headers: {} }));
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({ error: { code: 'slow', message: 'Slow.', param: null, type: 'requests' } });
    expect(response.headers.get('x-request-id')).toBe('req_theirs');
    expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('7');
  });

  it('turns a provider’s web page into an error in JSON, with its status', async () => {
    const { routed } = await open({ first: html({ status: 502 }), second: html({ status: 502 }) });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'application/json']);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('It works!') } });
  });

  it.each<[string, number, string, Partial<RouterOptions>]>([
    ['the deadline is over', 504, 'deadline_exceeded', { deadlineMs: 250 }],
    ['an attempt takes too long', 504, 'upstream_timeout', { attemptTimeoutMs: 250, maxAttempts: 1 }],
    ['no region is allowed', 503, 'no_deployment_available', { regions: ['nowhere'] }],
    ['the model is refused', 400, 'invalid_option', { unlistedModels: 'refuse', routes: { other: ['first'] } }],
  ])('returns an error in JSON that is not to be retried: %s', async (_, status, code, options) => {
    const { routed } = await open({ first: hang(), second: hang() }, options);
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect([response.status, await response.json()]).toEqual([
      status,
      { error: { message: expect.any(String), type: 'model_router_error', code, param: null } },
    ]);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  it('reports that no upstream was reached', async () => {
    const { routed } = await open({ first: reset(), second: reset() });
    const response = await routed(`${base}/chat/completions`, post({ model, messages }));
    expect([response.status, await response.json()]).toEqual([
      503,
      { error: expect.objectContaining({ code: 'upstream_unreachable', type: 'model_router_error' }) },
    ]);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  it('reports a closed router, for routed and other calls', async () => {
    const { routed, router } = await open({ first: answer(), second: answer() });
    await router.close();
    for (const response of [
      await routed(`${base}/chat/completions`, post({ model, messages })),
      await routed(`${base}/models`),
    ]) {
      expect([response.status, await response.json()]).toMatchObject([
        503,
        { error: { message: expect.stringContaining('closed') } },
      ]);
    }
  });

  it('rejects an abort with its reason, before the call and in flight', async () => {
    const { routed, fake } = await open({ first: hang(), second: hang() });
    const url = `${base}/chat/completions`;
    const reason = new RangeError('enough');
    const before = routed(url, post({ model, messages }, { signal: AbortSignal.abort(reason) }));
    await expect(before).rejects.toBe(reason);
    const controller = new AbortController();
    const call = routed(url, post({ model, messages }, { signal: controller.signal }));
    const settled = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => fake.open === 1, 'the request to arrive');
    controller.abort();
    await settled;
    await until(() => fake.open === 0, 'the request to be given up');
    expect(fake.requests.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });
});

describe('the body that asFetch returns', () => {
  it('closes the upstream when it is cancelled', async () => {
    const door = await open({ first: endless, second: answer() });
    const response = await streamOf(door);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await until(() => door.fake.open === 0, 'the upstream to be closed');
    expect(door.fake.requests.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  it('fails where the stream broke off, and does not look whole', async () => {
    const door = await open({ first: cut({ afterChunks: 2 }), second: answer() });
    const response = await streamOf(door);
    expect(response.status).toBe(200);
    let text = '';
    const read = async () => {
      for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString();
    };
    await expect(read()).rejects.toMatchObject({ code: 'stream_interrupted', reason: 'cut' });
    expect(text).toContain('"content":"');
    expect(text).not.toContain('[DONE]');
  });

  it('fails where the stream had an error in it', async () => {
    const door = await open({ first: errorEvent({ afterChunks: 2 }), second: answer() });
    const response = await streamOf(door);
    await expect(response.text()).rejects.toMatchObject({ reason: 'error-event' });
  });

  it('never mixes two deployments', async () => {
    const door = await open({ first: errorEvent({ afterChunks: 0 }), second: answer('Second.') });
    const response = await streamOf(door);
    const text = await response.text();
    expect(text).toContain('"model":"second"');
    expect(text).not.toContain('"model":"first"');
  });

  it('ends when its signal is aborted', async () => {
    const controller = new AbortController();
    const door = await open({ first: endless, second: answer() });
    const response = await streamOf(door, { signal: controller.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    controller.abort();
    await expect((async () => collectReads(reader))()).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => door.fake.open === 0, 'the upstream to be closed');
    expect(door.fake.requests[0]?.outcome).toBe('aborted');
  });

  // A library that cancels its reader on the same signal must not find a body that is only about to fail.
  it('fails at the abort itself, as the body of the platform’s fetch does', async () => {
    const controller = new AbortController();
    const door = await open({ first: endless, second: answer() });
    const response = await streamOf(door, { signal: controller.signal });
    const reader = response.body?.getReader();
    const reads = Promise.allSettled(Array.from({ length: 5 }, () => reader?.read()));
    await reader?.read();
    controller.abort();
    await expect(reader?.cancel()).rejects.toMatchObject({ name: 'AbortError' });
    await reads;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

async function collectReads(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  while (reader !== undefined && !(await reader.read()).done);
}

describe('asFetch, as the fetch of a plain OpenAI client', () => {
  const clientOf = (routed: typeof fetch) =>
    new OpenAI({ apiKey: 'unused', fetch: routed, maxRetries: 0, baseURL: base, logLevel: 'off' });

  it('answers, streams, makes speech and reads uploads', async () => {
    const { routed } = await open({ first: fail(503), second: answer('Hello') });
    const client = clientOf(routed);
    expect((await client.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe('Hello');
    const chunks = await collect(await client.chat.completions.create({ model, messages, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Hello');
    expect(await client.chat.completions.stream({ model, messages }).finalContent()).toBe('Hello');
    expect((await client.responses.create({ model, input: 'Hi' })).output_text).toBe('Hello');
    expect((await client.responses.stream({ model, input: 'Hi' }).finalResponse()).output_text).toBe('Hello');
    expect(await (await client.audio.speech.create({ model, input: 'Hi', voice: 'alloy' })).text()).toBe('Hello');
    expect(await client.audio.transcriptions.create({ model, file: await sound() })).toMatchObject({ text: 'Hello' });
    expect((await client.embeddings.create({ model: 'second', input: 'a' })).data[0]?.embedding).toHaveLength(8);
    expect(await collect(client.models.list())).toMatchObject([{ id: 'first' }, { id: 'second' }]);
    const file = await client.files.create({ file: await sound(), purpose: 'assistants' });
    expect(await (await client.files.content(file.id)).text()).toBe('sound');
  });

  it('streams the answers to uploads', async () => {
    const { routed, fake } = await open({ first: fail(503), second: answer('Hello') });
    const client = clientOf(routed);
    const received = await client.audio.transcriptions.create({ model, file: await sound(), stream: true });
    expect((await collect(received)).map(({ type }) => type)).toEqual([
      ...Array(4).fill('transcript.text.delta'),
      'transcript.text.done',
    ]);
    const drawn = await client.images.edit({ model, image: await picture(), prompt: 'A hat', stream: true });
    expect((await collect(drawn)).map(({ type }) => type)).toEqual(['image_edit.completed']);
    expect(fake.requests.map(({ model, outcome }) => [model, outcome])).toEqual([
      ['first', 'failed'],
      ['second', 'answered'],
      ['first', 'failed'],
      ['second', 'answered'],
    ]);
  });

  it('keeps the request id and the class of errors', async () => {
    const { routed } = await open({
      first: fail(400, { code: 'nope', message: 'No.', param: 'messages' }),
      second: answer(),
    });
    const client = clientOf(routed);
    expect((await client.chat.completions.create({ model: 'second', messages }))._request_id).toMatch(/^req_/);
    const error: unknown = await client.chat.completions.create({ model, messages }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: 'nope',
      param: 'messages',
      message: '400 No.',
      requestID: expect.stringMatching(/^req_/),
    });
  });

  it('does not make the client retry what the router has given up', async () => {
    const { routed, fake } = await open({ first: hang(), second: hang() }, { deadlineMs: 250 });
    const client = new OpenAI({ apiKey: 'unused', fetch: routed, baseURL: base, maxRetries: 2, logLevel: 'off' });
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({
      status: 504,
      code: 'deadline_exceeded',
    });
    expect(fake.count).toBeLessThanOrEqual(2);
  });

  it('passes on an abort', async () => {
    const { routed, fake } = await open({ first: hang(), second: hang() });
    const client = clientOf(routed);
    const controller = new AbortController();
    const call = client.chat.completions.create({ model, messages }, { signal: controller.signal });
    const settled = expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await until(() => fake.open === 1, 'the request to arrive');
    controller.abort();
    await settled;
    await until(() => fake.open === 0, 'the request to be given up');
    expect(fake.count).toBe(1);
  });
});
