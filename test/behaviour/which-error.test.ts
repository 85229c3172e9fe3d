import { callRecord, DeadlineExceededError, NoDeploymentAvailableError } from 'model-router';
import { answer, empty, fail, hang, reset, truncated } from 'model-router/testing';
import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, sendChat, sendChatWith } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

describe('the error of a call without an answer', () => {
  it.each([
    [400, BadRequestError],
    [401, AuthenticationError],
    [404, NotFoundError],
    [429, RateLimitError],
    [500, InternalServerError],
  ])("is the SDK's own instance for %i, with the upstream’s body and headers", async (status, ErrorClass) => {
    const { router } = build({
      a: fail(status, {
        message: 'What it said.',
        code: 'a_code',
        headers: { 'x-request-id': 'req-7', 'x-extra': 'e' },
      }),
    });
    const error = await errorOf(sendChat(router));
    expect(error).toBeInstanceOf(ErrorClass);
    expect(error).toMatchObject({ status, code: 'a_code', requestID: 'req-7', error: { message: 'What it said.' } });
    expect(error instanceof ErrorClass && error.headers?.get('x-extra')).toBe('e');
  });

  it('is the last one that had a status', async () => {
    const { router } = build({ a: fail(503), b: fail(502), c: reset() }, { retry: { budget: 0, minPerSecond: 0 } });
    expect(await errorOf(sendChat(router))).toMatchObject({ status: 502 });
  });

  it('is the last one if none had a status', async () => {
    const { router } = build({ a: reset(), b: empty() }, { retry: { budget: 0, minPerSecond: 0 } });
    const error = await errorOf(sendChat(router));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.message).toBe('The upstream answered, but with an empty body.');
  });

  it('of a broken connection has fetch’s error as its cause', async () => {
    const { router } = build({ a: reset() });
    const error = await errorOf(sendChat(router));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.cause).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNRESET' } });
  });

  it('for an answer that is not JSON is the parser’s, as in the SDK', async () => {
    const { router } = build({ a: truncated() });
    expect(await errorOf(sendChat(router))).toBeInstanceOf(SyntaxError);
  });

  it('for an attempt that took too long is the SDK’s', async () => {
    const { router } = build({ a: hang() }, { attemptTimeoutMs: 100 });
    const { error } = await settled(sendChat(router));
    expect(error).toBeInstanceOf(APIConnectionTimeoutError);
    expect(error).not.toBeInstanceOf(DeadlineExceededError);
  });

  it('for an abort is the SDK’s, whatever had failed before, with the reason as its cause', async () => {
    const { router } = build({ a: fail(500), b: hang() });
    const controller = new AbortController();
    const call = watch(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(10);
    controller.abort(new Error('enough'));
    await pass(0);
    expect(call.error).toBeInstanceOf(APIUserAbortError);
    expect(call.error).toMatchObject({ cause: { message: 'enough' } });
  });

  it('for a call whose signal was already aborted is the same, and nothing is sent', async () => {
    const { router, fake } = build({ a: answer() });
    const error = await errorOf(sendChat(router, 'standard', { signal: AbortSignal.abort() }));
    expect(error).toBeInstanceOf(APIUserAbortError);
    expect(fake.count).toBe(0);
    expect(callRecord(error)).toMatchObject({ attempts: [], deployment: null });
  });

  it.each(['attempt-started', 'attempt-failed'] as const)(
    'for an abort within a listener is the same, and nothing more is sent or recorded: %s',
    async (type) => {
      const { router, fake } = build({ a: fail(500), b: answer() });
      const controller = new AbortController();
      router.on(type, () => controller.abort());
      const error = await errorOf(sendChat(router, 'standard', { signal: controller.signal }));
      expect(error).toBeInstanceOf(APIUserAbortError);
      expect(callRecord(error)?.attempts).toHaveLength(1);
      expect(fake.count).toBe(type === 'attempt-started' ? 0 : 1);
    },
  );

  it('has a record with every attempt', async () => {
    const { router } = build({ a: fail(503), b: fail(400) });
    const error = await errorOf(sendChat(router));
    expect(callRecord(error)).toMatchObject({
      route: 'standard',
      deployment: 'b',
      servedModel: null,
      attempts: [
        { number: 1, deployment: 'a', outcome: 'server-error', status: 503, error: 'InternalServerError 503' },
        { number: 2, deployment: 'b', outcome: 'caller-error', status: 400, error: 'BadRequestError 400' },
      ],
    });
  });
});

describe('no deployment is available', () => {
  it('gives the reason for each deployment', async () => {
    const { router } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { region: 'us' }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    const error = await errorOf(sendChatWith(router, { regions: ['eu'] }));
    expect(error).toBeInstanceOf(NoDeploymentAvailableError);
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error).toMatchObject({ code: 'no_deployment_available', status: undefined });
    expect(error.message).toBe(
      'No deployment is available (a: its region is us, and only eu may be used; b: its region is not known, and only eu may be used).',
    );
  });
});
