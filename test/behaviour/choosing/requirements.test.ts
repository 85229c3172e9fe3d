import { callOptions, callRecord, NoDeploymentAvailableError } from 'model-router';
import { answer } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const messages = [{ role: 'user' as const, content: 'Hi' }];
const body = { model: 'chat', messages };
const two = (a: object, b: object, more: Setup = {}) =>
  build({ a: answer(), b: answer() }, { deployments: { a, b }, routes: { chat: ['a', 'b'] }, ...more });
const tools = [{ type: 'function' as const, function: { name: 'f', parameters: {} } }];

describe('what a request needs', () => {
  it.each([
    ['parallelToolCalls', { tools, parallel_tool_calls: true }, 'it cannot call several tools at once'],
    ['multipleChoices', { n: 2 }, 'it gives one answer only'],
    ['tools', { tools }, 'it cannot call tools'],
  ])('excludes a deployment without %s', async (capability, more, why) => {
    const { router } = two({ capabilities: { [capability]: false } }, {});
    const { value } = await settled(router.chat.completions.create({ ...body, ...more }));
    expect(callRecord(value)?.deployment).toBe('b');
    expect(router.explain({ ...body, ...more }).deployments).toMatchObject([
      { id: 'b' },
      { id: 'a', excluded: expect.stringContaining(why) },
    ]);
    expect(callRecord((await settled(router.chat.completions.create(body))).value)?.deployment).toBe('a');
  });
});

describe('the context window', () => {
  const long = { ...body, messages: [{ role: 'user' as const, content: 'word '.repeat(8000) }] };

  it('excludes a deployment that is surely too small for the input', async () => {
    const { router } = two({ contextWindow: 4000 }, { contextWindow: 128_000 });
    expect(callRecord((await settled(router.chat.completions.create(long))).value)?.deployment).toBe('b');
    expect(callRecord((await settled(router.chat.completions.create(body))).value)?.deployment).toBe('a');
    const [, small] = router.explain(long).deployments;
    expect(small?.excluded).toContain('its context window of 4000 tokens is too small');
  });

  it('counts the requested output', async () => {
    const { router } = two({ contextWindow: 8192 }, { contextWindow: 128_000 });
    const longOutput = { ...body, max_completion_tokens: 9000 };
    expect(callRecord((await settled(router.chat.completions.create(longOutput))).value)?.deployment).toBe('b');
  });

  it('tries the largest where all are too small', async () => {
    const { router } = two({ contextWindow: 1000 }, { contextWindow: 2000 });
    expect(callRecord((await settled(router.chat.completions.create(long))).value)?.deployment).toBe('b');
  });
});

describe('regions', () => {
  it('uses a deployment that may run in several regions only where all of them are allowed', async () => {
    const { router } = two({ region: ['eu-west-1', 'us-east-1'] }, { region: 'eu-west-1' });
    const eu = await settled(router.chat.completions.create(body, callOptions({ regions: ['eu-west-1'] })));
    expect(callRecord(eu.value)).toMatchObject({ deployment: 'b', region: 'eu-west-1' });
    const both = await settled(
      router.chat.completions.create(body, callOptions({ regions: ['eu-west-1', 'us-east-1'] })),
    );
    expect(callRecord(both.value)).toMatchObject({ deployment: 'a', region: 'eu-west-1, us-east-1' });
  });

  it('apply to requests that are not routed: a request with a body goes to an allowed client, reads pass', async () => {
    const clients = ['default', 'eu'];
    const deployments = { a: { client: 'default', region: 'us' }, b: { client: 'eu', region: 'eu' } };
    const { router, fake } = two(deployments.a, deployments.b, { clients, regions: ['eu'] });
    await settled(
      router.batches.create({ input_file_id: 'file-1', endpoint: '/v1/responses', completion_window: '24h' }),
    );
    expect(fake.requests.at(-1)?.apiKeyOf).toBe('eu');
    await settled(router.models.list());
    expect(fake.requests.at(-1)?.apiKeyOf).toBe('default');
    const nowhere = two(
      { client: 'default', region: 'us' },
      { client: 'eu', region: 'us' },
      { clients, regions: ['eu'] },
    );
    const { error } = await settled(
      nowhere.router.batches.create({ input_file_id: 'file-1', endpoint: '/v1/responses', completion_window: '24h' }),
    );
    expect(error).toBeInstanceOf(NoDeploymentAvailableError);
    expect(nowhere.fake.requests).toHaveLength(0);
  });
});

describe('adapt', () => {
  it('changes the body for its deployment only, and never the caller’s', async () => {
    const adapt = (sent: Record<string, unknown>) => {
      const { max_tokens: limit, ...rest } = sent;
      return { ...rest, max_completion_tokens: limit };
    };
    const { router, fake } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { adapt }, b: {} }, routes: { chat: ['a'], plain: ['b'] } },
    );
    const given = { ...body, max_tokens: 50 };
    await settled(router.chat.completions.create(given));
    await settled(router.chat.completions.create({ ...given, model: 'plain' }));
    expect(fake.requests.map(({ body: sent }) => sent)).toMatchObject([
      { max_completion_tokens: 50 },
      { max_tokens: 50 },
    ]);
    expect(given).toEqual({ ...body, max_tokens: 50 });
  });

  it('fails over if it throws, and opens no breaker', async () => {
    const adapt = () => {
      throw new TypeError('mine');
    };
    const { router } = two({ adapt }, {});
    for (let i = 0; i < 8; i += 1) {
      const { value } = await settled(router.chat.completions.create(body));
      expect(callRecord(value)).toMatchObject({ deployment: 'b', attempts: [{ outcome: 'connection' }, {}] });
      await pass(1000);
    }
    expect(router.snapshot().deployments.a?.state).toBe('closed');
  });
});

describe('attemptTimeoutMs of a deployment', () => {
  it('overrides the route’s and the router’s, but not the call’s own', () => {
    const { router } = two({ attemptTimeoutMs: 3000 }, {}, { attemptTimeoutMs: 1000, deadlineMs: 60_000 });
    expect(router.explain(body).attemptTimeoutMs).toBe(3000);
    expect(router.explain(body, callOptions({ attemptTimeoutMs: 500 })).attemptTimeoutMs).toBe(500);
    expect(router.explain({ ...body, model: 'b' }).attemptTimeoutMs).toBe(1000);
  });
});
