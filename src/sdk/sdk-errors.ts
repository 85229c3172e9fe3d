import * as openai from 'openai';

type Named = 'OpenAIError' | 'APIError' | 'APIConnectionError' | 'APIConnectionTimeoutError' | 'APIUserAbortError';

/**
 * Whether an error is of one of the SDK's classes, in whichever copy of the SDK: a CommonJS application has another one
 * than an ES module, and may hand over clients of its own.
 */
export function is(error: unknown, name: Named): boolean {
  if (!(error instanceof Error)) return false;
  const { [name]: OurCopy }: Record<Named, abstract new (...args: never[]) => Error> = openai;
  if (error instanceof OurCopy) return true;
  for (
    let type: unknown = Reflect.get(error, 'constructor');
    typeof type === 'function';
    type = Object.getPrototypeOf(type)
  ) {
    if (type.name === name) return true;
  }
  return false;
}

export function isApiError(error: unknown): error is openai.APIError {
  return is(error, 'APIError');
}
