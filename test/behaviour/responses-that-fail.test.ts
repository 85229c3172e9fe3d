import { callRecord } from 'model-router';
import { answer } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { collect, errorOf } from '../helpers/messages.js';
import { sendEvents } from '../helpers/provider-cases.js';
import { build } from '../helpers/routers.js';

const failed = (error: unknown) => ({
  id: 'resp_1',
  object: 'response',
  model: 'm',
  status: 'failed',
  output: [],
  error,
});
const create = (router: OpenAI) => router.responses.create({ model: 'standard', input: 'x' });
const stream = (router: OpenAI) => router.responses.create({ model: 'standard', input: 'x', stream: true });
const created = { type: 'response.created', response: { ...failed(null), status: 'in_progress' } };
const delta = { type: 'response.output_text.delta', delta: 'Half', item_id: 'i', output_index: 0, content_index: 0 };
const failedEvent = (error: unknown) => ({ type: 'response.failed', response: failed(error) });
const errorEvent = { type: 'error', code: 'server_error', message: 'The engine stopped.', param: null };
const one = { maxAttempts: 1 };

describe('a response that failed', () => {
  it.each([
    [{ code: 'server_error', message: 'The engine stopped.' }, 500, 'server-error'],
    [{ code: 'rate_limit_exceeded', message: 'Slow down.' }, 429, 'rate-limited'],
  ])('keeps the code and the message of the upstream: %j', async (error, status, outcome) => {
    const { router } = build({ a: answer({ body: failed(error) }) }, { ...one, routes: { standard: ['a'] } });
    const thrown = await errorOf(create(router));
    expect(thrown).toMatchObject({ status, code: error.code, message: `${status} ${error.message}` });
    expect(callRecord(thrown)?.attempts).toMatchObject([{ outcome, code: error.code }]);
  });

  it.each([[{ code: 'server_error', message: 'no' }], [null]])('fails over: %j', async (error) => {
    const { router, calledModels } = build({ a: answer({ body: failed(error) }), b: answer() });
    await create(router);
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('is returned where the caller caused it', async () => {
    const body = failed({ code: 'invalid_prompt', message: 'no' });
    const { router, calledModels } = build({ a: answer({ body }), b: answer() });
    expect(await create(router)).toMatchObject({ status: 'failed', error: { code: 'invalid_prompt' } });
    expect(calledModels()).toEqual(['a']);
  });
});

describe('a stream of a response that failed', () => {
  it.each([
    ['with its reason', [created, failedEvent({ code: 'server_error', message: 'The engine stopped.' })]],
    ['with its reason in a later event', [created, failedEvent(null), errorEvent]],
    ['without a reason', [created, failedEvent(null)]],
    ['with an error event only', [created, errorEvent]],
  ])('fails over before its content: %s', async (_, events) => {
    const { router, calledModels } = build({ a: sendEvents(events), b: answer() });
    const { error } = await collect(await stream(router));
    expect(error).toBeUndefined();
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('has the reason on the error and in the record after its content', async () => {
    const { router } = build({ a: sendEvents([created, delta, failedEvent(null), errorEvent]) }, one);
    const result = await stream(router);
    const { error } = await collect(result);
    expect(error).toMatchObject({ reason: 'error-event', upstreamCode: 'server_error', text: 'Half' });
    expect(error).toMatchObject({ cause: { code: 'server_error', message: '500 The engine stopped.' } });
    expect(callRecord(result)?.attempts[0]).toMatchObject({ outcome: 'interrupted', code: 'server_error' });
  });
});
