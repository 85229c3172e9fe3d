const LACKS_STACK = Symbol('lacksStack');

/** Makes an error without a stack: capturing one costs more than everything else that is done with a failed attempt. */
export function stackless<E extends Error>(make: () => E): E {
  const restore = withoutStacks();
  try {
    return make();
  } finally {
    restore();
  }
}

/** Errors get no stack until the returned function is called. For constructors, which must call `super` themselves. */
export function withoutStacks(): () => void {
  const { stackTraceLimit } = Error;
  // Unlike an assignment, this does not throw where built-in objects are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0);
  return () => void Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
}

/** Makes an error that gets its stack by `withStack`, if a caller gets it. */
export function stackLater<E extends Error>(make: () => E): E {
  if (typeof Error.captureStackTrace !== 'function') return make();
  const error = stackless(make);
  Reflect.defineProperty(error, LACKS_STACK, { value: true, configurable: true });
  return error;
}

/** Captures the stack that an error lacks. Unlike the attempt's, it names the lines of the caller. */
export function withStack<E extends Error>(error: E): E {
  if (Object.hasOwn(error, LACKS_STACK) && Reflect.deleteProperty(error, LACKS_STACK))
    Error.captureStackTrace(error, withStack);
  return error;
}

/**
 * Formats a stack now, not when it is first read. Until then the engine keeps the objects whose methods are in it: here
 * the call with its whole request, as long as an application keeps the error.
 */
export function formatStack(error: Error): void {
  try {
    void error.stack;
  } catch {
    // The application's own `Error.prepareStackTrace` has failed.
  }
}
