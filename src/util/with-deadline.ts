/** Resolves to the promise's value, or `undefined` if it has not settled by `deadline`, a `performance.now()` time. */
export async function withDeadline<T>(deadline: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, Math.ceil(deadline - performance.now())));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
