import {
  type ClassifyError,
  callRecord,
  InvalidOptionError,
  type RouterSettings,
  type UpstreamError,
} from 'model-router';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { sendEvents } from '../helpers/provider-cases.js';
import { build } from '../helpers/routers.js';

function withWarnings(settings: RouterSettings = {}) {
  const warnings: string[] = [];
  const logger = { error() {}, info() {}, debug() {}, warn: (line: string) => warnings.push(line) };
  return { warnings, settings: { ...settings, logger, logLevel: 'warn' as const } };
}

describe('classifyError', () => {
  const maintenance = fail(400, { code: 'E_MAINTENANCE', message: 'Back soon.' });

  it('names the outcome of an error before the router does', async () => {
    const seen: UpstreamError[] = [];
    const classifyError: ClassifyError = (error) => {
      seen.push(error);
      return error.code === 'E_MAINTENANCE' ? 'server-error' : undefined;
    };
    const { router, calledModels } = build({ a: maintenance, b: answer() }, { classifyError });
    const completion = await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b']);
    expect(callRecord(completion)?.attempts[0]).toMatchObject({ outcome: 'server-error', code: 'E_MAINTENANCE' });
    const { headers, ...rest } = seen[0] ?? { headers: undefined };
    expect(rest).toEqual({
      status: 400,
      code: 'E_MAINTENANCE',
      type: 'invalid_request_error',
      message: 'Back soon.',
      deployment: 'a',
    });
    expect(headers).toBeInstanceOf(Headers);
  });

  it('counts for the breaker and the client, unlike mere wording', async () => {
    const { router } = build(
      { a: fail(400, { message: 'Your plan is over.' }), b: answer() },
      { classifyError: () => 'unauthorized', clients: ['default', 'other'] },
    );
    await sendChat(router, 'a').then(undefined, () => undefined);
    expect(router.snapshot().deployments.a?.suspendedUntil).not.toBeNull();
  });

  it('gets errors inside a 200 and in a stream; its outcome sets the class of the error that is thrown', async () => {
    const error = { error: { message: 'Come back tomorrow.', code: 'TOMORROW' } };
    const classifyError: ClassifyError = ({ code }) => (code === 'TOMORROW' ? 'rate-limited' : undefined);
    const { router } = build({ a: answer({ body: error }), b: sendEvents([error]) }, { classifyError, maxAttempts: 1 });
    expect(await errorOf(sendChat(router, 'a'))).toMatchObject({ status: 429, code: 'TOMORROW' });
    expect(await errorOf(streamChat(router, 'b'))).toMatchObject({ status: 429, code: 'TOMORROW' });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('oh');
      },
    ],
    ['returns another text', () => 'retry'],
    ['returns an outcome that is not an error’s', () => 'success'],
    ['is asynchronous', () => Promise.reject(new Error('oh'))],
  ])('is ignored with one warning where it %s', async (_, does) => {
    const { warnings, settings } = withWarnings({ classifyError: does as ClassifyError });
    const { router, calledModels } = build({ a: fail(503), b: answer() }, settings);
    await sendChat(router);
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b', 'a', 'b']);
    expect(warnings.filter((line) => line.includes('classifyError is ignored'))).toHaveLength(1);
  });

  it('must be a function', () => {
    expect(() => build({ a: answer() }, { classifyError: 'server-error' as never })).toThrow(InvalidOptionError);
  });
});

describe('failoverOn', () => {
  it.each<[string, RouterSettings['failoverOn'], Parameters<typeof fail>]>([
    ['an outcome', ['caller-error'], [400, {}]],
    ['a status', [422], [422, {}]],
    ['a filter', ['content-filter'], [400, { code: 'content_filter' }]],
    [
      'a context that is too long, without declared windows',
      ['context-length'],
      [400, { code: 'context_length_exceeded' }],
    ],
  ])('fails over after %s', async (_, failoverOn, [status, error]) => {
    const models = { a: fail(status, error), b: answer() };
    const windows = { a: { contextWindow: 8000 }, b: { contextWindow: 8000 } };
    const settings = { deployments: windows, routes: { standard: ['a', 'b'] } };
    const without = build(models, settings);
    await errorOf(sendChat(without.router));
    expect(without.calledModels()).toEqual(['a']);
    const router = build(models, { ...settings, failoverOn });
    await sendChat(router.router);
    expect(router.calledModels()).toEqual(['a', 'b']);
    const route = build(models, { ...settings, routes: { standard: { deployments: ['a', 'b'], failoverOn } } });
    await sendChat(route.router);
    expect(route.calledModels()).toEqual(['a', 'b']);
    await sendChatWith(without.router, { failoverOn });
    expect(without.calledModels()).toEqual(['a', 'a', 'b']);
  });

  it('does not affect the breaker', async () => {
    const { router } = build({ a: fail(400), b: answer() }, { failoverOn: [400], breaker: { consecutive: 1 } });
    await sendChat(router);
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
  });

  it.each([['caller-eror'], [399], [600], [4.5], 'caller-error', [null], ['aborted']])('refuses %j', (failoverOn) => {
    expect(() => build({ a: answer() }, { failoverOn: failoverOn as never })).toThrow(/^failoverOn/);
  });
});

describe('the reason why a stream broke', () => {
  const chunk = (content: string) => ({
    ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' },
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
  });

  it('is on the error, and its code in the record', async () => {
    const { router } = build({
      a: sendEvents([chunk('Half'), { error: { message: 'Provider went away.', code: 502, type: 'upstream_gone' } }]),
    });
    const stream = await streamChat(router, 'a');
    const { error } = await read(stream);
    expect(error).toMatchObject({ reason: 'error-event', upstreamCode: '502', text: 'Half' });
    expect(error).toMatchObject({ cause: { status: 502, message: '502 Provider went away.' } });
    expect(callRecord(stream)?.attempts[0]).toMatchObject({ outcome: 'interrupted', code: '502' });
  });
});
