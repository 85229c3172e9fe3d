import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  OpenAIError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai';

type Named = 'OpenAIError' | 'APIError' | 'APIConnectionError' | 'APIConnectionTimeoutError' | 'APIUserAbortError';

const OURS: Record<Named, abstract new (...args: never[]) => Error> = {
  OpenAIError,
  APIError,
  APIConnectionError,
  APIConnectionTimeoutError,
  APIUserAbortError,
};

/**
 * Classes and their names, subclasses first. The SDK leaves `error.name` at `Error`, and a minifier renames classes, so
 * a name can only come from a table.
 */
const NAMES = [
  [BadRequestError, 'BadRequestError'],
  [AuthenticationError, 'AuthenticationError'],
  [PermissionDeniedError, 'PermissionDeniedError'],
  [NotFoundError, 'NotFoundError'],
  [ConflictError, 'ConflictError'],
  [UnprocessableEntityError, 'UnprocessableEntityError'],
  [RateLimitError, 'RateLimitError'],
  [InternalServerError, 'InternalServerError'],
  [APIUserAbortError, 'APIUserAbortError'],
  [APIConnectionTimeoutError, 'APIConnectionTimeoutError'],
  [APIConnectionError, 'APIConnectionError'],
  [APIError, 'APIError'],
  [OpenAIError, 'OpenAIError'],
] as const;

/** The classes that another copy of the SDK makes for a status. */
const NAMES_BY_STATUS: Record<number, string> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  409: 'ConflictError',
  422: 'UnprocessableEntityError',
  429: 'RateLimitError',
};

/**
 * Whether an error is an instance of one of the SDK's classes. An application may pass in clients of another copy of
 * the SDK (another module system, another version), whose errors are recognised by their shape.
 */
export function is(error: unknown, name: Named): boolean {
  if (!(error instanceof Error)) return false;
  if (isOurs(error, name)) return true;
  if (isOurs(error, 'OpenAIError') || error.name !== 'Error') return false;
  if (name === 'OpenAIError') return isForeignApiError(error) || isDirectSubclass(error);
  if (!isForeignApiError(error)) return false;
  if (name === 'APIError') return true;
  if (error.status !== undefined || error.headers !== undefined || error.error !== undefined) return false;
  const wasAborted = error.message === 'Request was aborted.';
  if (name === 'APIUserAbortError') return wasAborted;
  return !wasAborted && (name === 'APIConnectionError' || error.message === 'Request timed out.');
}

/** Not a type guard: to the compiler, an error of another copy has none of these classes. */
function isOurs(error: unknown, name: Named): boolean {
  return error instanceof OURS[name];
}

export function isApiError(error: unknown): error is APIError {
  return is(error, 'APIError');
}

/** The name of an error's class, regardless of bundlers. */
export function errorName(error: Error): string {
  if (error.name !== 'Error') return error.name;
  const known = NAMES.find(([type]) => error instanceof type)?.[1];
  if (known !== undefined) return known;
  if (!isApiError(error)) return is(error, 'OpenAIError') ? 'OpenAIError' : 'Error';
  if (typeof error.status === 'number')
    return NAMES_BY_STATUS[error.status] ?? (error.status >= 500 ? 'InternalServerError' : 'APIError');
  const kinds = ['APIUserAbortError', 'APIConnectionTimeoutError', 'APIConnectionError'] as const;
  return kinds.find((kind) => is(error, kind)) ?? 'APIError';
}

interface Shape extends Error {
  status: unknown;
  headers: unknown;
  error: unknown;
}

/** Whether the error has the properties that the SDK's `APIError` sets in every version. */
function isForeignApiError(error: Error): error is Shape {
  return ['status', 'headers', 'error', 'code', 'param', 'type'].every((key) => Object.hasOwn(error, key));
}

/** `class OpenAIError extends Error {}`: it has no other distinguishing mark. */
function isDirectSubclass(error: Error): boolean {
  const prototype: unknown = Object.getPrototypeOf(error);
  return prototype !== Error.prototype && Object.getPrototypeOf(prototype) === Error.prototype;
}
