import type { OpenAI } from 'openai';
import { APIError } from 'openai';
import { type ErrorFacts, readError } from '../protocol/read-error.js';
import { isRecord } from '../util/is-record.js';
import { stackLater } from '../util/stack.js';
import { isHook } from './internals.js';

/** Stored separately from the errors, because applications print those, and an upstream may quote a key. */
const noted = new WeakMap<object, ErrorFacts>();
const NOTES = Symbol('notes');
/** Marks the headers of answers to attempts: their errors get a stack only when a caller gets them. */
const OF_ATTEMPT = Symbol('ofAttempt');

type MakeStatusError = OpenAI['makeStatusError'];

/**
 * Records the facts of an error answer's body. The SDK keeps only the content of `error`, and many servers send another
 * shape. Nothing else about the client changes.
 */
export function noteErrorFacts(client: OpenAI): void {
  const { makeStatusError: make } = client as unknown as { makeStatusError: MakeStatusError | undefined };
  if (make === undefined || NOTES in make) return;
  // An error of the application's own keeps the stack that it was made with.
  const isOwn = isHook(client, 'makeStatusError');
  const noting: MakeStatusError = function makeStatusError(this: OpenAI, status, body, message, headers) {
    const makeError = () => madeBy(() => make.call(this, status, body, message, headers), status, headers);
    const error = !isOwn && isRecord(headers) && OF_ATTEMPT in headers ? stackLater(makeError) : makeError();
    noted.set(error, readError(body ?? message));
    return error;
  };
  Reflect.defineProperty(client, 'makeStatusError', {
    value: Object.assign(noting, { [NOTES]: true }),
    writable: true,
    configurable: true,
  });
}

/** The SDK serializes a body without a message as JSON, which fails for one that is nested thousands deep. */
function madeBy(make: () => APIError, status: number, headers: Headers): APIError {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return APIError.generate(status, undefined, 'The body could not be shown.', headers);
  }
}

export function noteAttempt(response: Response): Response {
  if (!response.ok && isRecord(response.headers)) Reflect.set(response.headers, OF_ATTEMPT, true);
  return response;
}

export function notedFacts(error: object): ErrorFacts | undefined {
  return noted.get(error);
}
