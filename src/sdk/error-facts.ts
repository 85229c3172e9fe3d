import type { OpenAI } from 'openai';
import { APIError } from 'openai';
import { type ErrorFacts, readError } from '../protocol/read-error.js';

/** Apart from the errors, which applications print: an upstream may quote a key. */
const noted = new WeakMap<object, ErrorFacts>();
const NOTES = Symbol('notes');

type MakeStatusError = OpenAI['makeStatusError'];

/**
 * Notes what the body of an error answer says. The SDK keeps only what stands under `error`, and many servers write
 * their errors in another shape. Nothing else about the client changes.
 */
export function noteErrorFacts(client: OpenAI): void {
  const { makeStatusError: make } = client as unknown as { makeStatusError: MakeStatusError | undefined };
  if (make === undefined || NOTES in make) return;
  const noting: MakeStatusError = function makeStatusError(this: OpenAI, status, body, message, headers) {
    const error = madeBy(() => make.call(this, status, body, message, headers), status, headers);
    noted.set(error, readError(body ?? message));
    return error;
  };
  Reflect.defineProperty(client, 'makeStatusError', {
    value: Object.assign(noting, { [NOTES]: true }),
    writable: true,
    configurable: true,
  });
}

/** The SDK writes a body without a message out as JSON, which is too much for one that is nested thousands deep. */
function madeBy(make: () => APIError, status: number, headers: Headers): APIError {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return APIError.generate(status, undefined, 'The body could not be shown.', headers);
  }
}

export function notedFacts(error: object): ErrorFacts | undefined {
  return noted.get(error);
}
