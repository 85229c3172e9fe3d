import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { encodeEvents } from '../../../src/sdk/server-sent-events.js';

/** One chunk, and then none until the chunks are given up, as a stream of the SDK ends. */
function waiting(): AsyncIterator<unknown> {
  const { promise, resolve } = Promise.withResolvers<IteratorReturnResult<undefined>>();
  const steps: Promise<IteratorResult<unknown>>[] = [Promise.resolve({ done: false, value: { id: 'first' } })];
  return {
    next: () => steps.shift() ?? promise,
    return: async () => {
      resolve({ done: true, value: undefined });
      return promise;
    },
  };
}

it.each(['chat', 'responses'])('encodes %s, and can be cancelled while a chunk is awaited', async (protocol) => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const reader = encodeEvents(waiting(), protocol, undefined).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: {"id":"first"}\n\n');
  await reader.cancel();
  await turn();
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
