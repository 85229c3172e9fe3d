import * as sdk from 'openai';
import * as otherCopy from 'openai-6';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../src/errors.js';
import { errorName, is } from '../../../src/sdk/sdk-errors.js';

const KINDS = [
  'OpenAIError',
  'APIError',
  'APIConnectionError',
  'APIConnectionTimeoutError',
  'APIUserAbortError',
] as const;

/** The errors of one copy of the SDK, and the classes that each belongs to. */
const errorsOf = (copy: typeof sdk | typeof otherCopy) =>
  [
    ['RateLimitError', copy.APIError.generate(429, { error: { message: 'slow' } }, undefined, new Headers()), [0, 1]],
    ['BadRequestError', copy.APIError.generate(400, {}, undefined, new Headers()), [0, 1]],
    ['InternalServerError', copy.APIError.generate(529, {}, undefined, new Headers()), [0, 1]],
    ['APIError', copy.APIError.generate(418, {}, undefined, new Headers()), [0, 1]],
    ['APIError', new copy.APIError(undefined, { message: 'in a stream' }, undefined, new Headers()), [0, 1]],
    ['APIConnectionError', new copy.APIConnectionError({ message: 'gone' }), [0, 1, 2]],
    ['APIConnectionTimeoutError', new copy.APIConnectionTimeoutError(), [0, 1, 2, 3]],
    ['APIUserAbortError', new copy.APIUserAbortError(), [0, 1, 4]],
    ['OpenAIError', new copy.OpenAIError('no body'), [0]],
  ] as const;

/** The effect of a minifier on classes. */
function withoutClassNames(error: Error): Error {
  for (
    let type: unknown = error.constructor;
    typeof type === 'function' && type !== Error;
    type = Object.getPrototypeOf(type)
  )
    Object.defineProperty(type, 'name', { value: 'a', configurable: true });
  return error;
}

describe.each([
  ['of our copy of the SDK', errorsOf(sdk)],
  ['of another copy', errorsOf(otherCopy)],
])('an error %s is recognised without its class name', (_, errors) => {
  it.each(errors)('%s', (name, error, kinds) => {
    withoutClassNames(error);
    expect(KINDS.filter((kind) => is(error, kind))).toEqual(kinds.map((at) => KINDS[at]));
    expect(errorName(error)).toBe(name);
  });
});

describe('an error that is not the SDK’s', () => {
  it.each([
    ['Error', new Error('x')],
    ['TypeError', new TypeError('x')],
    ['AbortError', new DOMException('x', 'AbortError')],
    ['Error', Object.assign(new Error('x'), { status: 500, headers: new Headers() })],
  ])('%s', (name, error) => {
    expect(KINDS.filter((kind) => is(error, kind))).toEqual([]);
    expect(errorName(error)).toBe(name);
  });

  it("an error of the router's own has its own name", () => {
    expect(errorName(new InvalidOptionError('a', 'b'))).toBe('InvalidOptionError');
  });
});
