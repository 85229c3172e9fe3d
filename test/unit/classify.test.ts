import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  InternalServerError,
  OpenAIError,
  RateLimitError,
} from 'openai';
import { describe, expect, it } from 'vitest';
import {
  abortError,
  classify,
  codeOf,
  copyError,
  invalidAnswer,
  describe as inWords,
  statusOf,
} from '../../src/classify.js';
import { DeadlineExceededError, InvalidOptionError } from '../../src/errors.js';
import type { Outcome } from '../../src/telemetry/record-types.js';

const status = (code: number, fields: object = {}, headers: Record<string, string> = {}) =>
  APIError.generate(code, { error: { message: 'It said no.', ...fields } }, undefined, new Headers(headers));
/** The error that the SDK throws for an error event in a stream. */
const event = (fields: object) => new APIError(undefined, fields, undefined, new Headers());
const withCode = (code: unknown) => Object.assign(new Error('It broke.'), { code });

const outcomeOf = (thrown: unknown) => classify(thrown, 0, 0).outcome;

describe('classify names', () => {
  it.each<[string, unknown, Outcome]>([
    ['400', status(400), 'caller-error'],
    ['400 of the context, by code', status(400, { code: 'context_length_exceeded' }), 'context-length'],
    ['413 of the context, by type', status(413, { type: 'context_window_exceeded' }), 'context-length'],
    ['400 of a filter', status(400, { code: 'content_policy_violation' }), 'content-filter'],
    ['401', status(401), 'unauthorized'],
    ['429 without quota', status(429, { code: 'insufficient_quota' }), 'unauthorized'],
    ['429 without quota, by type', status(429, { type: 'insufficient_quota' }), 'unauthorized'],
    ['400 without credit', status(400, { code: 'credit_balance_too_low' }), 'unauthorized'],
    ['402', status(402), 'forbidden'],
    ['403', status(403), 'forbidden'],
    ['404 of a model, by code', status(404, { code: 'model_not_found' }), 'model-not-found'],
    ['404 of a model, by message', status(404, { message: 'The model `x` does not exist' }), 'model-not-found'],
    [
      '404 of an Azure deployment',
      status(404, { code: 'DeploymentNotFound', message: 'The API deployment' }),
      'model-not-found',
    ],
    ['404 without a body', APIError.generate(404, undefined, 'Not Found', new Headers()), 'model-not-found'],
    ['404 of a file', status(404, { message: "No such File object: 'file-1'" }), 'caller-error'],
    ['408', status(408), 'server-error'],
    ['409', status(409), 'server-error'],
    ['422', status(422), 'caller-error'],
    ['429', status(429), 'rate-limited'],
    ['500', status(500), 'server-error'],
    ['529', status(529), 'server-error'],
    ['599', status(599), 'server-error'],
    ['an error event', event({ message: 'no' }), 'server-error'],
    ['an error event of the context', event({ code: 'context_length_exceeded' }), 'context-length'],
    ['an error event of a filter', event({ code: 'content_filter' }), 'content-filter'],
    ['an error event of a rate limit', event({ code: 'rate_limit_exceeded' }), 'rate-limited'],
    ['an error event of the quota', event({ type: 'insufficient_quota' }), 'unauthorized'],
    ['an error event of the caller', event({ type: 'invalid_request_error' }), 'caller-error'],
    ['the SDK’s broken connection', new APIConnectionError({ message: 'Connection error.' }), 'connection'],
    ['the SDK’s timeout', new APIConnectionTimeoutError(), 'timeout'],
    ['the SDK’s abort', new APIUserAbortError(), 'aborted'],
    ['an invalid answer', invalidAnswer('without `choices`'), 'invalid-answer'],
    ['broken JSON', new SyntaxError('Unexpected token'), 'invalid-answer'],
    ['fetch failed', new TypeError('fetch failed'), 'connection'],
    ['terminated', new TypeError('terminated'), 'connection'],
    ['a socket’s error', withCode('ECONNRESET'), 'connection'],
    ['undici’s error', withCode('UND_ERR_SOCKET'), 'connection'],
    ['a key function that failed', new OpenAIError("Failed to get token from 'apiKey' function"), 'unauthorized'],
    ['an error of the application', new Error('oh'), 'caller-error'],
    ['a TypeError of the application', new TypeError('x is not a function'), 'caller-error'],
    ['a code that is not a socket’s', withCode('invalid'), 'caller-error'],
    ['a code that is a number', withCode(7), 'caller-error'],
    ['a text', 'no', 'connection'],
    ['nothing', undefined, 'connection'],
    ['a frozen error', Object.freeze(new Error('cold')), 'caller-error'],
  ])('%s', (_, thrown, outcome) => {
    expect(outcomeOf(thrown)).toBe(outcome);
  });

  it('keeps the error as it is, and its status', () => {
    const error = status(503);
    expect(classify(error, 12, 0.5)).toMatchObject({ error, status: 503, endedAt: 12, jitter: 0.5, target: undefined });
  });

  it('makes an Error of anything else, without showing it', () => {
    const { error } = classify('sk-secret', 0, 0);
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.message).toBe("The upstream's client threw string, not an Error.");
  });
});

describe('the consequences', () => {
  it('exclude the same deployment where the server forbids a retry', () => {
    expect(classify(status(503), 0, 0).retry).toBe('yes');
    expect(classify(status(503, {}, { 'x-should-retry': 'false' }), 0, 0)).toMatchObject({
      retry: 'no',
      failover: 'yes',
    });
    expect(classify(status(400, {}, { 'x-should-retry': 'true' }), 0, 0)).toMatchObject({
      retry: 'no',
      failover: 'no',
    });
  });

  it('include a pause if the server requests one', () => {
    expect(classify(status(429, {}, { 'retry-after': '2' }), 0, 0).retryAfterMs).toBe(2000);
    expect(classify(status(429), 0, 0).retryAfterMs).toBeUndefined();
  });
});

describe('copyError', () => {
  it.each([
    ['JSON', status(429, { code: 'slow_down' }, { 'x-request-id': 'r-1' })],
    ['text', APIError.generate(503, undefined, 'Service Unavailable', new Headers())],
    ['no body', APIError.generate(500, undefined, undefined, new Headers())],
  ])('returns an equal error: %s', (_, error) => {
    const copy = copyError(error);
    expect(copy).not.toBe(error);
    expect(copy.constructor).toBe(error.constructor);
    const shown = (each: Error) => [
      each.message,
      statusOf(each),
      codeOf(each),
      each instanceof APIError && each.requestID,
    ];
    expect(shown(copy)).toEqual(shown(error));
  });
});

describe('a description of an error', () => {
  it.each<[unknown, string]>([
    [status(503, { code: 'overloaded', message: 'a prompt' }), 'InternalServerError 503 overloaded'],
    [status(400, { code: 'the prompt was: hello', message: 'a prompt' }), 'BadRequestError 400'],
    [invalidAnswer('with an empty body'), 'The upstream answered, but with an empty body.'],
    [new InvalidOptionError('route', 'no.'), 'route: no.'],
    [new DeadlineExceededError(100, undefined), 'DeadlineExceededError deadline_exceeded'],
    [new TypeError('a prompt'), 'TypeError'],
    ['a prompt', 'string'],
    [undefined, 'undefined'],
  ])('%s is "%s": never the upstream’s text', (error, text) => {
    expect(inWords(error)).toBe(text);
  });

  it('reads statuses and codes of any error', () => {
    expect(statusOf(new RateLimitError(429, {}, '', new Headers()))).toBe(429);
    expect(statusOf(new Error('no'))).toBeNull();
    expect(codeOf(new InternalServerError(500, { code: 'a.b-c_1' }, '', new Headers()))).toBe('a.b-c_1');
    expect(codeOf({ code: 7 })).toBeNull();
    expect(codeOf('no')).toBeNull();
  });

  it('an abort carries the caller’s reason', () => {
    expect(abortError('enough').cause).toBe('enough');
    expect('cause' in abortError(undefined) && abortError(undefined).cause).toBeFalsy();
  });
});
