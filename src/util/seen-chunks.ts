/** Passes chunks on; `see` gets each one before its reader does. */
export function seenChunks(chunks: AsyncIterator<unknown>, see: (chunk: unknown) => void): AsyncIterator<unknown> {
  return {
    async next() {
      const result = await chunks.next();
      if (!result.done) see(result.value);
      return result;
    },
    return: () => chunks.return?.() ?? Promise.resolve({ done: true, value: undefined }),
  };
}
