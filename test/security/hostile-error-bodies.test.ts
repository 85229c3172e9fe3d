// Threat: an upstream, or a tenant whose text it quotes, crafts an error body to disable failover, to stop the process or
// to suspend a client for all callers.
import { callRecord } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { classify } from '../../src/classify.js';
import { classificationOf } from '../../src/protocol/classification.js';
import { readError } from '../../src/protocol/read-error.js';
import { parseRetryAfter } from '../../src/util/retry-after.js';
import { errorOf, sendChat } from '../helpers/messages.js';
import fc from '../helpers/property.js';
import { build } from '../helpers/routers.js';

const nested = (depth: number) => `${'{"error":'.repeat(depth)}1${'}'.repeat(depth)}`;
const raw = (text: string) => fail(500, { body: JSON.parse(text), headers: { 'content-type': 'application/json' } });
const NAMES = [
  'error',
  'code',
  'type',
  'message',
  'status',
  'detail',
  'errors',
  'base_resp',
  'status_code',
  'metadata',
  'raw',
  'x',
];
const WORDS = [
  'content_filter',
  'context_length_exceeded',
  'invalid_request_error',
  'insufficient balance',
  'toString',
  '__proto__',
];

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'large' },
    fc.constantFrom<unknown>(...WORDS, 400, 401, 429, 1301, null, true, -1, 1e300, '', 'x'.repeat(3000)),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('tree'), { maxKeys: 5 }),
  ),
}));

describe('a crafted error body', () => {
  it.each<[string, string]>([
    ['a code with a toString', '{"error":{"code":{"toString":1},"message":"no"}}'],
    ['a type with a toString', '{"error":{"type":{"toString":1,"valueOf":2}}}'],
    ['a code nested 20,000 deep', `{"error":{"message":"no","code":${nested(20_000)}}}`],
    ['nothing but depth', nested(20_000)],
    ['a long list', JSON.stringify({ errors: Array(50_000).fill({ code: 'x', message: 'y' }) })],
    ['a prototype', '{"error":{"__proto__":{"code":"insufficient_quota"},"message":"no"}}'],
  ])('does not disable failover: %s', async (_, text) => {
    const { router, calledModels } = build({ a: raw(text), b: answer() });
    const completion = await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b']);
    expect(callRecord(completion)?.attempts[0]).toMatchObject({ outcome: 'server-error', status: 500 });
    expect(router.snapshot().deployments.a).toMatchObject({ inFlight: 0, failures: 1 });
  });

  it.each<[string, string]>([
    ['a code with a toString', '{"error":{"code":{"toString":1},"message":"no"}}'],
    ['nothing but depth', nested(20_000)],
  ])('gives the SDK’s error for its status if no other deployment is left: %s', async (_, text) => {
    const { router } = build({ a: raw(text) }, { maxAttempts: 1 });
    expect(await errorOf(sendChat(router, 'a'))).toMatchObject({ status: 500 });
    expect(router.snapshot().deployments.a?.inFlight).toBe(0);
  });

  it('of any shape with a status of 500 and above fails over', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 500, max: 599 }), async (body, status) => {
        const { router, calledModels } = build({ a: fail(status, { body }), b: answer() });
        await sendChat(router);
        expect(calledModels()).toEqual(['a', 'b']);
        expect(router.snapshot().deployments.a?.inFlight).toBe(0);
        await router.close();
      }),
      { numRuns: 60 },
    );
  });

  it('of any shape and status is read without an exception', () => {
    fc.assert(
      fc.property(tree, fc.option(fc.integer({ min: 400, max: 599 })), (body, status) => {
        const facts = readError(body);
        const context = { status: status ?? undefined, hasRetryAfter: false, namesStored: false };
        expect(classificationOf(facts, context)?.outcome ?? 'unknown').toEqual(expect.any(String));
        if (status !== null) expect(classificationOf(facts, context)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it.each(['error', 'headers', 'message', 'code', 'status'])('is read even where its `%s` throws', (name) => {
    const error = Object.assign(new Error('no'), {
      status: 500,
      headers: undefined,
      error: {},
      code: 1,
      param: 1,
      type: 1,
    });
    Object.defineProperty(error, name, {
      get() {
        throw new Error('caught');
      },
    });
    expect(classify(error, 0, 0).outcome).toEqual(expect.any(String));
  });
});

describe('text from outside', () => {
  const size = 100_000;
  it.each([
    'model ',
    'maximum ',
    'exceeds ',
    'input ',
    'context length ',
    'account ',
    'api key ',
    'violates ',
    "'",
    '"',
    '“',
    '«',
    '`',
    '{"',
    "{'code': '",
    '\\',
    ' ',
    '<',
    'per ',
    'a'.repeat(100),
    'upstream ',
  ])('is read in linear time: %j', (part) => {
    const text = part.repeat(Math.ceil(size / part.length)).slice(0, size);
    const context = { status: 400, hasRetryAfter: false, namesStored: false };
    const timeOf = (given: string) => {
      const startedAt = performance.now();
      classificationOf(readError({ error: { message: given } }), context);
      return performance.now() - startedAt;
    };
    timeOf(text);
    // A quadratic expression would take seconds.
    expect(timeOf(text)).toBeLessThan(1000);
  });

  it('is ignored where it is a Retry-After of 15,000 digits', () => {
    const startedAt = performance.now();
    expect(parseRetryAfter(new Headers({ 'retry-after': `${'1'.repeat(15_000)}x` }))).toBeUndefined();
    expect(parseRetryAfter(new Headers({ 'retry-after': '1'.repeat(65) }))).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(200);
  });

  it('suspends no client if it is the caller’s own JSON inside a message', async () => {
    const quoted = JSON.stringify({ error: { code: 'insufficient_quota', type: 'insufficient_quota', message: 'no' } });
    const message = `The input ${quoted} is not valid.`;
    const { router, calledModels } = build(
      { a: fail(400, { message, code: null }), b: answer() },
      {
        deployments: { a: {}, b: { client: 'other' } },
        clients: ['default', 'other'],
        routes: { standard: ['a', 'b'] },
      },
    );
    await sendChat(router);
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b', 'a', 'b']);
  });
});
