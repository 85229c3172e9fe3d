import type { ErrorFields } from './behaviours.js';
import type { JsonObject } from './json.js';

interface Usual {
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
}

const usual = new Map<number, Usual>([
  [400, { type: 'invalid_request_error', code: null, message: 'The request is invalid.' }],
  [401, { type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key provided.' }],
  [402, { type: 'insufficient_quota', code: 'insufficient_balance', message: 'Insufficient balance.' }],
  [403, { type: 'invalid_request_error', code: null, message: 'You are not allowed to do this.' }],
  [404, { type: 'invalid_request_error', code: null, message: 'Not found.' }],
  [408, { type: 'timeout', code: null, message: 'The request timed out.' }],
  [409, { type: 'invalid_request_error', code: null, message: 'The request conflicts with another.' }],
  [413, { type: 'invalid_request_error', code: null, message: 'The request is too large.' }],
  [422, { type: 'invalid_request_error', code: null, message: 'The request cannot be processed.' }],
  [429, { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached.' }],
  [529, { type: 'overloaded_error', code: null, message: 'Overloaded.' }],
]);

const serverError: Usual = { type: 'server_error', code: null, message: 'The server had an error.' };
const callerError: Usual = { type: 'invalid_request_error', code: null, message: 'The request was refused.' };

/** The fields under `error`: the given ones, and OpenAI's values for that status for the rest. */
export function errorFields(status: number, { code, type, message, param }: ErrorFields = {}): JsonObject {
  const base = usual.get(status) ?? (status >= 500 ? serverError : callerError);
  return {
    message: message ?? base.message,
    type: type ?? base.type,
    param: param ?? null,
    code: code === undefined ? base.code : code,
  };
}

/** OpenAI's error body. */
export function errorBody(status: number, fields?: ErrorFields): JsonObject {
  return { error: errorFields(status, fields) };
}
