import { callRecord, NoDeploymentAvailableError, type SingleCallOptions } from 'model-router';
import { answer, fail } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { errorOf, messages, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

describe('regions', () => {
  const deployments = {
    us: { region: 'us-east' },
    eu: { region: 'eu-west' },
    fr: { region: 'eu-south' },
    somewhere: {},
  };
  const models = { us: answer(), eu: answer(), fr: answer(), somewhere: answer() };
  const settings: Setup = { deployments, routes: { standard: ['us', 'somewhere', 'eu', 'fr'] } };

  it.each<[string, SingleCallOptions, string]>([
    ['all by default', {}, 'us'],
    ['one', { regions: ['eu-west'] }, 'eu'],
    ['several, in the order of the route', { regions: ['eu-south', 'eu-west'] }, 'eu'],
  ])('%s', async (_, options, expected) => {
    const { router } = build(models, settings);
    const completion = await sendChatWith(router, options);
    expect(callRecord(completion)).toMatchObject({ deployment: expected, region: expect.any(String) });
  });

  it('are never left after any failure', async () => {
    const { router, calledModels } = build(
      { ...models, eu: fail(500), fr: fail(500) },
      { ...settings, maxAttempts: 9 },
    );
    const error = await errorOf(sendChatWith(router, { regions: ['eu-west', 'eu-south'] }));
    expect(error).toMatchObject({ status: 500 });
    expect(new Set(calledModels())).toEqual(new Set(['eu', 'fr']));
  });

  it('are never left by a stream, a fallback or an unlisted model', async () => {
    const { router, fake } = build(models, { ...settings, fallbacks: ['somewhere', 'us'], regions: ['eu-west'] });
    expect((await read(await streamChat(router))).error).toBeUndefined();
    expect(await errorOf(sendChat(router, 'us'))).toBeInstanceOf(NoDeploymentAvailableError);
    const error = await errorOf(sendChat(router, 'vendor/unlisted'));
    expect(error.message).toContain('default/*: its region is not known, and only eu-west may be used');
    expect(fake.requests.map((request) => request.model)).toEqual(['eu']);
  });

  it('can be set on a route', async () => {
    const { router, calledModels } = build(models, {
      ...settings,
      routes: { standard: { deployments: ['us', 'eu'], regions: ['eu-west'] }, other: ['us', 'eu'] },
    });
    await sendChat(router, 'standard');
    await sendChat(router, 'other');
    expect(calledModels()).toEqual(['eu', 'us']);
  });

  it('appear in the record', async () => {
    const { router } = build(models, settings);
    expect(callRecord(await sendChat(router, 'us'))?.region).toBe('us-east');
    expect(callRecord(await sendChat(router, 'somewhere'))?.region).toBeNull();
  });
});

describe('capabilities', () => {
  type Chat = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'model' | 'messages'> & {
    messages?: OpenAI.ChatCompletionMessageParam[];
  };
  const tool = { type: 'function', function: { name: 'f', parameters: {} } } as const;
  const said = (part: OpenAI.ChatCompletionContentPart): Chat => ({ messages: [{ role: 'user', content: [part] }] });
  const schema = { name: 's', schema: { type: 'object', properties: {} } };

  const needs: [capability: string, what: string, body: Chat][] = [
    ['tools', 'tools', { tools: [tool] }],
    ['jsonSchema', 'a JSON schema', { response_format: { type: 'json_schema', json_schema: schema } }],
    ['vision', 'an image', said({ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } })],
    ['audio', 'sound', said({ type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } })],
    ['audio', 'an answer in sound', { modalities: ['text', 'audio'], audio: { format: 'wav', voice: 'alloy' } }],
    ['logprobs', 'log probabilities', { logprobs: true }],
  ];

  it.each(needs)('a call that needs %s (%s) goes to a deployment with that capability', async (capability, _, body) => {
    const { router, calledModels } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { capabilities: { [capability]: false } }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    await router.chat.completions.create({ model: 'standard', messages, ...body });
    await sendChat(router);
    expect(calledModels()).toEqual(['b', 'a']);
  });

  it.each(needs)(
    'a call that needs %s (%s) goes to no other deployment, after any failure',
    async (capability, _, body) => {
      const { router, fake } = build(
        { a: answer() },
        { deployments: { a: { capabilities: { [capability]: false } } } },
      );
      const error = await errorOf(router.chat.completions.create({ model: 'a', messages, ...body }));
      expect(error).toBeInstanceOf(NoDeploymentAvailableError);
      expect(error.message).toMatch(/^No deployment is available \(a: it (cannot|gives|has) .+\)\.$/);
      expect(fake.count).toBe(0);
    },
  );

  it.each<[string, string, Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>]>([
    ['tools', 'tools', { tools: [{ type: 'web_search' }] }],
    ['jsonSchema', 'a JSON schema', { text: { format: { type: 'json_schema', ...schema } } }],
    [
      'vision',
      'an image',
      {
        input: [
          { role: 'user', content: [{ type: 'input_image', detail: 'auto', image_url: 'https://x.test/i.png' }] },
        ],
      },
    ],
    ['logprobs', 'how many log probabilities', { top_logprobs: 3 }],
    ['logprobs', 'log probabilities among what to include', { include: ['message.output_text.logprobs'] }],
  ])('a response that needs %s (%s), too', async (capability, _, body) => {
    const { router, calledModels } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { capabilities: { [capability]: false } }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    await router.responses.create({ model: 'standard', input: 'Hello', ...body });
    expect(calledModels()).toEqual(['b']);
  });

  it('a completion that needs log probabilities, too', async () => {
    const { router, calledModels } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { capabilities: { logprobs: false } }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    await router.completions.create({ model: 'standard', prompt: 'Once', logprobs: 3 });
    expect(calledModels()).toEqual(['b']);
  });

  it('an undeclared capability counts as available', async () => {
    const { router, calledModels } = build(
      { a: answer() },
      { deployments: { a: { capabilities: { tools: true, vision: false } } }, routes: { standard: ['a'] } },
    );
    await router.chat.completions.create({ model: 'standard', messages, tools: [tool] });
    expect(calledModels()).toEqual(['a']);
  });

  it('empty lists need nothing, and no parameter is dropped', async () => {
    const { router, fake } = build(
      { a: answer() },
      { deployments: { a: { capabilities: { tools: false, logprobs: false } } }, routes: { standard: ['a'] } },
    );
    const more: Chat = { tools: [], logprobs: false, seed: 7, service_tier: 'auto' };
    await router.chat.completions.create({ model: 'a', ...{ messages, ...more } });
    expect(fake.requests[0]?.body).toEqual({ model: 'a', messages, ...more });
  });
});
